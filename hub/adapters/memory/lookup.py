"""What candidates are found by, in memory."""

from __future__ import annotations

from collections.abc import Collection

from hub.adapters.memory.events import MemoryEvents
from hub.domain.ids import ConnectionId, TenantId
from hub.ports.lookup import Found


class MemoryLookups(MemoryEvents):
    """`hub.ports.lookup.Lookups` over tables."""

    async def subjects_by(self, tenant: TenantId, blinds: Collection[bytes], limit: int = 100) -> list[str]:
        found = {one.subject for one in self._found() if one.tenant == tenant and one.blind in blinds}
        return sorted(found)[:limit]

    async def subjects_with_ref(
        self, tenant: TenantId, connections: Collection[ConnectionId], external: str, limit: int = 100
    ) -> list[str]:
        found = set()
        mine = {one.id for one in self._tables.connections.values() if one.tenant == tenant and one.id in connections}
        for connection, subject, _, external_id in dict(self._tables.refs.items()):
            if connection in mine and external_id == external and subject:
                found.add(subject)
        return sorted(found)[:limit]

    async def lookup_subjects(self, tenant: TenantId, key: bytes, after: str, limit: int) -> list[str]:
        found = {one.subject for one in self._found() if one.tenant == tenant and one.key != key}
        return sorted(one for one in found if one > after)[:limit]

    async def drop_lookups(self, tenant: TenantId, subject: str, *, but: bytes | None = None) -> int:
        mine = [one for one in self._found() if (one.tenant, one.subject) == (tenant, subject) and one.key != but]
        for one in mine:
            self._tables.lookups.drop((one.tenant, one.blind, one.subject))
        return len(mine)

    def _found(self) -> list[Found]:
        return [*self._tables.lookups.values()]
