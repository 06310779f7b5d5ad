"""Replays of many as rows: what may be sent again, what is owed anew, how far a replay is, dead letters by cause."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.domain.deliveries import Delivery, Final, Finish, Hold, Planned
from hub.domain.errors import Conflict, NotFound
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.domain.ids import ConnectionId, DeliveryId, RevisionId, TenantId
from hub.domain.replays import DeadGroup, ReplayKind, ReplayState, ReplayWanted
from hub.ports.queue import DoneDelivery
from hub.ports.store import Page, Store
from tests.support.arrivals import accept, arrival, claim, complete, completion, event_number, make_lane
from tests.support.stores import T0

LATER = T0 + timedelta(hours=1)
DEAD = Finish(Final.DEAD)


async def bury(store: Store, lane: ConnectionId, *causes: tuple[int, str], start: int = 1) -> None:
    """Events that owe one delivery each, dead an hour after T0 and then a minute apart, with these errors."""
    number = start
    for count, error in causes:
        for _ in range(count):
            await accept(store, arrival(number, Planned(lane, "write", RevisionId(7))))
            (one,) = await claim(store, lane)
            dead = completion(one, DEAD, outcome="refused", error=error)
            await complete(store, dead, now=LATER + timedelta(minutes=number))
            number += 1


async def test_dead_letters_are_grouped_by_cause(store: Store) -> None:
    lane, other = (await make_lane(store)).id, (await make_lane(store, "mail")).id
    await bury(store, lane, (3, "http_422"), (1, "dns_failed"))
    await bury(store, other, (2, "http_422"), start=11)
    minute = timedelta(minutes=1)
    async with store.look() as look:
        assert await look.dead_groups(TENANT) == [
            DeadGroup(lane, 7, "write", "http_422", 3, LATER + minute, LATER + 3 * minute),
            DeadGroup(other, 7, "write", "http_422", 2, LATER + 11 * minute, LATER + 12 * minute),
            DeadGroup(lane, 7, "write", "dns_failed", 1, LATER + 4 * minute, LATER + 4 * minute),
        ]
        assert await look.dead_groups(TenantId(2)) == []
    async with store.work() as work:
        await work.replay(TENANT, DeliveryId(1), now=LATER, again=False)
        assert (await work.dead_groups(TENANT))[0].count == 2


async def test_what_fits_and_was_not_sent_again_may_be_sent_again(store: Store) -> None:
    lane, other = (await make_lane(store)).id, (await make_lane(store, "mail")).id
    await bury(store, lane, (3, "http_422"), (1, "dns_failed"))
    await bury(store, other, (1, "http_422"), start=11)
    every = ReplayWanted()

    async def ids(wanted: ReplayWanted, after: int = 0, limit: int = 50) -> list[int]:
        async with store.look() as look:
            found = await look.replayable(TENANT, wanted, DeliveryId(after), limit)
            if not after and limit == 50:
                assert await look.count_replayable(TENANT, wanted) == len(found)
        return list(found)

    assert await ids(every) == [1, 2, 3, 4, 5]
    assert await ids(every, after=2, limit=2) == [3, 4]
    assert await ids(replace(every, connection=lane, error="http_422")) == [1, 2, 3]
    assert await ids(replace(every, finals=(Final.DELIVERED,))) == []
    assert await ids(replace(every, since=LATER + timedelta(minutes=3), until=LATER + timedelta(minutes=11))) == [3, 4]
    assert await ids(replace(every, event_type="interview.report.completed")) == [1, 2, 3, 4, 5]
    assert await ids(replace(every, event_type="offer.created")) == []
    async with store.work() as work:
        fresh = await work.replay(TENANT, DeliveryId(2), now=LATER, again=False, revision=RevisionId(9))
    assert await ids(every) == [1, 3, 4, 5]
    async with store.look() as look:
        sent = await look.delivery(TENANT, fresh)
    assert isinstance(sent, Delivery)
    assert (sent.replay_of, sent.revision, sent.attempt) == (2, 9, 0)


async def test_a_replay_keeps_what_it_wants_and_how_far_it_is(store: Store) -> None:
    wanted = ReplayWanted(
        kind=ReplayKind.MISSING,
        finals=(Final.EXPIRED,),
        connection=ConnectionId(3),
        error="timeout",
        event_type="offer.created",
        since=T0,
        until=LATER,
        current=True,
        per_second=2.5,
    )
    async with store.work() as work:
        job = await work.add_replay_job(TENANT, wanted, 7, "hr", T0)
        second = await work.add_replay_job(TENANT, ReplayWanted(), 1, "hr", T0)
    assert (job.wanted, job.state, job.total, job.created_by) == (wanted, ReplayState.RUNNING, 7, "hr")
    moved = replace(job, done=3, skipped=1, cursor="dlv_9")
    ended = replace(second, state=ReplayState.DONE, finished_at=LATER)
    async with store.work() as work:
        await work.put_replay_job(moved)
        await work.put_replay_job(ended)
    async with store.work() as work:
        assert await work.replay_job(TENANT, job.id) == moved
        assert await work.replay_job(TenantId(2), job.id) is None
        assert await work.replay_jobs(TENANT) == [ended, moved]
        assert await work.running_replays() == [moved]


async def test_a_stored_event_can_owe_more_but_nothing_twice(store: Store) -> None:
    lane, other = (await make_lane(store)).id, (await make_lane(store, "mail")).id
    await accept(store, arrival(1, Planned(lane, "write")), arrival(2))
    wanted = [Planned(lane, "write"), Planned(lane, "tell"), Planned(other, "write", okey="c1")]
    async with store.work() as work:
        assert await work.owe(TENANT, event_number(1), wanted, LATER) == [2, 3]
        assert await work.owe(TENANT, event_number(1), wanted, LATER) == []
        assert await work.owe(TENANT, event_number(9), wanted, LATER) == []
        assert await work.owe(TenantId(2), event_number(1), wanted, LATER) == []
        rows = await work.deliveries(TENANT, Page(9), event=event_number(1))
    assert [(row.id, row.connection, row.step) for row in rows] == [
        (3, other, "write"),
        (2, lane, "tell"),
        (1, lane, "write"),
    ]
    assert len(await claim(store, other)) == 1


async def test_stored_events_are_walked_in_order(store: Store) -> None:
    await accept(store, *[arrival(n, received_at=T0 + timedelta(minutes=n)) for n in range(1, 6)])
    wanted = ReplayWanted(kind=ReplayKind.MISSING, since=T0 + timedelta(minutes=2), until=T0 + timedelta(minutes=5))
    async with store.look() as look:
        assert await look.events_after(TENANT, wanted, None, 2) == [event_number(2), event_number(3)]
        assert await look.events_after(TENANT, wanted, event_number(3), 9) == [event_number(4)]
        assert await look.count_wanted(TENANT, wanted) == 3
        assert await look.count_wanted(TENANT, replace(wanted, event_type="offer.created")) == 0


async def test_only_what_is_held_can_be_discarded(store: Store) -> None:
    lane = (await make_lane(store)).id
    await accept(store, arrival(1, Planned(lane, "write", okey="c1")), arrival(2, Planned(lane, "write", okey="c1")))
    with pytest.raises(Conflict):
        async with store.work() as work:
            await work.discard(TENANT, DeliveryId(1), now=LATER)
    (one,) = await claim(store, lane)
    await complete(store, completion(one, Hold("x")))
    with pytest.raises(NotFound):
        async with store.work() as work:
            await work.discard(TenantId(2), DeliveryId(1), now=LATER)
    async with store.work() as work:
        await work.discard(TENANT, DeliveryId(1), now=LATER)
        gone = await work.delivery(TENANT, DeliveryId(1))
    assert isinstance(gone, DoneDelivery)
    assert (gone.final, gone.finished_at) == (Final.CANCELLED, LATER)
    with pytest.raises(NotFound):
        async with store.work() as work:
            await work.discard(TENANT, DeliveryId(99), now=LATER)
    with pytest.raises(Conflict):
        async with store.work() as work:
            await work.discard(TENANT, DeliveryId(1), now=LATER)


async def test_how_a_delivery_failed_is_kept_with_it(store: Store) -> None:
    lane = (await make_lane(store)).id
    await bury(store, lane, (1, "http_422"))
    async with store.look() as look:
        (row,) = await look.deliveries(TENANT, Page(5), state="dead")
    assert isinstance(row, DoneDelivery)
    assert row.error == "http_422"
