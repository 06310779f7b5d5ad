"""Rules, their revisions and reviews, what they said of events, and their backtests, in memory."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from datetime import datetime

from hub.adapters.memory.deliveries import MemoryDeliveries
from hub.adapters.memory.tables import RuleRow
from hub.domain.errors import NotFound
from hub.domain.ids import EventId, RevisionId, RuleId, TenantId
from hub.ports.arrivals import StoredEvent
from hub.ports.rules import Backtest, Compared, Evaluated, Mark, Review, Rule, RuleRevision, Sealed
from mappings.documents import Document


class MemoryRules(MemoryDeliveries):
    """`hub.ports.rules.Rules` over tables."""

    async def rules(self, tenant: TenantId) -> list[Rule]:
        rows = [row for row in self._tables.rules.values() if row.tenant == tenant]
        return [self._rule(row) for row in sorted(rows, key=lambda row: row.name)]

    async def rule(self, tenant: TenantId, name: str) -> Rule | None:
        return next((rule for rule in await self.rules(tenant) if rule.name == name), None)

    def _rule(self, row: RuleRow) -> Rule:
        latest = self._tables.revisions.get(row.latest)
        assert latest is not None
        current = None if row.current is None else self._tables.revisions.get(row.current)
        beside = None if row.beside is None else self._tables.revisions.get(row.beside)
        return Rule(row.id, row.tenant, row.name, row.state, latest, current, beside, row.beside_since)

    async def put_rule(
        self, tenant: TenantId, name: str, body: Document, *, state: str, by: str, now: datetime
    ) -> Rule:
        old = await self.rule(tenant, name)
        row = None if old is None else self._tables.rules.get(old.id)
        if old is None or row is None or old.current is None or canonical(old.current.body) != canonical(body):
            row = self._revise(tenant, name, body, by, now, None)
            row = replace(row, current=row.latest)
        current = None if state == "draft" else row.current
        return self._put(replace(row, state=state, current=current, beside=None, beside_since=None))

    async def draft_rule(
        self, tenant: TenantId, name: str, body: Document, *, by: str, now: datetime, reason: str | None = None
    ) -> Rule:
        return self._put(self._revise(tenant, name, body, by, now, reason))

    def _revise(
        self, tenant: TenantId, name: str, body: Document, by: str, now: datetime, reason: str | None
    ) -> RuleRow:
        """The rule's row, whose latest revision has this body."""
        tables = self._tables
        row = next((row for row in tables.rules.values() if row.tenant == tenant and row.name == name), None)
        latest = None if row is None else tables.revisions.get(row.latest)
        if row is not None and latest is not None and canonical(latest.body) == canonical(body):
            return row
        id_ = RuleId(tables.next("rule")) if row is None else row.id
        number = 1 if latest is None else latest.number + 1
        revision = RevisionId(tables.next("revision"))
        tables.revisions.put(
            revision, RuleRevision(revision, id_, tenant, name, number, deepcopy(body), now, by, reason)
        )
        return RuleRow(id_, tenant, name, "draft", revision, None) if row is None else replace(row, latest=revision)

    def _put(self, row: RuleRow) -> Rule:
        self._tables.rules.put(row.id, row)
        self._changed()
        return self._rule(row)

    async def set_rule(self, rule: RuleId, state: str, current: RevisionId | None) -> None:
        row = self._tables.rules.get(rule)
        if row is None:
            raise NotFound("there is no such rule")
        self._put(replace(row, state=state, current=current, beside=None, beside_since=None))

    async def set_beside(self, rule: RuleId, beside: RevisionId | None, now: datetime) -> None:
        row = self._tables.rules.get(rule)
        if row is None:
            raise NotFound("there is no such rule")
        self._put(replace(row, beside=beside, beside_since=None if beside is None else now))

    async def compared(self, revision: RevisionId) -> Compared:
        seen = (beside for (said, _), (_, beside) in self._tables.observations.items() if said == revision)
        return Compared(**Counter(beside for beside in seen if beside is not None))

    async def revision(self, revision: RevisionId) -> RuleRevision | None:
        return self._tables.revisions.get(revision)

    async def revisions(self, rule: RuleId) -> list[RuleRevision]:
        found = [one for one in self._tables.revisions.values() if one.rule == rule]
        return sorted(found, key=lambda one: one.number, reverse=True)

    async def add_review(self, rule: RuleId, review: Review) -> None:
        self._tables.reviews.put(rule, (*(self._tables.reviews.get(rule) or ()), review))

    async def reviews(self, rule: RuleId) -> list[Review]:
        return list(self._tables.reviews.get(rule) or ())

    async def stop_rules(self, tenant: TenantId, stopped: bool) -> None:
        self._tables.counters.put(_switch(tenant), int(stopped))
        self._changed()

    async def rules_stopped(self, tenant: TenantId) -> bool:
        return bool(self._tables.counters.get(_switch(tenant)))

    async def evaluated(self, tenant: TenantId, event: EventId) -> list[Evaluated] | None:
        found = self._tables.evaluated.get(event)
        return None if found is None or found[0] != tenant else list(found[1])

    async def observed(
        self, revision: RevisionId, limit: int, before: EventId | None = None, versus: str | None = None
    ) -> list[EventId]:
        found = [
            event
            for (seen, event), (_, beside) in self._tables.observations.items()
            if seen == revision
            and (before is None or event < before)
            and (beside != "no_longer" if versus is None else beside == versus)
        ]
        return sorted(found, reverse=True)[:limit]

    async def count_events(self, tenant: TenantId, type: str, since: EventId, before: EventId) -> int:
        return len(await self.sealed(tenant, type, since=since, before=before, limit=len(self._tables.events)))

    async def sealed(
        self, tenant: TenantId, type: str, *, since: EventId, before: EventId, limit: int
    ) -> Sequence[Sealed]:
        found = self._typed(tenant, type, since, before)[:limit]
        return [Sealed(event.id, event.received_at, event.body, event.subject, event.depth) for event in found]

    async def marks(self, tenant: TenantId, type: str, *, since: EventId, before: EventId, limit: int) -> list[Mark]:
        return [
            Mark(event.id, event.received_at, event.subject, None if event.cause is None else event.cause.event)
            for event in self._typed(tenant, type, since, before)
            if event.subject is not None
        ][:limit]

    def _typed(self, tenant: TenantId, type: str, since: EventId, before: EventId) -> list[StoredEvent]:
        found = [
            event
            for event in self._tables.events.values()
            if event.tenant == tenant and event.type == type and since <= event.id < before
        ]
        return sorted(found, key=lambda one: one.id)

    async def add_backtest(self, backtest: Backtest) -> None:
        self._tables.backtests.put(backtest.id, backtest)

    async def backtest(self, tenant: TenantId, id: str) -> Backtest | None:
        found = self._tables.backtests.get(id)
        return found if found is not None and found.tenant == tenant else None

    async def backtests(self, rule: RuleId, limit: int = 20) -> list[Backtest]:
        found = [one for one in self._tables.backtests.values() if one.rule == rule]
        return sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)[:limit]

    async def backtest_waits(self, now: datetime) -> bool:
        return bool(self._waiting(now))

    def _waiting(self, now: datetime) -> list[Backtest]:
        return [
            one
            for one in self._tables.backtests.values()
            if one.state == "queued"
            or (one.state == "running" and one.lease_until is not None and one.lease_until <= now)
        ]

    async def claim_backtest(self, owner: str, *, now: datetime, until: datetime) -> Backtest | None:
        waiting = self._waiting(now)
        if not waiting:
            return None
        oldest = min(waiting, key=lambda one: (one.created_at, one.id))
        leased = replace(oldest, state="running", owner=owner, lease_until=until, seen=0)
        self._tables.backtests.put(leased.id, leased)
        return leased

    async def keep_backtest(self, id: str, owner: str, *, seen: int, total: int, until: datetime) -> bool:
        mine = self._open_backtest(id, owner)
        if mine is None:
            return False
        self._tables.backtests.put(id, replace(mine, seen=seen, total=total, lease_until=until))
        return True

    async def end_backtest(
        self, id: str, owner: str | None, state: str, *, now: datetime, seen: int = 0, result: Document | None = None
    ) -> bool:
        mine = self._open_backtest(id, owner)
        if mine is None:
            return False
        ended = replace(mine, state=state, finished_at=now, owner=None, lease_until=None)
        self._tables.backtests.put(id, ended if owner is None else replace(ended, seen=seen, result=deepcopy(result)))
        return True

    def _open_backtest(self, id: str, owner: str | None) -> Backtest | None:
        found = self._tables.backtests.get(id)
        mine = found is not None and found.open and owner in (None, found.owner)
        return found if mine else None

    def _changed(self) -> None:
        self._tables.next("config")


def _switch(tenant: TenantId) -> str:
    return f"rules_stopped.{tenant}"


def canonical(body: Document) -> str:
    """Equal text for equal documents; tells `1` from `true` and from `1.0`."""
    return json.dumps(body, sort_keys=True, ensure_ascii=False)
