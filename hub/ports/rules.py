"""Rules in the record: revisions, what is in force, reviews, what was decided on each event, and backtests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from hub.domain.ids import EventId, RevisionId, RuleId, TenantId
from mappings.documents import Document

VERSUS = ("both", "newly", "no_longer")
BESIDE = "beside"
IN_FORCE = ("live", "observe")  # states in which a rule is asked about events


@dataclass(frozen=True, slots=True)
class RuleRevision:
    """One immutable revision of a rule, as stored (`body` is the stored form)."""

    id: RevisionId
    rule: RuleId
    tenant: TenantId
    name: str
    number: int
    body: Document
    created_at: datetime
    created_by: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A named rule. `current` is the revision that is in force, or was when the rule was paused; None: never was one.

    `latest` may be newer: a draft is edited while another revision is live. `beside` is a revision that is told
    beside the live one, since `beside_since`: what it would do is compared, and never done.
    """

    id: RuleId
    tenant: TenantId
    name: str
    state: str  # draft | observe | live | paused
    latest: RuleRevision
    current: RuleRevision | None
    beside: RuleRevision | None = None
    beside_since: datetime | None = None

    @property
    def live(self) -> RuleRevision | None:
        """The revision that events are held against now: it acts, or in the state `observe` is only told."""
        return self.current if self.state in IN_FORCE else None


@dataclass(frozen=True, slots=True)
class Review:
    """One act of a review: `submit`, `approve` or `return`."""

    revision: RevisionId
    act: str
    actor: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What a revision said of an event. `how` tells whether it could act: `live`, `observe`, `stopped`, and
    `beside`, `both`, `newly`, `no_longer` of one that is told beside the one in force: neither of the two would act,
    both, it alone, the one in force alone.

    `failing`: ids of the clauses that were false or not known, the first few; the whole is computed again when asked.
    """

    revision: RevisionId
    verdict: bool | None
    how: str
    failing: tuple[str, ...] = ()

    @property
    def versus(self) -> str | None:
        """How it stood to the one in force, where it was told beside it and either would act."""
        return self.how if self.how in VERSUS else None

    @property
    def beside(self) -> bool:
        """Whether it was told beside the one in force."""
        return self.how in (BESIDE, *VERSUS)

    @property
    def noteworthy(self) -> bool:
        """Whether it is kept by itself: it would have acted and could not, or differs from what was compared."""
        return self.versus is not None or (self.verdict is True and self.how != "live")


@dataclass(frozen=True, slots=True)
class Compared:
    """How often a revision and the one in force would act on the same event, or one of them alone."""

    both: int = 0
    newly: int = 0
    no_longer: int = 0


@dataclass(frozen=True, slots=True)
class Sealed:
    """As much of a stored event as a backtest needs."""

    id: EventId
    received_at: datetime
    body: bytes
    subject: str | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """That an event came, without its data. `cause` is the event that it follows from."""

    id: EventId
    received_at: datetime
    subject: str
    cause: EventId | None = None


@dataclass(frozen=True, slots=True)
class Backtest:
    """A rule revision tried on past events: a job row that outlives the process that works on it."""

    id: str  # bkt_ + hex
    tenant: TenantId
    rule: RuleId
    revision: RevisionId
    days: int
    state: str  # queued | running | done | cancelled | failed
    created_at: datetime
    created_by: str
    seen: int = 0
    total: int | None = None
    result: Document | None = None
    finished_at: datetime | None = None
    owner: str | None = None
    lease_until: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether there is still work to do on it."""
        return self.state in ("queued", "running")


