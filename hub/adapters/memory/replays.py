"""Sending many again, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from hub.adapters.memory.deliveries import MemoryDeliveries
from hub.adapters.memory.events import owe, promote, started, supersede
from hub.domain.deliveries import Delivery, Final, Planned
from hub.domain.ids import DeliveryId, EventId, RunId, TenantId
from hub.domain.replays import DeadGroup, ReplayJob, ReplayState, ReplayWanted
from hub.ports.arrivals import StoredEvent
from hub.ports.queue import DoneDelivery
from hub.ports.runs import Start


class MemoryReplays(MemoryDeliveries):
    """`hub.ports.replays.Replays` over tables."""

    async def add_replay_job(
        self, tenant: TenantId, wanted: ReplayWanted, total: int, by: str, now: datetime
    ) -> ReplayJob:
        job = ReplayJob(self._tables.next("replay"), tenant, wanted, ReplayState.RUNNING, total, 0, 0, "", now, by)
        self._tables.replays.put(job.id, job)
        return job

    async def replay_job(self, tenant: TenantId, id: int) -> ReplayJob | None:
        job = self._tables.replays.get(id)
        return job if job is not None and job.tenant == tenant else None

    async def replay_jobs(self, tenant: TenantId, limit: int = 50) -> list[ReplayJob]:
        mine = [job for job in self._tables.replays.values() if job.tenant == tenant]
        return sorted(mine, key=lambda job: job.id, reverse=True)[:limit]

    async def running_replays(self) -> list[ReplayJob]:
        running = [job for job in self._tables.replays.values() if job.state is ReplayState.RUNNING]
        return sorted(running, key=lambda job: job.id)

    async def put_replay_job(self, job: ReplayJob) -> None:
        self._tables.replays.put(job.id, job)

    async def replayable(
        self, tenant: TenantId, wanted: ReplayWanted, after: DeliveryId, limit: int
    ) -> list[DeliveryId]:
        return [row.id for row in self._ended(tenant, wanted) if row.id > after][:limit]

    async def count_replayable(self, tenant: TenantId, wanted: ReplayWanted) -> int:
        return len(self._ended(tenant, wanted))

    def _ended(self, tenant: TenantId, wanted: ReplayWanted) -> list[DoneDelivery]:
        tables = self._tables
        rows: list[Delivery | DoneDelivery] = [*tables.live.values(), *tables.done.values()]
        sent_again = {row.replay_of for row in rows}
        found = [
            row
            for row in tables.done.values()
            if row.tenant == tenant
            and row.final in wanted.finals
            and row.id not in sent_again
            and wanted.connection in (None, row.connection)
            and wanted.error in (None, row.error)
            and (wanted.since is None or row.finished_at >= wanted.since)
            and (wanted.until is None or row.finished_at < wanted.until)
            and (wanted.event_type is None or self._type(row.event) == wanted.event_type)
        ]
        return sorted(found, key=lambda row: row.id)

    def _type(self, event: EventId) -> str | None:
        stored = self._tables.events.get(event)
        return None if stored is None else stored.type

    async def events_after(
        self, tenant: TenantId, wanted: ReplayWanted, after: EventId | None, limit: int
    ) -> list[EventId]:
        return [event.id for event in self._accepted(tenant, wanted) if after is None or event.id > after][:limit]

    async def count_wanted(self, tenant: TenantId, wanted: ReplayWanted) -> int:
        return len(self._accepted(tenant, wanted))

    def _accepted(self, tenant: TenantId, wanted: ReplayWanted) -> list[StoredEvent]:
        found = [
            event
            for event in self._tables.events.values()
            if event.tenant == tenant
            and (wanted.since is None or event.received_at >= wanted.since)
            and (wanted.until is None or event.received_at < wanted.until)
            and wanted.event_type in (None, event.type)
        ]
        return sorted(found, key=lambda event: event.id)

    async def owe(
        self, tenant: TenantId, event: EventId, planned: Sequence[Planned], now: datetime
    ) -> list[DeliveryId]:
        tables, stored = self._tables, await self.event(tenant, event)
        if stored is None:
            return []
        rows: list[Delivery | DoneDelivery] = [*tables.live.values(), *tables.done.values()]
        known = {(row.connection, row.step) for row in rows if row.event == event}
        fresh = [replace(plan, due_at=now) for plan in planned if (plan.connection, plan.step) not in known]
        ids, keys = owe(tables, tenant, event, fresh, stored.received_at)
        supersede(tables, keys, now)
        promote(tables, keys)
        return ids

    async def begin_missing(self, tenant: TenantId, event: EventId, starts: Sequence[Start], now: datetime) -> int:
        tables, stored = self._tables, await self.event(tenant, event)
        if stored is None:
            return 0
        rows: list[Delivery | DoneDelivery] = [*tables.live.values(), *tables.done.values()]
        known = {row.step.partition(".")[0] for row in rows if row.event == event}
        known |= {str(run.rule) for run in tables.runs.values() if run.event == event}
        fresh = [start for start in starts if str(start.rule) not in known]
        for start in fresh:
            run = RunId(tables.next("run"))
            tables.runs.put(run, replace(started(run, stored, start), changed_at=now, due_at=now))
        return len(fresh)

    async def dead_groups(self, tenant: TenantId) -> list[DeadGroup]:
        groups: dict[tuple[int, int | None, str, str | None], DeadGroup] = {}
        for row in self._ended(tenant, ReplayWanted(finals=(Final.DEAD,))):
            key, at = (row.connection, row.revision, row.step, row.error), row.finished_at
            group = groups.get(key) or DeadGroup(row.connection, row.revision, row.step, row.error, 0, at, at)
            groups[key] = replace(group, count=group.count + 1, first=min(group.first, at), last=max(group.last, at))
        return sorted(groups.values(), key=lambda one: (-one.count, one.connection, one.step, one.error or ""))
