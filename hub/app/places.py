"""Where events and what belongs to deliveries and orders is sealed; `subject` is needed to seal, not to open."""

from __future__ import annotations

from hub.domain.ids import DeliveryId, EventId, TenantId
from hub.ports.vault import Place, erasure_owner, subject_owner


def body_place(tenant: TenantId, event: EventId, subject: str | None = None) -> Place:
    """Where an event's body is sealed; `subject` is needed to seal, not to open."""
    return Place(tenant, "event_body", event, "body", owner=subject_owner(subject))


def talk_place(tenant: TenantId, delivery: DeliveryId, number: int, subject: str | None = None) -> Place:
    """Where an attempt's exchange is sealed."""
    return Place(tenant, "attempt", f"{delivery}:{number}", "talk", owner=subject_owner(subject))


def order_place(tenant: TenantId, order: str, subject: str | None = None) -> Place:
    """Where an order's body is sealed."""
    return Place(tenant, "assessment_order", order, "body", owner=subject_owner(subject))


def notice_place(tenant: TenantId, notice: str, erasure: str) -> Place:
    """Where what a vendor has to be told is sealed; `erasure` is needed to seal, not to open."""
    return Place(tenant, "erasure_notice", notice, "sealed", owner=erasure_owner(erasure))
