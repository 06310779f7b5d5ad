"""Gathers what the ledger holds against each other: the record, the rules as they are written, the vendors' own logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from hub.adapters.twins import TwinClient
from hub.app.hub import Hub
from hub.app.queries import state_name
from hub.bootstrap import open_hub
from hub.cli.demo.effects import promise, received
from hub.cli.demo.ledger import Balance, Mark, Party, Row, balance, owed
from hub.domain.events import HOOK_RECEIVED, Event
from hub.domain.ids import DEFAULT_TENANT, RevisionId, RuleId
from hub.domain.rules import LiveRule, RuleIndex, compile_rule, parse
from hub.ports.arrivals import StoredEvent
from hub.ports.store import Page
from hub.settings import Settings

MANY = 500


@dataclass(frozen=True, slots=True)
class Proof:
    """The balance, and the sizes of what it was made of."""

    balance: Balance
    events: int
    effects: int
    hooks: int


async def prove(settings: Settings, file: Path, twins: dict[str, TwinClient], acknowledged: Sequence[str]) -> Proof:
    """Read everything there is and strike the balance. `acknowledged`: ids of events that the hub said it has."""
    opened = open_hub(settings)
    try:
        events = await read_events(opened.hub)
        parties, rows = await _parties(opened.hub), await _rows(opened.hub)
    finally:
        await opened.close()
    debts = owed(events, rules_of(file), parties)
    seen: Counter[Mark] = Counter()
    hooks: set[tuple[str, str]] = set()
    for vendor, twin in twins.items():
        seen += received(vendor, await twin.effects(), await twin.state())
        hooks |= {
            (vendor, str(line["id"]))
            for line in await twin.sent()
            if line["ok"] is True and str(line["kind"]).startswith("hook.")
        }
    missing = list(_missing(events, acknowledged, parties, hooks))
    struck = balance(debts, rows, [promise(debt) for debt in debts], seen, missing)
    return Proof(struck, len(events), sum(seen.values()), len(hooks))


async def read_events(hub: Hub) -> list[Event]:
    """All events with their data, oldest first."""
    found: list[StoredEvent] = []
    async with hub.store.look() as look:
        while page := await look.events(DEFAULT_TENANT, Page(MANY, found[-1].id if found else None)):
            found += page
    return [
        Event(
            id=e.id, tenant=e.tenant, type=e.type, version=e.version, source=e.source, key=e.key, subject=e.subject,
            data=await hub.queries.data(e), occurred_at=e.occurred_at, received_at=e.received_at, cause=e.cause,
        )
        for e in reversed(found)
    ]  # fmt: skip


def rules_of(file: Path) -> RuleIndex:
    """The rules as the configuration file says them, not as the hub keeps them."""
    rules = yaml.safe_load(file.read_text(encoding="utf-8"))["rules"]
    return RuleIndex(
        LiveRule(RuleId(n), RevisionId(n), name, compile_rule(parse(entry["rule"])))
        for n, (name, entry) in enumerate(rules.items(), 1)
    )


async def _parties(hub: Hub) -> dict[str, Party]:
    async with hub.store.look() as look:
        found = await look.connections(DEFAULT_TENANT)
    return {c.name: Party(c.id, c.name, c.connector, c.handle, c.config) for c in found}


async def _rows(hub: Hub) -> list[Row]:
    rows: list[Row] = []
    before: str | None = None
    async with hub.store.look() as look:
        while page := await look.deliveries(DEFAULT_TENANT, Page(MANY, before)):
            rows += [Row(d.event, d.connection, d.step, state_name(d)) for d in page]
            before = str(page[-1].id)
    return rows


def _missing(
    events: Sequence[Event], acknowledged: Iterable[str], parties: dict[str, Party], hooks: set[tuple[str, str]]
) -> Iterable[str]:
    """What was acknowledged, to us or to a vendor, and is not on record."""
    known = {str(event.id) for event in events}
    yield from (f"event {id} was acknowledged and is not on record" for id in acknowledged if id not in known)
    vendor_of = {f"/hooks/{party.handle}": party.vendor for party in parties.values()}
    taken = Counter(vendor_of[event.source] for event in events if event.type == HOOK_RECEIVED)
    told = Counter(vendor for vendor, _ in hooks)
    for vendor, count in told.items():
        if taken[vendor] < count:
            yield f"{count - taken[vendor]} acknowledged webhooks of {vendor} are not on record"
