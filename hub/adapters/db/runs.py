"""Runs, tags and the business calendar, in the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, cast, delete, exists, func, literal, select, update
from sqlalchemy import Text as SqlText

from hub.adapters.db.link import AnyRow
from hub.adapters.db.rule_tables import RULE
from hub.adapters.db.run_tables import CALENDAR, ONCE, RUN, TAG, TAG_CHANGE
from hub.adapters.db.settings import SWITCH, DbSettings
from hub.adapters.db.tables import metadata
from hub.domain.ids import EventId, RevisionId, RuleId, RunId, TenantId
from hub.domain.runs import LIVE, Run, RunState
from hub.ports.runs import GATE_PATIENCE, STUCK_AFTER, CandidateTag, RunStats, TagChange
from mappings.documents import Document

_EVENT = metadata.tables["event"]
_SETTING = metadata.tables["setting"]
_COLUMNS = tuple(column.name for column in RUN.columns)

_FOR_GOOD = {"id", "tenant_id", "rule_id", "revision_id", "event_id", "subject", "created_at"}
_CHANGING = [name for name in _COLUMNS if name not in _FOR_GOOD]
_SAVE = update(RUN).where(RUN.c.id == bindparam("run")).values({name: bindparam(f"new_{name}") for name in _CHANGING})


class DbRuns(DbSettings):
    """`hub.ports.runs.Runs` on one open connection."""

    async def due_runs(self, now: datetime, limit: int = 100) -> list[Run]:
        return [_run(row) for row in await self._link.rows(_due(now).order_by(RUN.c.due_at, RUN.c.id).limit(limit))]

    async def take_runs(self, ids: Sequence[RunId], now: datetime) -> list[Run]:
        wanted = _due(now).where(RUN.c.id.in_(ids)).order_by(RUN.c.rule_id, RUN.c.id)
        return [_run(row) for row in await self._link.rows(wanted.with_for_update(of=RUN, skip_locked=True))]

    async def take_run(self, tenant: TenantId, run: RunId) -> Run | None:
        row = await self._link.row(_runs(tenant).where(RUN.c.id == run).with_for_update())
        return None if row is None else _run(row)

    async def save_runs(self, runs: Sequence[Run]) -> None:
        if runs:
            await self._link.rows(_SAVE, [_changes(run) for run in runs])

    async def runs(
        self,
        tenant: TenantId,
        *,
        limit: int = 50,
        before: RunId | None = None,
        states: Collection[RunState] = (),
        subject: str | None = None,
        rule: RuleId | None = None,
        event: EventId | None = None,
    ) -> list[Run]:
        wanted = _runs(tenant)
        if before is not None:
            wanted = wanted.where(RUN.c.id < before)
        if states:
            wanted = wanted.where(RUN.c.state.in_([state.value for state in states]))
        if subject is not None:
            wanted = wanted.where(RUN.c.subject == subject)
        if rule is not None:
            wanted = wanted.where(RUN.c.rule_id == rule)
        if event is not None:
            wanted = wanted.where(RUN.c.event_id == event)
        return [_run(row) for row in await self._link.rows(wanted.order_by(RUN.c.id.desc()).limit(limit))]

    async def run(self, tenant: TenantId, run: RunId) -> Run | None:
        row = await self._link.row(_runs(tenant).where(RUN.c.id == run))
        return None if row is None else _run(row)

    async def awaited(self, tenant: TenantId) -> frozenset[str]:
        mine = (RUN.c.tenant_id == tenant, RUN.c.awaits.is_not(None))
        return frozenset(row[0] for row in await self._link.rows(select(RUN.c.awaits).where(*mine).distinct()))

    async def arrived(
        self, tenant: TenantId, type: str, subject: str, since: datetime, limit: int = 100
    ) -> list[EventId]:
        mine = (_EVENT.c.tenant_id == tenant, _EVENT.c.subject == subject, _EVENT.c.type == type)
        found = select(_EVENT.c.id).where(*mine, _EVENT.c.received_at >= since)
        rows = await self._link.rows(found.order_by(_EVENT.c.id).limit(limit))
        return [EventId(row[0]) for row in rows]

    async def once(self, run: Run, key: str) -> bool:
        await self._in_turn(run.rule)
        rows = await self._link.driver(
            "INSERT INTO run_once (rule_id, key, run_id) VALUES ($1, $2, $3) "
            "ON CONFLICT (rule_id, key) DO UPDATE SET run_id = run_once.run_id RETURNING run_id",
            run.rule,
            key,
            run.id,
        )
        return bool(rows[0][0] == run.id)

    async def forget_once(self, run: Run) -> None:
        await self._link.rows(delete(ONCE).where(ONCE.c.run_id == run.id))

    async def begun_since(self, rule: RuleId, since: datetime) -> int:
        await self._in_turn(rule)
        mine = (RUN.c.rule_id == rule, RUN.c.began_at > since)
        [row] = await self._link.rows(select(func.count()).select_from(RUN).where(*mine))
        return int(row[0])

    async def _in_turn(self, rule: RuleId) -> None:
        """One transaction at a time for each rule; runs are taken in order of rule, so these never form a ring."""
        if not self._link.sqlite:
            await self._link.rows(select(RULE.c.id).where(RULE.c.id == rule).with_for_update(key_share=True))

    async def run_stats(self, now: datetime) -> RunStats:
        live = RUN.c.state.in_([state.value for state in sorted(LIVE)])
        groups = select(RUN.c.state, RUN.c.awaits.is_not(None), func.count(), func.min(RUN.c.changed_at)).where(live)
        rows = await self._link.rows(groups.group_by(RUN.c.state, RUN.c.awaits.is_not(None)))
        kinds = [(_kind(state, bool(awaits)), count, oldest) for state, awaits, count, oldest in rows]
        gates = (RUN.c.state == RunState.GATE.value, RUN.c.changed_at < now - GATE_PATIENCE)
        overdue = await self._link.rows(select(func.count()).select_from(RUN).where(*gates))
        stuck = await self._link.rows(select(func.count()).select_from(_due(now - STUCK_AFTER).subquery()))
        return RunStats(
            {kind: count for kind, count, _ in kinds},
            {kind: oldest for kind, _, oldest in kinds},
            int(overdue[0][0]),
            int(stuck[0][0]),
        )

    async def put_tag(self, tenant: TenantId, subject: str, tag: CandidateTag) -> None:
        if await self._link.row(select(TAG.c.tag).where(*_tag(tenant, subject, tag.tag))) is None:
            await self._tell_tag(tenant, subject, tag, put=True)
        await self._link.driver(
            "INSERT INTO candidate_tag (tenant_id, subject, tag, run_id, at) VALUES ($1, $2, $3, $4, $5) "
            "ON CONFLICT (tenant_id, subject, tag) DO UPDATE SET run_id = excluded.run_id, at = excluded.at",
            tenant,
            subject,
            tag.tag,
            tag.run,
            self._hot.moment(tag.at),
        )

    async def drop_tag(self, tenant: TenantId, subject: str, tag: CandidateTag) -> None:
        gone = delete(TAG).where(*_tag(tenant, subject, tag.tag)).returning(TAG.c.tag)
        if await self._link.row(gone) is not None:
            await self._tell_tag(tenant, subject, tag, put=False)

    async def _tell_tag(self, tenant: TenantId, subject: str, tag: CandidateTag, *, put: bool) -> None:
        values = {"tag": tag.tag, "put": put, "run_id": tag.run, "at": tag.at}
        await self._link.rows(TAG_CHANGE.insert().values(tenant_id=tenant, subject=subject, **values).inline())

    async def tags(self, tenant: TenantId, subject: str) -> list[CandidateTag]:
        wanted = select(TAG.c.tag, TAG.c.run_id, TAG.c.at)
        rows = await self._link.rows(wanted.where(TAG.c.tenant_id == tenant, TAG.c.subject == subject))
        return sorted((CandidateTag(*row) for row in rows), key=lambda one: one.tag)

    async def tags_of(self, tenant: TenantId, subjects: Collection[str]) -> dict[str, list[str]]:
        mine = (TAG.c.tenant_id == tenant, TAG.c.subject.in_(list(subjects)))
        found: dict[str, list[str]] = {}
        for subject, tag in await self._link.rows(select(TAG.c.subject, TAG.c.tag).where(*mine)):
            found.setdefault(subject, []).append(tag)
        return {subject: sorted(tags) for subject, tags in found.items()}

    async def tag_changes(self, tenant: TenantId, subjects: Collection[str]) -> dict[str, list[TagChange]]:
        columns = (TAG_CHANGE.c.subject, TAG_CHANGE.c.tag, TAG_CHANGE.c.put, TAG_CHANGE.c.at)
        mine = (TAG_CHANGE.c.tenant_id == tenant, TAG_CHANGE.c.subject.in_(list(subjects)))
        found: dict[str, list[TagChange]] = {}
        for subject, *change in await self._link.rows(select(*columns).where(*mine).order_by(TAG_CHANGE.c.id)):
            found.setdefault(subject, []).append(TagChange(*change))
        return found

    async def calendar(self, tenant: TenantId) -> Document | None:
        row = await self._link.row(select(CALENDAR.c.body).where(CALENDAR.c.tenant_id == tenant))
        return None if row is None else row[0]

    async def put_calendar(self, tenant: TenantId, body: Document) -> None:
        await self._changed()
        await self._link.rows(delete(CALENDAR).where(CALENDAR.c.tenant_id == tenant))
        await self._link.rows(CALENDAR.insert().values(tenant_id=tenant, body=body))


def _tag(tenant: TenantId, subject: str, tag: str) -> tuple[Any, ...]:
    return TAG.c.tenant_id == tenant, TAG.c.subject == subject, TAG.c.tag == tag


def _kind(state: str, awaits: bool) -> str:
    if state != RunState.WAITING.value:
        return state
    return "event" if awaits else "time"


def _select() -> Select[Any]:
    return select(*(RUN.c[name] for name in _COLUMNS))


def _runs(tenant: TenantId) -> Select[Any]:
    return _select().where(RUN.c.tenant_id == tenant)


def _due(now: datetime) -> Select[Any]:
    switch = literal(SWITCH) + cast(RUN.c.tenant_id, SqlText)
    stopped = exists().where(_SETTING.c.name == switch, _SETTING.c.value != 0)
    free = (RUN.c.due_at <= now, RULE.c.state != "paused", ~stopped)
    return _select().join(RULE, RULE.c.id == RUN.c.rule_id).where(*free)


def _run(row: AnyRow) -> Run:
    return Run(
        id=RunId(row.id),
        tenant=TenantId(row.tenant_id),
        rule=RuleId(row.rule_id),
        revision=RevisionId(row.revision_id),
        event=EventId(row.event_id),
        at=EventId(row.at_event),
        subject=row.subject,
        state=RunState(row.state),
        created_at=row.created_at,
        changed_at=row.changed_at,
        due_at=row.due_at,
        step=row.step,
        awaits=row.awaits,
        until=row.until,
        reason=row.reason,
        answer=row.answer,
        met=tuple(EventId(one) for one in row.met),
        began_at=row.began_at,
    )


def _changes(run: Run) -> dict[str, Any]:
    values = {
        "at_event": run.at,
        "state": run.state.value,
        "changed_at": run.changed_at,
        "due_at": run.due_at,
        "step": run.step,
        "awaits": run.awaits,
        "until": run.until,
        "reason": run.reason,
        "answer": run.answer,
        "met": list(run.met),
        "began_at": run.began_at,
    }
    return {"run": run.id, **{f"new_{name}": value for name, value in values.items()}}
