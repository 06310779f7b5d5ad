"""Claims that end without a word are counted; three in a row are a dead letter, whatever ends in between clears."""

from __future__ import annotations

from datetime import timedelta

from hub.domain.deliveries import CRASHES, Again, Delivery, Final, Hold
from hub.domain.ids import DEFAULT_TENANT, ConnectionId
from hub.ports.queue import DoneDelivery, Lapsed
from hub.ports.store import Store
from tests.support.arrivals import LEASE, T0, claim, complete, completion, fill, make_lane

LATER = T0 + timedelta(hours=1)


async def vanish(store: Store, lane: ConnectionId, cap: int = 100) -> Lapsed:
    """A worker claims and is never heard of again."""
    await claim(store, lane, cap, token="vanished")
    async with store.work() as work:
        return await work.expire_leases(LATER + LEASE)


async def crashes(store: Store, lane: ConnectionId) -> list[int]:
    """What the next worker is told, given back again."""
    claimed = await claim(store, lane, token="asks")
    async with store.work() as work:
        await work.release("asks", [one.delivery.id for one in claimed])
    return [one.delivery.crashes for one in claimed]


async def test_the_third_in_a_row_is_dead_and_its_key_goes_on(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 2, okey="k")
    for turn in range(1, CRASHES):
        lapsed = await vanish(store, lane.id)
        assert (lapsed.count, lapsed.dead) == (1, ())
        assert await crashes(store, lane.id) == [turn], "giving back clears nothing and counts nothing"
    lapsed = await vanish(store, lane.id)
    assert lapsed.count == 1
    ((dead, where),) = lapsed.dead
    assert where == lane.id
    async with store.look() as look:
        row = await look.delivery(DEFAULT_TENANT, dead)
        assert isinstance(row, DoneDelivery)
        assert (row.final, row.error, row.attempts) == (Final.DEAD, "crashed_worker", CRASHES)
        (group,) = await look.dead_groups(DEFAULT_TENANT)
    assert (group.count, group.error) == (1, "crashed_worker")
    (second,) = await claim(store, lane.id, now=LATER + LEASE)
    assert (second.delivery.id > dead, second.delivery.crashes) == (True, 0)


async def test_any_word_of_a_worker_clears_it(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 2)
    for _ in range(CRASHES - 1):
        await vanish(store, lane.id)
    later, held = await claim(store, lane.id)
    await complete(store, completion(later, Again(LATER)), completion(held, Hold("outcome_unknown")))
    async with store.look() as look:
        rows = [await look.delivery(DEFAULT_TENANT, one.delivery.id) for one in (later, held)]
    assert [row.crashes for row in rows if isinstance(row, Delivery)] == [0, 0]
    assert (await vanish(store, lane.id)).dead == ()


async def test_a_replay_begins_anew(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 1)
    for _ in range(CRASHES):
        lapsed = await vanish(store, lane.id)
    ((dead, _),) = lapsed.dead
    async with store.work() as work:
        fresh = await work.replay(DEFAULT_TENANT, dead, now=LATER, again=False)
    (again,) = await claim(store, lane.id)
    assert (again.delivery.id, again.delivery.crashes, again.delivery.attempt) == (fresh, 0, 1)


async def test_what_is_given_back_for_later_is_not_due_before(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 1)
    (one,) = await claim(store, lane.id)
    due = LATER + timedelta(seconds=1, microseconds=7)
    async with store.work() as work:
        assert await work.release("w1", [one.delivery.id], due) == 1
    assert await claim(store, lane.id, now=due - timedelta(microseconds=1)) == []
    (again,) = await claim(store, lane.id, now=due)
    assert (again.delivery.due_at, again.delivery.attempt) == (due, 1)
