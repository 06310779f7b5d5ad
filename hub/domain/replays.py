"""Sending many deliveries again: which ones, by which rules, and how fast."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.domain.deliveries import Final
from hub.domain.ids import ConnectionId, TenantId

FAILED = (Final.DEAD, Final.EXPIRED)


class ReplayKind(StrEnum):
    """What is sent again."""

    ENDED = "ended"  # deliveries that ended, and were not sent again since
    MISSING = "missing"  # what today's rules want for stored events, where no such delivery was ever made


class ReplayState(StrEnum):
    """Where a replay stands."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ReplayWanted:
    """Which deliveries. `since` and `until` bound the end of a delivery (ENDED) or the acceptance of the event (MISSING).

    `current`: with the step as the rule in force says it now, else as the revision said it that planned the delivery.
    """

    kind: ReplayKind = ReplayKind.ENDED
    finals: tuple[Final, ...] = FAILED
    connection: ConnectionId | None = None
    error: str | None = None
    event_type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    current: bool = False
    per_second: float = 20.0


@dataclass(frozen=True, slots=True)
class ReplayJob:
    """A replay as far as it has come. `cursor`: the last delivery (ENDED) or event (MISSING) that was looked at."""

    id: int
    tenant: TenantId
    wanted: ReplayWanted
    state: ReplayState
    total: int
    done: int
    skipped: int
    cursor: str
    created_at: datetime
    created_by: str
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeadGroup:
    """Dead letters of one cause: same connection, step and last error, not sent again since."""

    connection: ConnectionId
    revision: int | None
    step: str
    error: str | None
    count: int
    first: datetime
    last: datetime
