"""Records about people and partners: who may call, who ordered what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hub.domain.ids import ConnectionId, TenantId


@dataclass(frozen=True, slots=True)
class ApiToken:
    """An API token; only the SHA-256 of its secret is kept."""

    id: str  # tok_ + hex
    tenant: TenantId
    name: str
    hash: bytes
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    account: str | None = None  # the service account that it was issued to, with these
    audience: str | None = None  # the deployment it is for
    clearance: int = 4  # the highest class that it may ever see


@dataclass(frozen=True, slots=True)
class Order:
    """An assessment that an ATS ordered from us (partner role)."""

    id: str  # ord_ + hex
    tenant: TenantId
    connection: ConnectionId
    package: str
    subject: str
    status: str  # open | in_progress | completed | cancelled | failed
    body: bytes  # sealed JSON: what was ordered, the callback address, the result
    created_at: datetime
    updated_at: datetime


class Orders(Protocol):
    """Assessments ordered from us."""

    async def put_order(self, order: Order) -> None:
        """Insert or replace by id."""

    async def order(self, id: str) -> Order | None: ...

    async def orders_of(self, tenant: TenantId, subject: str) -> list[Order]: ...