class Rules(Protocol):
    """Everything about rules that is kept. Growing the configuration version is part of each change of what is in force."""

    async def rules(self, tenant: TenantId) -> list[Rule]: ...

    async def rule(self, tenant: TenantId, name: str) -> Rule | None: ...

    async def put_rule(
        self, tenant: TenantId, name: str, body: Document, *, state: str, by: str, now: datetime
    ) -> Rule:
        """Set the state; the body of the current or latest revision keeps that revision, another becomes the next.

        Whatever the state, but `draft`, that revision is the current one from now on.
        """

    async def draft_rule(
        self, tenant: TenantId, name: str, body: Document, *, by: str, now: datetime, reason: str | None = None
    ) -> Rule:
        """A new latest revision (an unchanged body keeps its own); state and current revision stay. A new rule is a draft."""

    async def set_rule(self, rule: RuleId, state: str, current: RevisionId | None) -> None:
        """Set what is in force. Raises NotFound."""

    async def set_beside(self, rule: RuleId, beside: RevisionId | None, now: datetime) -> None:
        """Tell a revision beside the one in force from now on; None: no longer. `set_rule` ends it too. Raises NotFound."""

    async def compared(self, revision: RevisionId) -> Compared:
        """What came of telling it beside the ones in force."""

    async def revision(self, revision: RevisionId) -> RuleRevision | None: ...

    async def revisions(self, rule: RuleId) -> list[RuleRevision]:
        """All, newest first."""

    async def add_review(self, rule: RuleId, review: Review) -> None: ...

    async def reviews(self, rule: RuleId) -> list[Review]:
        """All of the rule's revisions, oldest first."""

    async def stop_rules(self, tenant: TenantId, stopped: bool) -> None:
        """The kill switch of a tenant: while it is on, rules decide and nothing follows."""

    async def rules_stopped(self, tenant: TenantId) -> bool: ...

    async def evaluated(self, tenant: TenantId, event: EventId) -> list[Evaluated] | None:
        """What the rules in force said when the event came; None where no rule listened, or before it was kept."""

    async def observed(
        self, revision: RevisionId, limit: int, before: EventId | None = None, versus: str | None = None
    ) -> list[EventId]:
        """Events on which the revision would have acted while it could not, newest first; `versus`: one of VERSUS alone."""

    async def count_events(self, tenant: TenantId, type: str, since: EventId, before: EventId) -> int: ...

    async def sealed(
        self, tenant: TenantId, type: str, *, since: EventId, before: EventId, limit: int
    ) -> Sequence[Sealed]:
        """Events of a type with `since <= id < before`, oldest first."""

    async def marks(self, tenant: TenantId, type: str, *, since: EventId, before: EventId, limit: int) -> list[Mark]:
        """The same of events about somebody, without their data."""

    async def add_backtest(self, backtest: Backtest) -> None: ...

    async def backtest(self, tenant: TenantId, id: str) -> Backtest | None: ...

    async def backtests(self, rule: RuleId, limit: int = 20) -> list[Backtest]:
        """Newest first."""

    async def backtest_waits(self, now: datetime) -> bool:
        """Whether there is one to claim."""

    async def claim_backtest(self, owner: str, *, now: datetime, until: datetime) -> Backtest | None:
        """Lease the oldest one that is queued, or whose worker was lost. Never the same to two callers."""

    async def keep_backtest(self, id: str, owner: str, *, seen: int, total: int, until: datetime) -> bool:
        """Note progress and prolong the lease; False: it was cancelled or belongs to another by now."""

    async def end_backtest(
        self, id: str, owner: str | None, state: str, *, now: datetime, seen: int = 0, result: Document | None = None
    ) -> bool:
        """End it; only while it is open and, where an owner is given, this owner's. Without one its progress stays."""


def first_id(at: datetime) -> EventId:
    """The smallest event id of that moment (ids begin with the millisecond, RFC 9562)."""
    return EventId(f"evt_{max(int(at.timestamp() * 1000), 0):012x}{'0' * 20}")


def moment_of(event: EventId) -> datetime:
    """The millisecond in which an event id was made."""
    return datetime.fromtimestamp(int(event[4:16], 16) / 1000, UTC)
