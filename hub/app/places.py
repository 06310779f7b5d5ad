"""Where what belongs to deliveries and orders is sealed; `subject` is needed to seal, not to open."""

from __future__ import annotations

from hub.domain.ids import DeliveryId, TenantId
from hub.ports.vault import Place, subject_owner


def talk_place(tenant: TenantId, delivery: DeliveryId, number: int, subject: str | None = None) -> Place:
    """Where an attempt's exchange is sealed."""
    return Place(tenant, "attempt", f"{delivery}:{number}", "talk", owner=subject_owner(subject))


def order_place(tenant: TenantId, order: str, subject: str | None = None) -> Place:
    """Where an order's body is sealed."""
    return Place(tenant, "assessment_order", order, "body", owner=subject_owner(subject))
