"""Root keys as the vault needs them, and the wrapping that local providers share (RFC 5649)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)

from hub.domain.errors import Unavailable

ROOT_BYTES = 32
_ID = re.compile(r"rk_[1-9][0-9]{0,5}")
_KEY = re.compile(r"[0-9A-Fa-f]{64}")


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A data key under a root key; `parent` is the root key's id (`rk_1`)."""

    parent: str
    key: bytes


@dataclass(frozen=True, slots=True)
class RootHealth:
    """Whether the provider could wrap and unwrap now; `detail` is for the operator."""

    ok: bool
    detail: str


class RootKeys(Protocol):
    """Where root keys live. They may be in another machine, so every call may wait, and none gives a root key away."""

    @property
    def provider(self) -> str:
        """Its name: file, env, vault, aws-kms."""

    async def wrap(self, key: bytes, context: bytes = b"") -> Wrapped:
        """Wrap under the active root key. Raises Unavailable.

        `context`: what the key is for; a provider that can, binds the wrapped key to it (all check the commitment besides).
        """

    async def unwrap(self, wrapped: Wrapped, context: bytes = b"") -> bytes:
        """The data key. Raises Unavailable: `wrong_keyring` if no root key of this provider wrapped it,
        `key_provider_down` if the provider does not answer.
        """

    async def versions(self) -> tuple[str, ...]:
        """Ids of the root keys that can unwrap, the active one first; empty before the first is made."""

    async def health(self) -> RootHealth: ...

    async def offered(self) -> str:
        """The root key that `rotate` will make active, made if there is none, for others to load first; empty where the
        provider has its keys for all at once. Raises as `rotate` does.
        """

    async def rotate(self) -> str:
        """Make another root key the active one and keep the others; its id. Raises Unavailable, Conflict where the
        provider's root keys are changed elsewhere (`rotate_elsewhere`).
        """


@dataclass(frozen=True, slots=True)
class RootSet:
    """Root keys in memory. Deterministic wrapping needs no nonce; the integrity check value refuses other keys."""

    active: str
    keys: Mapping[str, bytes] = field(repr=False)

    def wrap(self, key: bytes) -> Wrapped:
        return Wrapped(self.active, aes_key_wrap_with_padding(self.keys[self.active], key))

    def unwrap(self, wrapped: Wrapped) -> bytes:
        root = self.keys.get(wrapped.parent)
        if root is None:
            raise Unavailable(f"the keyring has no root key {wrapped.parent!r}", code="wrong_keyring")
        try:
            return aes_key_unwrap_with_padding(root, wrapped.key)
        except (InvalidUnwrap, ValueError) as error:
            raise Unavailable(
                f"root key {wrapped.parent} of this keyring does not open the stored keys", code="wrong_keyring"
            ) from error

    def versions(self) -> tuple[str, ...]:
        return (self.active, *(id for id in self.keys if id != self.active))


def read_root(id: object, digits: object) -> tuple[str, bytes]:
    """Check one root key: `rk_<n>` and 64 hex digits. Raises Unavailable (code `keyring_broken`)."""
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise Unavailable("a root key's id must have the form rk_<n>", code="keyring_broken")
    if not isinstance(digits, str) or not _KEY.fullmatch(digits):
        raise Unavailable(f"root key {id} must be {2 * ROOT_BYTES} hex digits", code="keyring_broken")
    return id, bytes.fromhex(digits)
