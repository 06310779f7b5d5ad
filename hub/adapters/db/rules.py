"""Rules, their revisions and reviews, what they said of events, and their backtests, in the database."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, update

from hub.adapters.db.columns import from_uuid
from hub.adapters.db.evaluations import read
from hub.adapters.db.link import AnyRow
from hub.adapters.db.rule_tables import BACKTEST, OBSERVATION, REVIEW, REVISION, RULE
from hub.adapters.db.settings import SWITCH, DbSettings, canonical
from hub.adapters.db.tables import metadata
from hub.domain.errors import NotFound
from hub.domain.ids import EventId, RevisionId, RuleId, TenantId
from hub.ports.rules import Backtest, Compared, Evaluated, Mark, Review, Rule, RuleRevision, Sealed
from mappings.documents import Document

_BODY = metadata.tables["event_body"]
_EVENT = metadata.tables["event"]
_SETTING = metadata.tables["setting"]
_LATEST, _CURRENT, _BESIDE = REVISION.alias("latest"), REVISION.alias("current"), REVISION.alias("beside")
_REVISION_NAMES = ("id", "number", "body", "created_at", "created_by", "reason")
_BACKTEST_NAMES = (
    "id", "tenant_id", "rule_id", "revision_id", "days", "state", "created_at", "created_by", "seen", "total", "result",
    "finished_at", "owner", "lease_until",
)  # fmt: skip
_OPEN = BACKTEST.c.state.in_(("queued", "running"))
SEALED = (
    "SELECT e.id, e.received_at, b.body, e.subject, e.depth FROM event e JOIN event_body b ON b.event_id = e.id "
    "WHERE e.tenant_id = $1 AND e.type = $2 AND e.id >= $3 AND e.id < $4 ORDER BY e.id LIMIT $5"
)
MARKS = (
    "SELECT id, received_at, subject, cause_event FROM event "
    "WHERE tenant_id = $1 AND type = $2 AND id >= $3 AND id < $4 AND subject IS NOT NULL ORDER BY id LIMIT $5"
)


class DbRules(DbSettings):
    """`hub.ports.rules.Rules` on one open connection."""

    async def rules(self, tenant: TenantId) -> list[Rule]:
        rows = await self._link.rows(_rules().where(RULE.c.tenant_id == tenant))
        return sorted((_rule(row) for row in rows), key=lambda rule: rule.name)

    async def rule(self, tenant: TenantId, name: str) -> Rule | None:
        row = await self._link.row(_rules().where(RULE.c.tenant_id == tenant, RULE.c.name == name))
        return None if row is None else _rule(row)

    async def put_rule(
        self, tenant: TenantId, name: str, body: Document, *, state: str, by: str, now: datetime
    ) -> Rule:
        await self._changed()
        old = await self.rule(tenant, name)
        if old is not None and old.current is not None and canonical(old.current.body) == canonical(body):
            id_, revision = old.id, old.current.id
        else:
            id_, revision = await self._revise(tenant, name, old, body, by, now, None)
        await self._force(id_, state, None if state == "draft" else revision)
        return await self._read(tenant, name)

    async def draft_rule(
        self, tenant: TenantId, name: str, body: Document, *, by: str, now: datetime, reason: str | None = None
    ) -> Rule:
        await self._changed()
        await self._revise(tenant, name, await self.rule(tenant, name), body, by, now, reason)
        return await self._read(tenant, name)

    async def _revise(
        self, tenant: TenantId, name: str, old: Rule | None, body: Document, by: str, now: datetime, reason: str | None
    ) -> tuple[RuleId, RevisionId]:
        """The rule's id and its latest revision, which has this body."""
        if old is not None and canonical(old.latest.body) == canonical(body):
            return old.id, old.latest.id
        if old is None:
            made = RULE.insert().values(tenant_id=tenant, name=name, state="draft").returning(RULE.c.id)
            id_ = RuleId(await self._number(made))
        else:
            id_ = old.id
        values = {
            "rule_id": id_,
            "number": 1 if old is None else old.latest.number + 1,
            "body": body,
            "created_at": now,
            "created_by": by,
            "reason": reason,
        }
        return id_, RevisionId(await self._number(REVISION.insert().values(values).returning(REVISION.c.id)))

    async def _number(self, statement: Any) -> int:
        row = await self._link.row(statement)
        assert row is not None
        return int(row[0])

    async def _read(self, tenant: TenantId, name: str) -> Rule:
        new = await self.rule(tenant, name)
        assert new is not None
        return new

    async def set_rule(self, rule: RuleId, state: str, current: RevisionId | None) -> None:
        await self._changed()
        if not await self._force(rule, state, current):
            raise NotFound("there is no such rule")

    async def _force(self, rule: RuleId, state: str, current: RevisionId | None) -> bool:
        observed = state == "observe"
        values = {
            "state": "live" if observed else state,
            "observed": observed,
            "current_id": current,
            "beside_id": None,
            "beside_since": None,
        }
        changed = update(RULE).where(RULE.c.id == rule).values(values).returning(RULE.c.id)
        return await self._link.row(changed) is not None

    async def set_beside(self, rule: RuleId, beside: RevisionId | None, now: datetime) -> None:
        await self._changed()
        values = {"beside_id": beside, "beside_since": None if beside is None else now}
        if await self._link.row(update(RULE).where(RULE.c.id == rule).values(values).returning(RULE.c.id)) is None:
            raise NotFound("there is no such rule")

    async def compared(self, revision: RevisionId) -> Compared:
        mine = (OBSERVATION.c.revision_id == revision, OBSERVATION.c.versus.is_not(None))
        counts = select(OBSERVATION.c.versus, func.count()).where(*mine).group_by(OBSERVATION.c.versus)
        return Compared(**{row[0]: row[1] for row in await self._link.rows(counts)})

    async def revision(self, revision: RevisionId) -> RuleRevision | None:
        row = await self._link.row(_revisions().where(REVISION.c.id == revision))
        return None if row is None else _revision(row)

    async def revisions(self, rule: RuleId) -> list[RuleRevision]:
        wanted = _revisions().where(REVISION.c.rule_id == rule).order_by(REVISION.c.number.desc())
        return [_revision(row) for row in await self._link.rows(wanted)]

    async def add_review(self, rule: RuleId, review: Review) -> None:
        values = {"revision_id": review.revision, "act": review.act, "actor": review.actor, "reason": review.reason}
        await self._link.rows(REVIEW.insert().values(rule_id=rule, at=review.at, **values).inline())

    async def reviews(self, rule: RuleId) -> list[Review]:
        columns = [REVIEW.c[name] for name in ("revision_id", "act", "actor", "at", "reason")]
        wanted = select(*columns).where(REVIEW.c.rule_id == rule).order_by(REVIEW.c.id)
        return [Review(*row) for row in await self._link.rows(wanted)]

    async def stop_rules(self, tenant: TenantId, stopped: bool) -> None:
        await self._changed()
        mine = _SETTING.c.name == _switch(tenant)
        changed = update(_SETTING).where(mine).values(value=int(stopped)).returning(_SETTING.c.name)
        if await self._link.row(changed) is None:
            await self._link.rows(_SETTING.insert().values(name=_switch(tenant), value=int(stopped)))

    async def rules_stopped(self, tenant: TenantId) -> bool:
        row = await self._link.row(select(_SETTING.c.value).where(_SETTING.c.name == _switch(tenant)))
        return row is not None and bool(row[0])

    async def evaluated(self, tenant: TenantId, event: EventId) -> list[Evaluated] | None:
        mine = (_EVENT.c.id == event, _EVENT.c.tenant_id == tenant)
        row = await self._link.row(select(_BODY.c.verdicts).join(_EVENT, _EVENT.c.id == _BODY.c.event_id).where(*mine))
        return None if row is None or row[0] is None else read(row[0])

    async def observed(
        self, revision: RevisionId, limit: int, before: EventId | None = None, versus: str | None = None
    ) -> list[EventId]:
        wanted = select(OBSERVATION.c.event_id).where(OBSERVATION.c.revision_id == revision)
        fired = func.coalesce(OBSERVATION.c.versus, "") != "no_longer"
        wanted = wanted.where(fired if versus is None else OBSERVATION.c.versus == versus)
        wanted = wanted if before is None else wanted.where(OBSERVATION.c.event_id < before)
        rows = await self._link.rows(wanted.order_by(OBSERVATION.c.event_id.desc()).limit(limit))
        return [row[0] for row in rows]

    async def count_events(self, tenant: TenantId, type: str, since: EventId, before: EventId) -> int:
        mine = (_EVENT.c.tenant_id == tenant, _EVENT.c.type == type, _EVENT.c.id >= since, _EVENT.c.id < before)
        row = await self._link.row(select(func.count()).select_from(_EVENT).where(*mine))
        return 0 if row is None else int(row[0])

    async def sealed(
        self, tenant: TenantId, type: str, *, since: EventId, before: EventId, limit: int
    ) -> Sequence[Sealed]:
        hot = self._hot
        rows = await self._link.driver(SEALED, tenant, type, hot.event_key(since), hot.event_key(before), limit)
        return [Sealed(from_uuid(id_), hot.to_moment(at), body, who, deep) for id_, at, body, who, deep in rows]

    async def marks(self, tenant: TenantId, type: str, *, since: EventId, before: EventId, limit: int) -> list[Mark]:
        hot = self._hot
        rows = await self._link.driver(MARKS, tenant, type, hot.event_key(since), hot.event_key(before), limit)
        return [
            Mark(from_uuid(id_), hot.to_moment(at), who, None if cause is None else from_uuid(cause))
            for id_, at, who, cause in rows
        ]

    async def add_backtest(self, backtest: Backtest) -> None:
        values = {("tenant_id" if name == "tenant" else name): value for name, value in _fields(backtest)}
        values = {{"rule": "rule_id", "revision": "revision_id"}.get(name, name): v for name, v in values.items()}
        await self._link.rows(BACKTEST.insert().values(values))

    async def backtest(self, tenant: TenantId, id: str) -> Backtest | None:
        row = await self._link.row(_backtests().where(BACKTEST.c.id == id, BACKTEST.c.tenant_id == tenant))
        return None if row is None else Backtest(*row)

    async def backtests(self, rule: RuleId, limit: int = 20) -> list[Backtest]:
        newest = (BACKTEST.c.created_at.desc(), BACKTEST.c.id.desc())
        rows = await self._link.rows(_backtests().where(BACKTEST.c.rule_id == rule).order_by(*newest).limit(limit))
        return [Backtest(*row) for row in rows]

    async def backtest_waits(self, now: datetime) -> bool:
        return await self._link.row(_oldest(now)) is not None

    async def claim_backtest(self, owner: str, *, now: datetime, until: datetime) -> Backtest | None:
        found = await self._link.row(_oldest(now).with_for_update(skip_locked=True))
        if found is None:
            return None
        leased = {"state": "running", "owner": owner, "lease_until": until, "seen": 0}
        await self._link.rows(update(BACKTEST).where(BACKTEST.c.id == found[0]).values(leased))
        row = await self._link.row(_backtests().where(BACKTEST.c.id == found[0]))
        return None if row is None else Backtest(*row)

    async def keep_backtest(self, id: str, owner: str, *, seen: int, total: int, until: datetime) -> bool:
        return await self._change(id, owner, {"seen": seen, "total": total, "lease_until": until})

    async def end_backtest(
        self, id: str, owner: str | None, state: str, *, now: datetime, seen: int = 0, result: Document | None = None
    ) -> bool:
        values = {"state": state, "finished_at": now, "owner": None, "lease_until": None}
        return await self._change(id, owner, values if owner is None else {**values, "seen": seen, "result": result})

    async def _change(self, id: str, owner: str | None, values: dict[str, Any]) -> bool:
        mine = _OPEN & (BACKTEST.c.id == id)
        mine = mine if owner is None else mine & (BACKTEST.c.owner == owner)
        return await self._link.row(update(BACKTEST).where(mine).values(values).returning(BACKTEST.c.id)) is not None


