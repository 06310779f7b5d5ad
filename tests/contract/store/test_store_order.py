"""Per-key order: one head per key, the next one when it ends, and no waiter left behind."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from hub.adapters.db import SqlStore, open_store
from hub.domain.connections import ConnectionState
from hub.domain.deliveries import Again, Final, Finish, Hold, Planned, State
from hub.domain.errors import Conflict
from hub.domain.ids import DEFAULT_TENANT
from hub.ports.queue import LaneCall
from hub.ports.store import Page, Store
from tests.support.arrivals import LEASE, accept, arrival, claim, complete, completion, fill, make_lane
from tests.support.stores import T0

LATER = T0 + timedelta(hours=1)


async def test_one_head_per_key_and_keys_do_not_wait_for_each_other(store: Store) -> None:
    lane, other = await make_lane(store), await make_lane(store, "mail")
    plans = [(1, "a"), (2, "a"), (3, "b"), (4, "a"), (5, None)]
    await accept(store, *[arrival(n, Planned(lane.id, "s", okey=okey)) for n, okey in plans])
    await accept(store, arrival(6, Planned(other.id, "s", okey="a")))
    assert [one.delivery.okey for one in await claim(store, lane.id)] == ["a", "b", None]
    assert len(await claim(store, other.id)) == 1


async def test_the_next_one_follows_when_its_head_ends(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 4, okey="k")
    seen = []
    for following in (Finish(Final.DELIVERED), Finish(Final.DEAD), Hold("outcome_unknown"), Finish(Final.EXPIRED)):
        (one,) = await claim(store, lane.id)
        seen.append(one.delivery.id)
        await complete(store, completion(one, following))
    assert seen == sorted(seen)
    assert await claim(store, lane.id) == []


async def test_a_later_try_keeps_the_key(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 2, okey="k")
    (one,) = await claim(store, lane.id)
    await complete(store, completion(one, Again(LATER + timedelta(days=1))))
    assert await claim(store, lane.id) == []
    (again,) = await claim(store, lane.id, now=LATER + timedelta(days=1))
    assert again.delivery.id == one.delivery.id


async def test_a_promoted_one_is_due_when_it_is_promoted(store: Store) -> None:
    """Workers look from a cursor onwards: one that waited long must not lie behind it."""
    lane = await make_lane(store)
    await fill(store, lane.id, 2, okey="k")
    (one,) = await claim(store, lane.id)
    await complete(store, completion(one), now=LATER)
    async with store.work() as work:
        call = LaneCall(lane.id, 5, since=LATER - timedelta(seconds=5))
        assert len(await work.claim([call], now=LATER, lease=LEASE, token="w")) == 1


async def test_an_expired_or_released_lease_keeps_the_order(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 2, okey="k")
    (one,) = await claim(store, lane.id)
    async with store.work() as work:
        await work.expire_leases(LATER + LEASE)
    (again,) = await claim(store, lane.id)
    assert again.delivery.id == one.delivery.id
    async with store.work() as work:
        await work.release("w1", [one.delivery.id])
        assert await work.promote() == 0
    assert [one.delivery.id for one in await claim(store, lane.id)] == [again.delivery.id]


async def test_what_the_answer_told_waits_behind_the_answered(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 2, okey="k")
    (one,) = await claim(store, lane.id)
    await complete(store, completion(one, arrivals=[arrival(50, Planned(lane.id, "s", okey="k"))]))
    order = []
    while claimed := await claim(store, lane.id):
        (head,) = claimed
        order.append(head.event.id)
        await complete(store, completion(head))
    assert order == [arrival(2).event.id, arrival(50).event.id]


async def test_reactivation_keeps_the_order_of_held_ones(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 4, okey="k")
    for _ in range(2):
        (one,) = await claim(store, lane.id)
        await complete(store, completion(one, Hold("gone"), outcome="gone"))
    async with store.work() as work:
        await work.set_connection_state(lane.id, ConnectionState.ACTIVE)
    ids = []
    while claimed := await claim(store, lane.id):
        (head,) = claimed
        ids.append(head.delivery.id)
        await complete(store, completion(head))
    assert len(ids) == 4
    assert ids == sorted(ids)


async def test_a_replay_takes_its_turn_behind_the_head(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 2, okey="k")
    (one,) = await claim(store, lane.id)
    await complete(store, completion(one, Finish(Final.DEAD)))
    (second,) = await claim(store, lane.id)
    async with store.work() as work:
        fresh = await work.replay(DEFAULT_TENANT, one.delivery.id, now=LATER, again=False)
    assert await claim(store, lane.id) == []
    async with store.look() as look:
        assert (await look.delivery(DEFAULT_TENANT, fresh)).state is State.WAITING
    await complete(store, completion(second))
    (again,) = await claim(store, lane.id)
    assert again.delivery.id == fresh


async def test_a_held_one_released_behind_a_leased_head_waits_for_it(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 2, okey="k")
    (one,) = await claim(store, lane.id)
    await complete(store, completion(one, Hold("outcome_unknown")))
    (second,) = await claim(store, lane.id)
    async with store.work() as work:
        await work.replay(DEFAULT_TENANT, one.delivery.id, now=LATER, again=False)
    assert await claim(store, lane.id) == []
    await complete(store, completion(second))
    assert [item.delivery.id for item in await claim(store, lane.id)] == [one.delivery.id]


async def test_no_waiter_is_orphaned_between_ingest_and_workers(store: Store, open_another) -> None:
    """Three processes accept, claim and complete the same keys at once; no sweep is run."""
    lane = await make_lane(store)
    stores = [store, open_another(), open_another()]
    order: dict[str, list[int]] = {}

    async def produce(number: int) -> None:
        for n in range(10):
            plans = [Planned(lane.id, "s", okey=f"k{k}") for k in range(3)]
            await accept(stores[number], arrival(100 * (number + 1) + n, *plans))

    async def work_off(number: int) -> None:
        idle = 0
        while idle < 200:
            claimed = await claim(stores[number], lane.id, 4, token=f"w{number}")
            idle = 0 if claimed else idle + 1
            for one in claimed:
                order.setdefault(one.delivery.okey, []).append(one.delivery.id)
            await complete(stores[number], *[completion(one) for one in claimed])
            if sum(map(len, order.values())) == 90:
                return
            await asyncio.sleep(0)

    await asyncio.gather(*(produce(n) for n in range(3)), *(work_off(n) for n in range(3)))
    async with store.look() as look:
        assert await look.deliveries(DEFAULT_TENANT, Page(), state="waiting") == []
    assert sorted(map(len, order.values())) == [30, 30, 30]


async def let_go_beside_a_live_head(store: SqlStore) -> None:
    """What no statement of ours does: the second of a key is made ready while the first still is."""
    lane = await make_lane(store)
    await fill(store, lane.id, 2, okey="k")
    async with store._link() as link:
        await link.driver("UPDATE delivery SET state = 0 WHERE state = 3")


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_the_database_itself_refuses_a_second_live_head(kind: str, request: pytest.FixtureRequest) -> None:
    """Whatever a worker does wrong: the unique index stands behind it, and without that index nothing would."""
    store = open_store(str(request.getfixturevalue(f"{kind}_database")))
    with pytest.raises(Conflict):
        await let_go_beside_a_live_head(store)
    async with store._link() as link:
        await link.driver("DROP INDEX delivery_head")
        await link.driver("DELETE FROM delivery")
    await let_go_beside_a_live_head(store)
    await store.close()
