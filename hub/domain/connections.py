"""A connection: one configured link to a vendor, and the lane that its deliveries travel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hub.domain.ids import ConnectionId, TenantId
from mappings.documents import Document

STRICT_BELOW = 8  # a limit of so many or fewer deliveries at once is one that the vendor means


class Ordering(StrEnum):
    """How deliveries of one lane wait for each other."""

    NONE = "none"
    KEY = "key"  # one at a time per candidate, in the order of acceptance
    FIFO = "fifo"  # one at a time in the whole lane, in the order of acceptance


class Stuck(StrEnum):
    """What an ordered lane does with a delivery that fails again and again while later ones of its key wait."""

    BLOCK = "block"  # later ones wait until it succeeds or is dead
    PARK = "park"  # after some tries it is held for a person, and the next one goes
    COALESCE = "coalesce"  # only the newest of a candidate and operation is sent, older ones are superseded


class ConnectionState(StrEnum):
    """`paused` and `disabled` hold deliveries; nothing is dropped."""

    ACTIVE = "active"
    PAUSED = "paused"  # by a person
    DISABLED = "disabled"  # by the hub: the vendor answered 410 or failed for too long
    NEEDS_REAUTH = "needs_reauth"  # the vendor refused our credentials for good


@dataclass(frozen=True, slots=True)
class Lane:
    """Limits and manners of one destination. Keyed lanes are per candidate.

    `concurrency` = deliveries at once, `rate` = deliveries started a second (None: no limit); both hold over all
    workers together where `strict`. `stuck` None: coalesce for operations that their manifest marks as replacing an
    earlier call, block for the others. `deadline_s`: seconds after acceptance at which a delivery expires, whatever it
    waits for. `retry`: operation, or `default`, -> the waits in seconds between tries, instead of the hub's own.
    `needs_consent`: the purpose that a candidate must have agreed to before anything is sent there.
    `region`: the jurisdiction that the target is in, None: nobody said. `class_4`: sensitive data may go there even abroad.
    """

    concurrency: int = 16
    rate: float | None = None
    ordering: Ordering = Ordering.NONE
    timeout_s: float = 20.0
    stuck: Stuck | None = None
    park_after: int = 3
    deadline_s: float | None = None
    retry: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    needs_consent: str | None = None
    region: str | None = None
    class_4: bool = False

    @property
    def strict(self) -> bool:
        """Whether its limits are counted in the store, over all workers; otherwise each worker counts for itself."""
        return self.rate is not None or self.concurrency <= STRICT_BELOW

    def waits(self, operation: str) -> tuple[float, ...] | None:
        """The waits between tries of an operation, None: the hub's own."""
        return self.retry.get(operation, self.retry.get("default"))


@dataclass(frozen=True, slots=True)
class Connection:
    """`name` is what rules say; `handle` (con_ + random) is what vendors' webhook addresses say."""

    id: ConnectionId
    tenant: TenantId
    handle: str
    name: str
    connector: str
    config: Document
    lane: Lane
    state: ConnectionState = ConnectionState.ACTIVE
    held_until: datetime | None = None  # Retry-After or open breaker: nothing is claimed before
    secrets: bytes | None = None  # sealed JSON object; write-only
