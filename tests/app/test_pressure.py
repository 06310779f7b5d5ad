"""Back-pressure: 503 with Retry-After before anything is accepted, on every store, and work again once there is room."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.adapters.clock import ManualClock
from hub.adapters.memory import MemoryStore
from hub.app.pressure import Bounds, Pressure
from hub.domain.errors import Unauthorized, Unavailable
from hub.domain.ids import TenantId
from hub.ports.store import Page, Store
from hub.ports.vitals import StoreVitals
from tests.app.conftest import CHECKS, HIGH_SCORE, REFERRALS
from tests.app.test_vendors_answer import GOOD, completed
from tests.support.hubs import START, TENANT, Bench, bench, report


async def made(store: Store | None, bounds: Bounds) -> Bench:
    b = bench(store, bounds=bounds)
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"referrals": REFERRALS}, "rules": {"high score": HIGH_SCORE}})
    return b


async def refused(b: Bench, key: str) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        await b.accept(report(key=key, candidate=key))
    return caught.value


async def test_nothing_is_accepted_while_too_much_is_owed(store: Store) -> None:
    b = await made(store, Bounds(owed=5))
    for n in range(5):
        await b.accept(report(key=f"r{n}", candidate=f"c{n}"))
    error = await refused(b, "r5")
    assert (error.code, error.after) == ("backlog_full", 10)
    b.clock.advance(2)
    assert (await refused(b, "r5")).code == "backlog_full"  # by the look at the store too
    async with store.look() as look:
        assert len(await look.events(TENANT, Page(50))) == 5
    assert b.meter.refusals == ["backlog", "backlog"]
    b.vendor.answers(201, b'{"referral": {"id": "r"}}')
    await b.deliver()
    b.clock.advance(60)
    await b.accept(report(key="r5", candidate="r5"))


async def test_a_tenant_that_owes_too_much_does_not_stop_another(store: Store) -> None:
    b = await made(store, Bounds(owed_by_tenant=2))
    await b.accept(report(key="a", candidate="a"), report(key="b", candidate="b"))
    b.clock.advance(2)
    assert (await refused(b, "c")).code == "backlog_full"
    assert b.meter.refusals == ["tenant_backlog"]
    await b.hub.ingest.pressure(TenantId(2))


async def test_another_process_s_acceptance_counts_at_the_next_look(store: Store) -> None:
    one, other = await made(store, Bounds(owed=3)), bench(store, bounds=Bounds(owed=3), seed=8)
    await other.accept(*[report(key=f"r{n}", candidate=f"c{n}") for n in range(3)])
    one.clock.advance(2)
    assert (await refused(one, "x")).code == "backlog_full"


class Seen(MemoryStore):
    """A store on a disk with so much room, that counts how often it is asked."""

    free: int | None = 0
    looks = 0

    async def vitals(self) -> StoreVitals:
        self.looks += 1
        return replace(await super().vitals(), free=self.free)


async def test_nothing_is_accepted_on_a_full_disk_and_the_store_is_asked_once_a_second() -> None:
    clock = ManualClock(START)
    store = Seen(clock)
    store.free = 99
    b = bench(store, clock=clock, bounds=Bounds(free=100))
    for _ in range(5):
        error = await refused(b, "a")
        assert (error.code, error.after) == ("disk_low", 60)
    assert store.looks == 1
    store.free = 100
    clock.advance(1)
    await b.accept(report())
    store.free = None  # a disk that is elsewhere is not asked for again
    clock.advance(1)
    await b.accept(report(key="b"))
    clock.advance(1)
    await b.accept(report(key="c"))
    assert store.looks == 3


async def test_a_store_that_cannot_be_asked_is_not_a_full_one() -> None:
    class Away(MemoryStore):
        async def vitals(self) -> StoreVitals:
            raise Unavailable("away", code="store_unavailable")

    clock = ManualClock(START)
    b = bench(Away(clock), clock=clock)
    await b.accept(report())
    assert ("pressure.unseen", {"code": "store_unavailable"}) in b.meter.notes


async def test_a_dear_look_is_taken_more_rarely() -> None:
    clock = ManualClock(START)

    class Slow(Seen):
        free = 10**12

        async def vitals(self) -> StoreVitals:
            clock._passed += clock._passed.resolution * 500_000  # half a second
            return await super().vitals()

    store = Slow(clock)
    pressure = Pressure(store, clock, bench(store, clock=clock).meter, Bounds())
    await pressure(TENANT)
    clock.advance(20)
    await pressure(TENANT)
    assert store.looks == 1
    clock.advance(6)
    await pressure(TENANT)
    assert store.looks == 2


async def test_a_webhook_is_refused_the_same_way_once_it_proved_itself() -> None:
    full = await made(None, Bounds(owed=1))
    await full.configure({"connections": {"checks": CHECKS}})
    await full.accept(report())
    async with full.hub.store.look() as look:
        connection = await look.connection(TENANT, "checks")
    assert connection is not None
    with pytest.raises(Unauthorized):  # strangers do not learn how we are
        await full.hub.receive(connection.handle, {}, completed())
    with pytest.raises(Unavailable) as caught:
        await full.hub.receive(connection.handle, GOOD, completed())
    assert caught.value.code == "backlog_full"
    assert full.meter.refusals == ["backlog"]
