"""The hot statements: what the queue asks of a database, and the part that is the same on both.

Rows go in as tuples and many at once; a batch is a handful of statements whatever its size.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hub.adapters.db.columns import from_uuid
from hub.adapters.db.link import Link, Values
from hub.domain.deliveries import Delivery, State
from hub.domain.events import Cause
from hub.domain.ids import ConnectionId, DeliveryId, EventId, RevisionId, RuleId, TenantId
from hub.ports.arrivals import StoredEvent
from hub.ports.lanes import BusyLane
from hub.ports.queue import LaneCall

Identity = tuple[TenantId, bytes]  # tenant, SHA-256 of source and key
Remembered = tuple[TenantId, bytes, EventId, bytes, datetime | None]
Key = tuple[ConnectionId, str]
Subject = tuple[ConnectionId, str]
OLDER = ("d.state = 0 AND d.state IN (0, 1)", "d.state = 3")  # READY and WAITING, as their partial indexes say it
Group = tuple[ConnectionId, str, str]  # lane, okey, merge

DELIVERY = (
    "id, event_id, tenant_id, dest_id, revision_id, step, okey, state, attempt, deferrals, run_lease, "
    "due_at, received_at, expires_at, lease_until, lease_token, replay_of, again, merge, crashes"
)
DONE = "id, event_id, tenant_id, dest_id, revision_id, step, okey, attempt, received_at, replay_of, again"
DONE_INTO = (
    "delivery_id, event_id, tenant_id, dest_id, revision_id, step, okey, attempts, received_at, replay_of, again, "
    "final, reference, error, finished_at"
)
EVENT = (
    "id, tenant_id, type, version, source, key, subject, occurred_at, received_at, request_hash, "
    "cause_event, cause_delivery, depth, traceparent"
)
PLANNED = (
    "event_id, received_at, tenant_id, dest_id, revision_id, step, okey, state, due_at, expires_at, replay_of, again, "
    "merge"
)
ATTEMPT = (
    "delivery_id, event_id, dest_id, tenant_id, run_lease, number, started_at, took_ms, outcome, status, error, talk, "
    "detail"
)
REF = "connection_id, subject, object, external_id, tenant_id, delivery_id, event_id"
LAPSE = "UPDATE delivery SET state = 0, crashes = crashes + 1, lease_until = NULL, lease_token = NULL"
RELEASE = "state = 0, attempt = attempt - 1, due_at = COALESCE($3, due_at), lease_until = NULL, lease_token = NULL"
OF_RULE = " AND d.revision_id IN (SELECT id FROM rule_revision WHERE rule_id = $3)"
REF_NEWEST = (
    "ON CONFLICT (connection_id, subject, object, external_id) DO UPDATE "
    "SET delivery_id = excluded.delivery_id, event_id = excluded.event_id "
    "WHERE ref.delivery_id <= excluded.delivery_id"
)

# The keys that wait without a head, by hopping from key to key in delivery_wait instead of reading every waiter.
HEADLESS = """
WITH RECURSIVE k(id, dest_id, okey) AS (
  SELECT id, dest_id, okey FROM (
    SELECT id, dest_id, okey FROM delivery WHERE state = 3 ORDER BY dest_id, okey, id LIMIT 1) AS first
  UNION ALL
  SELECT d.id, d.dest_id, d.okey FROM k JOIN delivery d ON d.id = (
    SELECT n.id FROM delivery n WHERE n.state = 3 AND (n.dest_id, n.okey) > (k.dest_id, k.okey)
    ORDER BY n.dest_id, n.okey, n.id LIMIT 1))
SELECT dest_id, okey FROM k WHERE NOT EXISTS (
  SELECT 1 FROM delivery h
  WHERE h.dest_id = k.dest_id AND h.okey = k.okey AND h.okey IS NOT NULL AND h.state IN (0, 1))
