"""Processes that share keys: hubs over one store and the same root keys, and all that is sealed in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hub.adapters.clock import ManualClock, SeededIds
from hub.adapters.vault import FieldVault, FileKeyring, RootKeys
from hub.app.hub import Hub
from hub.app.keys.exchange import DONE, Keys, Level
from hub.bootstrap import Parts, assemble
from hub.domain.ids import DEFAULT_TENANT
from hub.ports.store import Page, Store
from hub.ports.vault import SEALED_COLUMNS, Rotation
from tests.app.conftest import FEED, REPORT, action
from tests.app.conftest import rule as on
from tests.support.hubs import CATALOG, START, report
from tests.support.voices import RememberingMeter, ScriptedVendor, SharedSecretSignatures

TENANT = DEFAULT_TENANT
CONFIG = {
    "hirewire": 1,
    "connections": {"feed": FEED},
    "rules": {"all": on(REPORT, "report.overall.score", "gt", 1, action("feed", "event.send"))},
}


def make_hub(store: Store, roots: RootKeys, clock: ManualClock, seed: int = 7) -> tuple[Hub, ScriptedVendor]:
    """One process: its own vault over the shared store and the same root keys."""
    vendor = ScriptedVendor()
    parts = Parts(
        store=store,
        vault=FieldVault(roots, store, clock),  # type: ignore[arg-type]
        clock=clock,
        ids=SeededIds(clock, seed),
        meter=RememberingMeter(),
        catalog=CATALOG,
        transport=vendor,
        signatures=SharedSecretSignatures(),
    )
    return assemble(parts), vendor


async def fill(hub: Hub, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        await hub.ingest(TENANT, [report(key=f"r{number}", candidate=f"cand_{number % 7}")])


async def deliver(hub: Hub) -> None:
    while await hub.lanes.turn():
        await hub.lanes.idle()


async def everything(hub: Hub) -> dict[str, object]:
    """All that is sealed, opened: events, talks, secrets."""
    found: dict[str, object] = {}
    async with hub.store.look() as look:
        events = await look.events(TENANT, Page(500))
        deliveries = await look.deliveries(TENANT, Page(500))
        connections = await look.connections(TENANT)
    for event in events:
        found[event.id] = await hub.queries.data(event)
    for one in deliveries:
        found[f"dlv{one.id}"] = [view.talk for view in await hub.queries.attempts(TENANT, one.id)]
    for connection in connections:
        found[connection.name] = (await hub.channels.channel(replace(connection))).secrets
    return found


async def carry_out(keys: Keys, level: str) -> Rotation:
    one = [step async for step in keys.carry_out(Level.read(level))][-1]
    assert one.step == DONE
    return one


async def work_off(keys: Keys) -> None:
    await keys.set_apart()
    while await keys.advance():
        pass


async def key_ids(
    hub: Hub, columns: tuple[str, ...] = ("event_body.body", "attempt.talk", "connection.secrets")
) -> set[bytes]:
    shelf = hub.keys.shelf
    found = set()
    for column in SEALED_COLUMNS:
        if column.name in columns:
            found |= {value.envelope[4:20] for value in await shelf.sealed_window(column, "", 500)}
    return found


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def roots(tmp_path: Path) -> Callable[[], RootKeys]:
    return lambda: FileKeyring(tmp_path / "keyring.json")


async def filled(store: Store, roots: Callable[[], RootKeys], clock: ManualClock) -> Hub:
    hub, vendor = make_hub(store, roots(), clock)
    await hub.configure.apply(TENANT, CONFIG, "test")  # type: ignore[arg-type]
    vendor.answers(200)
    await fill(hub, 9)
    await deliver(hub)
    return hub
