"""Finding candidates by a value that is nowhere stored: rows of blind indexes, kept with the events that told it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from hub.domain.ids import ConnectionId, TenantId


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """A candidate is found by this value. `key`: the index key that made `blind`."""

    tenant: TenantId
    blind: bytes  # 16 bytes
    subject: str
    key: bytes


class Lookups(Protocol):
    """Part of `hub.ports.store.Work`. An arrival's rows are written by `accept`."""

    async def add_lookups(self, rows: Sequence[Found]) -> None:
        """Add rows; one that is there stays as it is."""

    async def subjects_by(self, tenant: TenantId, blinds: Collection[bytes], limit: int = 100) -> list[str]:
        """Whose rows have any of these, each once, in order."""

    async def subjects_with_ref(
        self, tenant: TenantId, connections: Collection[ConnectionId], external: str, limit: int = 100
    ) -> list[str]:
        """Whom a vendor knows by this id, at one of these connections, as deliveries taught it; each once, in order."""

    async def lookup_subjects(self, tenant: TenantId, key: bytes, after: str, limit: int) -> list[str]:
        """Candidates behind `after` that have rows of other keys than `key`, in order."""

    async def drop_lookups(self, tenant: TenantId, subject: str, *, but: bytes | None = None) -> int:
        """Remove a candidate's rows, those of the key `but` excepted; how many. Nobody finds the candidate by them any more."""