LIMIT $1
"""


class Statements(ABC):
    """Hot statements on one open connection."""

    FIRST_TIME = "$1"  # the first value as a time that can be reckoned with

    def __init__(self, link: Link) -> None:
        self._link = link

    @abstractmethod
    def moment(self, value: datetime | None) -> Any:
        """A time as the driver takes it."""

    @abstractmethod
    def to_moment(self, value: Any) -> Any:
        """A time as the driver gives it, in UTC."""

    @abstractmethod
    def event_key(self, event: EventId | None) -> Any:
        """An event id as the driver takes it."""

    @abstractmethod
    async def remember(self, rows: Sequence[Remembered]) -> set[Identity]:
        """Write (tenant, identity, event, hash, end) rows, sorted; returns those that were new. Waits for who writes the same."""

    @abstractmethod
    async def known(self, identities: Sequence[Identity]) -> dict[Identity, tuple[EventId, bytes]]:
        """The event and hash under each identity."""

    @abstractmethod
    async def prolong(self, rows: Sequence[tuple[TenantId, bytes, datetime]]) -> None:
        """Give (tenant, identity, end) rows that end, where theirs is more than a day before it."""

    @abstractmethod
    async def insert(self, table: str, names: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Append rows, in order."""

    @abstractmethod
    async def lock_keys(self, keys: Sequence[Key], *, wait: bool = True) -> Sequence[Key]:
        """Let nobody else promote these keys until commit; without `wait` those that are free. Makes orphans impossible:
        who adds a waiter and who ends a head see each other's rows."""

    @abstractmethod
    async def promote(self, keys: Sequence[Key], now: datetime | None) -> int:
        """Make READY the first waiter of each (locked) key that has no head, due not before `now`."""

    @abstractmethod
    async def claim(self, lanes: Sequence[LaneCall], now: datetime, until: datetime, token: str) -> list[Delivery]:
        """Lease what is due, per lane."""

    @abstractmethod
    async def events(self, ids: Sequence[EventId]) -> dict[EventId, StoredEvent]:
        """Events with their bodies."""

    @abstractmethod
    async def refs(self, subjects: Sequence[Subject]) -> dict[Subject, dict[str, str]]:
        """The newest external ids of each subject at its connection."""

    @abstractmethod
    async def fence(self, leases: Sequence[tuple[DeliveryId, int, str | None]]) -> set[tuple[DeliveryId, int]]:
        """The (id, run_lease) of those (id, run_lease, token) that still hold, locked."""

    @abstractmethod
    async def finish(self, rows: Sequence[tuple[DeliveryId, str, str | None, str | None]], now: datetime) -> None:
        """Move (id, final, reference, error) to history."""

    @abstractmethod
    async def put_back(self, rows: Sequence[tuple[DeliveryId, datetime, int]]) -> None:
        """READY again at a time; the number is 1 where the try is given back."""

    @abstractmethod
    async def hold(self, rows: Sequence[tuple[DeliveryId, bool, bool, str | None]]) -> None:
        """HELD: (id, for the lane, for the kill switch, for whose consent to what), else for a person."""

    @abstractmethod
    async def hold_caused(self, tenant: TenantId, limit: int, rule: RuleId | None) -> int:
        """HELD by the kill switch: what rules (or this one) planned and nobody has leased, those that wait first; how many."""

    @abstractmethod
    async def teach(self, rows: Sequence[tuple[ConnectionId, str, str, TenantId, DeliveryId, EventId]]) -> None:
        """Refs (connection, object, external id, tenant, delivery, event) of the events' subjects."""

    @abstractmethod
    async def outdated(self, groups: Sequence[Group]) -> list[tuple[DeliveryId, DeliveryId]]:
        """The (id, newer id) of READY and WAITING rows that a newer waiter of their group replaces, locked."""

    @abstractmethod
    async def overdue(self, now: datetime, limit: int) -> list[tuple[DeliveryId, ConnectionId, str | None]]:
        """The (id, lane, okey) of unleased rows whose deadline is over, locked."""

    @abstractmethod
    async def release(self, token: str, ids: Sequence[DeliveryId], due_at: datetime | None) -> int: ...

    @abstractmethod
    async def renew(self, token: str, ids: Sequence[DeliveryId], until: datetime) -> int: ...

    @abstractmethod
    async def expire(self, now: datetime, limit: int) -> list[tuple[DeliveryId, ConnectionId, str | None, int]]:
        """READY again; the (id, lane, okey, crashes) of those whose lease was over."""

    async def recall(self, now: datetime, latest: datetime, until: datetime, longest: datetime) -> int:
        """Rows accepted after `latest` as if at `now`; leases beyond `longest` end at `until`. Reads the whole table."""
        due = await self._link.driver(
            f"UPDATE delivery SET due_at = {self.FIRST_TIME} + (due_at - received_at) WHERE received_at > $2 "  # noqa: S608
            "AND due_at > $1 RETURNING id",
            self.moment(now),
            self.moment(latest),
        )
        leased = await self._link.driver(
            "UPDATE delivery SET lease_until = $1 WHERE state = 1 AND lease_until > $2 RETURNING id",
            self.moment(until),
            self.moment(longest),
        )
        return len(due) + len(leased)

    async def headless(self, limit: int) -> list[Key]:
        """Keys that wait and have no head."""
        return [(row[0], row[1]) for row in await self._link.driver(HEADLESS, limit)]

    async def busy_lanes(self, now: datetime) -> list[BusyLane]:
        """Open lanes with something due. The scalar sub-query keeps it one index probe per lane."""
        rows = await self._link.driver(
            "SELECT t.id, t.tenant_id, t.opens, t.failing_since IS NOT NULL FROM destination t "
            "WHERE t.state = 'active' AND (t.held_until IS NULL OR t.held_until <= $1) AND ("
            "SELECT d.id FROM delivery d WHERE d.state = 0 AND d.dest_id = t.id AND d.due_at <= $1 "
            "ORDER BY d.dest_id, d.due_at, d.id LIMIT 1) IS NOT NULL ORDER BY t.id",
            self.moment(now),
        )
        return [BusyLane(ConnectionId(row[0]), TenantId(row[1]), row[2], bool(row[3])) for row in rows]

    async def next_due(self, now: datetime) -> datetime | None:
        """The first due time after `now` over all lanes."""
        rows = await self._link.driver(
            "SELECT min(due_at) FROM (SELECT ("
            "SELECT d.due_at FROM delivery d WHERE d.state = 0 AND d.dest_id = t.id AND d.due_at > $1 "
            "ORDER BY d.dest_id, d.due_at, d.id LIMIT 1) AS due_at FROM destination t) AS lanes",
            self.moment(now),
        )
        found: datetime | None = self.to_moment(rows[0][0])
        return found

    def to_delivery(self, row: Values) -> Delivery:
        """A row of DELIVERY columns."""
        return Delivery(
            id=DeliveryId(row[0]),
            event=from_uuid(row[1]),
            tenant=TenantId(row[2]),
            connection=ConnectionId(row[3]),
            revision=None if row[4] is None else RevisionId(row[4]),
            step=row[5],
            okey=row[6],
            state=State(row[7]),
            attempt=row[8],
            deferrals=row[9],
            run_lease=row[10],
            due_at=self.to_moment(row[11]),
            received_at=self.to_moment(row[12]),
            expires_at=self.to_moment(row[13]),
            lease_until=self.to_moment(row[14]),
            lease_token=row[15],
            replay_of=row[16],
            again=bool(row[17]),
            merge=row[18],
            crashes=row[19],
        )

    def to_event(self, row: Values) -> StoredEvent:
        """A row of EVENT columns and the body."""
        return StoredEvent(
            id=from_uuid(row[0]),
            tenant=TenantId(row[1]),
            type=row[2],
            version=row[3],
            source=row[4],
            key=row[5],
            subject=row[6],
            occurred_at=self.to_moment(row[7]),
            received_at=self.to_moment(row[8]),
            request_hash=row[9],
            cause=None if row[10] is None else Cause(from_uuid(row[10]), row[11]),
            depth=row[12],
            traceparent=row[13],
            body=row[14],
        )


def newest(rows: Sequence[Values]) -> dict[Subject, dict[str, str]]:
    """Rows (connection, subject, object, external id, delivery): the one of the highest delivery per object."""
    best: dict[Subject, dict[str, tuple[int, str]]] = {}
    for connection, subject, object_, external, delivery in rows:
        known = best.setdefault((connection, subject), {})
        known[object_] = max(known.get(object_, (0, "")), (delivery, external))
    return {subject: {name: pair[1] for name, pair in refs.items()} for subject, refs in best.items()}


def columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows turned into columns."""
    return [list(column) for column in zip(*rows, strict=True)]


def unique(keys: Sequence[Key] | Mapping[Key, None]) -> list[Key]:
    """Each key once, sorted: the order in which locks are taken."""
    return sorted(set(keys))