def _switch(tenant: TenantId) -> str:
    return f"{SWITCH}{tenant}"


def _fields(backtest: Backtest) -> list[tuple[str, Any]]:
    return [(field.name, getattr(backtest, field.name)) for field in dataclasses.fields(backtest)]


def _oldest(now: datetime) -> Select[Any]:
    free = _OPEN & ((BACKTEST.c.state == "queued") | (BACKTEST.c.lease_until <= now))
    return select(BACKTEST.c.id).where(free).order_by(BACKTEST.c.created_at, BACKTEST.c.id).limit(1)


def _backtests() -> Select[Any]:
    return select(*(BACKTEST.c[name] for name in _BACKTEST_NAMES))


def _revisions() -> Select[Any]:
    revision = [REVISION.c[name] for name in _REVISION_NAMES]
    return select(RULE.c.id.label("rule"), RULE.c.tenant_id, RULE.c.name, *revision).join(
        REVISION, REVISION.c.rule_id == RULE.c.id
    )


def _revision(row: AnyRow) -> RuleRevision:
    rule, tenant, name, id_, *rest = row
    return RuleRevision(RevisionId(id_), rule, tenant, name, *rest)


def _rules() -> Select[Any]:
    newer = REVISION.alias()
    latest = select(newer.c.number).where(newer.c.rule_id == RULE.c.id).order_by(newer.c.number.desc()).limit(1)
    rule = (RULE.c.id, RULE.c.tenant_id, RULE.c.name, RULE.c.state, RULE.c.observed, RULE.c.beside_since)
    return (
        select(*rule, *(alias.c[name] for alias in (_LATEST, _CURRENT, _BESIDE) for name in _REVISION_NAMES))
        .join(_LATEST, _LATEST.c.rule_id == RULE.c.id)
        .outerjoin(_CURRENT, _CURRENT.c.id == RULE.c.current_id)
        .outerjoin(_BESIDE, _BESIDE.c.id == RULE.c.beside_id)
        .where(_LATEST.c.number == latest.scalar_subquery())
    )


def _rule(row: AnyRow) -> Rule:
    id_, tenant, name, state, observed, since, *rest = row
    size = len(_REVISION_NAMES)
    latest, current, beside = (_revision_of(id_, tenant, name, rest[at : at + size]) for at in range(0, 3 * size, size))
    assert latest is not None
    return Rule(id_, tenant, name, "observe" if observed else state, latest, current, beside, since)


def _revision_of(rule: RuleId, tenant: TenantId, name: str, columns: Sequence[Any]) -> RuleRevision | None:
    id_, *rest = columns
    return None if id_ is None else RuleRevision(RevisionId(id_), rule, tenant, name, *rest)
