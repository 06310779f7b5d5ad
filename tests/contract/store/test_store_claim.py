"""Claiming: lanes, caps, leases, and never one delivery to two workers."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from hub.domain.connections import ConnectionState
from hub.domain.deliveries import Again, Planned, State
from hub.domain.ids import DEFAULT_TENANT, ConnectionId
from hub.ports.queue import LaneCall
from hub.ports.store import Page, Store
from tests.support.arrivals import LEASE, accept, arrival, busy, claim, complete, completion, event, fill, make_lane
from tests.support.stores import T0

LATER = T0 + timedelta(hours=1)


async def test_a_claim_leases_and_brings_the_event(store: Store) -> None:
    lane = await make_lane(store)
    await accept(store, arrival(1, Planned(lane.id, "write")))
    (one,) = await claim(store, lane.id, token="w1")
    assert one.event == event(1)
    assert one.refs == {}
    delivery = one.delivery
    assert (delivery.state, delivery.attempt, delivery.run_lease) == (State.LEASED, 1, 1)
    assert (delivery.lease_token, delivery.lease_until) == ("w1", LATER + LEASE)
    async with store.look() as look:
        assert await look.delivery(DEFAULT_TENANT, delivery.id) == delivery
    assert await claim(store, lane.id) == []


async def test_the_oldest_due_come_first_up_to_the_cap(store: Store) -> None:
    lane, other = await make_lane(store), await make_lane(store, "mail")
    await fill(store, lane.id, 5)
    await fill(store, other.id, 3, start=11)
    async with store.work() as work:
        calls = [LaneCall(other.id, 1), LaneCall(lane.id, 3), LaneCall(ConnectionId(999), 3)]
        claimed = await work.claim(calls, now=LATER, lease=LEASE, token="w")
    assert [(one.delivery.connection, one.delivery.due_at) for one in claimed] == [
        (lane.id, T0),
        (other.id, T0),
        (lane.id, T0 + timedelta(seconds=1)),
        (lane.id, T0 + timedelta(seconds=2)),
    ]


async def test_nothing_is_claimed_before_it_is_due_or_before_the_cursor(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 5)
    async with store.work() as work:
        call = LaneCall(lane.id, 9, since=T0 + timedelta(seconds=2))
        claimed = await work.claim([call], now=T0 + timedelta(seconds=3), lease=LEASE, token="w")
    assert [one.delivery.due_at for one in claimed] == [T0 + timedelta(seconds=2), T0 + timedelta(seconds=3)]
    assert len(await claim(store, lane.id)) == 3


async def test_claiming_from_many_lanes_at_once(store: Store) -> None:
    lanes = [await make_lane(store, f"lane-{n}") for n in range(70)]
    await accept(store, *[arrival(n + 1, Planned(lane.id, "s")) for n, lane in enumerate(lanes)])
    async with store.work() as work:
        calls = [LaneCall(lane.id, 1) for lane in lanes]
        claimed = await work.claim(calls, now=LATER, lease=LEASE, token="w")
        assert await work.claim([], now=LATER, lease=LEASE, token="w") == []
    assert {one.delivery.connection for one in claimed} == {lane.id for lane in lanes}


async def test_concurrent_claimers_never_get_the_same_row(store: Store, open_another) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 120)
    stores = [store, open_another(), open_another()]

    async def worker(number: int) -> list[int]:
        mine = []
        while claimed := await claim(stores[number % 3], lane.id, 7, token=f"w{number}"):
            mine += [one.delivery.id for one in claimed]
        return mine

    got = await asyncio.gather(*(worker(number) for number in range(6)))
    ids = [id_ for mine in got for id_ in mine]
    assert len(ids) == len(set(ids)) == 120


async def test_a_lane_that_is_not_active_gives_nothing(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 1)
    for state in (ConnectionState.PAUSED, ConnectionState.DISABLED, ConnectionState.NEEDS_REAUTH):
        async with store.work() as work:
            await work.set_connection_state(lane.id, state)
        assert await claim(store, lane.id) == []
        async with store.look() as look:
            assert busy(await look.busy_lanes(LATER)) == []
    async with store.work() as work:
        await work.set_connection_state(lane.id, ConnectionState.ACTIVE)
    assert len(await claim(store, lane.id)) == 1


async def test_a_held_lane_gives_nothing_until_then_and_is_never_shortened(store: Store) -> None:
    lane, other = await make_lane(store), await make_lane(store, "mail")
    await fill(store, lane.id, 2)
    await fill(store, other.id, 1, start=11)
    async with store.work() as work:
        await work.hold_lane(lane.id, LATER)
        await work.hold_lane(lane.id, LATER - timedelta(minutes=30))
    before = LATER - timedelta(microseconds=1)
    async with store.look() as look:
        assert busy(await look.busy_lanes(before)) == [other.id]
        assert busy(await look.busy_lanes(LATER)) == [lane.id, other.id]
        assert (await look.connection_by_id(lane.id)).held_until == LATER
    assert await claim(store, lane.id, now=before) == []
    assert len(await claim(store, lane.id, 1, now=LATER)) == 1


async def test_busy_lanes_and_the_next_due_time(store: Store) -> None:
    lane, idle = await make_lane(store), await make_lane(store, "idle")
    async with store.look() as look:
        assert await look.next_due(T0) is None
    await fill(store, lane.id, 3)
    async with store.look() as look:
        assert busy(await look.busy_lanes(T0)) == [lane.id]
        assert busy(await look.busy_lanes(T0 - timedelta(seconds=1))) == []
        assert await look.next_due(T0 - timedelta(seconds=1)) == T0
        assert await look.next_due(T0) == T0 + timedelta(seconds=1)
        assert await look.next_due(LATER) is None
        assert idle.id not in busy(await look.busy_lanes(LATER))


async def test_release_gives_the_try_back(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 2)
    claimed = await claim(store, lane.id)
    ids = [one.delivery.id for one in claimed]
    async with store.work() as work:
        assert await work.release("somebody else", ids) == 0
        assert await work.release("w1", ids[:1]) == 1
        assert await work.release("w1", ids[:1]) == 0
    (again,) = await claim(store, lane.id, token="w2")
    assert (again.delivery.id, again.delivery.attempt, again.delivery.run_lease) == (ids[0], 1, 2)


async def test_renewed_leases_live_longer_and_dead_ones_go_back(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 3)
    ids = [one.delivery.id for one in await claim(store, lane.id)]
    async with store.work() as work:
        assert await work.renew("w1", ids[:1], LATER + timedelta(hours=1)) == 1
        assert await work.renew("w2", ids, LATER + timedelta(hours=1)) == 0
        assert (await work.expire_leases(LATER + LEASE - timedelta(microseconds=1))).count == 0
        assert (await work.expire_leases(LATER + LEASE, limit=1)).count == 1
        assert (await work.expire_leases(LATER + LEASE)).count == 1
    again = await claim(store, lane.id, token="w2")
    assert [one.delivery.id for one in again] == ids[1:]
    assert [(one.delivery.attempt, one.delivery.run_lease) for one in again] == [(2, 2), (2, 2)]
    async with store.work() as work:
        assert await work.renew("w1", ids, LATER + timedelta(hours=2)) == 1


async def test_refs_of_the_subject_come_with_the_claim(store: Store) -> None:
    lane, other = await make_lane(store), await make_lane(store, "mail")
    await fill(store, lane.id, 2)
    await accept(store, arrival(21, Planned(lane.id, "s"), subject="cand-2"), arrival(22, Planned(other.id, "s")))
    first, stranger, second = await claim(store, lane.id, 3)
    await complete(store, completion(first, refs={"candidate": "c-old", "application": "a-1"}))
    await complete(store, completion(second, Again(LATER, costs=False), refs={"candidate": "c-new"}))
    await complete(store, completion(stranger, Again(LATER, costs=False), refs={"application": "a-9"}))
    refs = {one.delivery.id: one.refs for one in await claim(store, lane.id)}
    assert refs == {
        second.delivery.id: {"candidate": "c-new", "application": "a-1"},
        stranger.delivery.id: {"application": "a-9"},
    }
    (elsewhere,) = await claim(store, other.id)
    assert elsewhere.refs == {}


async def test_lane_statistics(store: Store) -> None:
    lane = await make_lane(store)
    await make_lane(store, "idle")
    await fill(store, lane.id, 4)
    await fill(store, lane.id, 2, okey="k", start=11)
    await claim(store, lane.id, 2)
    async with store.look() as look:
        stats = {one.name: one for one in await look.lanes(DEFAULT_TENANT)}
        assert len(await look.lanes()) == 2
        totals = await look.totals(DEFAULT_TENANT)
        page = await look.deliveries(DEFAULT_TENANT, Page(), state="waiting")
    ats = stats["ats"]
    assert (ats.ready, ats.leased, ats.waiting, ats.held) == (3, 2, 1, 0)
    assert (stats["idle"].ready, stats["idle"].oldest_due) == (0, None)
    assert (totals["ready"], totals["leased"], totals["waiting"], totals["held"]) == (3, 2, 1, 0)
    assert totals["dead"] == totals["delivered"] == 0
    assert len(page) == 1
    assert ats.oldest_due is not None


async def test_what_lies_in_the_future_since_a_clock_was_set_back_is_brought_back(store: Store) -> None:
    """Accepted, delayed and leased an hour ahead: due now, after its delay, and given back after a lease."""
    lane, ahead = await make_lane(store), T0 + timedelta(hours=1)
    plans = [Planned(lane.id, "a"), Planned(lane.id, "b", due_at=ahead + timedelta(minutes=5)), Planned(lane.id, "c")]
    await accept(store, arrival(1, Planned(lane.id, "before"), received_at=T0 + timedelta(seconds=30)))
    for number, planned in enumerate(plans, start=2):
        await accept(store, arrival(number, planned, received_at=ahead))
    (held,) = await claim(store, lane.id, 1, now=ahead)
    assert held.delivery.step == "before"
    (held,) = await claim(store, lane.id, 1, now=ahead)
    async with store.work() as work:
        assert await work.recall(T0, LEASE) == 5, "three that came later, and two leases"
        assert await work.recall(T0 + timedelta(hours=2), LEASE) == 0, "nothing is in the future then"
    (due,) = await claim(store, lane.id, now=T0)
    assert due.delivery.step == "c"
    async with store.work() as work:
        assert (await work.expire_leases(T0 + LEASE)).count == 3
    steps = {one.delivery.step for one in await claim(store, lane.id, now=T0 + timedelta(minutes=5))}
    assert steps == {"before", "a", "b", "c"}
