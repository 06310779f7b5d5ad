"""Signed ends of chains in memory, for tests and hubs without a disk."""

from __future__ import annotations

from hub.domain.ids import TenantId
from hub.ports.audit import Head


class MemoryHeads:
    """`hub.ports.audit.Heads`; everything is gone when the process ends."""

    def __init__(self) -> None:
        self.all: list[Head] = []

    async def keep(self, head: Head) -> None:
        """See the port."""
        self.all.append(head)

    async def kept(self, tenant: TenantId) -> list[Head]:
        """See the port."""
        return sorted((head for head in self.all if head.tenant == tenant), key=lambda head: head.seq)
