"""Encryption at rest, as the middle sees it: seal bytes for one place, open them there and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hub.domain.ids import TenantId


class DataClass(StrEnum):
    """Which tenant key a value is sealed under."""

    PII = "pii"
    CREDENTIAL = "credential"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value lives; it opens only there. `version` is the schema version of the value."""

    tenant: TenantId
    table: str
    row: str
    column: str
    version: int = 1
    data_class: DataClass = DataClass.PII


class Vault(Protocol):
    """Seals and opens. Keys are in memory after `prepare`; seal and open then do no I/O."""

    async def prepare(self, tenant: TenantId) -> None:
        """Load the tenant's keys, making them at first use. Raises Unavailable."""

    def seal(self, place: Place, plain: bytes) -> bytes:
        """The envelope of `plain`. Raises Unavailable if the tenant was not prepared."""

    def open(self, place: Place, envelope: bytes) -> bytes:
        """The plain bytes.

        Raises Conflict: `sealed_elsewhere` if tampered with or moved, `unknown_envelope` if no format that this program
        knows, `key_destroyed` if it was erased by destroying its key; Unavailable if the tenant was not prepared.
        """

    def blind(self, place: Place, value: str) -> bytes:
        """A 16-byte blind index of the value, for exact look-up; equal values in two tenants differ."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A wrapped data key as it is stored; nothing in it opens anything without the root key."""

    id: bytes  # 16 bytes
    tenant: TenantId
    data_class: str
    parent: str  # id of the root key that wraps it
    state: str  # active | retired | destroyed
    wrapped: bytes
    commit: bytes  # 32 bytes; a wrong or moved key fails before it decrypts


class KeyShelf(Protocol):
    """Where wrapped keys are stored (the store fulfils it)."""

    async def load_keys(self, tenant: TenantId) -> list[KeyRow]:
        """All keys of the tenant."""

    async def add_key(self, row: KeyRow) -> KeyRow:
        """Store the key, or return the active one of that tenant and class that was there first."""
