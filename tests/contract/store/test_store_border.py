"""Who was sent abroad is counted once and for good, whoever counts at the same time; what is held at the border is found."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from hub.domain.border import Crossing, Kept, Tally
from hub.domain.consents import Awaited
from hub.domain.deliveries import Again, Delivery, Hold
from hub.domain.ids import DEFAULT_TENANT as ONE
from hub.domain.ids import TenantId
from hub.ports.border import KeptDeliveries
from hub.ports.store import Page, Store
from tests.support.arrivals import claim, complete, completion, fill, make_lane, undone
from tests.support.stores import T0

LIMIT = Kept("border_limit", "us", "sensitive")
CLASS = Kept("class_4_not_approved", "us")


def crossing(person: str = "cand-1", data_class: int = 3, region: str = "us", **fields: object) -> Crossing:
    return replace(Crossing(ONE, 2026, region, person, data_class), **fields)  # type: ignore[arg-type]


async def count(store: Store, *crossings: Crossing) -> None:
    async with store.work() as work:
        await work.add_crossings(crossings, T0)


async def tallies(store: Store, tenant: TenantId = ONE, year: int = 2026) -> dict[str, Tally]:
    async with store.look() as look:
        return await look.tallies(tenant, year)


async def test_a_person_counts_once_a_year_and_region_by_the_highest_class(store: Store) -> None:
    await count(store)
    assert await tallies(store) == {}
    await count(store, crossing(), crossing(), crossing("cand-2", 2), crossing("cand-1", 4, "eu"))
    await count(store, crossing("cand-2", 3), crossing("cand-1", 2))
    assert await tallies(store) == {"*": Tally(2, 2, 1), "eu": Tally(1, 1, 1), "us": Tally(2, 2, 0)}
    await count(store, crossing("cand-2", 4), crossing("cand-2", 4))
    assert (await tallies(store))["us"] == Tally(2, 2, 1)
    assert (await tallies(store))["*"] == Tally(2, 2, 2)
    await count(store, crossing(year=2027), crossing(tenant=TenantId(2)))
    assert await tallies(store, year=2027) == {"*": Tally(1, 1, 0), "us": Tally(1, 1, 0)}
    assert await tallies(store, TenantId(2)) == {"*": Tally(1, 1, 0), "us": Tally(1, 1, 0)}
    async with store.look() as look:
        assert await look.crossed(ONE, 2026, "cand-1") == {"*": 4, "eu": 4, "us": 3}
        assert await look.crossed(ONE, 2026, "cand-9") == {}


async def test_what_is_taken_back_was_never_counted(store: Store) -> None:
    async with undone(store) as work:
        await work.add_crossings([crossing()], T0)
    assert await tallies(store) == {}
    await count(store, crossing())
    assert (await tallies(store))["*"] == Tally(1, 1, 0)


async def test_many_who_count_the_same_persons_at_once_count_each_once(
    store: Store, open_another: Callable[[], Store]
) -> None:
    stores = [store, open_another(), open_another()]
    persons = [f"cand-{n}" for n in range(40)]

    async def run(which: int) -> None:
        mine = persons[which:] + persons[:which]
        for at in range(0, len(mine), 7):
            await count(stores[which % 3], *[crossing(one, 3 + (which % 2)) for one in reversed(mine[at : at + 7])])

    await asyncio.gather(*(run(which) for which in range(6)))
    assert await tallies(store) == {"*": Tally(40, 40, 40), "us": Tally(40, 40, 40)}


async def test_a_try_is_recorded_with_its_crossing_or_not_at_all(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 2)
    one, two = await claim(store, lane.id)
    retry = completion(two, Again(T0 + timedelta(hours=2)))
    await complete(store, replace(completion(one), crossing=crossing()), replace(retry, crossing=crossing("cand-2", 4)))
    assert (await tallies(store))["*"] == Tally(2, 2, 1)
    late = replace(completion(one), crossing=crossing())
    assert await complete(store, late) == {one.delivery.id}  # it did go there, once more
    assert (await tallies(store))["*"] == Tally(2, 2, 1)


async def test_who_was_counted_is_forgotten_and_the_counts_stay(store: Store) -> None:
    await count(store, *[crossing(f"cand-{n}", year=2022) for n in range(3)], crossing())
    async with store.work() as work:
        assert await work.forget_crossings(2023, limit=4) == 4
        assert await work.forget_crossings(2023) == 2
        assert await work.forget_crossings(2023) == 0
        assert await work.crossed(ONE, 2022, "cand-1") == {}
        assert await work.crossed(ONE, 2026, "cand-1") == {"*": 3, "us": 3}
    assert (await tallies(store, year=2022))["*"] == Tally(3, 3, 0)


async def states(store: Store) -> list[str]:
    async with store.look() as look:
        found = await look.deliveries(ONE, Page(50))
    return [one.state.name if isinstance(one, Delivery) else str(one.final) for one in reversed(found)]


async def test_what_is_held_at_the_border_is_let_across_by_its_reason(store: Store) -> None:
    lane = await make_lane(store)
    await fill(store, lane.id, 5)
    tries = await claim(store, lane.id)
    reasons = (LIMIT, LIMIT, CLASS, None, None)
    held = [replace(completion(one, Hold("x"), error="x"), kept=why) for one, why in zip(tries, reasons, strict=True)]
    consent = replace(held[4], awaits=Awaited(ONE, "cand-1", "background_check"))
    await complete(store, *held[:4], consent)
    async with store.work() as work:
        assert await work.kept_at_border() == [
            KeptDeliveries(ONE, lane.id, LIMIT, 2), KeptDeliveries(ONE, lane.id, CLASS, 1),
        ]  # fmt: skip
        assert await work.awaiting_consent() == {"background_check": 1}
        assert await work.let_across(TenantId(2), lane.id, LIMIT) == 0
        assert await work.let_across(ONE, lane.id, Kept("border_limit", "us", "persons")) == 0
        assert await work.let_across(ONE, lane.id, LIMIT, 1) == 1
        assert await work.kept_at_border() == [
            KeptDeliveries(ONE, lane.id, LIMIT, 1), KeptDeliveries(ONE, lane.id, CLASS, 1),
        ]  # fmt: skip
        assert await work.let_across(ONE, lane.id, LIMIT) == 1
    assert await states(store) == ["READY", "READY", "HELD", "HELD", "HELD"]
    again = await claim(store, lane.id)
    await complete(store, *[completion(one, Hold("x"), error="x") for one in again])
    async with store.look() as look:
        assert [one.kept for one in await look.kept_at_border()] == [CLASS]  # nothing of the old reason is left


async def test_a_policy_is_kept_for_each_tenant_and_counts_as_a_change(store: Store) -> None:
    async with store.work() as work:
        before = await work.config_version()
        await work.put_border_policy(ONE, {"limits": {"persons": 5}})
        await work.put_border_policy(ONE, {"limits": {"persons": 6}, "consent": ["*"]})
        assert await work.config_version() > before
    async with store.look() as look:
        assert await look.border_policy(ONE) == {"limits": {"persons": 6}, "consent": ["*"]}
        assert await look.border_policy(TenantId(2)) is None
