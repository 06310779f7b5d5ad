"""Backups of both databases: sealed, read back, restored, compared; and everything that must be noticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from hub.adapters.backup.boxes import with_file_key, with_secret
from hub.adapters.backup.postgres import PostgresCopier
from hub.adapters.backup.sqlite import SqliteCopier
from hub.adapters.clock import ManualClock
from hub.adapters.db import open_store
from hub.adapters.objects import open_objects
from hub.adapters.vault import EnvKeyring, FieldVault
from hub.adapters.vault.sealed_box import generate
from hub.adapters.vault.signing import VaultSigner
from hub.app.backup import Backup
from hub.domain.errors import Conflict, HubError, NotFound
from hub.ports.backup import Copier
from hub.ports.signing import Signer
from hub.ports.store import Page, Store
from hub.ports.vault import Vault
from tests.app.conftest import HIGH_SCORE, REFERRALS
from tests.support.hubs import TENANT, Bench, bench, report

ON_SQLITE = pytest.mark.parametrize("store_kind", ["sqlite"], indirect=True)  # nothing in it is the database's
PUBLIC, SECRET = generate()
ROOTS = EnvKeyring("11" * 32, production=False)


@dataclass
class World:
    """A hub with data in it, and its backups."""

    bench: Bench
    backup: Backup
    url: str
    folder: Path

    def files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]


@pytest.fixture(params=["sqlite", "postgres"])
def store_kind(request: pytest.FixtureRequest) -> str:
    """Only these can be backed up."""
    return str(request.param)


def at(url: str) -> tuple[Store, Vault, Signer]:
    store = open_store(url)
    vault = FieldVault(ROOTS, store)
    return store, vault, VaultSigner(store, vault, ManualClock())


def copier_of(kind: str, url: str, scratch: Path) -> Copier:
    if kind == "sqlite":
        return SqliteCopier(Path(url.removeprefix("sqlite:///")), scratch, [PUBLIC], at)
    return PostgresCopier(url, None, [PUBLIC], at)


@pytest.fixture
async def world(store: Store, store_kind: str, store_url: str, tmp_path: Path) -> World:
    b = bench(store)
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"referrals": REFERRALS}, "rules": {"high score": HIGH_SCORE}})
    await b.accept(*(report(key=f"r{number}") for number in range(20)))
    await b.hub.trail.sign_ends(now=True)
    hub = b.hub
    made = Backup(
        copier=copier_of(store_kind, store_url, tmp_path / "scratch"),
        objects=open_objects(str(tmp_path / "kept")),
        keys=open_objects(str(tmp_path / "kept-keys")),
        store=store,
        trail=hub.trail,
        signer=hub.trail.signer,
        clock=b.clock,
        ids=hub.ids,
        meter=b.meter,
        scratch=tmp_path / "scratch",
        with_file_key=with_file_key,
        keep=timedelta(days=35),
    )
    return World(b, made, store_url, tmp_path / "kept")


async def test_a_backup_is_restored_and_compared_as_soon_as_it_is_made(world: World) -> None:
    drill = await world.backup.run()
    assert drill.faults == ()
    assert drill.rows > 60
    [listed] = await world.backup.listed()
    assert (listed.id, listed.rows, listed.verified, listed.signed) == (drill.id, drill.rows, True, True)
    assert list(world.backup.scratch.iterdir()) == []
    drilled = await world.backup.verify(drill.id, with_secret(SECRET))
    assert drilled.faults == ()


async def test_nothing_in_a_backup_is_plain(world: World) -> None:
    """Neither what people wrote nor the names of tables: with them, whole rows would be."""
    await world.backup.run()
    names = sorted(path.name for path in world.files())
    assert names == ["database.hwbk", "manifest.json", "verified.json"]
    kept = b"".join(path.read_bytes() for path in world.files() if path.name != "manifest.json")
    kept += b"".join(path.read_bytes() for path in (world.folder.parent / "kept-keys").rglob("*.hwbk"))
    for mark in (b"ada@example.com", b"cand_1", b"referrals", b"event_body", b"SQLite format 3", b"PGDMP"):
        assert mark not in kept, mark


@ON_SQLITE
async def test_the_place_of_a_backup_cannot_open_it(world: World) -> None:
    drill = await world.backup.run()
    _, other = generate()
    with pytest.raises(Conflict) as caught:
        await world.backup.verify(drill.id, with_secret(other))
    assert caught.value.code == "other_recipient"


@ON_SQLITE
async def test_keys_lie_apart(world: World) -> None:
    drill = await world.backup.run()
    await world.backup.keys.drop(f"keys/{drill.id}/keys.hwbk")
    with pytest.raises(NotFound):
        await world.backup.verify(drill.id, with_secret(SECRET))


async def test_the_database_part_alone_opens_nothing(world: World, store: Store, tmp_path: Path) -> None:
    """Its key rows are not in it, so what was sealed stays sealed even beside the keyring."""
    rows = await store.load_keys(TENANT)  # type: ignore[attr-defined]
    assert rows
    copied = await world.backup.copier.copy(_made(tmp_path / "again"))
    content = with_file_key(copied.database.file_key)(_file(copied.database.path))
    plain = b"".join([piece async for piece in content])
    assert all(row.wrapped not in plain and row.wrapped.hex().encode() not in plain for row in rows)
    if world.backup.copier.kind == "postgres":  # its dump is compressed: look at what it becomes
        async with world.backup.copier.scratch() as address:
            with pytest.raises(Conflict):
                await world.backup.copier.restore(address, _piece(plain), _piece(b""))
            there, _, _ = at(address)
            assert await there.load_keys(TENANT) == []  # type: ignore[attr-defined]
            await there.close()


async def _piece(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


async def _file(path: Path) -> AsyncIterator[bytes]:
    yield path.read_bytes()


async def test_a_restore_fills_an_empty_database_and_touches_no_other(
    world: World, store_kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    drill = await world.backup.run()
    with pytest.raises(Conflict) as caught:
        await world.backup.restore(drill.id, with_secret(SECRET), world.url)
    assert caught.value.code == "not_empty"
    target = f"sqlite:///{tmp_path / 'new/hub.db'}"
    if store_kind == "postgres":
        target = str(request.getfixturevalue("postgres_empty"))
    assert (await world.backup.restore(drill.id, with_secret(SECRET), target)).faults == ()
    restored = bench(open_store(target))
    async with restored.hub.store.look() as look:
        events = await look.events(TENANT, Page(100))
    assert len(events) == 20
    assert (await restored.hub.queries.event(TENANT, events[0].id))[1]["candidate"]["email"] == "ada@example.com"  # type: ignore[index,call-overload]
    await restored.accept(report(key="after"))  # it goes on where it was
    await restored.hub.store.close()


DAMAGE = {
    "a flipped bit": lambda raw: raw[: len(raw) // 2] + bytes([raw[len(raw) // 2] ^ 1]) + raw[len(raw) // 2 + 1 :],
    "cut in half": lambda raw: raw[: len(raw) // 2],
    "empty": lambda raw: b"",
    "something else": lambda raw: b"not a backup at all" * 100,
}


@ON_SQLITE
@pytest.mark.parametrize("how", DAMAGE)
async def test_a_damaged_backup_is_noticed(world: World, how: str) -> None:
    drill = await world.backup.run()
    [path] = [path for path in world.files() if path.name == "database.hwbk"]
    path.write_bytes(DAMAGE[how](path.read_bytes()))
    with pytest.raises(Conflict):
        await world.backup.verify(drill.id, with_secret(SECRET))


@ON_SQLITE
async def test_a_restore_that_lost_a_row_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted faults of a restore: a row missing, and a row changed behind equal counts."""
    real = world.backup.copier.digests

    async def fewer(address: str) -> dict[str, object]:
        found = await real(address)
        return {**found, "event": replace(found["event"], rows=19)}

    async def other(address: str) -> dict[str, object]:
        found = await real(address)
        return {**found, "rule": replace(found["rule"], sum="0")}

    for planted, words in ((fewer, "event: 19 rows, 20 wanted"), (other, "rule: other content")):
        monkeypatch.setattr(type(world.backup.copier), "digests", lambda _, address, one=planted: one(address))
        with pytest.raises(Conflict) as caught:
            await world.backup.run()
        assert caught.value.code == "backup_not_verified"
        assert words in str(caught.value)
        assert [one.verified for one in await world.backup.listed()] in ([False], [False, False])


