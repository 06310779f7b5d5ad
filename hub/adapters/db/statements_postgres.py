"""The hot statements on PostgreSQL: arrays in, set operations, row locks that are never waited for in the queue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hub.adapters.db.columns import from_uuid
from hub.adapters.db.statements import (
    DELIVERY,
    DONE,
    DONE_INTO,
    EVENT,
    LAPSE,
    OF_RULE,
    OLDER,
    REF,
    REF_NEWEST,
    RELEASE,
    Group,
    Identity,
    Key,
    Remembered,
    Statements,
    Subject,
    columns,
    newest,
    unique,
)
from hub.domain.deliveries import Delivery
from hub.domain.ids import ConnectionId, DeliveryId, EventId, RuleId, TenantId
from hub.ports.arrivals import StoredEvent
from hub.ports.queue import LaneCall
from hub.ports.retention import PROLONGED

_TYPES = {
    **dict.fromkeys(("id", "event_id", "cause_event"), "uuid"),
    **dict.fromkeys(("tenant_id", "version", "took_ms", "status"), "int"),
    **dict.fromkeys(("state", "number", "depth"), "smallint"),
    **dict.fromkeys(("dest_id", "revision_id", "run_lease", "replay_of", "delivery_id", "cause_delivery"), "bigint"),
    **dict.fromkeys(("occurred_at", "received_at", "due_at", "expires_at", "started_at"), "timestamptz"),
    **dict.fromkeys(("body", "request_hash", "talk"), "bytea"),
    "again": "boolean",
}
CLAIM = f"""
UPDATE delivery SET state = 1, attempt = attempt + 1, run_lease = run_lease + 1, lease_token = $5, lease_until = $6
WHERE id = ANY(ARRAY(
  SELECT q.id FROM unnest($1::bigint[], $2::int[], $3::timestamptz[]) AS l(dest, cap, lo)
  JOIN destination t ON t.id = l.dest AND t.state = 'active' AND (t.held_until IS NULL OR t.held_until <= $4)
  CROSS JOIN LATERAL (
    SELECT id FROM delivery WHERE state = 0 AND dest_id = l.dest AND due_at BETWEEN l.lo AND $4
    ORDER BY dest_id, due_at, id LIMIT l.cap FOR UPDATE SKIP LOCKED) q))
