"""The balance at the end: what accepted events owe, held against the delivery table and against what the vendors received."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hub.app.ingest import step_of
from hub.domain.deliveries import HOOK_STEP, Final, delivery_key
from hub.domain.events import HOOK_RECEIVED, Event
from hub.domain.ids import ConnectionId, EventId
from hub.domain.rules import RuleIndex, plan
from mappings.documents import Document

UNDER_WAY = frozenset({"ready", "leased", "waiting", "held"})


@dataclass(frozen=True, slots=True)
class Mark:
    """One effect as a vendor knows it: who, what, and the mark by which it is told from others of its kind."""

    vendor: str
    kind: str
    mark: str

    def __str__(self) -> str:
        return f"{self.vendor} {self.kind} {self.mark}"


@dataclass(frozen=True, slots=True)
class Party:
    """A connection, as much as the ledger needs of it. `vendor` is the name of the connector."""

    id: ConnectionId
    name: str
    vendor: str
    handle: str
    config: Document


@dataclass(frozen=True, slots=True)
class Owed:
    """One delivery that an accepted event owes."""

    event: Event
    party: Party
    step: str
    operation: str
    extra: Document = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The idempotency key that the vendor was given."""
        return delivery_key(self.event.id, self.party.id, self.step)

    def __str__(self) -> str:
        return f"{self.party.name}: {self.operation} of {self.event.id}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the delivery table. `state` is that of a live row, or how it ended."""

    event: EventId
    connection: ConnectionId
    step: str
    state: str


@dataclass(frozen=True, slots=True)
class Promise:
    """The effects that a delivery is for, and those that the vendor needs first (they may be there already)."""

    own: tuple[Mark, ...]
    before: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Balance:
    """Counts of deliveries; what was lost or done twice is named."""

    accepted: int
    delivered: int
    dead: int
    pending: int
    lost: tuple[str, ...]
    duplicated: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Every delivery owed is delivered, each with its effect, once."""
        even = self.accepted == self.delivered + self.dead + self.pending
        return even and not (self.dead or self.pending or self.lost or self.duplicated)

    def __str__(self) -> str:
        return (
            f"ledger: accepted {self.accepted}, delivered {self.delivered}, dead {self.dead}, "
            f"pending {self.pending}, lost {len(self.lost)}, duplicated {len(self.duplicated)}"
        )


def owed(events: Iterable[Event], rules: RuleIndex, parties: Mapping[str, Party]) -> list[Owed]:
    """What the events owe by the rules alone; a stored webhook owes one reading of it at its vendor."""
    by_source = {f"/hooks/{party.handle}": party for party in parties.values()}
    out: list[Owed] = []
    for event in events:
        if event.type == HOOK_RECEIVED:
            out.append(Owed(event, by_source[event.source], HOOK_STEP, HOOK_STEP))
            continue
        for decision in plan(event, rules, event.received_at):
            step = decision.step
            out.append(
                Owed(event, parties[step.connection], step_of(decision.rule, step.id), step.operation, step.extra)
            )
    return out


def balance(
    debts: Sequence[Owed],
    rows: Iterable[Row],
    promises: Sequence[Promise],
    seen: Mapping[Mark, int],
    missing: Iterable[str] = (),
) -> Balance:
    """Hold all three against each other. `promises` belong to `debts`, in order; `seen` counts the vendors' own records;
    `missing` names what was acknowledged and is not on record."""
    table: dict[tuple[EventId, ConnectionId, str], list[str]] = {}
    for row in rows:
        table.setdefault((row.event, row.connection, row.step), []).append(row.state)
    lost, twice, states = list(missing), [], Counter[str]()
    wanted: Counter[Mark] = Counter()
    allowed: set[Mark] = set()
    for debt, promise in zip(debts, promises, strict=True):
        found = table.pop((debt.event.id, debt.party.id, debt.step), [])
        wanted.update(promise.own)
        allowed.update(promise.before)
        if not found:
            lost.append(f"{debt} is not in the delivery table")
            continue
        twice += [f"{debt} is in the delivery table more than once"] * (len(found) - 1)
        states[_sort(found[0])] += 1
        if found[0] == Final.DELIVERED:
            lost += [f"{debt} left no {mark}" for mark in promise.own if not seen.get(mark)]
    twice += [f"delivery of {event} at step {step} is owed by nothing" for event, _, step in table]
    for mark, count in seen.items():
        most = max(wanted[mark], int(mark in allowed))
        twice += [f"{mark} happened {count} times, {most} wanted"] * (count - most)
    return Balance(len(debts), states["delivered"], states["dead"], states["pending"], tuple(lost), tuple(twice))


def _sort(state: str) -> str:
    if state == Final.DELIVERED:
        return "delivered"
    return "pending" if state in UNDER_WAY else "dead"
