"""The hot statements on SQLite: one writer at a time, so that reading first and writing after is safe."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hub.adapters.db.columns import from_micros, from_uuid, to_micros
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
    newest,
    unique,
)
from hub.domain.deliveries import Delivery
from hub.domain.ids import ConnectionId, DeliveryId, EventId, RuleId, TenantId
from hub.ports.arrivals import StoredEvent
from hub.ports.queue import LaneCall
from hub.ports.retention import PROLONGED

LANES_AT_ONCE = 64  # a compound SELECT may have 500 terms; the plan of a shorter one is cheaper
_LANE = (
    "SELECT * FROM (SELECT id FROM delivery WHERE state = 0 AND dest_id = ? AND due_at BETWEEN ? AND ? "
    "ORDER BY dest_id, due_at, id LIMIT ?)"
)


class SqliteStatements(Statements):
    """See Statements."""

    def moment(self, value: datetime | None) -> Any:
        return None if value is None else to_micros(value)

    def to_moment(self, value: Any) -> Any:
        return None if value is None else from_micros(value)

    def event_key(self, event: EventId | None) -> Any:
        return None if event is None else event[4:]

    async def remember(self, rows: Sequence[Remembered]) -> set[Identity]:
        known = await self.known([(row[0], row[1]) for row in rows])
        fresh = [row for row in rows if (row[0], row[1]) not in known]
        await self._link.many(
            "INSERT INTO idempotency (tenant_id, identity, event_id, request_hash, expires_at) VALUES (?, ?, ?, ?, ?)",
            [(row[0], row[1], self.event_key(row[2]), row[3], self.moment(row[4])) for row in fresh],
        )
        return {(row[0], row[1]) for row in fresh}

    async def known(self, identities: Sequence[Identity]) -> dict[Identity, tuple[EventId, bytes]]:
        pairs = ", ".join(["(?, ?)"] * len(identities))
        rows = await self._link.driver(
            "SELECT tenant_id, identity, event_id, request_hash FROM idempotency "  # noqa: S608
            f"WHERE (tenant_id, identity) IN (VALUES {pairs})",
            *(value for pair in identities for value in pair),
        )
        return {(row[0], row[1]): (from_uuid(row[2]), row[3]) for row in rows}

    async def prolong(self, rows: Sequence[tuple[TenantId, bytes, datetime]]) -> None:
        await self._link.many(
            "UPDATE idempotency SET expires_at = ? WHERE tenant_id = ? AND identity = ? "
            "AND (expires_at IS NULL OR expires_at < ?)",
            [(to_micros(end), tenant, identity, to_micros(end - PROLONGED)) for tenant, identity, end in rows],
        )

    async def insert(self, table: str, names: str, rows: Sequence[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * len(names.split(", ")))
        await self._link.many(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608

    async def lock_keys(self, keys: Sequence[Key], *, wait: bool = True) -> Sequence[Key]:  # noqa: ARG002
        return keys  # the transaction has the whole database

    async def promote(self, keys: Sequence[Key], now: datetime | None) -> int:
        if not keys:
            return 0
        rows = await self._link.driver(
            "UPDATE delivery SET state = 0, due_at = max(due_at, $2) WHERE id IN ("
            "SELECT (SELECT w.id FROM delivery w WHERE w.state = 3 AND w.dest_id = k.dest AND w.okey = k.okey "
            "ORDER BY w.dest_id, w.okey, w.id LIMIT 1) "
            "FROM (SELECT json_extract(value, '$[0]') AS dest, json_extract(value, '$[1]') AS okey FROM json_each($1)) k "
            "WHERE NOT EXISTS (SELECT 1 FROM delivery h WHERE h.dest_id = k.dest AND h.okey = k.okey "
            "AND h.okey IS NOT NULL AND h.state IN (0, 1))) RETURNING id",
            json.dumps(unique(keys)),
            0 if now is None else to_micros(now),
        )
        return len(rows)

    async def claim(self, lanes: Sequence[LaneCall], now: datetime, until: datetime, token: str) -> list[Delivery]:
        open_ = await self._link.driver(
            "SELECT id FROM destination WHERE id IN (SELECT value FROM json_each($1)) AND state = 'active' "
            "AND (held_until IS NULL OR held_until <= $2)",
            json.dumps([call.connection for call in lanes]),
            to_micros(now),
        )
        active = {row[0] for row in open_}
        calls = [call for call in lanes if call.connection in active]
        claimed: list[Delivery] = []
        for start in range(0, len(calls), LANES_AT_ONCE):
            some = calls[start : start + LANES_AT_ONCE]
            rows = await self._link.driver(
                claim_sql(len(some)),
                token,
                to_micros(until),
                *(
                    value
                    for call in some
                    for value in (
                        call.connection,
                        0 if call.since is None else to_micros(call.since),
                        to_micros(now),
                        call.cap,
                    )
                ),
            )
            claimed += [self.to_delivery(row) for row in rows]
        return claimed

    async def events(self, ids: Sequence[EventId]) -> dict[EventId, StoredEvent]:
        rows = await self._link.driver(
            f"SELECT {EVENT}, body FROM event JOIN event_body ON event_id = id "  # noqa: S608
            "WHERE id IN (SELECT value FROM json_each($1))",
            json.dumps([event[4:] for event in ids]),
        )
        return {event.id: event for event in map(self.to_event, rows)}

    async def refs(self, subjects: Sequence[Subject]) -> dict[Subject, dict[str, str]]:
        rows = await self._link.driver(
            "SELECT r.connection_id, r.subject, r.object, r.external_id, r.delivery_id FROM json_each($1) w CROSS JOIN ref r "
            "ON r.connection_id = json_extract(w.value, '$[0]') AND r.subject = json_extract(w.value, '$[1]')",
            json.dumps(subjects),
        )
        return newest(rows)

    async def fence(self, leases: Sequence[tuple[DeliveryId, int, str | None]]) -> set[tuple[DeliveryId, int]]:
        rows = await self._link.driver(
            "SELECT id, run_lease, lease_token FROM delivery WHERE id IN (SELECT value FROM json_each($1)) AND state = 1",
            json.dumps([lease[0] for lease in leases]),
        )
        held = {tuple(row) for row in rows}
        return {(lease[0], lease[1]) for lease in leases if lease in held}

    async def finish(self, rows: Sequence[tuple[DeliveryId, str, str | None, str | None]], now: datetime) -> None:
        micros = to_micros(now)
        await self._link.many(
            f"INSERT INTO delivery_done ({DONE_INTO}) SELECT {DONE}, ?, ?, ?, ? FROM delivery WHERE id = ?",  # noqa: S608
            [(final, reference, error, micros, id_) for id_, final, reference, error in rows],
        )
        await self._link.many("DELETE FROM delivery WHERE id = ?", [(row[0],) for row in rows])

    async def put_back(self, rows: Sequence[tuple[DeliveryId, datetime, int]]) -> None:
        await self._link.many(
            "UPDATE delivery SET state = 0, due_at = ?, attempt = attempt - ?, deferrals = deferrals + ?, "
            "crashes = 0, lease_until = NULL, lease_token = NULL WHERE id = ?",
            [(to_micros(due), back, back, id_) for id_, due, back in rows],
        )

    async def hold(self, rows: Sequence[tuple[DeliveryId, bool, bool, str | None]]) -> None:
        await self._link.many(
            "UPDATE delivery SET state = 4, held_for_lane = ?, held_for_stop = ?, held_for_consent = ?, "
            "crashes = 0, lease_until = NULL, lease_token = NULL WHERE id = ?",
            [(lane, stop, consent, id_) for id_, lane, stop, consent in rows],
        )

    async def hold_caused(self, tenant: TenantId, limit: int, rule: RuleId | None) -> int:
        mine, values = ("", ()) if rule is None else (OF_RULE, (rule,))
        for state in (3, 0):  # who waits would otherwise take the place of the head that is held
            rows = await self._link.driver(
                "UPDATE delivery SET state = 4, held_for_stop = 1 WHERE id IN ("  # noqa: S608
                f"SELECT d.id FROM delivery d WHERE d.state = {state} AND d.dest_id IN ("
                f"SELECT id FROM destination WHERE tenant_id = $1) AND d.revision_id IS NOT NULL{mine} LIMIT $2) "
                "RETURNING id",
                tenant,
                limit,
                *values,
            )
            if rows:
                return len(rows)
        return 0

    async def teach(self, rows: Sequence[tuple[ConnectionId, str, str, TenantId, DeliveryId, EventId]]) -> None:
        await self._link.many(
            f"INSERT INTO ref ({REF}) SELECT ?, COALESCE((SELECT subject FROM event WHERE id = ?), ''), ?, ?, ?, ?, ? "  # noqa: S608
            f"WHERE true {REF_NEWEST}",
            [
                (lane, event[4:], object_, external, tenant, delivery, event[4:])
                for lane, object_, external, tenant, delivery, event in rows
            ],
        )

    async def outdated(self, groups: Sequence[Group]) -> list[tuple[DeliveryId, DeliveryId]]:
        found: list[tuple[DeliveryId, DeliveryId]] = []
        for older in OLDER:
            rows = await self._link.driver(
                "SELECT d.id, n.top FROM (SELECT k.dest, k.okey, k.merge, (SELECT max(w.id) FROM delivery w "  # noqa: S608
                "WHERE w.state = 3 AND w.dest_id = k.dest AND w.okey = k.okey AND w.merge = k.merge) AS top FROM ("
                "SELECT json_extract(value, '$[0]') AS dest, json_extract(value, '$[1]') AS okey, "
                "json_extract(value, '$[2]') AS merge FROM json_each($1)) k) n "
                f"CROSS JOIN delivery d ON {older} AND d.dest_id = n.dest AND d.okey = n.okey "
                "AND d.okey IS NOT NULL AND d.merge = n.merge AND d.id < n.top",
                json.dumps(groups),
            )
            found += [(row[0], row[1]) for row in rows]
        return found

    async def overdue(self, now: datetime, limit: int) -> list[tuple[DeliveryId, ConnectionId, str | None]]:
        rows = await self._link.driver(
            "SELECT id, dest_id, okey FROM delivery WHERE expires_at <= $1 AND state <> 1 ORDER BY expires_at LIMIT $2",
            to_micros(now),
            limit,
        )
        return [(row[0], row[1], row[2]) for row in rows]

    async def release(self, token: str, ids: Sequence[DeliveryId], due_at: datetime | None) -> int:
        return await self._leased(RELEASE, token, ids, self.moment(due_at))

    async def renew(self, token: str, ids: Sequence[DeliveryId], until: datetime) -> int:
        return await self._leased("lease_until = $3", token, ids, to_micros(until))

    async def _leased(self, change: str, token: str, ids: Sequence[DeliveryId], *more: Any) -> int:
        rows = await self._link.driver(
            f"UPDATE delivery SET {change} WHERE id IN (SELECT value FROM json_each($2)) "  # noqa: S608
            "AND state = 1 AND lease_token = $1 RETURNING id",
            token,
            json.dumps(list(ids)),
            *more,
        )
        return len(rows)

    async def expire(self, now: datetime, limit: int) -> list[tuple[DeliveryId, ConnectionId, str | None, int]]:
        rows = await self._link.driver(
            f"{LAPSE} WHERE id IN ("  # noqa: S608
            "SELECT id FROM delivery WHERE state = 1 AND lease_until <= $1 ORDER BY lease_until LIMIT $2) "
            "RETURNING id, dest_id, okey, crashes",
            to_micros(now),
            limit,
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]


def claim_sql(lanes: int) -> str:
    """The claim over so many lanes: a sub-select each."""
    some = " UNION ALL ".join([_LANE] * lanes)
    return (
        "UPDATE delivery SET state = 1, attempt = attempt + 1, run_lease = run_lease + 1, lease_token = ?, lease_until = ? "  # noqa: S608
        f"WHERE id IN ({some}) RETURNING {DELIVERY}"
    )
