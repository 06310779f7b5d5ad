"""Ed25519 signatures (RFC 8032) by a key per tenant, whose private half is sealed by the vault and kept in the store."""

from __future__ import annotations

import asyncio
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hub.domain.errors import HubError
from hub.domain.ids import TenantId
from hub.ports.clock import Clock
from hub.ports.signing import Signature, SigningKey
from hub.ports.store import Store
from hub.ports.vault import DataClass, Place, Vault


class VaultSigner:
    """`hub.ports.signing.Signer`. A stored key counts only if the vault opens its private half and it fits the public one."""

    def __init__(self, store: Store, vault: Vault, clock: Clock) -> None:
        self._store, self._vault, self._clock = store, vault, clock
        self._keys: dict[TenantId, Ed25519PrivateKey] = {}
        self._lock = asyncio.Lock()

    async def sign(self, tenant: TenantId, message: bytes) -> Signature:
        """See the port."""
        key = self._keys.get(tenant) or await self._key(tenant)
        public = key.public_key().public_bytes_raw()
        return Signature(key_id(public), public, key.sign(message))

    async def public_keys(self, tenant: TenantId) -> dict[str, bytes]:
        """See the port."""
        return {id: key.public_key().public_bytes_raw() for id, key in (await self._opened(tenant)).items()}

    def holds(self, signature: Signature, message: bytes) -> bool:
        """See the port."""
        return holds(signature, message)

    async def _key(self, tenant: TenantId) -> Ed25519PrivateKey:
        async with self._lock:
            opened = list((await self._opened(tenant)).values())
            self._keys[tenant] = opened[-1] if opened else await self._make(tenant)
        return self._keys[tenant]

    async def _make(self, tenant: TenantId) -> Ed25519PrivateKey:
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes_raw()
        sealed = self._vault.seal(_place(tenant, key_id(public)), key.private_bytes_raw())
        async with self._store.work() as work:
            await work.add_signing_key(SigningKey(key_id(public), tenant, public, sealed, self._clock.now()))
        return key

    async def _opened(self, tenant: TenantId) -> dict[str, Ed25519PrivateKey]:
        await self._vault.prepare(tenant)
        async with self._store.look() as look:
            rows = await look.signing_keys(tenant)
        opened = {}
        for row in rows:
            try:
                key = Ed25519PrivateKey.from_private_bytes(self._vault.open(_place(tenant, row.id), row.sealed))
            except HubError:
                continue  # not sealed by us for this place: somebody put it there
            if key_id(key.public_key().public_bytes_raw()) == row.id:
                opened[row.id] = key
        return opened


def key_id(public: bytes) -> str:
    """The first 16 hex digits of SHA-256 over the public key."""
    return hashlib.sha256(public).hexdigest()[:16]


def holds(signature: Signature, message: bytes) -> bool:
    """Whether the signature is of this message by the key that it names."""
    if key_id(signature.public) != signature.key:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(signature.public).verify(signature.value, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _place(tenant: TenantId, key: str) -> Place:
    return Place(tenant, "signing_key", key, "sealed", data_class=DataClass.CREDENTIAL)
