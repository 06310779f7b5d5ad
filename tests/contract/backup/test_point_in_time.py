"""SQLite to a moment: what was committed by then is there, what came later is not, whoever writes and checkpoints meanwhile."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hub.adapters.backup import shipping
from hub.adapters.backup.boxes import with_secret
from hub.adapters.backup.shipping import WalShipping, restore_to
from hub.adapters.clock import ManualClock, SeededIds
from hub.adapters.db import open_store
from hub.adapters.objects import open_objects
from hub.adapters.vault.sealed_box import generate
from hub.domain.errors import Conflict, NotFound
from hub.ports.objects import Objects
from hub.ports.store import Page
from tests.support.arrivals import accept, arrival
from tests.support.hubs import START, TENANT
from tests.support.voices import RememberingMeter

PUBLIC, SECRET = generate()


class Site:
    """A database that is shipped, and a clock that moves a second with every step."""

    def __init__(self, url: str, folder: Path) -> None:
        self.store, self.folder = open_store(url), folder
        self.path = Path(url.removeprefix("sqlite:///"))
        self.clock, self.meter = ManualClock(START), RememberingMeter()
        self.objects: Objects = open_objects(str(folder / "kept"))
        self.shipping = self.another()
        self.count = 0

    def another(self, seed: int = 1) -> WalShipping:
        return WalShipping(
            self.path, self.folder / "scratch", self.objects, [PUBLIC], self.store, self.clock,
            SeededIds(self.clock, seed), self.meter, timedelta(seconds=10), timedelta(days=35),
        )  # fmt: skip

    async def write(self, events: int = 1) -> None:
        for _ in range(events):
            self.count += 1
            await accept(self.store, arrival(self.count))

    async def ship(self) -> datetime:
        self.clock.advance(1)
        await self.shipping.tick()
        return self.clock.now()

    async def there_at(self, moment: datetime) -> int:
        """How many events a restore to that moment has."""
        target = self.folder / f"restored-{len(list(self.folder.iterdir()))}.db"
        await restore_to(self.objects, with_secret(SECRET), f"sqlite:///{target}", moment)
        with closing(sqlite3.connect(target)) as link:
            assert link.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        store = open_store(f"sqlite:///{target}")
        async with store.look() as look:
            found = await look.events(TENANT, Page(1000))
        await store.close()
        return len(found)


@pytest.fixture
async def site(sqlite_database: str, tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(sqlite_database, tmp_path)
    yield made
    made.shipping.close()
    await made.store.close()


async def test_every_moment_that_was_shipped_can_be_reached(site: Site) -> None:
    moments = []
    for events in (3, 0, 4, 1):
        await site.write(events)
        moments.append((await site.ship(), site.count))
    await site.write(5)  # not shipped
    assert [await site.there_at(moment) for moment, _ in moments] == [count for _, count in moments]
    assert await site.there_at(moments[1][0] + timedelta(milliseconds=500)) == 3


async def test_the_log_begins_anew_and_nothing_is_lost(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping, "TURN_AT", 40_000)
    moments = []
    for _ in range(12):
        await site.write(5)
        moments.append((await site.ship(), site.count))
    logs = {name.split("/")[-1][:6] for name in await site.objects.list("log/") if "base" not in name}
    assert len(logs) > 3
    assert [note for note in site.meter.notes if note[0] == "backup.log_gap"] == []
    for moment, count in (moments[4], moments[-1]):
        assert await site.there_at(moment) == count


async def test_another_process_that_checkpoints_changes_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping, "TURN_AT", 60_000)
    stop = False

    def others() -> int:
        done = 0
        with closing(sqlite3.connect(site.path, timeout=5)) as link:
            while not stop:
                link.execute("PRAGMA wal_checkpoint(PASSIVE)")
                link.execute("INSERT INTO setting VALUES ('x', 1) ON CONFLICT DO UPDATE SET value = setting.value + 1")
                link.commit()
                time.sleep(0.002)  # the lock is for others too
                done += 1
        return done

    working = asyncio.create_task(asyncio.to_thread(others))
    try:
        for _ in range(10):
            await site.write(4)
            await site.ship()
    finally:
        stop = True
    assert await working > 10
    last = await site.ship()
    assert await site.there_at(last) == site.count == 40


async def test_a_log_that_began_anew_behind_our_back_makes_a_new_copy(site: Site) -> None:
    await site.write(3)
    before = await site.ship()
    site.shipping._reader._held.rollback()  # type: ignore[union-attr] - the planted fault: nobody holds the log
    with closing(sqlite3.connect(site.path)) as link:
        link.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    await site.write(3)
    await site.ship()
    assert [fields["error"] for event, fields in site.meter.notes if event == "backup.log_gap"] == ["Gap"]
    await site.write(1)
    assert await site.there_at(await site.ship()) == 7
    assert await site.there_at(before) == 3


async def test_one_process_ships_and_another_takes_over(site: Site) -> None:
    await site.write(2)
    await site.ship()
    other = site.another(seed=2)
    assert await other.tick() == 0
    site.clock.advance(100)
    await site.write(2)
    assert await other.tick() > 0
    assert await site.there_at(site.clock.now()) == 4
    other.close()


async def test_what_cannot_be_reached_is_said(site: Site) -> None:
    with pytest.raises(NotFound) as caught:
        await site.there_at(START)
    assert caught.value.code == "no_such_moment"
    await site.write(3)
    await site.ship()
    await site.write(3)
    last = await site.ship()
    with pytest.raises(Conflict) as taken:
        await restore_to(site.objects, with_secret(SECRET), f"sqlite:///{site.path}", last)
    assert taken.value.code == "not_empty"
    first = next(name for name in await site.objects.list("log/") if "/000000-000000000000-" in name)
    await site.objects.drop(first)
    with pytest.raises(Conflict) as damaged:
        await site.there_at(last)
    assert damaged.value.code == "backup_damaged"


async def test_nothing_shipped_is_plain(site: Site) -> None:
    await site.write(3)
    await site.ship()
    kept = b"".join(path.read_bytes() for path in (site.folder / "kept").rglob("*") if path.is_file())
    assert kept
    for mark in (b"SQLite format 3", b"CREATE TABLE", b"event_body"):
        assert mark not in kept
    assert list((site.folder / "scratch").iterdir()) == []


async def test_the_shipped_log_is_restored_and_compared(site: Site) -> None:
    await site.write(3)
    for events in (2, 4):
        site.clock.advance(1)
        await site.shipping.tick()
        await site.write(events)
    site.clock.advance(1)
    reached = await site.shipping.verify()
    assert reached is not None
    assert reached.segments > 0
    assert list((site.folder / "scratch").iterdir()) == []
    other = site.another(seed=2)
    assert await other.verify() is None
    site.clock.advance(1)
    assert await site.shipping.verify() is not None


async def unnoticed(site: Site, how: str) -> None:
    from tests.support.hubs import bench

    await bench(site.store).hub.trail.read(TENANT, "somebody", "event.read", "evt_1")
    await site.write(3)
    await site.ship()
    await site.write(2)
    await site.ship()
    last = max(name for name in await site.objects.list("log/") if "base" not in name)
    path = site.folder / "kept" / last
    match how:
        case "lost":
            path.unlink()
        case "flipped":
            raw = path.read_bytes()
            path.write_bytes(raw[:-20] + bytes([raw[-20] ^ 1]) + raw[-19:])
        case "not shipped":
            site.shipping._reader.read = lambda: None  # type: ignore[union-attr,method-assign]
            await site.write(1)
    site.clock.advance(1)
    if how == "lost":
        await site.write(1)
    with pytest.raises(Conflict) as caught:
        await site.shipping.verify()
    assert caught.value.code == "backup_not_verified"
    assert [event for event, _ in site.meter.notes].count("backup.not_verified") == 1
    site.clock.advance(1)
    assert await site.shipping.verify() is None or site.shipping.leads  # a new copy, whole again


@pytest.mark.parametrize("how", ["lost", "flipped", "not shipped"])
async def test_a_log_that_does_not_reach_is_noticed(site: Site, how: str) -> None:
    await unnoticed(site, how)


async def test_a_check_that_compares_nothing_is_caught(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted."""
    monkeypatch.setattr(shipping, "_missing", lambda path, known: [])
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await unnoticed(site, "not shipped")
