"""Removing what is over, in the database: by index, in small steps, never what something still needs.

Questions of need are scalar sub-selects: a planner may turn EXISTS into a join that reads whole tables, these it cannot.
And where old statistics say that a table has few events in it, PostgreSQL would look for one row by reading them all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, assert_never

from hub.adapters.db.columns import from_uuid
from hub.adapters.db.events import DbEvents, identity_of
from hub.adapters.db.lookup import drop_untold
from hub.adapters.db.partitions import WeeklyParts
from hub.domain.ids import EventId, TenantId
from hub.domain.retention import Cuts, Kind
from hub.ports.retention import Owing, Removed
from hub.ports.rules import first_id, moment_of

BY_INDEX = "SET LOCAL enable_seqscan = off"
_FIRST = EventId("evt_" + "0" * 32)
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
LIVE_RUN = "('ready', 'waiting', 'gate', 'held')"  # as the partial index run_at says it
WINDOW = "SELECT id, tenant_id, source, key, subject FROM event WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3"
HELD = (  # by a legal hold: what is about this person stays
    "(SELECT 1 FROM legal_hold h WHERE h.tenant_id = {of}.tenant_id AND h.subject = {of}.subject "
    "AND h.state IN ('asked', 'in_force', 'lift_asked') LIMIT 1)"
)
HELD_EVENT = (  # the same of what hangs on an event
    "(SELECT 1 FROM event x WHERE x.id = {of}.event_id AND (SELECT 1 FROM legal_hold h "
    "WHERE h.tenant_id = x.tenant_id AND h.subject = x.subject "
    "AND h.state IN ('asked', 'in_force', 'lift_asked') LIMIT 1) IS NOT NULL LIMIT 1)"
)
NEEDED = (
    "COALESCE((SELECT 1 FROM delivery n WHERE n.event_id = e.id LIMIT 1), "
    "(SELECT 1 FROM delivery_done n WHERE n.event_id = e.id AND n.final = 'dead' AND n.finished_at >= {dead} LIMIT 1), "
    "(SELECT 1 FROM run n WHERE n.event_id = e.id AND n.state IN ('ready', 'waiting', 'gate', 'held') LIMIT 1), "
    "(SELECT 1 FROM run n WHERE n.at_event = e.id AND n.state IN ('ready', 'waiting', 'gate', 'held') LIMIT 1), "
    "(SELECT 1 FROM replay_job n WHERE n.tenant_id = e.tenant_id AND n.state = 'running' LIMIT 1), "
    "{held})"
).replace("{held}", HELD.format(of="e"))
GONE = "(SELECT 1 FROM event e WHERE e.id = t.event_id{kept} LIMIT 1) IS NULL"
TABLES = {
    Kind.DELIVERIES: ("delivery_done", "delivery_id"),
    Kind.DEAD_LETTERS: ("delivery_done", "delivery_id"),
    Kind.RUNS: ("run", "id"),
    Kind.OBSERVATIONS: ("observation", "revision_id"),
}
OVER = {
    Kind.DELIVERIES: "t.final <> 'dead' AND t.finished_at < {cut} AND {gone}",
    Kind.DEAD_LETTERS: "t.final = 'dead' AND t.finished_at < {cut} AND {gone}",
    Kind.RUNS: f"t.state NOT IN {LIVE_RUN} AND t.changed_at < {{cut}} AND {{gone}}",
    Kind.OBSERVATIONS: f"{HELD_EVENT.format(of='t')} IS NULL",
}
SMALL = {
    Kind.BACKTESTS: ("backtest", "t.state NOT IN ('queued', 'running') AND t.finished_at < {cut}"),
    Kind.REPLAYS: ("replay_job", "t.state <> 'running' AND t.finished_at < {cut}"),
}
BETWEEN = "SELECT 1 FROM event e WHERE e.tenant_id = t.tenant_id AND e.subject = t.subject AND {upto}{kept} LIMIT 1"
AFTER = (  # of the same tag, the next
    "SELECT n.at FROM tag_change n WHERE n.tenant_id = t.tenant_id AND n.subject = t.subject AND n.tag = t.tag "
    "AND n.id > t.id ORDER BY n.id LIMIT 1"
)
SETTLED = (
    f"t.at < {{cut}} AND {HELD.format(of='t')} IS NULL AND (({AFTER}) < {{cut}} AND "
    f"({BETWEEN.replace('{upto}', f'e.received_at > t.at AND e.received_at <= ({AFTER})')}) IS NULL "
    f"OR NOT t.put AND ({BETWEEN.replace('{upto}', 'e.received_at <= t.at')}) IS NULL)"
)
# Oldest first, and of one moment the withdrawal last: what remains between two steps never says yes where all said no.
CONSENT_OVER = (
    "(SELECT 1 FROM consent n WHERE n.tenant_id = t.tenant_id AND n.subject = t.subject AND n.purpose = t.purpose "
    "AND n.at >= {cut} LIMIT 1) IS NULL AND "
    "(SELECT 1 FROM consent n WHERE n.tenant_id = t.tenant_id AND n.subject = t.subject AND n.purpose = t.purpose "
    "AND n.given AND (n.expires_at IS NULL OR n.expires_at > {cut}) AND "
    "(SELECT 1 FROM consent m WHERE m.tenant_id = n.tenant_id AND m.subject = n.subject AND m.purpose = n.purpose AND "
    "(m.at > n.at OR m.at = n.at AND (NOT m.given OR m.expires_at <= {cut})) LIMIT 1) IS NULL AND "
    "(SELECT 1 FROM event e WHERE e.tenant_id = n.tenant_id AND e.subject = n.subject{kept} LIMIT 1) = 1 LIMIT 1) IS NULL"
)
TAG_STEP = (
    "SELECT count(*), max(id), sum(CASE WHEN at < $3 THEN 1 ELSE 0 END) "
    "FROM (SELECT id, at FROM tag_change WHERE id > $1 ORDER BY id LIMIT $2) AS w"
)
TAG_REMOVE = (
    "DELETE FROM tag_change AS t WHERE t.id > $1 AND t.id <= $2 AND "  # noqa: S608
    f"{SETTLED.format(cut='$3', kept='')} RETURNING id"
)
ATTEMPT_STEP = (
    "SELECT max(id), sum(CASE WHEN started_at < $3 THEN 1 ELSE 0 END) "
    "FROM (SELECT id, started_at FROM attempt WHERE id > $1 ORDER BY id LIMIT $2) AS w"
)
ATTEMPT_REMOVE = (
    "DELETE FROM attempt AS t WHERE t.id > $1 AND t.id <= $2 AND t.started_at < $3 AND "  # noqa: S608
    f"{HELD_EVENT.format(of='t')} IS NULL RETURNING id"
)
_FINAL = "('delivered'), ('expired'), ('superseded'), ('cancelled')"
_MINE = (
    "(SELECT r.tenant_id FROM rule_revision v JOIN rule r ON r.id = v.rule_id WHERE v.id = t.revision_id) = {tenant}"
)


class DbRetention(DbEvents):
    """`hub.ports.retention.Retention` on one open connection."""

    async def make_room(self, now: datetime) -> int:
        return 0 if self._link.sqlite else await WeeklyParts(self._link).ahead(now)

    async def remove(self, kind: Kind, cuts: Cuts, *, after: str = "", limit: int = 500) -> Removed:
        if kind not in cuts:
            return Removed(0)
        if not self._link.sqlite:
            await self._link.driver(BY_INDEX)
        match kind:
            case Kind.EVENTS:
                return await self._remove_events(cuts, EventId(after) if after else _FIRST, limit)
            case Kind.DELIVERIES | Kind.DEAD_LETTERS | Kind.RUNS | Kind.OBSERVATIONS:
                return await self._remove_after_events(kind, cuts[kind], EventId(after) if after else _FIRST, limit)
            case Kind.ATTEMPTS:
                if not self._link.sqlite:
                    return Removed(await WeeklyParts(self._link).drop_before(cuts[kind]))
                return await self._remove_attempts(cuts[kind], int(after or 0), limit)
            case Kind.IDENTITIES:
                return await self._remove_identities(cuts[kind], limit)
            case Kind.BACKTESTS | Kind.REPLAYS:
                table, over = SMALL[kind]
                sql = f"DELETE FROM {table} AS t WHERE {over.format(cut='$1')} RETURNING id"  # noqa: S608
                return Removed(len(await self._link.driver(sql, self._hot.moment(cuts[kind]))))
            case Kind.CONSENTS:
                return await self._remove_consents(cuts[kind], limit)
            case Kind.TAG_CHANGES:
                return await self._remove_tag_changes(cuts[kind], int(after or 0), limit)
            case _:
                assert_never(kind)

    async def _remove_events(self, cuts: Cuts, after: EventId, limit: int) -> Removed:
        hot, cut = self._hot, cuts[Kind.EVENTS]
        window = await self._link.driver(WINDOW, hot.event_key(after), hot.event_key(first_id(cut)), limit)
        times = hot.moment(cut), hot.moment(cuts.get(Kind.DEAD_LETTERS, _EVER))
        ids = [row[0] for row in window]
        if ids and not self._link.sqlite:
            # Who sends an event again holds its row; the delete asks again, because it may have been done by then.
            ids = [row[0] for row in await self._link.driver(free_sql(), ids, *times)]
        gone = set()
        if ids:
            await self._link.driver(told_sql(self._link.sqlite), self._list(ids))
            gone = {row[0] for row in await self._link.driver(drop_sql(self._link.sqlite), self._list(ids), *times)}
        await self._forget([row for row in window if row[0] in gone])
        return Removed(len(gone), from_uuid(window[-1][0]) if len(window) == limit else None)

    async def _forget(self, events: Sequence[Any]) -> None:
        """The bodies, and the identities without an end of their own, of events that are gone."""
        if not events:
            return
        body = f"DELETE FROM event_body WHERE {among('event_id', self._link.sqlite)}"  # noqa: S608
        await self._link.driver(body, self._list([row[0] for row in events]))
        identities = [identity_of(TenantId(tenant), source, key) for _, tenant, source, key, _ in events]
        await drop_untold(self._link, {(row[1], row[4]) for row in events if row[4] is not None})
        if self._link.sqlite:
            one = "DELETE FROM idempotency WHERE tenant_id = ? AND identity = ? AND expires_at IS NULL"
            await self._link.many(one, identities)
            return
        await self._link.driver(
            "DELETE FROM idempotency i USING unnest($1::int[], $2::bytea[]) AS w(tenant_id, identity) "
            "WHERE i.tenant_id = w.tenant_id AND i.identity = w.identity AND i.expires_at IS NULL",
            [tenant for tenant, _ in identities],
            [identity for _, identity in identities],
        )

    async def _remove_after_events(self, kind: Kind, cut: datetime, after: EventId, limit: int) -> Removed:
        """What hangs on events, in their order: the index that finds it by event is there already."""
        hot, (table, id_) = self._hot, TABLES[kind]
        begin, end = hot.event_key(after), hot.event_key(first_id(cut))
        last = await self._link.driver(step_sql(table), begin, end, limit - 1)
        upto = last[0][0] if last else end
        timed = "{cut}" in OVER[kind]
        rows = await self._link.driver(remove_sql(table, id_, kind), begin, upto, end, *[hot.moment(cut)][: int(timed)])
        return Removed(len(rows), from_uuid(upto) if last else None)

    async def _remove_attempts(self, cut: datetime, after: int, limit: int) -> Removed:
        """In the order in which they were written; the first step that finds none that is over is the last."""
        moment = self._hot.moment(cut)
        [(last, old)] = await self._link.driver(ATTEMPT_STEP, after, limit, moment)
        if not old:
            return Removed(0)
        rows = await self._link.driver(ATTEMPT_REMOVE, after, last, moment)
        return Removed(len(rows), str(last))

    async def _remove_identities(self, now: datetime, limit: int) -> Removed:
        mine = "WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2"
        keys = f"SELECT tenant_id, identity FROM idempotency {mine}"  # noqa: S608
        if not self._link.sqlite:
            keys = f"{keys} FOR UPDATE SKIP LOCKED"
        rows = await self._link.driver(
            f"DELETE FROM idempotency WHERE (tenant_id, identity) IN ({keys}) RETURNING tenant_id",  # noqa: S608
            self._hot.moment(now),
            limit,
        )
        return Removed(len(rows), "more" if len(rows) == limit else None)

    async def _remove_tag_changes(self, cut: datetime, after: int, limit: int) -> Removed:
        """In the order in which they were written, past those that stay, to the first step with none that is over."""
        moment = self._hot.moment(cut)
        [(seen, last, old)] = await self._link.driver(TAG_STEP, after, limit, moment)
        if not old:
            return Removed(0)
        rows = await self._link.driver(TAG_REMOVE, after, last, moment)
        return Removed(len(rows), str(last) if seen == limit else None)

    async def _remove_consents(self, cut: datetime, limit: int) -> Removed:
        over = CONSENT_OVER.format(cut="$1", kept="")
        some = f"SELECT id FROM consent AS t WHERE t.at < $1 AND {over} ORDER BY t.at, t.given DESC, t.id LIMIT $2"  # noqa: S608
        rows = await self._link.driver(
            f"DELETE FROM consent WHERE id IN ({some}) RETURNING id",  # noqa: S608
            self._hot.moment(cut),
            limit,
        )
        return Removed(len(rows), "more" if len(rows) == limit else None)

    async def removable(self, kind: Kind, cuts: Cuts, tenant: TenantId | None = None, limit: int = 100_000) -> int:
        if kind not in cuts:
            return 0
        told = _Told(self)
        if kind in SMALL:
            table, over = SMALL[kind]
            wanted = over.format(cut=told.moment(cuts[kind]))
        elif kind is Kind.IDENTITIES:
            table, wanted = "idempotency", f"t.expires_at <= {told.moment(cuts[kind])}"
        elif kind is Kind.ATTEMPTS:
            cut = cuts[kind] if self._link.sqlite else await WeeklyParts(self._link).cut_before(cuts[kind])
            held = HELD_EVENT.format(of="t")
            table, wanted = "attempt", f"t.started_at < {told.moment(cut)} AND {held} IS NULL"
        elif kind is Kind.TAG_CHANGES:
            kept = f" AND NOT ({told.going(cuts, 'e')})" if Kind.EVENTS in cuts else ""
            table, wanted = "tag_change", SETTLED.format(cut=told.moment(cuts[kind]), kept=kept)
        elif kind is Kind.CONSENTS:
            kept = f" AND NOT ({told.going(cuts, 'e')})" if Kind.EVENTS in cuts else ""
            cut_ = told.moment(cuts[kind])
            table, wanted = "consent", f"t.at < {cut_} AND {CONSENT_OVER.format(cut=cut_, kept=kept)}"
        elif kind is Kind.EVENTS:
            table, wanted = "event", told.going(cuts, "t")
        else:
            table = TABLES[kind][0]
            kept = f" AND NOT ({told.going(cuts, 'e')})" if Kind.EVENTS in cuts and "{gone}" in OVER[kind] else ""
            bound = f"t.event_id < {told.event(first_id(cuts[kind]))}"
            cut_ = told.moment(cuts[kind]) if "{cut}" in OVER[kind] else ""
            wanted = f"{bound} AND {OVER[kind].format(cut=cut_, gone=GONE.format(kept=kept))}"
        if tenant is not None:
            own = _MINE if kind is Kind.OBSERVATIONS else "t.tenant_id = {tenant}"
            wanted = f"{wanted} AND {own.format(tenant=told.add(int(tenant)))}"
        some = f"SELECT 1 FROM {table} AS t WHERE {wanted} LIMIT {int(limit)}"  # noqa: S608
        rows = await self._link.driver(f"SELECT count(*) FROM ({some}) AS found", *told.values)  # noqa: S608
        return int(rows[0][0])

    async def oldest(self, kind: Kind) -> datetime | None:
        if kind is Kind.ATTEMPTS and not self._link.sqlite:
            return await WeeklyParts(self._link).oldest()
        rows = await self._link.driver(_OLDEST[kind])
        found = rows[0][0] if rows else None
        if kind is Kind.OBSERVATIONS:
            return None if found is None else moment_of(from_uuid(found))
        moment: datetime | None = self._hot.to_moment(found)
        return moment

    async def owing(self, enough: int, limit: int) -> Owing:
        rows = await self._link.driver(
            "SELECT (SELECT max(id) FROM delivery) - (SELECT min(id) FROM delivery) + 1"  # two index probes
        )
        spread = int(rows[0][0] or 0)
        if spread <= enough:
            return Owing(spread, {}, at_most=True)
        counted = await self._link.driver(
            "SELECT tenant_id, count(*) FROM (SELECT tenant_id FROM delivery LIMIT $1) AS found GROUP BY tenant_id",
            limit,
        )
        by_tenant = {TenantId(row[0]): int(row[1]) for row in counted}
        return Owing(sum(by_tenant.values()), by_tenant)

    def _list(self, values: Sequence[Any]) -> Any:
        return json.dumps(values) if self._link.sqlite else list(values)


class _Told:
    """The parameters of a statement, as it is put together."""

    def __init__(self, work: DbRetention) -> None:
        self._hot, self.values = work._hot, list[Any]()

    def add(self, value: Any) -> str:
        self.values.append(value)
        return f"${len(self.values)}"

    def moment(self, at: datetime) -> str:
        return self.add(self._hot.moment(at))

    def event(self, id_: EventId) -> str:
        return self.add(self._hot.event_key(id_))

    def going(self, cuts: Cuts, alias: str) -> str:
        """That an event is over and needed by nothing."""
        cut, dead = cuts[Kind.EVENTS], cuts.get(Kind.DEAD_LETTERS, _EVER)
        needed = NEEDED
        for name in ("id", "tenant_id", "subject"):
            needed = needed.replace(f" e.{name}", f" {alias}.{name}")
        old = f"{alias}.id < {self.event(first_id(cut))} AND {alias}.received_at < {self.moment(cut)}"
        return f"{old} AND {needed.format(dead=self.moment(dead))} IS NULL"


def among(column: str, sqlite: bool) -> str:
    """That the column is one of the event ids in $1."""
    return f"{column} IN (SELECT value FROM json_each($1))" if sqlite else f"{column} = ANY($1::uuid[])"  # noqa: S608


def told_sql(sqlite: bool) -> str:
    """Keep of the events in $1 which connections were told of whom: an erasure years later has to tell them.

    A look-up without an object is such a mark.
    """
    return (
        "INSERT INTO ref (connection_id, subject, object, external_id, tenant_id, delivery_id, event_id) "  # noqa: S608
        "SELECT d.dest_id, e.subject, '', '', e.tenant_id, d.delivery_id, e.id "
        "FROM event e JOIN delivery_done d ON d.event_id = e.id "
        f"WHERE {among('e.id', sqlite)} AND e.subject IS NOT NULL AND d.attempts > 0 AND d.step NOT LIKE '@%' "
        "ON CONFLICT DO NOTHING"
    )


def free_sql() -> str:
    """Of the events in $1 those that are over and that nobody holds, locked (PostgreSQL)."""
    return f"SELECT e.id FROM event e WHERE {_over_and_free(False)} FOR UPDATE OF e SKIP LOCKED"  # noqa: S608


def drop_sql(sqlite: bool) -> str:
    """Delete the events in $1 that are older than $2 and needed by nothing; dead letters count from $3 on."""
    return f"DELETE FROM event AS e WHERE {_over_and_free(sqlite)} RETURNING id"  # noqa: S608


def _over_and_free(sqlite: bool) -> str:
    return f"{among('e.id', sqlite)} AND e.received_at < $2 AND {NEEDED.format(dead='$3')} IS NULL"


def step_sql(table: str) -> str:
    """The event at the end of a step."""
    return f"SELECT event_id FROM {table} WHERE event_id > $1 AND event_id < $2 ORDER BY event_id LIMIT 1 OFFSET $3"  # noqa: S608


def remove_sql(table: str, id_: str, kind: Kind) -> str:
    """Of the events after $1 up to $2, and before $3, what is over."""
    over = OVER[kind].format(cut="$4", gone=GONE.format(kept=""))
    return f"DELETE FROM {table} AS t WHERE t.event_id > $1 AND t.event_id <= $2 AND t.event_id < $3 AND {over} RETURNING {id_}"  # noqa: S608


def _oldest_done(finals: str) -> str:
    one = "SELECT d.finished_at FROM delivery_done d WHERE d.tenant_id = t.tenant_id AND d.final = f.column1"
    return (
        f"SELECT min(at) FROM (SELECT ({one} ORDER BY d.tenant_id, d.final, d.delivery_id LIMIT 1) AS at "  # noqa: S608
        f"FROM (SELECT DISTINCT tenant_id FROM connection) t CROSS JOIN (VALUES {finals}) AS f) AS ends"
    )


_OLDEST: dict[Kind, str] = {
    Kind.EVENTS: "SELECT received_at FROM event ORDER BY id LIMIT 1",
    Kind.DELIVERIES: _oldest_done(_FINAL),
    Kind.DEAD_LETTERS: _oldest_done("('dead')"),
    Kind.RUNS: f"SELECT changed_at FROM run WHERE state NOT IN {LIVE_RUN} ORDER BY id LIMIT 1",  # noqa: S608
    Kind.OBSERVATIONS: "SELECT event_id FROM observation ORDER BY event_id LIMIT 1",
    Kind.ATTEMPTS: "SELECT started_at FROM attempt ORDER BY id LIMIT 1",
    # one with an end is as old as its life allows: what counts is that the ends lie ahead
    Kind.IDENTITIES: "SELECT expires_at FROM idempotency WHERE expires_at IS NOT NULL ORDER BY expires_at LIMIT 1",
    Kind.BACKTESTS: "SELECT min(finished_at) FROM backtest",
    Kind.REPLAYS: "SELECT min(finished_at) FROM replay_job",
    Kind.TAG_CHANGES: "SELECT at FROM tag_change ORDER BY id LIMIT 1",
    Kind.CONSENTS: "SELECT min(at) FROM consent",
}