RETURNING {DELIVERY}
"""  # noqa: S608 (constants only) - `= ANY(ARRAY(...))` is what keeps it off the whole table
_FOREVER = timedelta(days=36500)


class PostgresStatements(Statements):
    """See Statements."""

    FIRST_TIME = "$1::timestamptz"

    def moment(self, value: datetime | None) -> Any:
        return value

    def to_moment(self, value: Any) -> Any:
        return value

    def event_key(self, event: EventId | None) -> Any:
        return None if event is None else event[4:]  # the driver takes the digits of a UUID too

    async def remember(self, rows: Sequence[Remembered]) -> set[Identity]:
        tenants, identities, events, hashes, ends = columns(rows)
        found = await self._link.driver(
            "INSERT INTO idempotency (tenant_id, identity, event_id, request_hash, expires_at) "
            "SELECT * FROM unnest($1::int[], $2::bytea[], $3::uuid[], $4::bytea[], $5::timestamptz[]) "
            "ON CONFLICT DO NOTHING RETURNING tenant_id, identity",
            tenants,
            identities,
            [self.event_key(event) for event in events],
            hashes,
            ends,
        )
        return {(row[0], row[1]) for row in found}

    async def known(self, identities: Sequence[Identity]) -> dict[Identity, tuple[EventId, bytes]]:
        rows = await self._link.driver(
            "SELECT i.tenant_id, i.identity, i.event_id, i.request_hash "
            "FROM unnest($1::int[], $2::bytea[]) AS w(tenant_id, identity) JOIN idempotency i USING (tenant_id, identity)",
            *columns(identities),
        )
        return {(row[0], row[1]): (from_uuid(row[2]), row[3]) for row in rows}

    async def prolong(self, rows: Sequence[tuple[TenantId, bytes, datetime]]) -> None:
        if not rows:
            return
        await self._link.driver(
            "UPDATE idempotency u SET expires_at = f.ends FROM ("
            "SELECT i.tenant_id, i.identity, w.ends FROM unnest($1::int[], $2::bytea[], $3::timestamptz[]) "
            "AS w(tenant_id, identity, ends) JOIN idempotency i USING (tenant_id, identity) "
            "WHERE i.expires_at IS NULL OR i.expires_at < w.ends - $4::interval FOR UPDATE OF i SKIP LOCKED) f "
            "WHERE u.tenant_id = f.tenant_id AND u.identity = f.identity",
            *columns(rows),
            PROLONGED,
        )

    async def insert(self, table: str, names: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if not rows:
            return
        arrays = ", ".join(f"${n}::{_TYPES.get(name, 'text')}[]" for n, name in enumerate(names.split(", "), 1))
        await self._link.driver(
            f"INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays})",  # noqa: S608 - our own names
            *columns(rows),
        )

    async def lock_keys(self, keys: Sequence[Key], *, wait: bool = True) -> Sequence[Key]:
        if not keys:
            return keys
        dests, okeys = columns(unique(keys))
        if wait:
            await self._link.driver(
                "SELECT pg_advisory_xact_lock(k) FROM ("
                "SELECT DISTINCT hashtextextended(okey, dest) AS k "
                "FROM unnest($1::bigint[], $2::text[]) AS w(dest, okey) ORDER BY 1) AS keys",
                dests,
                okeys,
            )
            return keys
        rows = await self._link.driver(
            "SELECT dest, okey FROM unnest($1::bigint[], $2::text[]) AS w(dest, okey) "
            "WHERE pg_try_advisory_xact_lock(hashtextextended(okey, dest))",
            dests,
            okeys,
        )
        return [(row[0], row[1]) for row in rows]

    async def promote(self, keys: Sequence[Key], now: datetime | None) -> int:
        if not keys:
            return 0
        dests, okeys = columns(unique(keys))
        rows = await self._link.driver(
            "UPDATE delivery SET state = 0, due_at = GREATEST(due_at, $3::timestamptz) WHERE id = ANY(ARRAY("
            "SELECT w.id FROM unnest($1::bigint[], $2::text[]) AS k(dest, okey) CROSS JOIN LATERAL ("
            "SELECT id FROM delivery WHERE state = 3 AND dest_id = k.dest AND okey = k.okey "
            "ORDER BY dest_id, okey, id LIMIT 1) w "
            "WHERE NOT EXISTS (SELECT 1 FROM delivery h WHERE h.dest_id = k.dest AND h.okey = k.okey "
            "AND h.okey IS NOT NULL AND h.state IN (0, 1)))) RETURNING id",
            dests,
            okeys,
            now,
        )
        return len(rows)

    async def claim(self, lanes: Sequence[LaneCall], now: datetime, until: datetime, token: str) -> list[Delivery]:
        if not lanes:
            return []
        rows = await self._link.driver(
            CLAIM,
            [call.connection for call in lanes],
            [call.cap for call in lanes],
            [call.since or now - _FOREVER for call in lanes],
            now,
            token,
            until,
        )
        return [self.to_delivery(row) for row in rows]

    async def events(self, ids: Sequence[EventId]) -> dict[EventId, StoredEvent]:
        rows = await self._link.driver(
            f"SELECT {EVENT}, body FROM event JOIN event_body ON event_id = id WHERE id = ANY($1::uuid[])",  # noqa: S608
            [self.event_key(event) for event in ids],
        )
        return {event.id: event for event in map(self.to_event, rows)}

    async def refs(self, subjects: Sequence[Subject]) -> dict[Subject, dict[str, str]]:
        if not subjects:
            return {}
        rows = await self._link.driver(
            "SELECT r.connection_id, r.subject, r.object, r.external_id, r.delivery_id "
            "FROM unnest($1::bigint[], $2::text[]) AS w(connection_id, subject) JOIN ref r USING (connection_id, subject)",
            *columns(subjects),
        )
        return newest(rows)

    async def fence(self, leases: Sequence[tuple[DeliveryId, int, str | None]]) -> set[tuple[DeliveryId, int]]:
        # `+ 0`: else the planner takes the index of all leases, dead entries and all; joined by three columns it would
        # compare every lease with every row.
        rows = await self._link.driver(
            "SELECT id, run_lease, lease_token FROM delivery "
            "WHERE id = ANY($1::bigint[]) AND state + 0 = 1 AND lease_token = ANY($2::text[]) ORDER BY id FOR UPDATE",
            [lease[0] for lease in leases],
            list({lease[2] for lease in leases}),
        )
        held = {(row[0], row[1], row[2]) for row in rows}
        return {(lease[0], lease[1]) for lease in leases if lease in held}

    async def finish(self, rows: Sequence[tuple[DeliveryId, str, str | None, str | None]], now: datetime) -> None:
        if not rows:
            return
        gone = DONE.replace("id, event_id", "gone.id, event_id", 1)
        await self._link.driver(
            f"WITH gone AS (DELETE FROM delivery WHERE id = ANY($1::bigint[]) RETURNING {DONE}) "  # noqa: S608
            f"INSERT INTO delivery_done ({DONE_INTO}) SELECT {gone}, c.final, c.reference, c.error, $5 "
            "FROM gone JOIN unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) AS c(id, final, reference, error) "
            "ON c.id = gone.id",
            *columns(rows),
            now,
        )

    async def put_back(self, rows: Sequence[tuple[DeliveryId, datetime, int]]) -> None:
        if rows:
            await self._link.driver(
                "UPDATE delivery d SET state = 0, due_at = c.due_at, attempt = d.attempt - c.back, "
                "deferrals = d.deferrals + c.back, crashes = 0, lease_until = NULL, lease_token = NULL "
                "FROM unnest($1::bigint[], $2::timestamptz[], $3::smallint[]) AS c(id, due_at, back) "
                "WHERE d.id = ANY($1::bigint[]) AND d.id = c.id",
                *columns(rows),
            )

    async def hold(self, rows: Sequence[tuple[DeliveryId, bool, bool, str | None]]) -> None:
        if rows:
            await self._link.driver(
                "UPDATE delivery d SET state = 4, held_for_lane = c.lane, held_for_stop = c.stop, "
                "held_for_consent = c.consent, crashes = 0, lease_until = NULL, lease_token = NULL "
                "FROM unnest($1::bigint[], $2::boolean[], $3::boolean[], $4::text[]) AS c(id, lane, stop, consent) "
                "WHERE d.id = ANY($1::bigint[]) AND d.id = c.id",
                *columns(rows),
            )

    async def hold_caused(self, tenant: TenantId, limit: int, rule: RuleId | None) -> int:
        mine, values = ("", ()) if rule is None else (OF_RULE, (rule,))
        for state in (3, 0):  # who waits would otherwise take the place of the head that is held
            rows = await self._link.driver(
                "UPDATE delivery SET state = 4, held_for_stop = true WHERE id = ANY(ARRAY("  # noqa: S608
                f"SELECT d.id FROM delivery d WHERE d.state = {state} AND d.dest_id = ANY(ARRAY("
                f"SELECT id FROM destination WHERE tenant_id = $1)) AND d.revision_id IS NOT NULL{mine} "
                "LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING id",
                tenant,
                limit,
                *values,
            )
            if rows:
                return len(rows)
        return 0

    async def teach(self, rows: Sequence[tuple[ConnectionId, str, str, TenantId, DeliveryId, EventId]]) -> None:
        if not rows:
            return
        *others, events = columns(rows)
        await self._link.driver(
            f"INSERT INTO ref ({REF}) "  # noqa: S608
            "SELECT DISTINCT ON (1, 2, 3, 4) c.lane, COALESCE(e.subject, ''), c.object, c.external, c.tenant, c.delivery, "
            "c.event FROM unnest($1::bigint[], $2::text[], $3::text[], $4::int[], $5::bigint[], $6::uuid[]) "
            "AS c(lane, object, external, tenant, delivery, event) LEFT JOIN event e ON e.id = c.event "
            f"ORDER BY 1, 2, 3, 4, c.delivery DESC {REF_NEWEST}",
            *others,
            [self.event_key(event) for event in events],
        )

    async def outdated(self, groups: Sequence[Group]) -> list[tuple[DeliveryId, DeliveryId]]:
        found: list[tuple[DeliveryId, DeliveryId]] = []
        for older in OLDER:  # a row that is being claimed now is passed over
            rows = await self._link.driver(
                "SELECT d.id, n.top FROM unnest($1::bigint[], $2::text[], $3::text[]) AS k(dest, okey, merge) "  # noqa: S608
                "CROSS JOIN LATERAL (SELECT max(w.id) AS top FROM delivery w WHERE w.state = 3 "
                "AND w.dest_id = k.dest AND w.okey = k.okey AND w.merge = k.merge) n "
                f"JOIN delivery d ON {older} AND d.dest_id = k.dest AND d.okey = k.okey "
                "AND d.okey IS NOT NULL AND d.merge = k.merge AND d.id < n.top FOR UPDATE OF d SKIP LOCKED",
                *columns(groups),
            )
            found += [(row[0], row[1]) for row in rows]
        return found

    async def overdue(self, now: datetime, limit: int) -> list[tuple[DeliveryId, ConnectionId, str | None]]:
        rows = await self._link.driver(
            "SELECT id, dest_id, okey FROM delivery WHERE expires_at <= $1 AND state <> 1 "
            "ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED",
            now,
            limit,
        )
        return [(row[0], row[1], row[2]) for row in rows]

    async def release(self, token: str, ids: Sequence[DeliveryId], due_at: datetime | None) -> int:
        return await self._leased(RELEASE.replace("$3", "$3::timestamptz"), token, ids, due_at)

    async def renew(self, token: str, ids: Sequence[DeliveryId], until: datetime) -> int:
        return await self._leased("lease_until = $3", token, ids, until)

    async def _leased(self, change: str, token: str, ids: Sequence[DeliveryId], *more: Any) -> int:
        rows = await self._link.driver(
            f"UPDATE delivery SET {change} WHERE id = ANY($2::bigint[]) AND state = 1 AND lease_token = $1 RETURNING id",  # noqa: S608
            token,
            list(ids),
            *more,
        )
        return len(rows)

    async def expire(self, now: datetime, limit: int) -> list[tuple[DeliveryId, ConnectionId, str | None, int]]:
        rows = await self._link.driver(
            f"{LAPSE} WHERE id = ANY(ARRAY("  # noqa: S608
            "SELECT id FROM delivery WHERE state = 1 AND lease_until <= $1 "
            "ORDER BY lease_until LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING id, dest_id, okey, crashes",
            now,
            limit,
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]
