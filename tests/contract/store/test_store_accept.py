"""Accepting events: once per identity, whole or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.domain.deliveries import Planned, State
from hub.domain.errors import Invalid
from hub.domain.events import Cause
from hub.domain.ids import DEFAULT_TENANT, ConnectionId, DeliveryId, RevisionId, TenantId
from hub.ports.store import Page, Store
from tests.support.arrivals import accept, arrival, busy, event, event_number, make_lane, undone
from tests.support.stores import T0


async def test_an_event_comes_back_as_it_was_told(store: Store) -> None:
    first, told = event(1), event(2, cause=Cause(event_number(1), DeliveryId(7)), subject=None)
    async with store.work() as work:
        await work.accept([arrival(1)])
        receipts = await work.accept([arrival(2, cause=told.cause, subject=None)])
    assert [(receipt.id, receipt.fresh, receipt.clash) for receipt in receipts] == [(told.id, True, False)]
    async with store.look() as look:
        assert await look.event(DEFAULT_TENANT, first.id) == first
        assert await look.event(DEFAULT_TENANT, told.id) == told
        assert await look.event(TenantId(2), told.id) is None
        assert await look.event(DEFAULT_TENANT, event_number(9)) is None


async def test_planned_deliveries_are_stored_with_the_event(store: Store) -> None:
    lane = await make_lane(store)
    due, over = T0 + timedelta(minutes=1, microseconds=7), T0 + timedelta(days=1)
    await accept(store, arrival(1, Planned(lane.id, "write"), Planned(lane.id, "mail", RevisionId(5), None, due, over)))
    async with store.look() as look:
        mail, write = await look.deliveries(DEFAULT_TENANT, Page(), event=event_number(1))
    assert (write.step, write.state, write.attempt, write.run_lease, write.due_at) == ("write", State.READY, 0, 0, T0)
    assert (mail.step, mail.revision, mail.due_at, mail.expires_at, mail.received_at) == ("mail", 5, due, over, T0)
    assert mail.id > write.id


async def test_a_repeat_is_known_and_owes_nothing_more(store: Store) -> None:
    lane = await make_lane(store)
    plan = Planned(lane.id, "write")
    await accept(store, arrival(1, plan, key="same"))
    again, other = await accept(store, arrival(2, plan, key="same"), arrival(3, plan, key="other"))
    assert (again.id, again.fresh, again.clash) == (event_number(1), False, False)
    assert (other.id, other.fresh) == (event_number(3), True)
    async with store.look() as look:
        assert len(await look.deliveries(DEFAULT_TENANT, Page())) == 2
        assert await look.event(DEFAULT_TENANT, event_number(2)) is None


async def test_a_repeat_inside_one_batch_counts_as_a_repeat(store: Store) -> None:
    receipts = await accept(
        store, arrival(1, key="k"), arrival(2, key="k"), arrival(3, key="k", content=b"else"), arrival(4)
    )
    assert [(receipt.id, receipt.fresh, receipt.clash) for receipt in receipts] == [
        (event_number(1), True, False),
        (event_number(1), False, False),
        (event_number(1), False, True),
        (event_number(4), True, False),
    ]


async def test_the_same_identity_with_other_content_is_a_clash(store: Store) -> None:
    await accept(store, arrival(1, key="k", content=b"one"))
    (receipt,) = await accept(store, arrival(2, key="k", content=b"two"))
    assert (receipt.id, receipt.fresh, receipt.clash) == (event_number(1), False, True)


async def test_identity_is_tenant_source_and_key(store: Store) -> None:
    one = event(1, key="k")
    arrivals = [replace(one, id=event_number(2), source="/other"), replace(one, id=event_number(3), tenant=TenantId(2))]
    joined = replace(one, id=event_number(4), source="/engine/k", key="")
    plain = [replace(arrival(1), event=event_) for event_ in (one, *arrivals, joined)]
    assert all(receipt.fresh for receipt in await accept(store, *plain))


async def test_a_hundred_at_once_with_one_key_make_one_event(store: Store, open_another) -> None:
    lane = await make_lane(store)
    stores = [store, open_another(), open_another()]

    async def tell(number: int) -> bool:
        (receipt,) = await accept(
            stores[number % 3], arrival(number, Planned(lane.id, "write", okey="cand-1"), key="same")
        )
        return receipt.fresh

    fresh = await asyncio.gather(*(tell(number) for number in range(1, 101)))
    assert sum(fresh) == 1
    async with store.look() as look:
        assert len(await look.events(DEFAULT_TENANT, Page())) == 1
        assert len(await look.deliveries(DEFAULT_TENANT, Page())) == 1


async def test_batches_with_the_same_keys_in_other_orders_do_not_lock_each_other(store: Store, open_another) -> None:
    lane = await make_lane(store)
    stores = [store, open_another()]

    async def tell(round_: int) -> int:
        numbers = list(range(1, 21))
        if round_ % 2:
            numbers.reverse()
        receipts = await accept(
            stores[round_ % 2],
            *[
                arrival(1000 * round_ + n, Planned(lane.id, "s", okey=f"c{n}"), key=f"k{n}", subject=f"c{n}")
                for n in numbers
            ],
        )
        return sum(receipt.fresh for receipt in receipts)

    assert sum(await asyncio.gather(*(tell(round_) for round_ in range(1, 9)))) == 20


async def test_an_error_leaves_nothing(store: Store) -> None:
    lane = await make_lane(store)
    async with undone(store) as work:
        await work.accept([arrival(1, Planned(lane.id, "write", okey="k"))])
    async with store.look() as look:
        assert await look.events(DEFAULT_TENANT, Page()) == []
        assert await look.deliveries(DEFAULT_TENANT, Page()) == []
        assert busy(await look.busy_lanes(T0 + timedelta(hours=1))) == []
    (receipt,) = await accept(store, arrival(2, key="key-1"))
    assert receipt.fresh


async def test_what_is_not_committed_is_not_seen(store: Store, open_another) -> None:
    other = open_another()
    if other is store:
        pytest.skip("one object: a look waits for the open transaction")
    async with store.work() as work:
        await work.accept([arrival(1)])
        async with other.look() as look:
            assert await look.events(DEFAULT_TENANT, Page()) == []
    async with other.look() as look:
        assert len(await look.events(DEFAULT_TENANT, Page())) == 1


async def test_an_empty_batch_is_no_work(store: Store) -> None:
    assert await accept(store) == []


async def test_events_are_listed_newest_first_by_pages(store: Store) -> None:
    await accept(
        store,
        *[arrival(n, subject=f"cand-{n % 2}", type="a.b" if n < 4 else "c.d") for n in range(1, 7)],
        arrival(7, tenant=TenantId(2)),
    )
    async with store.look() as look:
        page = await look.events(DEFAULT_TENANT, Page(limit=2))
        assert [one.id for one in page] == [event_number(6), event_number(5)]
        page = await look.events(DEFAULT_TENANT, Page(limit=3, before=page[-1].id))
        assert [one.id for one in page] == [event_number(4), event_number(3), event_number(2)]
        assert [one.id for one in await look.events(DEFAULT_TENANT, Page(), type="a.b", subject="cand-1")] == [
            event_number(3),
            event_number(1),
        ]
        with pytest.raises(Invalid):
            await look.events(DEFAULT_TENANT, Page(before="evt_7"))
        assert (await look.totals(DEFAULT_TENANT))["events"] == 6
        assert ConnectionId(1) not in busy(await look.busy_lanes(T0))


async def test_a_list_without_bodies_says_everything_else(store: Store) -> None:
    await accept(store, arrival(1), arrival(2, subject=None))
    async with store.look() as look:
        whole = await look.events(DEFAULT_TENANT, Page())
        bare = await look.events(DEFAULT_TENANT, Page(), bodies=False)
    assert bare == [replace(one, body=b"") for one in whole]
