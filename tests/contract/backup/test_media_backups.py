"""Recordings in backups: copied once, read back, restored; and what must be noticed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from hub.adapters.backup.boxes import with_secret
from hub.adapters.media import Directory
from hub.adapters.objects import open_objects
from hub.app.media import backup as media_backup
from hub.app.media.backup import MediaBackup
from hub.domain.errors import Conflict
from tests.contract.backup.test_backups import ON_SQLITE, SECRET, World, store_kind, world
from tests.support.hubs import TENANT

__all__ = ["store_kind", "world"]
pytestmark = ON_SQLITE  # nothing in it is the database's


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


@pytest.fixture
async def kept(world: World) -> World:
    """A world with two recordings, whose backups take them along."""
    media = world.bench.hub.media
    media.blobs = Directory(world.folder.parent / "media")
    for number in range(2):
        await record(world, number)
    backup = world.backup
    found = MediaBackup(media, backup.objects, backup.signer, backup.clock, backup.meter, backup.keep)
    world.backup = replace(backup, media=found)
    return world


async def record(world: World, number: int) -> str:
    media = world.bench.hub.media
    id_ = await media.begin(TENANT, f"cand_{number}", "video/webm")
    for part in (1, 2):
        await media.put_part(TENANT, id_, part, pieces(b"%d-%d" % (number, part) * 50_000))
    await media.complete(TENANT, id_, 2)
    return id_


def copies(world: World) -> list[Path]:
    return sorted(path for path in (world.folder / "media").rglob("*") if path.is_file())


async def test_what_is_new_is_copied_and_compared_and_all_of_it_in_turn(kept: World) -> None:
    first = await kept.backup.run()
    assert (first.faults, first.blobs) == ((), 8)
    written = {path: path.stat().st_mtime_ns for path in copies(kept)}
    assert len(written) == 8
    await record(kept, 3)
    compared = []
    for _ in range(media_backup.SHARES):
        kept.bench.clock.advance(86_400)
        compared.append((await kept.backup.run()).blobs)
    assert compared[0] >= 4
    assert 12 <= sum(compared) <= 16  # the old ones once; the new ones at once, and once more on their day
    assert {path: path.stat().st_mtime_ns for path in copies(kept) if path in written} == written  # copied once
    assert len(copies(kept)) == 12


async def test_nothing_of_a_recording_is_plain(kept: World) -> None:
    await kept.backup.run()
    assert not any(b"0-1" * 20 in path.read_bytes() for path in copies(kept))


async def test_lost_recordings_come_back_and_play(kept: World) -> None:
    drill = await kept.backup.run()
    media = kept.bench.hub.media
    names = [name async for name in media.blobs.names("")]
    here = Path(kept.folder.parent / "media")
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    for path in list(before)[:5]:
        path.unlink()
    stays = list(before)[6]
    stays.write_bytes(b"what is there stays")
    assert kept.backup.media is not None
    found = await kept.backup.media.restore(drill.id, media.blobs)
    assert (found.blobs, found.faults) == (len(names), ())
    assert {path: path.read_bytes() for path in before} == {**before, stays: b"what is there stays"}
    empty = Directory(kept.folder.parent / "elsewhere")
    await kept.backup.media.restore(drill.id, empty)
    for name in names:
        await media.check(empty, name)


async def test_a_whole_restore_brings_both(kept: World, tmp_path: Path) -> None:
    drill = await kept.backup.run()
    assert (await kept.backup.verify(drill.id, with_secret(SECRET))).blobs == 8
    kept.bench.hub.media.blobs = Directory(tmp_path / "new media")
    restored = await kept.backup.restore(drill.id, with_secret(SECRET), f"sqlite:///{tmp_path / 'new.db'}")
    assert (restored.faults, restored.blobs) == ((), 8)
    assert len([name async for name in kept.bench.hub.media.blobs.names("")]) == 8


async def damaged(kept: World, how: str) -> None:
    drill = await kept.backup.run()
    path = next(path for path in copies(kept) if path.name.startswith("part"))
    raw = path.read_bytes()
    match how:
        case "flipped":
            path.write_bytes(raw[:99] + bytes([raw[99] ^ 1]) + raw[100:])
        case "lost":
            path.unlink()
        case "rotten here":
            lies = kept.folder.parent / "media" / path.relative_to(kept.folder / "media")
            lies.write_bytes(raw[:-1])
        case "list":
            told = kept.folder / "daily" / drill.id / "media.json"
            body = json.loads(told.read_text())
            body["list"]["blobs"].popitem()
            told.write_text(json.dumps(body))
    with pytest.raises(Conflict) as caught:
        await kept.backup.verify(drill.id, with_secret(SECRET))
    assert caught.value.code in ("backup_not_verified", "backup_damaged")


@pytest.mark.parametrize("how", ["flipped", "lost", "rotten here", "list"])
async def test_damage_is_noticed(kept: World, how: str) -> None:
    await damaged(kept, how)


async def test_a_check_that_reads_nothing_back_is_caught(kept: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: what trusts its list notices no flipped bit."""

    async def trusting(self: MediaBackup, copies: dict[str, object], names: list[str]) -> tuple[int, tuple[str, ...]]:
        return len(copies), ()

    monkeypatch.setattr(MediaBackup, "_compared", trusting)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await damaged(kept, "flipped")


async def test_what_was_removed_goes_when_no_backup_names_it(kept: World) -> None:
    await kept.backup.run()
    media = kept.bench.hub.media
    id_ = next(path.parent.name for path in copies(kept))
    await media.delete(TENANT, id_)
    kept.bench.clock.advance(86_400)
    await kept.backup.run()
    assert len(copies(kept)) == 8
    kept.bench.clock.advance(timedelta(days=35).total_seconds())
    await kept.backup.run()
    assert len(copies(kept)) == 4


async def test_a_bucket_is_as_good_a_place(kept: World, bucket: str) -> None:
    objects = open_objects(bucket)
    assert kept.backup.media is not None
    there = replace(
        kept.backup,
        objects=objects,
        keys=open_objects(f"{bucket}-keys"),
        media=replace(kept.backup.media, objects=objects),
    )
    first, again = await there.run(), await there.run()
    assert (first.faults, first.blobs, again.faults) == ((), 8, ())
    assert len(await objects.list("media/")) == 8
    assert (await there.verify(first.id, with_secret(SECRET))).blobs == 8
