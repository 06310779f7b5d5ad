"""Lanes with manners: exact limits, breakers that all workers share, superseding, deadlines."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from hub.domain.breaker import Trouble
from hub.domain.connections import ConnectionState, Lane, Ordering, Stuck
from hub.domain.deliveries import Again, Delivery, Final, Hold, Planned, State
from hub.domain.ids import DEFAULT_TENANT, ConnectionId, DeliveryId
from hub.ports.lanes import BusyLane, Room
from hub.ports.queue import DoneDelivery, LaneCall
from hub.ports.store import Page, Store
from tests.support.arrivals import LEASE, accept, arrival, claim, complete, completion, fill, make_lane
from tests.support.stores import T0

LATER = T0 + timedelta(hours=1)


async def where(store: Store) -> dict[int, str]:
    """Delivery -> state or final."""
    async with store.look() as look:
        rows = await look.deliveries(DEFAULT_TENANT, Page(200))
    return {row.id: row.state.name.lower() if isinstance(row, Delivery) else str(row.final) for row in rows}


async def reference(store: Store, delivery: int) -> str | None:
    async with store.look() as look:
        row = await look.delivery(DEFAULT_TENANT, DeliveryId(delivery))
    return row.reference if isinstance(row, DoneDelivery) else None


def upsert(lane: ConnectionId, okey: str = "c1", merge: str | None = "candidate.upsert") -> Planned:
    return Planned(lane, "write", okey=okey, merge=merge)


async def test_the_manners_of_a_lane_come_back_as_they_were_given(store: Store) -> None:
    lane = Lane(
        ordering=Ordering.FIFO,
        stuck=Stuck.PARK,
        park_after=5,
        deadline_s=60.5,
        retry={"default": (1.0, 2.5), "note.add": ()},
    )
    made = await make_lane(store, lane=lane)
    assert made.lane == lane
    async with store.look() as look:
        assert (await look.connection_by_id(made.id) or made).lane == lane


async def test_the_newest_of_a_group_supersedes_what_was_not_sent(store: Store) -> None:
    lane = (await make_lane(store)).id
    await accept(store, arrival(1, upsert(lane)), arrival(2, upsert(lane)))
    await accept(store, arrival(3, upsert(lane, merge="note.add")), arrival(4, upsert(lane, okey="c2")))
    await accept(store, arrival(5, upsert(lane)))
    assert await where(store) == {1: "superseded", 2: "superseded", 3: "ready", 4: "ready", 5: "waiting"}
    assert await reference(store, 1) == "dlv_2"
    assert await reference(store, 2) == "dlv_5"


async def test_a_hundred_updates_during_an_outage_are_one(store: Store) -> None:
    lane = (await make_lane(store)).id
    await accept(store, *[arrival(n, upsert(lane)) for n in range(1, 101)])
    states = await where(store)
    assert states.pop(100) == "ready"
    assert set(states.values()) == {"superseded"}


async def test_what_is_being_tried_is_superseded_only_if_it_fails(store: Store) -> None:
    lane = (await make_lane(store)).id
    await accept(store, arrival(1, upsert(lane)))
    (one,) = await claim(store, lane)
    await accept(store, arrival(2, upsert(lane)))
    assert await where(store) == {1: "leased", 2: "waiting"}
    await complete(store, completion(one, Again(LATER)))
    assert await where(store) == {1: "superseded", 2: "ready"}
    assert await reference(store, 1) == "dlv_2"
    (two,) = await claim(store, lane)
    await accept(store, arrival(3, upsert(lane)))
    await complete(store, completion(two))
    assert await where(store) == {1: "superseded", 2: "delivered", 3: "ready"}


async def test_without_a_group_nothing_is_superseded(store: Store) -> None:
    lane = (await make_lane(store)).id
    await accept(store, *[arrival(n, upsert(lane, merge=None)) for n in (1, 2, 3)])
    assert await where(store) == {1: "ready", 2: "waiting", 3: "waiting"}


async def test_accepting_and_failing_at_once_leaves_one_of_a_group(store: Store) -> None:
    lane = (await make_lane(store)).id
    await accept(store, arrival(1, upsert(lane)))
    (one,) = await claim(store, lane)
    await asyncio.gather(
        complete(store, completion(one, Again(LATER))), *[accept(store, arrival(n, upsert(lane))) for n in range(2, 9)]
    )
    async with store.work() as work:
        await work.promote()
    states = await where(store)
    alive = [id_ for id_, state in states.items() if state in ("ready", "waiting")]
    assert len(alive) == 1 or states[max(states)] in ("ready", "waiting"), states


async def test_a_deadline_ends_what_waits_whatever_it_waits_for(store: Store) -> None:
    lane = (await make_lane(store)).id
    soon = LATER + timedelta(minutes=1)
    plans = [Planned(lane, "s", okey=okey, expires_at=soon) for okey in (None, "k", "k", "held")]
    await accept(
        store, *[arrival(n, plan) for n, plan in enumerate(plans, 1)], arrival(5, Planned(lane, "s", okey="k"))
    )
    async with store.work() as work:
        held = await work.claim([LaneCall(lane, 9)], now=LATER, lease=LEASE, token="w")
        await work.complete([completion(one, Hold("x")) for one in held if one.delivery.okey == "held"], now=LATER)
        await work.release("w", [one.delivery.id for one in held])
    assert await where(store) == {1: "ready", 2: "ready", 3: "waiting", 4: "held", 5: "waiting"}
    async with store.work() as work:
        assert await work.expire_overdue(soon - timedelta(microseconds=1)) == 0
        assert await work.expire_overdue(soon) == 4
    assert await where(store) == {1: "expired", 2: "expired", 3: "expired", 4: "expired", 5: "ready"}


async def test_what_is_being_tried_outlives_its_deadline(store: Store) -> None:
    lane = (await make_lane(store)).id
    await accept(store, arrival(1, Planned(lane, "s", expires_at=T0)))
    await claim(store, lane)
    async with store.work() as work:
        assert await work.expire_overdue(LATER) == 0


async def test_the_room_of_a_lane_counts_every_worker(store: Store) -> None:
    lane, shut = (await make_lane(store)).id, (await make_lane(store, "shut")).id
    await fill(store, lane, 5)
    await claim(store, lane, 2, token="w1")
    await claim(store, lane, 1, token="w2")
    async with store.work() as work:
        await work.set_connection_state(shut, ConnectionState.PAUSED)
        assert await work.rooms([lane, shut], LATER) == {lane: Room(3, 0, None, None)}
        await work.took(lane, 1.5, LATER, None)
    async with store.work() as work:
        assert await work.rooms([lane], LATER) == {lane: Room(3, 0, 1.5, LATER)}
        await work.took(lane, 0.5, LATER, LATER + timedelta(seconds=30))
    async with store.work() as work:
        assert await work.rooms([lane], LATER) == {}
        assert await work.rooms([lane], LATER + timedelta(seconds=30)) != {}
        assert await work.rooms([], LATER) == {}


async def test_workers_that_claim_by_room_never_start_too_many(store: Store) -> None:
    lane = (await make_lane(store)).id
    await fill(store, lane, 20)

    async def worker(token: str) -> int:
        async with store.work() as work:
            room = (await work.rooms([lane], LATER))[lane]
            found = await work.claim([LaneCall(lane, max(0, 3 - room.leased))], now=LATER, lease=LEASE, token=token)
        return len(found)

    assert sum(await asyncio.gather(*(worker(f"w{n}") for n in range(6)))) == 3


async def test_trouble_is_kept_until_it_is_over(store: Store) -> None:
    lane = (await make_lane(store)).id
    await fill(store, lane, 1)
    until = LATER + timedelta(seconds=30)
    async with store.work() as work:
        assert await work.trouble(lane) == Trouble()
        await work.set_trouble(lane, Trouble(2, T0, 50), until)
    async with store.look() as look:
        assert await look.busy_lanes(LATER) == []
        assert await look.busy_lanes(until) == [BusyLane(lane, DEFAULT_TENANT, 2, True)]
    async with store.work() as work:
        assert await work.trouble(lane) == Trouble(2, T0, 50)
        await work.set_trouble(lane, Trouble(2, T0, 70), None)
        assert await work.rooms([lane], LATER) == {}
        await work.set_trouble(lane, Trouble(), None)
    async with store.look() as look:
        assert await look.busy_lanes(LATER) == [BusyLane(lane, DEFAULT_TENANT, 0, False)]


@pytest.mark.parametrize("state", [ConnectionState.PAUSED, ConnectionState.DISABLED])
async def test_switching_a_lane_on_again_forgets_its_trouble(store: Store, state: ConnectionState) -> None:
    lane = (await make_lane(store)).id
    await fill(store, lane, 1)
    async with store.work() as work:
        await work.set_trouble(lane, Trouble(3, T0, 100), LATER + timedelta(hours=1))
        await work.set_connection_state(lane, state)
    async with store.work() as work:
        await work.set_connection_state(lane, ConnectionState.ACTIVE)
        assert await work.trouble(lane) == Trouble()
    assert [one.delivery.state for one in await claim(store, lane)] == [State.LEASED]


async def test_what_a_try_was_made_with_is_kept(store: Store) -> None:
    lane = (await make_lane(store)).id
    await fill(store, lane, 1)
    (one,) = await claim(store, lane)
    await complete(store, completion(one))
    assert Final.DELIVERED.value == (await where(store))[one.delivery.id]
    async with store.look() as look:
        (attempt,) = await look.attempts(DEFAULT_TENANT, one.delivery.id)
    assert attempt.detail == {"connector": "acme 1.0.0", "vendor_ms": 11.5}
