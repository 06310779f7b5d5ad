"""The record: everything that was accepted, planned, tried and decided.

One contract suite (`tests/contract/store`) holds for memory, SQLite and PostgreSQL. All times are UTC with a zone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from hub.domain.connections import Connection, ConnectionState, Lane
from hub.domain.deliveries import Attempt, Delivery
from hub.domain.events import Cause
from hub.domain.ids import ConnectionId, DeliveryId, EventId, RevisionId, TenantId
from hub.ports.accounts import Accounts
from hub.ports.arrivals import Arrival, Receipt, StoredEvent
from hub.ports.audit import Acts
from hub.ports.border import Border
from hub.ports.consents import Consents
from hub.ports.lanes import Lanes
from hub.ports.limits import Limits
from hub.ports.lookup import Lookups
from hub.ports.people import ApiToken, Orders
from hub.ports.queue import Claimed, Completion, DoneDelivery, LaneCall, Lapsed
from hub.ports.replays import Replays
from hub.ports.retention import Retention
from hub.ports.rules import Rule as Rule
from hub.ports.rules import RuleRevision as RuleRevision
from hub.ports.rules import Rules
from hub.ports.runs import Owed, Runs
from hub.ports.signing import SigningShelf
from hub.ports.subjects import Subjects
from hub.ports.vitals import StoreHealth, StoreVitals
from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class Page:
    """A window on a list, newest first: at most `limit` rows with an id below `before`."""

    limit: int = 50
    before: str | None = None


@dataclass(frozen=True, slots=True)
class StoredMapping:
    """A mapping that a tenant keeps itself (connectors bring their own)."""

    tenant: TenantId
    name: str
    version: int
    body: Document
    created_at: datetime


@dataclass(frozen=True, slots=True)
class LaneStats:
    """Counts of one lane, for metrics and the operator. `opens`: how often its breaker opened since it last worked."""

    connection: ConnectionId
    name: str
    state: ConnectionState
    ready: int
    leased: int
    waiting: int
    held: int
    oldest_due: datetime | None
    held_until: datetime | None
    opens: int = 0

    def breaker(self, now: datetime) -> str:
        """closed, open, or half_open where its time is over and a probe is wanted."""
        if not self.opens:
            return "closed"
        return "open" if self.held_until is not None and self.held_until > now else "half_open"


class Events(Protocol):
    """Events and what they owe."""

    async def accept(self, arrivals: Sequence[Arrival], owed: Sequence[Owed] = ()) -> list[Receipt]:
        """Store fresh arrivals with their deliveries, in order; answer for each. Repeats inside one batch count as repeats.

        `owed` are further deliveries, of events that are stored already; they come before those of the arrivals.

        A planned delivery with an `okey` starts WAITING and becomes READY when no earlier one of that
        (connection, okey) is READY, LEASED or WAITING before it. One with a `merge` supersedes older ones of the same
        (connection, okey, merge) that are READY or WAITING; their reference names it. Started runs are READY; an event
        that `wakes` makes due what waits for its type and subject.
        """

    async def event(self, tenant: TenantId, event: EventId) -> StoredEvent | None: ...

    async def some_events(self, events: Collection[EventId]) -> dict[EventId, StoredEvent]:
        """Those that are there, of whatever tenant: for who has the ids from its own rows."""

    async def events(
        self, tenant: TenantId, page: Page, *, type: str | None = None, subject: str | None = None, bodies: bool = True
    ) -> list[StoredEvent]:
        """Newest first; `page.before` is an event id. Without `bodies` they are empty: a page of large ones fills the memory."""

    async def find_cause(self, tenant: TenantId, connection: ConnectionId, refs: Mapping[str, str]) -> Cause | None:
        """The newest delivery at this connection that taught us any of these (object, external id) pairs."""


class Deliveries(Protocol):
    """The queue and its history."""

    async def claim(self, lanes: Sequence[LaneCall], *, now: datetime, lease: timedelta, token: str) -> list[Claimed]:
        """Lease up to `cap` READY deliveries per lane that are due: attempt + 1, run_lease + 1. Oldest due first.

        Lanes whose connection is not ACTIVE or is held beyond `now` give nothing. Never the same row to two callers.
        """

    async def complete(self, completions: Sequence[Completion], *, now: datetime) -> frozenset[DeliveryId]:
        """Record tries; returns the ids whose lease was lost (nothing but a `late` attempt row is written for those).

        Finish -> the row moves to history and the next WAITING of its key becomes READY. Again -> READY at due_at,
        the try given back (attempt - 1, deferrals + 1) unless `costs`. Hold -> HELD. Refs and arrivals are stored too.
        What goes back while a newer one of its (connection, okey, merge) waits is SUPERSEDED instead.
        """

    async def release(self, token: str, ids: Sequence[DeliveryId], due_at: datetime | None = None) -> int:
        """Give leased deliveries back untouched, with the try given back; `due_at`: not before then."""

    async def renew(self, token: str, ids: Sequence[DeliveryId], until: datetime) -> int:
        """Prolong leases; returns how many were still ours."""

    async def expire_leases(self, now: datetime, limit: int = 500) -> Lapsed:
        """Put back to READY what a dead worker held (the try stays counted); dead is what was so held too often in a row."""

    async def promote(self, limit: int = 500) -> int:
        """Make READY the first WAITING row of every key without a head; returns how many. A sweep: normal work needs none."""

    async def expire_overdue(self, now: datetime, limit: int = 500) -> int:
        """End (EXPIRED) what is over its deadline and not being tried now; returns how many."""

    async def next_due(self, now: datetime) -> datetime | None:
        """When the next READY delivery after `now` falls due, if any."""

    async def delivery(self, tenant: TenantId, delivery: DeliveryId) -> Delivery | DoneDelivery | None: ...

    async def deliveries(
        self,
        tenant: TenantId,
        page: Page,
        *,
        event: EventId | None = None,
        connection: ConnectionId | None = None,
        state: str | None = None,
    ) -> list[Delivery | DoneDelivery]:
        """Newest first over live rows and history.

        `state` is a State name in lower case or a Final; `page.before` is a delivery id as digits.
        """

    async def attempts(self, tenant: TenantId, delivery: DeliveryId) -> list[Attempt]:
        """Oldest first."""

    async def replay(
        self,
        tenant: TenantId,
        delivery: DeliveryId,
        *,
        now: datetime,
        again: bool,
        revision: RevisionId | None = None,
    ) -> DeliveryId:
        """A new READY delivery (attempt 0, full retry budget) that repeats an ended one, or the HELD one itself made READY.

        `revision`: by another revision of its rule than the one that planned it.

        Raises NotFound, Conflict (still under way; `event_gone`: its event is no longer kept).
        """

    async def discard(self, tenant: TenantId, delivery: DeliveryId, *, now: datetime) -> None:
        """End (CANCELLED) a HELD delivery. Raises NotFound, Conflict (it is not held)."""

    async def lanes(self, tenant: TenantId | None = None) -> list[LaneStats]: ...

    async def totals(self, tenant: TenantId) -> dict[str, int]:
        """Counts by State name (lower case) and Final, and `events`."""


class Settings(Protocol):
    """What people configured."""

    async def connections(self, tenant: TenantId) -> list[Connection]: ...

    async def connection(self, tenant: TenantId, name: str) -> Connection | None: ...

    async def connection_by_handle(self, handle: str) -> Connection | None: ...

    async def connection_by_id(self, connection: ConnectionId) -> Connection | None: ...

    async def put_connection(
        self,
        tenant: TenantId,
        name: str,
        *,
        handle: str,
        connector: str,
        config: Document,
        lane: Lane,
        secrets: bytes | None,
    ) -> Connection:
        """Make or change the connection of that name; on change the handle stays, and `secrets=None` keeps the secrets."""

    async def set_connection_state(self, connection: ConnectionId, state: ConnectionState) -> None:
        """Becoming ACTIVE also makes this connection's HELD deliveries READY where they were held for the connection."""

    async def mappings(self, tenant: TenantId) -> list[StoredMapping]: ...

    async def put_mapping(self, tenant: TenantId, name: str, version: int, body: Document, now: datetime) -> None:
        """Raises Conflict if this version is there with another body (versions are immutable)."""

    async def config_version(self) -> int:
        """Grows at every committed put_* and set_*; cheap to ask; caches of rules and connections follow it."""


