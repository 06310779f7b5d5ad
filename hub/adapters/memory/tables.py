"""Dictionaries that can take a transaction back, and the queue's indexes over them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from hub.domain.audit import Chain, Linked
from hub.domain.border import Crossing, Kept, Tally
from hub.domain.breaker import Trouble
from hub.domain.connections import Connection
from hub.domain.consents import Awaited, Consent
from hub.domain.deliveries import Attempt, Delivery, State
from hub.domain.events import Cause
from hub.domain.ids import ConnectionId, DeliveryId, EventId, RevisionId, RuleId, RunId, TenantId
from hub.domain.limits import Bucket
from hub.domain.replays import ReplayJob
from hub.domain.runs import Run
from hub.ports.accounts import Erasure, Record
from hub.ports.arrivals import StoredEvent
from hub.ports.audit import OwedHead
from hub.ports.lookup import Found
from hub.ports.people import ApiToken, Order
from hub.ports.queue import DoneDelivery
from hub.ports.rules import Backtest, Evaluated, Review, RuleRevision
from hub.ports.runs import CandidateTag, TagChange
from hub.ports.signing import SigningKey
from hub.ports.store import StoredMapping
from hub.ports.vault import KeyRow, subject_owner
from mappings.documents import Document

K = TypeVar("K")
V = TypeVar("V")


class Journal:
    """How to take back what the open transaction did; writing without an open transaction is refused."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] | None = None

    def begin(self) -> None:
        self._undo = []

    def commit(self) -> None:
        self._undo = None

    def rollback(self) -> None:
        undo, self._undo = self._undo or [], None
        for step in reversed(undo):
            step()

    def note(self, step: Callable[[], None]) -> None:
        if self._undo is None:
            raise RuntimeError("a read-only transaction may not write")
        self._undo.append(step)


class Table(Generic[K, V]):
    """A dictionary of immutable values whose changes go through the journal."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rows: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        return self._rows.get(key)

    def values(self) -> Iterator[V]:
        return iter(self._rows.values())

    def items(self) -> Iterator[tuple[K, V]]:
        return iter(self._rows.items())

    def __len__(self) -> int:
        return len(self._rows)

    def put(self, key: K, value: V) -> None:
        old = self._rows.get(key)
        self._journal.note(lambda: self._set(key, old))
        self._set(key, value)

    def drop(self, key: K) -> None:
        old = self._rows.get(key)
        self._journal.note(lambda: self._set(key, old))
        self._set(key, None)

    def _set(self, key: K, value: V | None) -> None:
        self._index(self._rows.get(key), value)
        if value is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = value

    def _index(self, old: V | None, new: V | None) -> None:
        """Nothing to index here."""


Key = tuple[ConnectionId, str]


class LiveTable(Table[DeliveryId, Delivery]):
    """Live deliveries with what the databases index: READY by lane and due time, heads and waiters by key."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal)
        self.ready: dict[ConnectionId, list[tuple[datetime, DeliveryId]]] = {}
        self.heads: dict[Key, DeliveryId] = {}
        self.waiting: dict[Key, list[DeliveryId]] = {}

    def _index(self, old: Delivery | None, new: Delivery | None) -> None:
        if old is not None:
            if old.state is State.READY:
                _remove(self.ready, old.connection, (old.due_at, old.id))
            if old.okey is not None:
                key = (old.connection, old.okey)
                if old.state is State.WAITING:
                    _remove(self.waiting, key, old.id)
                elif self.heads.get(key) == old.id:
                    del self.heads[key]
        if new is not None:
            if new.state is State.READY:
                insort(self.ready.setdefault(new.connection, []), (new.due_at, new.id))
            if new.okey is not None:
                key = (new.connection, new.okey)
                if new.state is State.WAITING:
                    insort(self.waiting.setdefault(key, []), new.id)
                elif new.state is not State.HELD:
                    assert key not in self.heads, f"two heads of one key: {self.heads[key]} and {new.id}"
                    self.heads[key] = new.id


Ref = tuple[ConnectionId, str, str, str]  # lane, subject, object, external id


class RefTable(Table[Ref, Cause]):
    """External ids, found by the subject they belong to and by themselves."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal)
        self.of_subject: dict[tuple[ConnectionId, str], set[Ref]] = {}
        self.of_external: dict[tuple[ConnectionId, str, str], set[Ref]] = {}

    def put(self, key: Ref, value: Cause) -> None:
        super().put(key, value)
        lane, subject, object_, external = key  # a set may name a ref that was taken back: readers look it up
        self.of_subject.setdefault((lane, subject), set()).add(key)
        self.of_external.setdefault((lane, object_, external), set()).add(key)


X = TypeVar("X", DeliveryId, tuple[datetime, DeliveryId])


def _remove(index: dict[K, list[X]], key: K, item: X) -> None:
    rows = index[key]
    del rows[bisect_left(rows, item)]
    if not rows:
        del index[key]


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule; its revisions are rows of their own."""

    id: RuleId
    tenant: TenantId
    name: str
    state: str
    latest: RevisionId
    current: RevisionId | None
    beside: RevisionId | None = None
    beside_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class LaneRow:
    """What a lane's workers tell each other."""

    trouble: Trouble = field(default_factory=Trouble)
    tokens: float | None = None
    tokens_at: datetime | None = None


@dataclass(slots=True)
class KeyTable:
    """Wrapped keys, found by id and by whose they are. No part of transactions: a key too many seals nothing."""

    rows: dict[bytes, KeyRow] = field(default_factory=dict)
    active: dict[tuple[TenantId, str, str], bytes] = field(default_factory=dict)

    def add(self, row: KeyRow) -> KeyRow:
        """Store it, or give the active one that was first."""
        first = self.active.get((row.tenant, row.owner, row.data_class))
        if first is not None and row.state == "active":
            return self.rows[first]
        self.put(row)
        return row

    def put(self, row: KeyRow) -> None:
        """Store it as it is."""
        whose = (row.tenant, row.owner, row.data_class)
        if row.state == "active":
            self.active[whose] = row.id
        elif self.active.get(whose) == row.id:
            del self.active[whose]
        self.rows[row.id] = row


