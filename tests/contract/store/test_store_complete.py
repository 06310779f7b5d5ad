"""Completing: fenced by the lease, moved to history, and what the vendor told in the same transaction."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.domain.connections import ConnectionState
from hub.domain.deliveries import Again, Delivery, Final, Finish, Hold, Planned, State
from hub.domain.errors import Conflict, Invalid, NotFound
from hub.domain.events import Cause
from hub.domain.ids import DEFAULT_TENANT, DeliveryId, TenantId
from hub.ports.arrivals import Arrival
from hub.ports.lanes import Pace
from hub.ports.queue import DoneDelivery
from hub.ports.store import Page, Store
from tests.support.arrivals import (
    LEASE,
    accept,
    arrival,
    claim,
    complete,
    completion,
    event_number,
    fill,
    make_lane,
    undone,
)
from tests.support.stores import T0

LATER = T0 + timedelta(hours=1)


async def test_a_finished_delivery_is_history(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 1)
    (one,) = await claim(store, lane.id)
    ended = completion(one, reference="ref-1")
    assert await complete(store, ended) == frozenset()
    async with store.look() as look:
        done = await look.delivery(DEFAULT_TENANT, one.delivery.id)
        assert await look.attempts(DEFAULT_TENANT, one.delivery.id) == [ended.attempt]
        assert await look.attempts(TenantId(2), one.delivery.id) == []
        assert await look.delivery(TenantId(2), one.delivery.id) is None
        assert (await look.totals(DEFAULT_TENANT))["delivered"] == 1
    assert done == DoneDelivery(
        id=one.delivery.id,
        event=one.event.id,
        tenant=DEFAULT_TENANT,
        connection=lane.id,
        revision=None,
        step="step",
        okey=None,
        final=Final.DELIVERED,
        attempts=1,
        reference="ref-1",
        received_at=T0,
        finished_at=LATER,
    )


async def test_a_mixed_batch(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 5)
    done, dead, later, spared, held = await claim(store, lane.id)
    due = LATER + timedelta(seconds=30, microseconds=3)
    lost = await complete(
        store,
        completion(done),
        completion(dead, Finish(Final.DEAD)),
        completion(later, Again(due)),
        completion(spared, Again(due, costs=False)),
        completion(held, Hold("outcome_unknown")),
    )
    assert lost == frozenset()
    async with store.look() as look:
        rows = {row.id: row for row in await look.deliveries(DEFAULT_TENANT, Page())}
    assert rows[done.delivery.id].final is Final.DELIVERED
    assert rows[dead.delivery.id].final is Final.DEAD
    row = rows[later.delivery.id]
    assert (row.state, row.attempt, row.deferrals, row.due_at) == (State.READY, 1, 0, due)
    assert (row.lease_until, row.lease_token) == (None, None)
    row = rows[spared.delivery.id]
    assert (row.state, row.attempt, row.deferrals, row.due_at) == (State.READY, 0, 1, due)
    assert (rows[held.delivery.id].state, rows[held.delivery.id].attempt) == (State.HELD, 1)
    assert len(await claim(store, lane.id, now=due)) == 2


async def test_a_stale_completion_changes_nothing_and_is_recorded_as_late(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 2)
    stale, fine = await claim(store, lane.id, token="w1")
    async with store.work() as work:
        await work.expire_leases(LATER + LEASE)
    fresh, _ = await claim(store, lane.id, token="w2")
    assert fresh.delivery.id == stale.delivery.id
    told = arrival(50)
    assert await complete(store, completion(stale, refs={"candidate": "c"}, arrivals=[told])) == {stale.delivery.id}
    async with store.look() as look:
        assert await look.delivery(DEFAULT_TENANT, stale.delivery.id) == fresh.delivery
        assert [one.outcome for one in await look.attempts(DEFAULT_TENANT, stale.delivery.id)] == ["late"]
        assert await look.event(DEFAULT_TENANT, told.event.id) is None
        assert await look.find_cause(DEFAULT_TENANT, lane.id, {"candidate": "c"}) is None
    assert await complete(store, completion(fresh)) == frozenset()
    assert await complete(store, completion(fresh), completion(fine)) == {fresh.delivery.id, fine.delivery.id}
    async with store.look() as look:
        outcomes = [one.outcome for one in await look.attempts(DEFAULT_TENANT, stale.delivery.id)]
    assert outcomes == ["late", "delivered", "late"]


async def test_a_stale_one_does_not_hinder_its_batch(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 2)
    first, second = await claim(store, lane.id)
    async with store.work() as work:
        await work.release("w1", [first.delivery.id])
    assert await complete(store, completion(first), completion(second)) == {first.delivery.id}
    async with store.look() as look:
        assert isinstance(await look.delivery(DEFAULT_TENANT, second.delivery.id), DoneDelivery)
        assert isinstance(await look.delivery(DEFAULT_TENANT, first.delivery.id), Delivery)


async def test_what_the_vendor_told_is_stored_with_the_completion_or_not_at_all(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 1)
    (one,) = await claim(store, lane.id)
    cause = Cause(one.event.id, one.delivery.id)
    told = Arrival(arrival(50, cause=cause).event, (Planned(lane.id, "next"),))
    async with undone(store) as work:
        await work.complete([completion(one, arrivals=[told])], now=LATER)
    async with store.look() as look:
        assert await look.event(DEFAULT_TENANT, told.event.id) is None
        assert (await look.delivery(DEFAULT_TENANT, one.delivery.id)).state is State.LEASED
        assert await look.attempts(DEFAULT_TENANT, one.delivery.id) == []
    await complete(store, completion(one, arrivals=[told]))
    async with store.look() as look:
        assert (await look.event(DEFAULT_TENANT, told.event.id)).cause == cause
        assert len(await look.deliveries(DEFAULT_TENANT, Page(), event=told.event.id)) == 1


async def test_the_newest_delivery_that_taught_a_ref_is_the_cause(store: Store) -> None:
    lane, other = await make_lane(store), await make_lane(store, "mail")
    await fill(store, lane.id, 3)
    first, second, third = await claim(store, lane.id)
    await complete(store, completion(second, refs={"report": "r-1", "candidate": "c-1"}))
    await complete(store, completion(first, refs={"report": "r-1"}))
    await complete(store, completion(third, refs={"candidate": "c-2"}))
    newest = Cause(event_number(2), second.delivery.id)
    async with store.look() as look:
        assert await look.find_cause(DEFAULT_TENANT, lane.id, {"report": "r-1"}) == newest
        assert await look.find_cause(DEFAULT_TENANT, lane.id, {"x": "r-1", "candidate": "c-1"}) == newest
        both = await look.find_cause(DEFAULT_TENANT, lane.id, {"report": "r-1", "candidate": "c-2"})
        assert both == Cause(event_number(3), third.delivery.id)
        assert await look.find_cause(DEFAULT_TENANT, other.id, {"report": "r-1"}) is None
        assert await look.find_cause(TenantId(2), lane.id, {"report": "r-1"}) is None
        assert await look.find_cause(DEFAULT_TENANT, lane.id, {}) is None


async def test_refs_without_a_subject_are_found_but_belong_to_nobody(store: Store) -> None:
    lane = await make_lane(store)
    await accept(store, *[arrival(n, Planned(lane.id, "s"), subject=None) for n in (1, 2)])
    first, second = await claim(store, lane.id)
    assert (
        await complete(store, completion(first, refs={"job": "j"}), completion(second, Again(LATER), refs={"job": "j"}))
        == set()
    )
    async with store.look() as look:
        assert (await look.find_cause(DEFAULT_TENANT, lane.id, {"job": "j"})).delivery == second.delivery.id
    (again,) = await claim(store, lane.id)
    assert again.refs == {}


async def test_a_reactivated_connection_frees_what_was_held_for_it(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 4)
    gone, reauth, human, okay = await claim(store, lane.id)
    await complete(
        store,
        completion(gone, Hold("gone"), outcome="gone"),
        completion(reauth, Hold("needs_reauth"), error="needs_reauth"),
        completion(human, Hold("outcome_unknown"), error="outcome_unknown"),
        completion(okay),
    )
    async with store.work() as work:
        await work.set_connection_state(lane.id, ConnectionState.DISABLED)
    async with store.look() as look:
        assert len(await look.deliveries(DEFAULT_TENANT, Page(), state="held", connection=lane.id)) == 3
    async with store.work() as work:
        await work.set_connection_state(lane.id, ConnectionState.ACTIVE)
    async with store.look() as look:
        (left,) = await look.deliveries(DEFAULT_TENANT, Page(), state="held")
    assert left.id == human.delivery.id
    again = await claim(store, lane.id)
    assert [one.delivery.id for one in again] == [gone.delivery.id, reauth.delivery.id]


async def test_a_dead_delivery_is_replayed_under_its_key(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 1)
    (one,) = await claim(store, lane.id)
    await complete(store, completion(one, Finish(Final.DEAD)))
    now = LATER + timedelta(hours=2)
    async with store.work() as work:
        fresh = await work.replay(DEFAULT_TENANT, one.delivery.id, now=now, again=False)
    assert fresh > one.delivery.id
    assert await claim(store, lane.id, now=now - timedelta(seconds=1)) == []
    (again,) = await claim(store, lane.id, now=now)
    delivery = again.delivery
    assert (delivery.id, delivery.attempt, delivery.replay_of) == (fresh, 1, one.delivery.id)
    assert (delivery.event, delivery.step, delivery.received_at) == (one.event.id, "step", T0)
    assert delivery.key == one.delivery.key
    assert again.event == one.event


async def test_a_delivered_one_is_replayed_for_a_new_effect_each_time(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 1)
    (one,) = await claim(store, lane.id)
    await complete(store, completion(one))
    async with store.work() as work:
        twice = [await work.replay(DEFAULT_TENANT, one.delivery.id, now=LATER, again=True) for _ in range(2)]
    again = await claim(store, lane.id)
    assert [item.delivery.id for item in again] == twice
    assert len({one.delivery.key, *(item.delivery.key for item in again)}) == 3
    await complete(store, *[completion(item) for item in again])
    async with store.look() as look:
        done = await look.delivery(DEFAULT_TENANT, twice[0])
    assert (done.again, done.replay_of) == (True, one.delivery.id)


async def test_a_held_delivery_is_released_itself(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 1)
    (one,) = await claim(store, lane.id)
    await complete(store, completion(one, Hold("outcome_unknown")))
    async with store.work() as work:
        assert await work.replay(DEFAULT_TENANT, one.delivery.id, now=LATER, again=False) == one.delivery.id
    (again,) = await claim(store, lane.id)
    assert (again.delivery.id, again.delivery.attempt, again.delivery.run_lease) == (one.delivery.id, 1, 2)


async def test_replay_of_what_is_under_way_or_not_there_is_refused(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 2)
    (one,) = await claim(store, lane.id, 1)
    async with store.look() as look:
        ready = (await look.deliveries(DEFAULT_TENANT, Page(), state="ready"))[0]
    for id_ in (one.delivery.id, ready.id):
        with pytest.raises(Conflict):
            async with store.work() as work:
                await work.replay(DEFAULT_TENANT, id_, now=LATER, again=False)
    for tenant, id_ in ((DEFAULT_TENANT, DeliveryId(999)), (TenantId(2), one.delivery.id)):
        with pytest.raises(NotFound):
            async with store.work() as work:
                await work.replay(tenant, id_, now=LATER, again=False)


async def test_deliveries_are_listed_newest_first_over_live_and_done(store: Store) -> None:
    lane, other = await make_lane(store), await make_lane(store, "mail")
    await fill(store, lane.id, 5)
    await fill(store, other.id, 2, start=11)
    claimed = await claim(store, lane.id, 3)
    await complete(store, completion(claimed[1]), completion(claimed[2], Finish(Final.DEAD)))
    async with store.look() as look:
        every = await look.deliveries(DEFAULT_TENANT, Page())
        assert [row.id for row in every] == sorted((row.id for row in every), reverse=True)
        assert len(every) == 7
        first = await look.deliveries(DEFAULT_TENANT, Page(limit=4))
        second = await look.deliveries(DEFAULT_TENANT, Page(limit=4, before=str(first[-1].id)))
        assert [*first, *second] == every
        assert [row.id for row in await look.deliveries(DEFAULT_TENANT, Page(), state="dead")] == [
            claimed[2].delivery.id
        ]
        assert len(await look.deliveries(DEFAULT_TENANT, Page(), state="ready", connection=lane.id)) == 2
        assert len(await look.deliveries(DEFAULT_TENANT, Page(), connection=other.id)) == 2
        assert await look.deliveries(TenantId(2), Page()) == []
        with pytest.raises(Invalid):
            await look.deliveries(DEFAULT_TENANT, Page(), state="lost")
        with pytest.raises(Invalid):
            await look.deliveries(DEFAULT_TENANT, Page(before="dlv_1"))


async def test_the_pace_of_a_lane_counts_tries_since_a_moment_but_not_late_ones(store: Store) -> None:
    lane, other = await make_lane(store), await make_lane(store, "other")
    await fill(store, lane.id, 5)
    first, second, third, fourth, _ = await claim(store, lane.id)
    ended = [completion(first), completion(second), completion(third, Hold("x")), completion(fourth, Again(LATER))]
    await complete(store, *ended)
    await complete(store, ended[0])  # the lease is over: late
    async with store.look() as look:
        assert await look.pace(T0) == {lane.id: Pace(2, 2), other.id: Pace()}
        assert await look.pace(T0 + timedelta(seconds=1)) == {lane.id: Pace(), other.id: Pace()}
