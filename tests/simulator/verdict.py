"""The books at the end of a world: accepted = delivered + dead + pending, nothing lost, one effect each, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from hub.domain.connections import Connection, Ordering
from hub.domain.deliveries import Delivery, Final, State
from hub.domain.ids import ConnectionId, EventId, TenantId
from hub.ports.queue import DoneDelivery
from hub.ports.store import Page, Store
from tests.simulator.ledger import Ledger
from tests.simulator.vendors import KILLER, POISON

Row = Delivery | DoneDelivery
MANY = Page(100_000)


async def judge(ledger: Ledger, store: Store, tenant: TenantId) -> None:
    """Accuse whatever does not add up."""
    async with store.look() as look:
        stored = await look.events(tenant, MANY)
        rows = await look.deliveries(tenant, MANY)
        names = {one.id: one for one in await look.connections(tenant)}
        attempts = {row.id: await look.attempts(tenant, row.id) for row in rows}
    events = {event.key: event for event in stored}
    if len(stored) != len(events):
        ledger.accuse(f"{len(stored)} events are stored under {len(events)} keys")
    for key, event in ledger.answered.items():
        if key not in events:
            ledger.accuse(f"{key} was acknowledged and is not there")
        elif events[key].id != event:
            ledger.accuse(f"{key} was acknowledged as another event than is stored")
    by_id = {event.id: event.key for event in stored}
    subjects = {event.id: event.subject for event in stored}
    owed = {(key, name.name) for key in events for name in names.values()}
    there = Counter((by_id[row.event], names[row.connection].name) for row in rows)
    for one in owed - set(there):
        ledger.accuse(f"what {one[0]} owes to {one[1]} is not there")
    for one, times in there.items():
        if times != 1:
            ledger.accuse(f"{one[0]} owes {times} deliveries to {one[1]}")
    for row in rows:
        key, vendor = by_id[row.event], names[row.connection].name
        effects = ledger.effects.get((vendor, key), [])
        match row:
            case DoneDelivery(final=Final.DELIVERED):
                if len(effects) != 1:
                    ledger.accuse(f"{key} is recorded as delivered to {vendor} and took effect {len(effects)} times")
                if sum(one.outcome == "delivered" for one in attempts[row.id]) != 1:
                    ledger.accuse(f"dlv_{row.id} is delivered and has not one attempt that says so")
            case Delivery(state=state) if state is not State.HELD:
                ledger.accuse(f"dlv_{row.id} to {vendor} is stuck: {state.name}")
            case DoneDelivery(final=Final.SUPERSEDED):
                if not any(newer.id > row.id and _same(newer, row, subjects) for newer in rows):
                    ledger.accuse(f"dlv_{row.id} gave way to nothing newer")
            case DoneDelivery(final=Final.DEAD, error="crashed_worker"):
                if KILLER not in key and row.id in ledger.wronged:
                    ledger.accuse(f"dlv_{row.id} to {vendor} is taken for a killer and is none")
            case _:
                if not attempts[row.id]:
                    ledger.accuse(f"dlv_{row.id} ended without an attempt on record")
        if KILLER in key and not (isinstance(row, DoneDelivery) and row.final in (Final.DEAD, Final.SUPERSEDED)):
            ledger.accuse(f"dlv_{row.id} to {vendor} kills its workers and is not set aside")
        if POISON in key and isinstance(row, DoneDelivery) and row.final is Final.DELIVERED:
            ledger.accuse(f"{key} was refused by {vendor} and is recorded as delivered")
    _in_order(ledger, rows, by_id, names)


def _same(one: Row, other: Row, subjects: Mapping[EventId, str | None]) -> bool:
    """Whether both are the same step for the same candidate."""
    return (one.connection, one.step, subjects[one.event]) == (other.connection, other.step, subjects[other.event])


def _in_order(
    ledger: Ledger, rows: Sequence[Row], by_id: Mapping[EventId, str], names: Mapping[ConnectionId, Connection]
) -> None:
    """On lanes that keep order, first effects come in the order of acceptance; what is dead may be missing."""
    number = {(names[row.connection].name, by_id[row.event]): row for row in rows}
    newest: dict[tuple[str, str], int] = {}
    for vendor, key, _ in ledger.order:
        row = number.get((vendor, key))
        if row is None or row.okey is None or names[row.connection].lane.ordering is Ordering.NONE:
            continue
        if not (isinstance(row, DoneDelivery) and row.final is Final.DELIVERED):
            continue
        before = newest.get((vendor, row.okey), 0)
        if row.id < before:
            ledger.accuse(f"{key} (dlv_{row.id}) took effect at {vendor} after dlv_{before} of the same candidate")
        newest[(vendor, row.okey)] = max(before, row.id)
