"""Two tenants on one hub: each one's events, rules, deliveries and waits are its own, and all of them go on."""

from __future__ import annotations

import pytest

from hub.app.delivery.lanes import LaneLoop
from hub.domain.deliveries import Final
from hub.domain.ids import DEFAULT_TENANT, TenantId
from hub.ports.queue import DoneDelivery
from hub.ports.store import Page, Store
from mappings.documents import Document
from tests.app.conftest import REPORT, action
from tests.support.hubs import Bench, bench, report

ONE, TWO, THREE = DEFAULT_TENANT, TenantId(2), TenantId(3)


def site(name: str) -> Document:
    """A connection of this name's own, and a rule that owes it every report, at once and a day later."""
    steps = [
        action(name, "event.send"),
        {"kind": "delay", "id": "d", "for": "P1D"},
        {**action(name, "event.send"), "id": "later"},
    ]
    return {
        "connections": {name: {"connector": "webhook", "config": {"url": f"https://{name}.example/in"}}},
        "rules": {"all": {"rule": {"schema": 1, "trigger": {"event": REPORT}, "then": steps}}},
    }  # fmt: skip


async def tenants(store: Store | None = None) -> Bench:
    b = bench(store)
    for tenant, name in ((ONE, "one"), (TWO, "two"), (THREE, "three")):
        await b.hub.vault.prepare(tenant)
        await b.hub.configure.apply(tenant, {"hirewire": 1, **site(name)}, "test")
    return b


async def ends(b: Bench, tenant: TenantId) -> list[Final | None]:
    async with b.hub.store.look() as look:
        found = await look.deliveries(tenant, Page(50))
    return [one.final if isinstance(one, DoneDelivery) else None for one in found]


async def test_every_tenants_deliveries_go_to_its_own_vendors(store: Store) -> None:
    b = await tenants(store)
    b.vendor.answers(200, b"{}")
    for tenant, count in ((TWO, 3), (ONE, 1), (THREE, 2)):
        await b.hub.ingest(tenant, [report(key=f"r{n}", candidate=f"cand_{n}") for n in range(count)])
    await b.advance()
    await b.deliver()
    for tenant, count in ((ONE, 1), (TWO, 3), (THREE, 2)):
        assert await ends(b, tenant) == [Final.DELIVERED] * count
    hosts = sorted(one.url.split("//")[1].split(".")[0] for one in b.vendor.asked)
    assert hosts == ["one", "three", "three", "two", "two", "two"]
    b.clock.advance(86_401)
    await b.advance()
    await b.deliver()
    assert await ends(b, THREE) == [Final.DELIVERED] * 4


async def test_a_loop_that_knows_one_tenants_connections_turns_it_red(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: it was so until there was this test."""

    async def only_ours(loop: LaneLoop, _: object) -> object:
        return (await loop.library.book(ONE)).by_id

    monkeypatch.setattr(LaneLoop, "_connections", only_ours)
    b = await tenants()
    b.vendor.answers(200, b"{}")
    for tenant in (ONE, TWO):
        await b.hub.ingest(tenant, [report()])
    await b.advance()
    await b.deliver()
    assert (await ends(b, ONE), await ends(b, TWO)) == ([Final.DELIVERED], [None])


async def test_a_tenant_that_comes_while_others_are_busy_is_not_kept_waiting() -> None:
    b = await tenants()
    b.vendor.answers(200, b"{}")
    await b.hub.ingest(ONE, [report(key="r1")])
    await b.advance()
    assert await b.hub.lanes.turn()
    await b.hub.ingest(TWO, [report(key="r1")])
    await b.advance()
    while await b.hub.lanes.turn():
        pass
    await b.hub.lanes.idle()
    assert await ends(b, TWO) == [Final.DELIVERED]
