"""A connection: one configured link to a vendor, and the lane that its deliveries travel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.domain.ids import ConnectionId, TenantId
from mappings.documents import Document


class Ordering(StrEnum):
    """How deliveries of one lane wait for each other."""

    NONE = "none"
    KEY = "key"  # one at a time per candidate, in the order of acceptance


class ConnectionState(StrEnum):
    """`paused` and `disabled` hold deliveries; nothing is dropped."""

    ACTIVE = "active"
    PAUSED = "paused"  # by a person
    DISABLED = "disabled"  # by the hub: the vendor answered 410 or failed for too long
    NEEDS_REAUTH = "needs_reauth"  # the vendor refused our credentials for good


@dataclass(frozen=True, slots=True)
class Lane:
    """Limits of one destination. `concurrency` = requests at once, `rate` = requests a second (None: no limit)."""

    concurrency: int = 16
    rate: float | None = None
    ordering: Ordering = Ordering.NONE
    timeout_s: float = 20.0


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
