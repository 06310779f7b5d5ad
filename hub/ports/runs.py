"""Runs in the record: rules under way, what they wait for, and the words they put on candidates."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from hub.domain.deliveries import Planned
from hub.domain.ids import EventId, RevisionId, RuleId, RunId, TenantId
from hub.domain.runs import Run, RunState
from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class Start:
    """A rule that fired and needs a run: stored with the event that made it fire, READY at once."""

    rule: RuleId
    revision: RevisionId


@dataclass(frozen=True, slots=True)
class CandidateTag:
    """A word on a candidate, and the run that put it there."""

    tag: str
    run: RunId
    at: datetime


@dataclass(frozen=True, slots=True)
class TagChange:
    """A word was put on a candidate (`put`) or taken off."""

    tag: str
    put: bool
    at: datetime


RUN_KINDS = ("ready", "event", "time", "gate", "held")  # what a run waits for
GATE_PATIENCE = timedelta(days=1)  # after this a gate is overdue
STUCK_AFTER = timedelta(minutes=1)  # past the time at which a run was to be looked at


@dataclass(frozen=True, slots=True)
class RunStats:
    """Runs under way, by what they wait for: how many, and since when the oldest."""

    waiting: Mapping[str, int]
    oldest: Mapping[str, datetime]
    gates_overdue: int = 0
    stuck: int = 0


Awaited = tuple[TenantId, str, str]  # tenant, subject, event type


@dataclass(frozen=True, slots=True)
class Owed:
    """A delivery of an event that is stored already."""

    tenant: TenantId
    event: EventId
    planned: Planned
    at: datetime


class Runs(Protocol):
    """Runs, tags and the business calendar."""

    async def due_runs(self, now: datetime, limit: int = 100) -> list[Run]:
        """Runs to be looked at now, the longest due first; none of a paused rule, none while all rules are stopped."""

    async def take_runs(self, ids: Sequence[RunId], now: datetime) -> list[Run]:
        """Those that are still due, locked until the transaction ends and in order of rule and id.

        What another transaction holds is left out.
        """

    async def take_run(self, tenant: TenantId, run: RunId) -> Run | None:
        """One run, locked until the transaction ends."""

    async def save_runs(self, runs: Sequence[Run]) -> None:
        """Store what changed of runs that were taken."""

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
        """Newest first. `event` is the one that made the rule fire."""

    async def run(self, tenant: TenantId, run: RunId) -> Run | None: ...

    async def awaited(self, tenant: TenantId) -> frozenset[str]:
        """The event types that live runs wait for."""

    async def arrived(
        self, tenant: TenantId, type: str, subject: str, since: datetime, limit: int = 100
    ) -> list[EventId]:
        """Events of a type about a subject, received at `since` or later; oldest first.

        By time and not by id: ids of one millisecond from two processes come in any order.
        """

    async def wake(self, waiting: Collection[Awaited], now: datetime) -> None:
        """Make due what waits for these (tenant, subject, event type)."""

    async def once(self, run: Run, key: str) -> bool:
        """Mark that this rule has run for `key`; False if it had before. Transactions that ask for one rule take turns."""

    async def forget_once(self, run: Run) -> None:
        """Take back what `once` marked for this run."""

    async def begun_since(self, rule: RuleId, since: datetime) -> int:
        """How many runs of the rule began after `since`. Transactions that ask for one rule take turns."""

    async def run_stats(self, now: datetime) -> RunStats:
        """Of all tenants; gates overdue by GATE_PATIENCE, and runs that STUCK_AFTER they were due have not moved."""

    async def put_tag(self, tenant: TenantId, subject: str, tag: CandidateTag) -> None:
        """Put the word on."""

    async def drop_tag(self, tenant: TenantId, subject: str, tag: CandidateTag) -> None:
        """Take the word off; `run` and `at` are of who does."""

    async def tags(self, tenant: TenantId, subject: str) -> list[CandidateTag]:
        """By word."""

    async def tags_of(self, tenant: TenantId, subjects: Collection[str]) -> dict[str, list[str]]:
        """The words on each of these candidates that has any, sorted."""

    async def tag_changes(self, tenant: TenantId, subjects: Collection[str]) -> dict[str, list[TagChange]]:
        """All that ever came and went on these candidates, oldest first."""

    async def calendar(self, tenant: TenantId) -> Document | None:
        """The business calendar as configured."""

    async def put_calendar(self, tenant: TenantId, body: Document) -> None: ...
