"""Who was sent abroad, counted exactly, and what is held at the border."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hub.domain.border import Crossing, Kept, Standing, Tally
from hub.domain.deliveries import Delivery
from hub.domain.ids import ConnectionId, TenantId
from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class KeptDeliveries:
    """So many deliveries of a connection are HELD for this reason."""

    tenant: TenantId
    connection: ConnectionId
    kept: Kept
    count: int


class Border(Protocol):
    """Part of `hub.ports.store.Work`. Completions of `complete` bring crossings and what a Hold is kept for."""

    async def add_crossings(self, crossings: Sequence[Crossing], now: datetime) -> None:
        """Count them: a person once a year and region and once in all regions together, by the highest class that went."""

    async def tallies(self, tenant: TenantId, year: int) -> dict[str, Tally]:
        """By region; `*` is all of them together."""

    async def crossed(self, tenant: TenantId, year: int, person: str) -> Mapping[str, int]:
        """Region -> the highest class of this person's data that went there."""

    async def at_border(self, crossing: Crossing) -> dict[str, Standing]:
        """The crossing's region and `*`, with all tries that are under way; nobody else sets out before this work ends."""

    async def set_out(self, crossing: Crossing, delivery: Delivery, until: datetime) -> None:
        """This try has a place from now on: until its completion says what became of it, or `until` is over."""

    async def count_overdue(self, now: datetime, limit: int = 500) -> int:
        """Count tries whose end nobody told in their time: they may have reached the vendor. How many."""

    async def forget_crossings(self, before: int, limit: int = 500) -> int:
        """Drop who it was, of years before this one; the counts stay. How many."""

    async def kept_at_border(self) -> list[KeptDeliveries]:
        """Everything that is HELD at the border, of all tenants, in order."""

    async def let_across(self, tenant: TenantId, connection: ConnectionId, kept: Kept, limit: int = 1000) -> int:
        """Make READY, oldest first, what is HELD for that; how many."""

    async def awaiting_consent(self) -> dict[str, int]:
        """Deliveries that are HELD for want of a consent, by purpose, of all tenants."""

    async def border_policy(self, tenant: TenantId) -> Document | None:
        """As configured."""

    async def put_border_policy(self, tenant: TenantId, body: Document) -> None: ...
