"""The ledger of consents, and what is held for want of one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from hub.domain.consents import Awaited, Consent
from hub.domain.ids import ConnectionId, DeliveryId, RevisionId, TenantId


@dataclass(frozen=True, slots=True)
class OpenDelivery:
    """A delivery that waits to be tried."""

    id: DeliveryId
    connection: ConnectionId
    revision: RevisionId | None
    step: str


class Consents(Protocol):
    """Part of `hub.ports.store.Work`."""

    async def add_consents(self, said: Sequence[Consent]) -> None:
        """Add statements to the ledger; one that is there stays as it is. Nothing changes or removes one."""

    async def consents(self, tenant: TenantId, subject: str, purpose: str | None = None) -> list[Consent]:
        """Of one candidate, oldest first."""

    async def open_deliveries(self, tenant: TenantId, subject: str) -> list[OpenDelivery]:
        """READY and WAITING ones of the candidate's events."""

    async def hold_for_consent(self, awaited: Awaited, ids: Collection[DeliveryId]) -> int:
        """HELD until that consent is given: those of `ids` that are READY or WAITING; how many.

        Later ones of their keys go on.
        """

    async def awaited_among(self, awaited: Collection[Awaited]) -> set[Awaited]:
        """Those for which something is HELD."""

    async def awaited_by(self, tenant: TenantId, ids: Collection[DeliveryId]) -> dict[DeliveryId, Awaited]:
        """What those of these deliveries that are HELD for a consent wait for."""

    async def let_go_consented(self, awaited: Awaited, limit: int = 1000) -> int:
        """Make READY what is HELD for that consent; how many."""

    async def awaited_consents(self, after: Awaited | None = None, limit: int = 200) -> list[Awaited]:
        """The consents that HELD deliveries wait for, each once, in order."""
