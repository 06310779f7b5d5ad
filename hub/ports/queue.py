"""Deliveries as workers take them, carry them out and record them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hub.domain.border import Crossing, Kept
from hub.domain.breaker import Heard
from hub.domain.consents import Awaited
from hub.domain.deliveries import Attempt, Delivery, Final, Next
from hub.domain.ids import ConnectionId, DeliveryId, EventId, RevisionId, TenantId
from hub.ports.arrivals import Arrival, StoredEvent


@dataclass(frozen=True, slots=True)
class LaneCall:
    """How many deliveries may be claimed from one lane now. `since` is the lane's cursor: nothing due before it is looked at."""

    connection: ConnectionId
    cap: int
    since: datetime | None = None
    probe: bool = False  # its breaker was open: one try decides whether it opens again


@dataclass(frozen=True, slots=True)
class Claimed:
    """A leased delivery with what is needed to carry it out."""

    delivery: Delivery
    event: StoredEvent
    refs: Mapping[str, str]  # object -> external id, of this subject at this connection


@dataclass(frozen=True, slots=True)
class Lapsed:
    """What became of leases that were over: how many, and which deliveries (and lanes) are dead of it."""

    count: int = 0
    dead: tuple[tuple[DeliveryId, ConnectionId], ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """The end of one try. It takes effect only while (id, run_lease, lease_token) still hold."""

    delivery: Delivery  # as it was claimed
    next: Next
    attempt: Attempt
    reference: str | None = None
    refs: Mapping[str, str] = field(default_factory=dict)
    arrivals: tuple[Arrival, ...] = ()  # events that the vendor's answer told us, accepted in the same transaction
    awaits: Awaited | None = None  # the consent that a Hold waits for
    kept: Kept | None = None  # why a Hold is at the border
    crossing: Crossing | None = None  # the person whose data this try was to take abroad
    reached: bool = True  # whether any of it got there, whatever became of it
    heard: Heard | None = None  # what the try says about the destination; None: nothing


@dataclass(frozen=True, slots=True)
class DoneDelivery:
    """A delivery that ended."""

    id: DeliveryId
    event: EventId
    tenant: TenantId
    connection: ConnectionId
    revision: RevisionId | None
    step: str
    okey: str | None
    final: Final
    attempts: int
    reference: str | None
    received_at: datetime
    finished_at: datetime
    replay_of: DeliveryId | None = None
    again: bool = False
    error: str | None = None  # the class of its last error, None where it succeeded
