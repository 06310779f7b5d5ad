"""A delivery: one intended effect at one destination, and how it moves from state to state."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import assert_never

from hub.domain.ids import ConnectionId, DeliveryId, EventId, RevisionId, TenantId
from mappings.documents import Document

STOPPED = "rules_stopped"  # why a delivery is held that a rule caused before all rules were stopped
PAUSED = "rule_paused"  # the same, where its own rule was paused
PARKED = "parked"  # why a delivery is held that let later ones of its key go first
CRASHED_WORKER = "crashed_worker"  # why a delivery is dead whose workers never came back from it
CRASHES = 3  # claims in a row that ended without a word, after which a delivery is set aside
HOOK_STEP = "@hook"  # the step of a delivery that reads a stored webhook back from its vendor


class State(IntEnum):
    """State of a live delivery row."""

    READY = 0
    LEASED = 1
    WAITING = 3  # an earlier delivery of the same key is still under way
    HELD = 4  # kept until a person or a connection releases it


class Final(StrEnum):
    """How a delivery ended."""

    DELIVERED = "delivered"
    DEAD = "dead"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Reported:
    """A fact that a vendor told us: it becomes an event. `key` is the vendor's id of the fact."""

    type: str
    key: str
    data: Document
    occurred_at: datetime | None = None
    subject: str | None = None
    cause_refs: Mapping[str, str] = field(default_factory=dict)  # object -> external id: finds the delivery it answers


@dataclass(frozen=True, slots=True)
class Delivered:
    """The vendor has it. `refs` are external ids learnt on the way (object -> id)."""

    reference: str | None = None
    refs: Mapping[str, str] = field(default_factory=dict)
    reported: tuple[Reported, ...] = ()


@dataclass(frozen=True, slots=True)
class TryLater:
    """Not now. `after_s` is the vendor's own Retry-After in seconds: it holds the lane and costs no attempt."""

    why: str
    after_s: float | None = None
    refs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """The vendor will not take this as it is. `retry` says whether a few more tries make sense (config may change)."""

    why: str
    retry: bool = False


@dataclass(frozen=True, slots=True)
class NeedsHuman:
    """Nobody but a person can say what happened or what to do: the delivery is held."""

    why: str


@dataclass(frozen=True, slots=True)
class Gone:
    """410: the destination is switched off for good; its deliveries are held."""

    why: str


Outcome = Delivered | TryLater | Refused | NeedsHuman | Gone


def describe(outcome: Outcome) -> tuple[str, str | None]:
    """The outcome's stable name and its reason."""
    match outcome:
        case Delivered():
            return "delivered", None
        case TryLater(why=why):
            return "try_later", why
        case Refused(why=why):
            return "refused", why
        case NeedsHuman(why=why):
            return "needs_human", why
        case Gone(why=why):
            return "gone", why


@dataclass(frozen=True, slots=True)
class Planned:
    """A delivery to be made of an event: which connection, which step of which rule revision.

    `okey` is the ordering key, or None where the lane keeps no order. A later delivery with the same `okey` and
    `merge` supersedes this one if it has not been sent by then.
    """

    connection: ConnectionId
    step: str
    revision: RevisionId | None = None
    okey: str | None = None
    due_at: datetime | None = None
    expires_at: datetime | None = None
    merge: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A live delivery. `attempt` counts tries that cost one; `run_lease` grows at every claim and fences stale workers."""

    id: DeliveryId
    event: EventId
    tenant: TenantId
    connection: ConnectionId
    revision: RevisionId | None
    step: str
    okey: str | None
    state: State
    attempt: int
    deferrals: int
    run_lease: int
    due_at: datetime
    received_at: datetime
    expires_at: datetime | None = None
    lease_until: datetime | None = None
    lease_token: str | None = None
    replay_of: DeliveryId | None = None
    again: bool = False  # a replay of something already delivered: a new effect is wanted
    merge: str | None = None
    crashes: int = 0  # claims in a row that ended without a word

    @property
    def key(self) -> str:
        """The idempotency key that vendors see: equal over all attempts, new only where a new effect is wanted."""
        return delivery_key(self.event, self.connection, self.step, self.id if self.again else None)


def delivery_key(event: EventId, connection: ConnectionId, step: str, nonce: DeliveryId | None = None) -> str:
    """32 hex digits of SHA-256 over event, connection, step and nonce."""
    text = f"{event}\n{connection}\n{step}\n{'' if nonce is None else nonce}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Finish:
    """The delivery ends here."""

    final: Final


@dataclass(frozen=True, slots=True)
class Again:
    """The delivery goes back to READY, due later. `costs` says whether the try counts."""

    due_at: datetime
    costs: bool = True


@dataclass(frozen=True, slots=True)
class Hold:
    """The delivery waits for a person or for its connection."""

    why: str


Next = Finish | Again | Hold


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to try again. `delays_s[n]` seconds after failed try n + 1; one more failure after the last is dead."""

    delays_s: tuple[float, ...] = (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 86400)
    jitter: float = 0.2  # +- share of the delay
    refused_tries: int = 3  # tries given to an answer that only a change of configuration can mend
    max_after_s: float = 86400.0  # the longest Retry-After that is honoured
    max_deferrals: int = 50
    park_after: int | None = None  # failed tries after which an ordered delivery steps aside for a person

    def delay(self, attempt: int, spread: float, stretch: float = 1.0) -> timedelta | None:
        """Wait after the failed try number `attempt` (from 1), `spread` in [0, 1) picks the jitter; None: no try is left."""
        if attempt > len(self.delays_s):
            return None
        return timedelta(seconds=self.delays_s[attempt - 1] * stretch * (1 + self.jitter * (2 * spread - 1)))


def after(outcome: Outcome, delivery: Delivery, policy: RetryPolicy, now: datetime, spread: float) -> Next:
    """The next state of `delivery`, whose try number `delivery.attempt` had this outcome.

    `spread` in [0, 1) picks the jitter.
    """
    match outcome:
        case Delivered():
            return Finish(Final.DELIVERED)
        case TryLater(after_s=float() | int() as wait) if delivery.deferrals < policy.max_deferrals:
            return Again(now + timedelta(seconds=min(max(float(wait), 0.0), policy.max_after_s)), costs=False)
        case TryLater():
            return _retry(delivery, policy, now, spread)
        case Refused(retry=True) if delivery.attempt < policy.refused_tries:
            return _retry(delivery, policy, now, spread)
        case Refused():
            return Finish(Final.DEAD)
        case NeedsHuman(why=why) | Gone(why=why):
            return Hold(why)
        case _:
            assert_never(outcome)


def _retry(delivery: Delivery, policy: RetryPolicy, now: datetime, spread: float) -> Next:
    if policy.park_after is not None and delivery.attempt >= policy.park_after:
        return Hold(PARKED)
    wait = policy.delay(delivery.attempt, spread)
    if wait is None:
        return Finish(Final.DEAD)
    due = now + wait
    if delivery.expires_at is not None and due >= delivery.expires_at:
        return Finish(Final.EXPIRED)
    return Again(due)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, as it is kept: `talk` is the sealed, redacted, capped exchange; `status` the last vendor status."""

    delivery: DeliveryId
    number: int
    started_at: datetime
    took_ms: int
    outcome: str  # delivered | try_later | refused | needs_human | gone | late
    status: int | None
    error: str | None  # a stable class name such as `timeout` or `http_503`, or a vendor's reason without personal data
    talk: bytes | None = None
    detail: Document | None = None  # what it was made with (connector, mapping, revision) and milliseconds by phase