class People(Protocol):
    """Who may do what."""

    async def add_token(self, token: ApiToken) -> None: ...

    async def token(self, hash: bytes) -> ApiToken | None: ...

    async def tokens(self, tenant: TenantId) -> list[ApiToken]: ...

    async def revoke_token(self, tenant: TenantId, id: str, now: datetime) -> bool: ...

    async def drop_tokens_of(self, tenant: TenantId, account: str, before: datetime | None = None) -> int:
        """Delete the tokens of a service account, or those that expired by then; how many."""


class Work(
    Events,
    Deliveries,
    Lanes,
    Replays,
    Settings,
    Rules,
    People,
    Accounts,
    Orders,
    Runs,
    Retention,
    Limits,
    Consents,
    Lookups,
    Border,
    Acts,
    SigningShelf,
    Subjects,
    Protocol,
):
    """One transaction over all of it."""


class Store(Protocol):
    """The record, and the bell that says there may be new work in it. Also a `hub.ports.vault.KeyShelf`."""

    def work(self) -> AbstractAsyncContextManager[Work]:
        """A read-write transaction: commits on a clean exit (durable when the block is left), rolls back on an error.

        Raises Unavailable where the database cannot be reached, is locked too long or is full.
        """

    def look(self) -> AbstractAsyncContextManager[Work]:
        """A read-only transaction."""

    async def health(self) -> StoreHealth: ...

    async def vitals(self) -> StoreVitals:
        """Raises Unavailable."""

    async def now(self) -> datetime:
        """The time by the database's clock (the memory and SQLite stores: this machine's)."""

    def ring(self, *, here: bool = False) -> None:
        """Say that there is new work, in this process and, unless only `here`, in others (after commit; coalesced)."""

    async def wait(self, seconds: float) -> bool:
        """Until the bell rings, at most `seconds`; whether it rang."""

    async def lead(self, role: str, owner: str, *, now: datetime, until: datetime) -> bool:
        """Take or prolong the lease of a role (one scheduler tick over all replicas); False if another holds it."""

    async def close(self) -> None: ...
