"""Runs, tags and the business calendar, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from copy import deepcopy
from datetime import datetime

from hub.adapters.memory.deliveries import MemoryDeliveries
from hub.adapters.memory.events import wake
from hub.domain.ids import EventId, RuleId, RunId, TenantId
from hub.domain.runs import LIVE, Run, RunState
from hub.ports.runs import GATE_PATIENCE, STUCK_AFTER, Awaited, CandidateTag, RunStats, TagChange
from mappings.documents import Document


class MemoryRuns(MemoryDeliveries):
    """`hub.ports.runs.Runs` over tables."""

    async def due_runs(self, now: datetime, limit: int = 100) -> list[Run]:
        due = [(run.due_at, run.id, run) for run in self._tables.runs.values() if self._is_due(run, now)]
        return [run for _, _, run in sorted(due, key=lambda one: one[:2])[:limit]]

    def _is_due(self, run: Run, now: datetime) -> bool:
        rule = self._tables.rules.get(run.rule)
        if run.due_at is None or run.due_at > now or self._tables.counters.get(f"rules_stopped.{run.tenant}"):
            return False
        return rule is None or rule.state != "paused"

    async def take_runs(self, ids: Sequence[RunId], now: datetime) -> list[Run]:
        found = [run for id_ in ids if (run := self._tables.runs.get(id_)) is not None and self._is_due(run, now)]
        return sorted(found, key=lambda run: (run.rule, run.id))

    async def take_run(self, tenant: TenantId, run: RunId) -> Run | None:
        return await self.run(tenant, run)

    async def save_runs(self, runs: Sequence[Run]) -> None:
        for run in runs:
            self._tables.runs.put(run.id, run)

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
        found = [
            run
            for run in self._tables.runs.values()
            if run.tenant == tenant
            and (before is None or run.id < before)
            and (not states or run.state in states)
            and (subject is None or run.subject == subject)
            and (rule is None or run.rule == rule)
            and (event is None or run.event == event)
        ]
        return sorted(found, key=lambda run: run.id, reverse=True)[:limit]

    async def run(self, tenant: TenantId, run: RunId) -> Run | None:
        found = self._tables.runs.get(run)
        return found if found is not None and found.tenant == tenant else None

    async def awaited(self, tenant: TenantId) -> frozenset[str]:
        return frozenset(
            run.awaits for run in self._tables.runs.values() if run.tenant == tenant and run.awaits is not None
        )

    async def arrived(
        self, tenant: TenantId, type: str, subject: str, since: datetime, limit: int = 100
    ) -> list[EventId]:
        found = [
            event.id
            for event in self._tables.events.values()
            if (event.tenant, event.type, event.subject) == (tenant, type, subject) and event.received_at >= since
        ]
        return sorted(found)[:limit]

    async def wake(self, waiting: Collection[Awaited], now: datetime) -> None:
        for awaited in waiting:
            wake(self._tables, awaited, now)

    async def once(self, run: Run, key: str) -> bool:
        known = self._tables.once.get((run.rule, key))
        if known is None:
            self._tables.once.put((run.rule, key), run.id)
        return known is None or known == run.id

    async def forget_once(self, run: Run) -> None:
        for key, marked in list(self._tables.once.items()):
            if marked == run.id:
                self._tables.once.drop(key)

    async def begun_since(self, rule: RuleId, since: datetime) -> int:
        begun = [run.began_at for run in self._tables.runs.values() if run.rule == rule and run.began_at is not None]
        return sum(at > since for at in begun)

    async def run_stats(self, now: datetime) -> RunStats:
        live = [run for run in self._tables.runs.values() if run.state in LIVE]
        kinds = [(_kind(run), run.changed_at) for run in live]
        overdue = [run for run in live if run.state is RunState.GATE and run.changed_at < now - GATE_PATIENCE]
        return RunStats(
            Counter(kind for kind, _ in kinds),
            {kind: min(at for other, at in kinds if other == kind) for kind, _ in kinds},
            len(overdue),
            sum(self._is_due(run, now - STUCK_AFTER) for run in live),
        )

    async def put_tag(self, tenant: TenantId, subject: str, tag: CandidateTag) -> None:
        if self._tables.tags.get((tenant, subject, tag.tag)) is None:
            self._tell_tag(tenant, subject, TagChange(tag.tag, True, tag.at))
        self._tables.tags.put((tenant, subject, tag.tag), tag)

    async def drop_tag(self, tenant: TenantId, subject: str, tag: CandidateTag) -> None:
        if self._tables.tags.get((tenant, subject, tag.tag)) is not None:
            self._tables.tags.drop((tenant, subject, tag.tag))
            self._tell_tag(tenant, subject, TagChange(tag.tag, False, tag.at))

    def _tell_tag(self, tenant: TenantId, subject: str, change: TagChange) -> None:
        known = self._tables.tag_changes.get((tenant, subject)) or ()
        self._tables.tag_changes.put((tenant, subject), (*known, change))

    async def tags(self, tenant: TenantId, subject: str) -> list[CandidateTag]:
        found = [tag for key, tag in self._tables.tags.items() if key[:2] == (tenant, subject)]
        return sorted(found, key=lambda one: one.tag)

    async def tags_of(self, tenant: TenantId, subjects: Collection[str]) -> dict[str, list[str]]:
        found = {subject: [one.tag for one in await self.tags(tenant, subject)] for subject in subjects}
        return {subject: tags for subject, tags in found.items() if tags}

    async def tag_changes(self, tenant: TenantId, subjects: Collection[str]) -> dict[str, list[TagChange]]:
        found = {subject: self._tables.tag_changes.get((tenant, subject)) for subject in subjects}
        return {subject: list(changes) for subject, changes in found.items() if changes}

    async def calendar(self, tenant: TenantId) -> Document | None:
        return self._tables.calendars.get(tenant)

    async def put_calendar(self, tenant: TenantId, body: Document) -> None:
        self._tables.calendars.put(tenant, deepcopy(body))
        self._tables.next("config")


def _kind(run: Run) -> str:
    if run.state is not RunState.WAITING:
        return run.state.value
    return "time" if run.awaits is None else "event"
