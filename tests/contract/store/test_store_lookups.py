"""What candidates are found by, on every store: kept with the event that told it, gone with the last one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hub.domain.deliveries import Planned
from hub.domain.ids import DEFAULT_TENANT, EventId, TenantId
from hub.domain.retention import Kind
from hub.ports.lookup import Found
from hub.ports.store import Store
from tests.support.arrivals import accept, arrival, claim, complete, completion, make_lane, undone
from tests.support.stores import T0

TWO = TenantId(2)
OLD, NEW = b"o" * 16, b"n" * 16


def row(value: int, subject: str = "cand-1", tenant: TenantId = DEFAULT_TENANT, key: bytes = OLD) -> Found:
    return Found(tenant, b"%016d" % value, subject, key)


async def by(store: Store, *values: int, tenant: TenantId = DEFAULT_TENANT, limit: int = 100) -> list[str]:
    async with store.look() as look:
        return await look.subjects_by(tenant, [b"%016d" % value for value in values], limit)


async def test_rows_come_with_fresh_events_alone(store: Store) -> None:
    await accept(store, replace(arrival(1), lookups=(row(1), row(2), row(1))))
    await accept(store, replace(arrival(2, key="key-1"), lookups=(row(3),)))  # a repeat tells nothing
    async with undone(store) as work:
        await work.accept([replace(arrival(3), lookups=(row(4),))])
    assert [await by(store, n) for n in (1, 2, 3, 4)] == [["cand-1"], ["cand-1"], [], []]
    assert await by(store) == []


async def test_several_candidates_of_several_values_each_once(store: Store) -> None:
    async with store.work() as work:
        await work.add_lookups([])
        await work.add_lookups([row(1), row(1, "cand-2"), row(2, "cand-2"), row(1, "cand-9", TWO)])
        await work.add_lookups([row(1, key=NEW)])  # it is there already
    assert await by(store, 1, 2) == ["cand-1", "cand-2"]
    assert await by(store, 1, 2, limit=1) == ["cand-1"]
    assert await by(store, 1, tenant=TWO) == ["cand-9"]


async def test_rows_of_other_keys_are_walked_along_and_removed(store: Store) -> None:
    async with store.work() as work:
        await work.add_lookups(
            [*(row(n, f"cand-{n}") for n in range(5)), row(9, "cand-1", key=NEW), row(1, "cand-3", TWO)]
        )
    async with store.look() as look:
        assert await look.lookup_subjects(DEFAULT_TENANT, NEW, "", 2) == ["cand-0", "cand-1"]
        assert await look.lookup_subjects(DEFAULT_TENANT, NEW, "cand-1", 9) == ["cand-2", "cand-3", "cand-4"]
        assert await look.lookup_subjects(DEFAULT_TENANT, OLD, "", 9) == ["cand-1"]
    async with store.work() as work:
        assert await work.drop_lookups(DEFAULT_TENANT, "cand-1", but=NEW) == 1
    assert (await by(store, 1), await by(store, 9)) == ([], ["cand-1"])
    async with store.work() as work:
        assert await work.drop_lookups(DEFAULT_TENANT, "cand-1") == 1
        assert await work.drop_lookups(DEFAULT_TENANT, "cand-1") == 0
        assert await work.drop_lookups(DEFAULT_TENANT, "cand-3") == 1
    assert await by(store, 0, 1, 2, 3, 4, 9) == ["cand-0", "cand-2", "cand-4"]
    assert await by(store, 1, tenant=TWO) == ["cand-3"]


async def test_with_the_last_event_about_a_candidate_its_rows_go(store: Store) -> None:
    late = T0 + timedelta(days=30)
    await accept(
        store,
        replace(arrival(1, subject="cand-1"), lookups=(row(1),)),
        replace(arrival(2, subject="cand-2"), lookups=(row(2, "cand-2"),)),
    )
    kept = arrival(3, subject="cand-2", received_at=late)
    stamp = int(late.timestamp() * 1000)
    kept = replace(kept, event=replace(kept.event, id=EventId(f"evt_{stamp:012x}7{0:019x}")))
    await accept(store, kept)
    async with store.work() as work:
        removed = await work.remove(Kind.EVENTS, {Kind.EVENTS: T0 + timedelta(days=1)})
    assert removed.rows == 2
    assert (await by(store, 1), await by(store, 2)) == ([], ["cand-2"])


async def test_a_vendors_ids_are_found_as_deliveries_taught_them(store: Store) -> None:
    lane, other = await make_lane(store, "ats"), await make_lane(store, "hris", TWO)
    await accept(store, arrival(1, Planned(lane.id, "a"), subject="cand-7"))
    [claimed] = await claim(store, lane.id)
    await complete(store, completion(claimed, refs={"candidate": "V-1"}))
    async with store.look() as look:
        assert await look.subjects_with_ref(DEFAULT_TENANT, [lane.id], "V-1") == ["cand-7"]
        assert await look.subjects_with_ref(DEFAULT_TENANT, [lane.id], "v-1") == []
        assert await look.subjects_with_ref(DEFAULT_TENANT, [], "V-1") == []
        assert await look.subjects_with_ref(TWO, [lane.id, other.id], "V-1") == []
