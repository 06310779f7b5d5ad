"""What the kill switch holds: everything that rules caused and that has not left, in order, until somebody decides."""

from __future__ import annotations

from datetime import timedelta

from hub.domain.connections import ConnectionState
from hub.domain.deliveries import STOPPED, Delivery, Final, Hold, Planned, State
from hub.domain.ids import DEFAULT_TENANT, RevisionId, TenantId
from hub.ports.queue import DoneDelivery
from hub.ports.store import Page, Store
from tests.support.arrivals import accept, arrival, claim, complete, completion, make_lane
from tests.support.stores import T0

LATER = T0 + timedelta(hours=1)


async def states(store: Store) -> list[str]:
    async with store.look() as look:
        found = await look.deliveries(DEFAULT_TENANT, Page(50))
    return [one.state.name if isinstance(one, Delivery) else str(one.final) for one in reversed(found)]


async def hold(store: Store, tenant: TenantId = DEFAULT_TENANT, limit: int = 1000) -> int:
    async with store.work() as work:
        return await work.hold_caused(tenant, limit)


async def let_go(store: Store, *, send: bool) -> int:
    async with store.work() as work:
        return await work.let_go(DEFAULT_TENANT, now=LATER, send=send)


async def test_what_rules_planned_is_held_and_a_webhook_is_read_on(store: Store) -> None:
    lane = await make_lane(store)
    plans = [
        Planned(lane.id, "r", RevisionId(1)),
        Planned(lane.id, "k", RevisionId(1), okey="c"),
        Planned(lane.id, "@hook"),
    ]
    await accept(store, *[arrival(n, *plans) for n in (1, 2)])
    assert await states(store) == ["READY", "READY", "READY", "READY", "WAITING", "READY"]
    assert await hold(store, TenantId(2)) == 0
    while await hold(store, limit=2):
        pass
    assert await states(store) == ["HELD", "HELD", "READY", "HELD", "HELD", "READY"]
    async with store.work() as work:
        assert await work.promote() == 0
        assert await work.held_by_stop(DEFAULT_TENANT) == {lane.id: 4}
        await work.set_connection_state(lane.id, ConnectionState.PAUSED)
        await work.set_connection_state(lane.id, ConnectionState.ACTIVE)  # that is another matter
        assert await work.held_by_stop(DEFAULT_TENANT) == {lane.id: 4}
        assert await work.held_by_stop(TenantId(2)) == {}
    assert len(await claim(store, lane.id)) == 2


async def test_what_is_let_go_is_sent_in_the_order_of_its_key(store: Store) -> None:
    lane = await make_lane(store)
    await accept(store, *[arrival(n, Planned(lane.id, "s", RevisionId(1), okey="c")) for n in (1, 2, 3)])
    while await hold(store):
        pass
    await accept(store, arrival(4, Planned(lane.id, "s", RevisionId(1), okey="c")))
    assert await states(store) == ["HELD", "HELD", "HELD", "READY"]
    assert await let_go(store, send=True) == 3
    assert await let_go(store, send=True) == 0
    assert await states(store) == ["READY", "WAITING", "WAITING", "WAITING"]
    for expected in (1, 2, 3, 4):
        [one] = await claim(store, lane.id)
        assert one.event.key == f"key-{expected}"
        await complete(store, completion(one))


async def test_what_is_not_wanted_any_more_is_cancelled(store: Store) -> None:
    lane = await make_lane(store)
    await accept(
        store, arrival(1, Planned(lane.id, "s", RevisionId(1)), Planned(lane.id, "t", RevisionId(1), okey="c"))
    )
    while await hold(store):
        pass
    assert await let_go(store, send=False) == 2
    async with store.look() as look:
        found = await look.deliveries(DEFAULT_TENANT, Page(5))
    assert [(one.final, one.error) for one in found if isinstance(one, DoneDelivery)] == [
        (Final.CANCELLED, STOPPED)
    ] * 2


async def test_a_rule_by_itself_is_held_and_let_go_and_others_are_not_touched(store: Store) -> None:
    lane = await make_lane(store)
    async with store.work() as work:
        mine = await work.put_rule(DEFAULT_TENANT, "mine", {"a": 1}, state="live", by="cli", now=T0)
        newer = await work.put_rule(DEFAULT_TENANT, "mine", {"a": 2}, state="live", by="cli", now=T0)
        other = await work.put_rule(DEFAULT_TENANT, "other", {"a": 1}, state="live", by="cli", now=T0)
    revisions = [one.latest.id for one in (mine, newer, other)]
    assert len(set(revisions)) == 3
    await accept(store, arrival(1, *[Planned(lane.id, f"s{n}", one) for n, one in enumerate(revisions)]))
    async with store.work() as work:
        assert await work.hold_caused(DEFAULT_TENANT, 1, mine.id) == 1
        assert await work.hold_caused(DEFAULT_TENANT, 9, mine.id) == 1
        assert await work.hold_caused(DEFAULT_TENANT, 9, mine.id) == 0
    assert await states(store) == ["HELD", "HELD", "READY"]
    while await hold(store):
        pass
    async with store.work() as work:
        await work.set_rule(mine.id, "paused", newer.latest.id)
        assert await work.held_by_stop(DEFAULT_TENANT) == {lane.id: 3}
        assert await work.held_by_stop(DEFAULT_TENANT, mine.id) == {lane.id: 2}
        assert await work.held_by_stop(TenantId(2), mine.id) == {}
    assert await let_go(store, send=True) == 1  # of rules that are not paused
    assert await let_go(store, send=False) == 0
    assert await states(store) == ["HELD", "HELD", "READY"]
    async with store.work() as work:
        assert await work.let_go(DEFAULT_TENANT, now=LATER, send=False, limit=1, rule=mine.id) == 1
        assert await work.let_go(DEFAULT_TENANT, now=LATER, send=True, rule=mine.id) == 1
        assert await work.let_go(DEFAULT_TENANT, now=LATER, send=True, rule=mine.id) == 0
    assert await states(store) == ["cancelled", "READY", "READY"]


async def test_one_that_was_claimed_before_the_stop_is_held_with_the_others(store: Store) -> None:
    lane = await make_lane(store)
    await accept(
        store, arrival(1, Planned(lane.id, "s", RevisionId(1))), arrival(2, Planned(lane.id, "s", RevisionId(1)))
    )
    [first, second] = await claim(store, lane.id)
    assert await hold(store) == 0  # leased: its worker says what becomes of it
    await complete(store, completion(first, Hold(STOPPED), error=STOPPED), completion(second, Hold("why"), error="why"))
    async with store.look() as look:
        assert await look.held_by_stop(DEFAULT_TENANT) == {lane.id: 1}
        kept = await look.delivery(DEFAULT_TENANT, first.delivery.id)
    assert isinstance(kept, Delivery)
    assert kept.state is State.HELD
    async with store.work() as work:  # one by itself, by hand
        await work.replay(DEFAULT_TENANT, first.delivery.id, now=LATER, again=False)
        assert await work.held_by_stop(DEFAULT_TENANT) == {}
