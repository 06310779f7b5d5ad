"""An event: one fact that happened, stored once, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.domain.ids import DeliveryId, EventId, TenantId
from mappings.documents import Document

HOOK_RECEIVED = "hook.received"  # a verified vendor webhook, stored before it is read


@dataclass(frozen=True, slots=True)
class Cause:
    """What made an event happen: the event before it and, if a vendor answered, the delivery it answers."""

    event: EventId
    delivery: DeliveryId | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A fact. (tenant, source, key) is its identity at the sender; `id` is ours.

    `type` is noun.past (`interview.report.completed`), `version` the whole-number version of its schema,
    `subject` the opaque id of the candidate it is about (no personal data), times are UTC.
    """

    id: EventId
    tenant: TenantId
    type: str
    version: int
    source: str
    key: str
    subject: str | None
    data: Document
    occurred_at: datetime
    received_at: datetime
    cause: Cause | None = None
    depth: int = 0  # how many events lie between this one and the first cause
