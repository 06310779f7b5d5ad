"""Signatures of the hub's own: what was written down can be shown to be unchanged to whoever has the public key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hub.domain.ids import TenantId


@dataclass(frozen=True, slots=True)
class Signature:
    """An Ed25519 signature (RFC 8032) with the key it was made with."""

    key: str  # id: the first 16 hex digits of SHA-256 over the public key
    public: bytes  # 32 bytes
    value: bytes  # 64 bytes


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A tenant's signing key as it is stored: the private half sealed by the vault."""

    id: str
    tenant: TenantId
    public: bytes
    sealed: bytes
    created_at: datetime


class SigningShelf(Protocol):
    """Where signing keys are stored (the store's transactions fulfil it)."""

    async def signing_keys(self, tenant: TenantId) -> Sequence[SigningKey]:
        """Oldest first; the newest signs."""

    async def add_signing_key(self, key: SigningKey) -> None: ...


class Checks(Protocol):
    """Checks signatures; needs no key of ours."""

    def holds(self, signature: Signature, message: bytes) -> bool:
        """Whether the signature is of this message, by the key that it names."""


class Signer(Checks, Protocol):
    """Signs for a tenant."""

    async def sign(self, tenant: TenantId, message: bytes) -> Signature:
        """The first signature makes the key. Raises Unavailable."""

    async def public_keys(self, tenant: TenantId) -> dict[str, bytes]:
        """Key id -> public key: those the vault itself vouches for, because it opens their private halves."""
