"""A candidate's key is stored with what it sealed, on every store; of two that are drafted at once, one counts."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

from hub.domain.ids import DEFAULT_TENANT, EventId
from hub.ports.arrivals import Arrival
from hub.ports.store import Page, Store
from hub.ports.vault import KeyRow, subject_owner
from tests.support.arrivals import accept, arrival, event_number
from tests.support.hubs import bench, report

OWNER = ("subject:cand_1", "pii")


def key(number: int, owner: str = OWNER[0]) -> KeyRow:
    return KeyRow(bytes([number]) * 16, DEFAULT_TENANT, OWNER[1], "aa" * 16, "active", b"w" * 40, b"c" * 32, owner)


def drafted(number: int, row: KeyRow) -> Arrival:
    return replace(arrival(number), key=row)


async def stored(store: Store) -> list[EventId]:
    async with store.look() as look:
        return [event.id for event in await look.events(DEFAULT_TENANT, Page())]


async def test_a_drafted_key_is_stored_with_the_event(store: Store) -> None:
    receipts = await accept(store, drafted(1, key(1)), drafted(2, key(1)), drafted(3, key(3, "subject:cand_3")))
    assert [(one.fresh, one.taken) for one in receipts] == [(True, False)] * 3
    assert await store.owner_keys(DEFAULT_TENANT, {OWNER}) == [key(1)]  # type: ignore[attr-defined]


async def test_a_key_that_was_stored_before_by_the_same_draft_is_ours(store: Store) -> None:
    await accept(store, drafted(1, key(1)))
    [again] = await accept(store, drafted(2, key(1)))
    assert (again.fresh, again.taken) == (True, False)


async def test_what_another_key_sealed_is_not_stored_and_the_rest_is(store: Store) -> None:
    await accept(store, drafted(1, key(1)))
    others = [drafted(2, key(2)), arrival(3), drafted(4, key(4, "subject:cand_4")), drafted(5, key(2))]
    receipts = await accept(store, *others)
    assert [(one.fresh, one.taken) for one in receipts] == [(False, True), (True, False), (True, False), (False, True)]
    assert sorted(await stored(store)) == [event_number(n) for n in (1, 3, 4)]
    assert await store.owner_keys(DEFAULT_TENANT, {OWNER}) == [key(1)]  # type: ignore[attr-defined]


async def test_a_transaction_that_fails_stores_no_event_under_a_key(store: Store) -> None:
    with contextlib.suppress(LookupError):
        async with store.work() as work:
            await work.accept([drafted(1, key(1))])
            raise LookupError
    assert await stored(store) == []
    [receipt] = await accept(store, drafted(1, key(1)))
    assert (receipt.fresh, receipt.taken) == (True, False)


async def test_of_two_processes_at_once_both_events_open(store: Store) -> None:
    """Each drafts its own key before either has stored one."""
    one, other = bench(store), bench(store, seed=8)
    other.clock.advance((one.clock.now() - other.clock.now()).total_seconds())
    many = [report(key=f"{side}{number}", candidate=f"cand_{number % 7}") for side in "ab" for number in range(40)]
    async with asyncio.TaskGroup() as group:
        for number, told in enumerate(many):
            group.create_task((one if number < 40 else other).hub.ingest(DEFAULT_TENANT, [told]))
    assert len(await one.events()) == len(await other.events()) == len(many)


async def test_a_draft_that_lost_is_drafted_anew() -> None:
    late = bench()
    await late.hub.vault.draft(DEFAULT_TENANT, [subject_owner(report().subject)])
    first = bench(late.hub.store, seed=9)
    told = [*await first.accept(report(key="first")), *await late.accept(report(key="late"))]
    assert sorted(await stored(late.hub.store)) == sorted(told)
    assert len(await late.events()) == len(await first.events()) == 2
