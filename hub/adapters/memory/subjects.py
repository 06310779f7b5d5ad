"""What the erasure of a person needs, in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from hub.adapters.memory.deliveries import MemoryDeliveries
from hub.adapters.memory.events import ended, promote
from hub.domain.deliveries import HOOK_STEP, Delivery, Final, State
from hub.domain.events import Cause
from hub.domain.ids import ConnectionId, EventId, TenantId
from hub.domain.runs import LIVE, RunState
from hub.domain.subjects import CLOSED_CODE, ERASED_MARK, TELLING, UNDER_WAY
from hub.ports.accounts import Erasure, Notice
from hub.ports.subjects import ErasureStats, Held


class MemorySubjects(MemoryDeliveries):
    """`hub.ports.subjects.Subjects` over tables."""

    def _events_of(self, tenant: TenantId, subject: str) -> set[EventId]:
        return {one.id for one in self._tables.events.values() if (one.tenant, one.subject) == (tenant, subject)}

    async def holders(self, tenant: TenantId, subject: str) -> Held:
        tables, events = self._tables, self._events_of(tenant, subject)
        found: dict[ConnectionId, dict[str, list[str]]] = {}
        for done in tables.done.values():
            if done.event in events and done.attempts and done.step != HOOK_STEP:
                found.setdefault(done.connection, {})
        for row in tables.live.values():
            if row.event in events and row.attempt and row.step != HOOK_STEP:
                found.setdefault(row.connection, {})
        for order in tables.orders.values():
            if (order.tenant, order.subject) == (tenant, subject):
                found.setdefault(order.connection, {})
        sources = {one.source for one in tables.events.values() if one.id in events}
        for lane in tables.connections.values():
            if lane.tenant == tenant and f"/connections/{lane.name}" in sources:
                found.setdefault(lane.id, {})
        known = [(key, cause) for key, cause in tables.refs.items() if key[1] == subject and self._mine(tenant, key[0])]
        for (connection, _, object_, external), _ in sorted(known, key=lambda one: -(one[1].delivery or 0)):
            ids = found.setdefault(connection, {})
            if object_:
                ids.setdefault(object_, []).append(external)
        return dict(sorted(found.items()))

    def _mine(self, tenant: TenantId, connection: ConnectionId) -> bool:
        lane = self._tables.connections.get(connection)
        return lane is not None and lane.tenant == tenant

    async def stop_subject(self, tenant: TenantId, subject: str, now: datetime, limit: int = 500) -> tuple[int, int]:
        tables, events = self._tables, self._events_of(tenant, subject)
        for run in list(tables.runs.values()):
            if (run.tenant, run.subject) == (tenant, subject) and run.state in LIVE:
                over = replace(run, state=RunState.CANCELLED, due_at=None, step=None, awaits=None, until=None)
                tables.runs.put(run.id, replace(over, changed_at=now))
        mine = sorted((row for row in tables.live.values() if row.event in events), key=lambda row: row.id)
        free = [row for row in mine if row.state is not State.LEASED][:limit]
        for row in free:
            tables.live.drop(row.id)
            tables.done.put(row.id, ended(row, Final.CANCELLED, None, now, CLOSED_CODE))
        promote(tables, _keys(free))
        return len(free), len(mine) - len(free)

    async def clear_subject(self, tenant: TenantId, subject: str) -> dict[str, int]:
        tables, events = self._tables, self._events_of(tenant, subject)
        counts: defaultdict[str, int] = defaultdict(int)
        counts |= dict.fromkeys(("look_ups", "tags", "tag_changes", "orders", "once", "observations", "verdicts"), 0)
        counts["references"] = 0
        for ref, _ in list(tables.refs.items()):
            if ref[1] == subject and self._mine(tenant, ref[0]):
                tables.refs.drop(ref)
                counts["look_ups"] += 1
        for tag, _ in list(tables.tags.items()):
            if tag[:2] == (tenant, subject):
                tables.tags.drop(tag)
                counts["tags"] += 1
        if (changes := tables.tag_changes.get((tenant, subject))) is not None:
            tables.tag_changes.drop((tenant, subject))
            counts["tag_changes"] = len(changes)
        for order in list(tables.orders.values()):
            if (order.tenant, order.subject) == (tenant, subject):
                tables.orders.drop(order.id)
                counts["orders"] += 1
        runs = {run.id for run in tables.runs.values() if (run.tenant, run.subject) == (tenant, subject)}
        for once, run_id in list(tables.once.items()):
            if run_id in runs:
                tables.once.drop(once)
                counts["once"] += 1
        for seen, _ in list(tables.observations.items()):
            if seen[1] in events:
                tables.observations.drop(seen)
                counts["observations"] += 1
        for event in events:
            if tables.evaluated.get(event) is not None:
                tables.evaluated.drop(event)
                counts["verdicts"] += 1
        for done in list(tables.done.values()):
            if done.event in events and done.final is Final.DELIVERED and done.reference is not None:
                tables.done.put(done.id, replace(done, reference=None))
                counts["references"] += 1
        return dict(counts)

    async def add_marks(self, tenant: TenantId, event: EventId, marks: Mapping[ConnectionId, Sequence[str]]) -> None:  # noqa: ARG002
        for connection, some in marks.items():
            for mark in some:
                self._tables.refs.put((connection, "", ERASED_MARK, mark), Cause(event))

    async def replace_body(self, event: EventId, body: bytes) -> None:
        there = self._tables.events.get(event)
        if there is not None:
            self._tables.events.put(event, replace(there, body=body))

    async def erasures_under_way(self, *, telling: bool, after: str = "", limit: int = 50) -> list[Erasure]:
        found = [one for one in self._tables.records.values() if isinstance(one, Erasure) and one.state in UNDER_WAY]
        mine = [one for one in found if (one.state == TELLING) is telling and one.id > after]
        return sorted(mine, key=lambda one: one.id)[:limit]

    async def erasure_stats(self) -> ErasureStats:
        early = await self.erasures_under_way(telling=False, limit=10**6)
        running = [one.approved_at or one.asked_at for one in early]
        records = self._tables.records.values()
        return ErasureStats(
            running, [one.created_at for one in records if isinstance(one, Notice) and one.state == "open"]
        )


def _keys(rows: list[Delivery]) -> dict[tuple[ConnectionId, str], None]:
    return {(row.connection, row.okey): None for row in rows if row.okey is not None}