@ON_SQLITE
async def test_a_broken_audit_trail_in_the_copy_is_noticed(world: World) -> None:
    async with world.bench.hub.store.work() as work:
        await work.prune_acts(TENANT, 1)
    with pytest.raises(Conflict) as caught:
        await world.backup.run()
    assert "audit of tenant 1: act 1 floor" in str(caught.value)


@ON_SQLITE
async def test_keys_that_open_nothing_are_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(_: Copier, url: str) -> tuple[Store, Vault, Signer]:
        store = open_store(url)
        vault = FieldVault(EnvKeyring("22" * 32, production=False), store)
        return store, vault, VaultSigner(store, vault, ManualClock())

    monkeypatch.setattr(type(world.backup.copier), "open", elsewhere)
    with pytest.raises(Conflict) as caught:
        await world.backup.run()
    assert "wrong_keyring" in str(caught.value)


async def test_work_goes_on_while_a_backup_is_made(world: World) -> None:
    making = asyncio.create_task(world.backup.run())
    number = 0
    while not making.done():
        number += 1
        await world.bench.accept(report(key=f"meanwhile{number}"))
    assert (await making).faults == ()
    assert number > 3


@ON_SQLITE
async def test_old_backups_go_but_never_the_newest_good_one(world: World) -> None:
    first = await world.backup.run()
    world.bench.clock.advance(36 * 86400)
    await world.backup._drop_old()
    assert [one.id for one in await world.backup.listed()] == [first.id]
    second = await world.backup.run()
    assert [one.id for one in await world.backup.listed()] == [second.id]
    assert await world.backup.keys.list("keys/") == [f"keys/{second.id}/keys.hwbk"]


@ON_SQLITE
async def test_a_changed_manifest_is_shown(world: World) -> None:
    drill = await world.backup.run()
    [path] = [path for path in world.files() if path.name == "manifest.json"]
    path.write_text(path.read_text().replace('"event": [\n    20', '"event": [\n    21'))
    assert [one.signed for one in await world.backup.listed()] == [False]
    path.write_text("{}")
    assert await world.backup.listed() == []
    with pytest.raises(HubError):
        await world.backup.manifest(drill.id)


@ON_SQLITE
async def test_a_bucket_is_as_good_a_place(world: World, bucket: str) -> None:
    there = replace(world.backup, objects=open_objects(bucket), keys=open_objects(f"{bucket}-keys"))
    assert (await there.run()).faults == ()
    assert [one.verified for one in await there.listed()] == [True]
