"""Sending many again, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, select, update

from hub.adapters.db.events import groups_of, keys_of, run_row
from hub.adapters.db.history import DbDeliveries
from hub.adapters.db.link import AnyRow
from hub.adapters.db.rule_tables import REPLAY_JOB
from hub.adapters.db.run_tables import RUN
from hub.adapters.db.statements import PLANNED, unique
from hub.adapters.db.tables import metadata
from hub.domain.deliveries import Final, Planned
from hub.domain.ids import ConnectionId, DeliveryId, EventId, TenantId
from hub.domain.replays import DeadGroup, ReplayJob, ReplayKind, ReplayState, ReplayWanted
from hub.ports.runs import Start
from mappings.documents import Document

_EVENT = metadata.tables["event"]
_LIVE = metadata.tables["delivery"]
_DONE = metadata.tables["delivery_done"]
_JOB_NAMES = (
    "id", "tenant_id", "wanted", "state", "total", "done", "skipped", "cursor", "created_at", "created_by",
    "finished_at",
)  # fmt: skip


class DbReplays(DbDeliveries):
    """`hub.ports.replays.Replays` on one open connection."""

    async def add_replay_job(
        self, tenant: TenantId, wanted: ReplayWanted, total: int, by: str, now: datetime
    ) -> ReplayJob:
        job = ReplayJob(0, tenant, wanted, ReplayState.RUNNING, total, 0, 0, "", now, by)
        row = await self._link.row(REPLAY_JOB.insert().values(_values(job)).returning(REPLAY_JOB.c.id))
        assert row is not None
        return replace(job, id=row[0])

    async def replay_job(self, tenant: TenantId, id: int) -> ReplayJob | None:
        row = await self._link.row(
            _jobs().where(REPLAY_JOB.c.id == id, REPLAY_JOB.c.tenant_id == tenant).with_for_update()
        )
        return None if row is None else _job(row)

    async def replay_jobs(self, tenant: TenantId, limit: int = 50) -> list[ReplayJob]:
        mine = _jobs().where(REPLAY_JOB.c.tenant_id == tenant).order_by(REPLAY_JOB.c.id.desc()).limit(limit)
        return [_job(row) for row in await self._link.rows(mine)]

    async def running_replays(self) -> list[ReplayJob]:
        running = _jobs().where(REPLAY_JOB.c.state == ReplayState.RUNNING.value).order_by(REPLAY_JOB.c.id)
        return [_job(row) for row in await self._link.rows(running)]

    async def put_replay_job(self, job: ReplayJob) -> None:
        await self._link.rows(update(REPLAY_JOB).where(REPLAY_JOB.c.id == job.id).values(_values(job)))

    async def replayable(
        self, tenant: TenantId, wanted: ReplayWanted, after: DeliveryId, limit: int
    ) -> list[DeliveryId]:
        some = _ended(select(_DONE.c.delivery_id), tenant, wanted).where(_DONE.c.delivery_id > after)
        rows = await self._link.rows(some.order_by(_DONE.c.delivery_id).limit(limit))
        return [DeliveryId(row[0]) for row in rows]

    async def count_replayable(self, tenant: TenantId, wanted: ReplayWanted) -> int:
        return await self._count(_ended(select(func.count()).select_from(_DONE), tenant, wanted))

    async def events_after(
        self, tenant: TenantId, wanted: ReplayWanted, after: EventId | None, limit: int
    ) -> list[EventId]:
        some = _accepted(select(_EVENT.c.id), tenant, wanted)
        some = some if after is None else some.where(_EVENT.c.id > after)
        return [row[0] for row in await self._link.rows(some.order_by(_EVENT.c.id).limit(limit))]

    async def count_wanted(self, tenant: TenantId, wanted: ReplayWanted) -> int:
        return await self._count(_accepted(select(func.count()).select_from(_EVENT), tenant, wanted))

    async def _count(self, question: Select[Any]) -> int:
        return int((await self._link.rows(question))[0][0])

    async def owe(
        self, tenant: TenantId, event: EventId, planned: Sequence[Planned], now: datetime
    ) -> list[DeliveryId]:
        stored = await self.event(tenant, event) if await self._keep_event(event) else None
        if stored is None:
            return []
        known = await self._steps(event)
        fresh = [replace(plan, due_at=now) for plan in planned if (plan.connection, plan.step) not in known]
        names, ids = PLANNED.split(", "), []
        for plan in fresh:
            values = dict(zip(names, self._planned_row(event, tenant, stored.received_at, plan), strict=True))
            values |= {
                "event_id": event,
                "received_at": stored.received_at,
                "due_at": now,
                "expires_at": plan.expires_at,
            }
            row = await self._link.row(_LIVE.insert().values(values).returning(_LIVE.c.id))
            assert row is not None
            ids.append(DeliveryId(row[0]))
        waiters = [plan for plan in fresh if plan.okey is not None]
        keys = await self._hot.lock_keys(unique(keys_of(waiters)))
        await self._supersede(groups_of(waiters), now)
        await self._hot.promote(keys, None)
        return ids

    async def _steps(self, event: EventId) -> set[tuple[int, str]]:
        """The (lane, step) of every delivery that the event has or had."""
        known = set()
        for table in (_LIVE, _DONE):
            rows = await self._link.rows(select(table.c.dest_id, table.c.step).where(table.c.event_id == event))
            known |= {(row[0], row[1]) for row in rows}
        return known

    async def begin_missing(self, tenant: TenantId, event: EventId, starts: Sequence[Start], now: datetime) -> int:
        stored = await self.event(tenant, event) if starts else None
        if stored is None:
            return 0
        sent = {step.partition(".")[0] for _, step in await self._steps(event)}
        ran = {str(row[0]) for row in await self._link.rows(select(RUN.c.rule_id).where(RUN.c.event_id == event))}
        fresh = [start for start in starts if str(start.rule) not in sent | ran]
        if fresh:
            later = {"changed_at": now, "due_at": now}
            await self._link.rows(RUN.insert().values([run_row(stored, start) | later for start in fresh]))
        return len(fresh)

    async def dead_groups(self, tenant: TenantId) -> list[DeadGroup]:
        cause = (_DONE.c.dest_id, _DONE.c.revision_id, _DONE.c.step, _DONE.c.error)
        counts = (func.count(), func.min(_DONE.c.finished_at), func.max(_DONE.c.finished_at))
        dead = _ended(select(*cause, *counts), tenant, ReplayWanted(finals=(Final.DEAD,))).group_by(*cause)
        groups = [DeadGroup(ConnectionId(row[0]), *row[1:]) for row in await self._link.rows(dead)]
        return sorted(groups, key=lambda group: (-group.count, group.connection, group.step, group.error or ""))


def _ended(question: Select[Any], tenant: TenantId, wanted: ReplayWanted) -> Select[Any]:
    again = _DONE.alias()
    question = question.where(
        _DONE.c.tenant_id == tenant,
        _DONE.c.final.in_([final.value for final in wanted.finals]),
        ~exists().where(_LIVE.c.replay_of == _DONE.c.delivery_id),
        ~exists().where(again.c.replay_of == _DONE.c.delivery_id),
    )
    if wanted.connection is not None:
        question = question.where(_DONE.c.dest_id == wanted.connection)
    if wanted.error is not None:
        question = question.where(_DONE.c.error == wanted.error)
    if wanted.since is not None:
        question = question.where(_DONE.c.finished_at >= wanted.since)
    if wanted.until is not None:
        question = question.where(_DONE.c.finished_at < wanted.until)
    if wanted.event_type is not None:
        question = question.where(exists().where(_EVENT.c.id == _DONE.c.event_id, _EVENT.c.type == wanted.event_type))
    return question


def _accepted(question: Select[Any], tenant: TenantId, wanted: ReplayWanted) -> Select[Any]:
    question = question.where(_EVENT.c.tenant_id == tenant)
    if wanted.since is not None:
        question = question.where(_EVENT.c.received_at >= wanted.since)
    if wanted.until is not None:
        question = question.where(_EVENT.c.received_at < wanted.until)
    return question if wanted.event_type is None else question.where(_EVENT.c.type == wanted.event_type)


def _jobs() -> Select[Any]:
    return select(*(REPLAY_JOB.c[name] for name in _JOB_NAMES))


def _job(row: AnyRow) -> ReplayJob:
    return ReplayJob(row[0], TenantId(row[1]), _wanted(row[2]), ReplayState(row[3]), *row[4:])


def _values(job: ReplayJob) -> dict[str, Any]:
    return {
        "tenant_id": job.tenant,
        "wanted": _document(job.wanted),
        "state": job.state.value,
        "total": job.total,
        "done": job.done,
        "skipped": job.skipped,
        "cursor": job.cursor,
        "created_at": job.created_at,
        "created_by": job.created_by,
        "finished_at": job.finished_at,
    }


def _document(wanted: ReplayWanted) -> Document:
    """As a job keeps it; `_wanted` reads it."""
    return {
        "kind": wanted.kind.value,
        "finals": [final.value for final in wanted.finals],
        "connection": wanted.connection,
        "error": wanted.error,
        "event_type": wanted.event_type,
        "since": None if wanted.since is None else wanted.since.isoformat(),
        "until": None if wanted.until is None else wanted.until.isoformat(),
        "current": wanted.current,
        "per_second": wanted.per_second,
    }


def _wanted(document: dict[str, Any]) -> ReplayWanted:
    """What `_document` wrote."""
    since, until, connection = document["since"], document["until"], document["connection"]
    return ReplayWanted(
        kind=ReplayKind(document["kind"]),
        finals=tuple(Final(final) for final in document["finals"]),
        connection=None if connection is None else ConnectionId(connection),
        error=document["error"],
        event_type=document["event_type"],
        since=None if since is None else datetime.fromisoformat(since),
        until=None if until is None else datetime.fromisoformat(until),
        current=document["current"],
        per_second=document["per_second"],
    )
