"""Who is on the way abroad has a place: nobody else gets it, it ends with the try's record, and a lost try is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from hub.domain.border import ANYWHERE, Crossing, Standing, Tally
from hub.domain.ids import DEFAULT_TENANT as ONE
from hub.domain.ids import TenantId
from hub.ports.queue import Claimed
from hub.ports.store import Store
from tests.support.arrivals import claim, complete, completion, fill, make_lane
from tests.support.stores import T0

LATER = T0 + timedelta(minutes=10)


def crossing(person: str = "cand-1", data_class: int = 3, region: str = "us", **fields: object) -> Crossing:
    return replace(Crossing(ONE, 2026, region, person, data_class), **fields)  # type: ignore[arg-type]


async def tries(store: Store, many: int) -> list[Claimed]:
    lane = await make_lane(store)
    await fill(store, lane.id, many)
    return await claim(store, lane.id, many)


async def set_out(store: Store, one: Claimed, which: Crossing) -> None:
    async with store.work() as work:
        await work.at_border(which)
        await work.set_out(which, one.delivery, LATER)


async def standing(store: Store, which: Crossing) -> dict[str, Standing]:
    async with store.work() as work:
        return await work.at_border(which)


async def counted(store: Store) -> dict[str, Tally]:
    async with store.look() as look:
        return await look.tallies(ONE, 2026)


async def test_who_is_under_way_is_seen_once_by_the_highest_class_and_only_where_it_goes(store: Store) -> None:
    one, two, three, four = await tries(store, 4)
    assert await standing(store, crossing()) == {"us": Standing(Tally(), None), "*": Standing(Tally(), None)}
    await set_out(store, one, crossing())
    await set_out(store, two, crossing(data_class=4))
    await set_out(store, three, crossing("cand-2", 2, "eu"))
    await set_out(store, four, crossing("cand-3", tenant=TenantId(2)))
    assert await standing(store, crossing()) == {"us": Standing(Tally(1, 1, 1), 4), "*": Standing(Tally(2, 1, 1), 4)}
    new = await standing(store, crossing("cand-9", 3, "eu"))
    assert new == {"eu": Standing(Tally(1, 0, 0), None), "*": Standing(Tally(2, 1, 1), None)}
    assert (await standing(store, crossing(year=2027)))["us"] == Standing(Tally(), None)
    assert (await counted(store)).get(ANYWHERE, Tally()) == Tally()  # nobody has arrived


async def test_who_was_counted_before_counts_only_by_what_is_more(store: Store) -> None:
    one, two = await tries(store, 2)
    async with store.work() as work:
        await work.add_crossings([crossing(), crossing("cand-2", 4)], T0)
    await set_out(store, one, crossing(data_class=4))
    await set_out(store, two, crossing("cand-2"))
    assert (await standing(store, crossing("cand-2")))["us"] == Standing(Tally(2, 2, 2), 4)


async def test_a_record_ends_the_way_of_its_own_try_and_counts_who_arrived(store: Store) -> None:
    one, two = await tries(store, 2)
    await set_out(store, one, crossing())
    await set_out(store, two, crossing("cand-2"))
    nowhere = replace(completion(two), crossing=crossing("cand-2"), reached=False)
    await complete(store, replace(completion(one), crossing=crossing()), nowhere)
    assert await counted(store) == {"*": Tally(1, 1, 0), "us": Tally(1, 1, 0)}
    assert (await standing(store, crossing("cand-2")))["us"] == Standing(Tally(1, 1, 0), None)


async def test_a_late_record_leaves_the_place_of_the_try_that_came_after_it(store: Store) -> None:
    [one] = await tries(store, 1)
    again = replace(one, delivery=replace(one.delivery, run_lease=one.delivery.run_lease + 1))
    await set_out(store, one, crossing())
    await set_out(store, again, crossing())
    await complete(store, replace(completion(one), crossing=crossing(), reached=False))
    assert (await standing(store, crossing("cand-2")))["us"] == Standing(Tally(1, 1, 0), None)


async def test_a_try_that_is_never_recorded_is_counted_when_its_time_is_over(store: Store) -> None:
    one, two, three = await tries(store, 3)
    for which, name in ((one, "cand-1"), (two, "cand-2"), (three, "cand-1")):
        await set_out(store, which, crossing(name))
    async with store.work() as work:
        assert await work.count_overdue(LATER - timedelta(seconds=1)) == 0
        assert await work.count_overdue(LATER, limit=1) == 1
        assert await work.count_overdue(LATER) == 2
        assert await work.count_overdue(LATER) == 0
    assert await counted(store) == {"*": Tally(2, 2, 0), "us": Tally(2, 2, 0)}
    await complete(store, replace(completion(one), crossing=crossing()))  # it lived after all
    assert (await counted(store))["*"] == Tally(2, 2, 0)


async def test_the_last_places_are_given_away_once_whoever_asks_at_the_same_time(
    store: Store, open_another: Callable[[], Store]
) -> None:
    stores, places = [store, open_another(), open_another()], 7
    all_tries = await tries(store, 30)

    async def leaves(number: int, one: Claimed) -> bool:
        mine = crossing(f"cand-{number}")
        async with stores[number % 3].work() as work:
            if (await work.at_border(mine))[ANYWHERE].tally.persons >= places:
                return False
            await work.set_out(mine, one.delivery, LATER)
        return True

    left = await asyncio.gather(*(leaves(number, one) for number, one in enumerate(all_tries)))
    assert sum(left) == places