@dataclass(slots=True)
class Tables:
    """All tables of one store."""

    journal: Journal = field(default_factory=Journal)
    keys: KeyTable = field(default_factory=KeyTable)
    counters: Table[str, int] = field(init=False)
    events: Table[EventId, StoredEvent] = field(init=False)
    identities: Table[tuple[TenantId, str, str], tuple[EventId, bytes, datetime | None]] = field(init=False)
    live: LiveTable = field(init=False)
    held_for_lane: Table[DeliveryId, bool] = field(init=False)
    held_for_stop: Table[DeliveryId, bool] = field(init=False)
    held_for_consent: Table[DeliveryId, Awaited | None] = field(init=False)
    held_for_border: Table[DeliveryId, Kept | None] = field(init=False)
    consents: Table[str, Consent] = field(init=False)
    crossings: Table[tuple[TenantId, int, str, str], int] = field(init=False)
    tallies: Table[tuple[TenantId, int, str], Tally] = field(init=False)
    under_way: Table[tuple[DeliveryId, int], tuple[Crossing, datetime]] = field(init=False)
    border_policies: Table[TenantId, Document] = field(init=False)
    done: Table[DeliveryId, DoneDelivery] = field(init=False)
    attempts: Table[DeliveryId, tuple[Attempt, ...]] = field(init=False)
    lookups: Table[tuple[TenantId, bytes, str], Found] = field(init=False)
    refs: RefTable = field(init=False)
    connections: Table[ConnectionId, Connection] = field(init=False)
    lanes: Table[ConnectionId, LaneRow] = field(init=False)
    replays: Table[int, ReplayJob] = field(init=False)
    rules: Table[RuleId, RuleRow] = field(init=False)
    revisions: Table[RevisionId, RuleRevision] = field(init=False)
    reviews: Table[RuleId, tuple[Review, ...]] = field(init=False)
    evaluated: Table[EventId, tuple[TenantId, tuple[Evaluated, ...]]] = field(init=False)
    observations: Table[tuple[RevisionId, EventId], tuple[TenantId, str | None]] = field(init=False)
    backtests: Table[str, Backtest] = field(init=False)
    mappings: Table[tuple[TenantId, str, int], StoredMapping] = field(init=False)
    tokens: Table[str, ApiToken] = field(init=False)
    acts: Table[tuple[TenantId, int], Linked] = field(init=False)
    chains: Table[TenantId, Chain] = field(init=False)
    owed_heads: Table[tuple[TenantId, int], OwedHead] = field(init=False)
    signing_keys: Table[str, SigningKey] = field(init=False)
    orders: Table[str, Order] = field(init=False)
    runs: Table[RunId, Run] = field(init=False)
    once: Table[tuple[RuleId, str], RunId] = field(init=False)
    tags: Table[tuple[TenantId, str, str], CandidateTag] = field(init=False)
    tag_changes: Table[tuple[TenantId, str], tuple[TagChange, ...]] = field(init=False)
    calendars: Table[TenantId, Document] = field(init=False)
    buckets: Table[str, Bucket] = field(init=False)
    records: Table[tuple[str, TenantId, str], Record] = field(init=False)

    def __post_init__(self) -> None:
        journal = self.journal
        self.counters, self.events, self.identities = Table(journal), Table(journal), Table(journal)
        self.live, self.held_for_lane, self.done = LiveTable(journal), Table(journal), Table(journal)
        self.held_for_stop, self.tag_changes = Table(journal), Table(journal)
        self.held_for_consent, self.consents = Table(journal), Table(journal)
        self.held_for_border, self.border_policies = Table(journal), Table(journal)
        self.crossings, self.tallies, self.under_way = Table(journal), Table(journal), Table(journal)
        self.attempts, self.refs = Table(journal), RefTable(journal)
        self.connections, self.lanes, self.replays = Table(journal), Table(journal), Table(journal)
        self.rules, self.revisions = Table(journal), Table(journal)
        self.reviews, self.evaluated, self.backtests = Table(journal), Table(journal), Table(journal)
        self.observations, self.buckets = Table(journal), Table(journal)
        self.mappings, self.tokens, self.orders = Table(journal), Table(journal), Table(journal)
        self.acts, self.chains, self.signing_keys = Table(journal), Table(journal), Table(journal)
        self.records, self.lookups, self.owed_heads = Table(journal), Table(journal), Table(journal)
        self.runs, self.once, self.tags, self.calendars = (
            Table(journal),
            Table(journal),
            Table(journal),
            Table(journal),
        )

    def closed(self, tenant: TenantId, owner: str) -> bool:
        """Whether this is somebody who was erased: they get no key."""
        erased = (one for one in self.records.values() if isinstance(one, Erasure) and one.closed)
        return any(one.tenant == tenant and subject_owner(one.subject) == owner for one in erased)

    def hold(self, id_: DeliveryId, *, lane: bool, stop: bool, consent: Awaited | None, border: Kept | None) -> None:
        """Why a delivery is held, or that it is not."""
        self.held_for_lane.put(id_, lane)
        self.held_for_stop.put(id_, stop)
        self.held_for_consent.put(id_, consent)
        self.held_for_border.put(id_, border)

    def next(self, name: str) -> int:
        """The next number of a counter, from 1."""
        number = (self.counters.get(name) or 0) + 1
        self.counters.put(name, number)
        return number
