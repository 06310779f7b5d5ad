"""Tries go by their own time: row by row, or by whole weeks where they are in partitions."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from hub.adapters.db import SqlStore, open_store
from hub.adapters.db.link import Link
from hub.adapters.db.partitions import AHEAD, WEEK, WeeklyParts, week_of
from hub.adapters.memory import MemoryStore
from hub.domain.deliveries import Planned
from hub.domain.errors import Unavailable
from hub.domain.ids import DEFAULT_TENANT
from hub.domain.retention import Kind
from tests.contract.store.test_store_retention import HOUR, KEEP, after_days, sweep
from tests.support.arrivals import accept, arrival, claim, complete, completion, make_lane
from tests.support.stores import T0, StillClock


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_tries_go_by_their_own_time_whatever_became_of_their_delivery(
    kind: str, request: pytest.FixtureRequest
) -> None:
    store = MemoryStore(StillClock()) if kind == "memory" else open_store(request.getfixturevalue("sqlite_database"))
    lane = await make_lane(store)
    await accept(store, *[arrival(n, Planned(lane.id, "s")) for n in range(1, 6)])
    claimed = await claim(store, lane.id)
    await complete(store, *[completion(one) for one in claimed[:3]])
    late = [
        replace(completion(one), attempt=replace(completion(one).attempt, started_at=after_days(50)))
        for one in claimed[3:]
    ]
    await complete(store, *late)
    assert await sweep(store, after_days(89), kinds=[Kind.ATTEMPTS]) == {}
    async with store.look() as look:
        assert await look.removable(Kind.ATTEMPTS, KEEP.cuts(after_days(91))) == 3
        assert await look.oldest(Kind.ATTEMPTS) == T0
    assert await sweep(store, after_days(91), kinds=[Kind.ATTEMPTS], limit=2) == {Kind.ATTEMPTS: 3}
    async with store.look() as look:
        assert await look.attempts(DEFAULT_TENANT, claimed[0].delivery.id) == []
        assert len(await look.attempts(DEFAULT_TENANT, claimed[4].delivery.id)) == 1
    await store.close()


@pytest.fixture
async def weekly(postgres_database: str):
    store = open_store(postgres_database)
    yield store
    await store.close()


async def _try_at(store: SqlStore, *moments: datetime) -> None:
    async with store._link() as link:
        for at in moments:
            await link.driver(
                "INSERT INTO attempt "
                "(delivery_id, event_id, dest_id, tenant_id, run_lease, number, started_at, took_ms, outcome) "
                "VALUES (1, '0198f0c0000070008000000000000000'::uuid, 1, 1, 1, 1, $1, 1, 'delivered')",
                at,
            )


async def _tried(link: Link) -> list[datetime]:
    return [row[0] for row in await link.driver("SELECT started_at FROM attempt ORDER BY started_at")]


async def test_partitions_stand_ready_and_no_try_is_ever_without_one(weekly: SqlStore) -> None:
    async with weekly._link() as link:
        [first, *weeks, last] = await WeeklyParts(link).all()
    assert first.lower is None
    assert last.upper is None
    assert [part.upper - part.lower for part in weeks if part.upper and part.lower] == [WEEK] * len(weeks)
    assert len(weeks) >= AHEAD
    assert last.lower is not None
    await _try_at(weekly, datetime(1999, 1, 1, tzinfo=T0.tzinfo), last.lower + 3 * WEEK)  # clocks that are off
    now = last.lower
    async with weekly.work() as work:
        made = await work.make_room(now)
        assert await work.make_room(now) == 0
    async with weekly._link() as link:
        parts = await WeeklyParts(link).all()
        assert len(await _tried(link)) == 2
    assert made == len(parts) - len(weeks) - 2 - 1  # one is the long week in which nobody made room
    assert parts[-1].lower == week_of(now) + (AHEAD + 1) * WEEK


async def test_whole_partitions_go_and_nothing_newer_than_the_cut(weekly: SqlStore) -> None:
    async with weekly._link() as link:
        [before, one, two, *_] = await WeeklyParts(link).all()
    assert before.upper is not None
    assert one.upper is not None
    assert two.upper is not None
    moments = [before.upper - HOUR, one.upper - HOUR, one.upper, two.upper]
    await _try_at(weekly, *moments)
    cut = one.upper + timedelta(days=3)  # in the middle of the second
    async with weekly.look() as look:
        assert await look.removable(Kind.ATTEMPTS, {Kind.ATTEMPTS: cut}) == 2
        assert await look.oldest(Kind.ATTEMPTS) == moments[0]
    async with weekly.work() as work:
        assert (await work.remove(Kind.ATTEMPTS, {Kind.ATTEMPTS: cut})).rows == 2
        assert (await work.remove(Kind.ATTEMPTS, {Kind.ATTEMPTS: cut})).rows == 0
    async with weekly._link() as link:
        assert await _tried(link) == moments[2:]
        assert (await WeeklyParts(link).all())[0].name == before.name == "attempt_before"
    await _try_at(weekly, T0)  # there is still a place for a clock that is behind


async def test_a_change_of_partitions_does_not_make_writers_wait(weekly: SqlStore) -> None:
    async with weekly._link() as link:
        [before, *_] = await WeeklyParts(link).all()
    assert before.upper is not None
    await _try_at(weekly, before.upper - HOUR)
    async with weekly._link() as reading:
        await reading.driver("SELECT count(*) FROM attempt")  # holds the tables until its end
        with pytest.raises(Unavailable):
            async with asyncio.timeout(3), weekly.work() as work:
                await work.remove(Kind.ATTEMPTS, {Kind.ATTEMPTS: before.upper})
    async with weekly.work() as work:
        assert (await work.remove(Kind.ATTEMPTS, {Kind.ATTEMPTS: before.upper})).rows == 1
