"""The ledger of consents, in memory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from hub.adapters.memory.deliveries import MemoryDeliveries
from hub.adapters.memory.events import promote
from hub.domain.consents import Awaited, Consent
from hub.domain.deliveries import State
from hub.domain.ids import DeliveryId, TenantId
from hub.ports.consents import OpenDelivery

_OPEN = (State.READY, State.WAITING)


class MemoryConsents(MemoryDeliveries):
    """`hub.ports.consents.Consents` over tables."""

    async def consents(self, tenant: TenantId, subject: str, purpose: str | None = None) -> list[Consent]:
        found = [
            one
            for one in self._tables.consents.values()
            if (one.tenant, one.subject) == (tenant, subject) and purpose in (None, one.purpose)
        ]
        return sorted(found, key=lambda one: (one.at, one.id))

    async def open_deliveries(self, tenant: TenantId, subject: str) -> list[OpenDelivery]:
        found = []
        for row in self._tables.live.values():
            event = self._tables.events.get(row.event)
            if row.tenant == tenant and row.state in _OPEN and event is not None and event.subject == subject:
                found.append(OpenDelivery(row.id, row.connection, row.revision, row.step))
        return sorted(found, key=lambda one: one.id)

    async def hold_for_consent(self, awaited: Awaited, ids: Collection[DeliveryId]) -> int:
        rows = [row for id_ in sorted(ids) if (row := self._tables.live.get(id_)) is not None]
        mine = [row for row in rows if row.tenant == awaited.tenant and row.state in _OPEN]
        for row in mine:
            self._tables.live.put(row.id, replace(row, state=State.HELD))
            self._tables.held_for_consent.put(row.id, awaited)
        promote(self._tables, {(row.connection, row.okey): None for row in mine if row.okey is not None})
        return len(mine)

    async def awaited_among(self, awaited: Collection[Awaited]) -> set[Awaited]:
        return {one for one in await self.awaited_consents(limit=len(self._tables.live)) if one in awaited}

    async def awaited_by(self, tenant: TenantId, ids: Collection[DeliveryId]) -> dict[DeliveryId, Awaited]:
        held = {row.id: one for row in self._held_for_consent() if (one := self._awaits(row.id)) is not None}
        return {id_: one for id_, one in held.items() if id_ in ids and one.tenant == tenant}

    async def let_go_consented(self, awaited: Awaited, limit: int = 1000) -> int:
        held = sorted(row.id for row in self._held_for_consent() if self._awaits(row.id) == awaited)[:limit]
        self.put_back([row for id_ in held if (row := self._tables.live.get(id_)) is not None])
        return len(held)

    async def awaited_consents(self, after: Awaited | None = None, limit: int = 200) -> list[Awaited]:
        found = {one for row in self._held_for_consent() if (one := self._awaits(row.id)) is not None}
        ordered = sorted(found, key=_place)
        return [one for one in ordered if after is None or _place(one) > _place(after)][:limit]

    def _awaits(self, id_: DeliveryId) -> Awaited | None:
        return self._tables.held_for_consent.get(id_)

    def _held_for_consent(self) -> list[OpenDelivery]:
        held = (row for row in self._tables.live.values() if row.state is State.HELD and self._awaits(row.id))
        return [OpenDelivery(row.id, row.connection, row.revision, row.step) for row in held]


def _place(one: Awaited) -> tuple[TenantId, str]:
    return one.tenant, one.key
