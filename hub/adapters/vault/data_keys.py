"""Data keys: made, wrapped, committed to and opened again; a tenant's per class, and below them its owners'."""

from __future__ import annotations

import hashlib
import hmac
import os
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)

from hub.adapters.vault.envelope import KEY_ID, PREFIX, listed, text
from hub.adapters.vault.root_keys import RootKeys, Wrapped
from hub.domain.errors import Unavailable
from hub.domain.ids import TenantId
from hub.ports.vault import KeyRow

INDEX_CLASS = "index"
ACTIVE, RETIRED, DESTROYED = "active", "retired", "destroyed"
DEK_BYTES = 32
BLIND_BYTES = 16
_INDEX_VERSION = b"1"
_WRAPPING = b"hirewire/wrap/1"


class _Mac(Protocol):
    """An HMAC that was keyed once and is copied for each value."""

    def copy(self) -> _Mac: ...
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class OwnerKey:
    """An opened key of an owner: it seals what is theirs. `material`: what object keys are derived from."""

    id: bytes
    tenant: TenantId
    data_class: str
    owner: str
    active: bool
    header: bytes
    cipher: AESGCM = field(repr=False)
    material: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DataKey:
    """An opened tenant key. It keeps the cipher, the keyed HMAC and the key that wraps owners' keys, built once."""

    id: bytes
    data_class: str
    active: bool
    header: bytes
    cipher: AESGCM = field(repr=False)
    mac: _Mac = field(repr=False)
    wrapping: bytes = field(repr=False)

    def blind(self, table: str, column: str, value: str) -> bytes:
        """HMAC-SHA256 over table, column, index version and the normalised value, cut to 16 bytes."""
        mac = self.mac.copy()
        mac.update(listed(text(table), text(column), _INDEX_VERSION, text(normalised(value))))
        return mac.digest()[:BLIND_BYTES]


def normalised(value: str) -> str:
    """Lower case, NFKC: the form in which values are compared. A second pass changes nothing."""
    lower = unicodedata.normalize("NFKC", value).lower()
    return unicodedata.normalize("NFKC", lower)


def hkdf(key: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 without salt, 32 bytes (RFC 5869): two HMACs, 3 us; the library's object costs 20, `hmac.digest` 7."""
    extracted = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


def commitment(key: bytes, id: bytes, tenant: TenantId, data_class: str, owner: str = "") -> bytes:
    """32 bytes that only this key, as this key of this tenant, class and owner, can give."""
    parts = [b"commit", id, b"%d" % tenant, text(data_class)]
    return hkdf(key, listed(*parts, text(owner)) if owner else listed(*parts))


def root_context(tenant: TenantId, data_class: str, id: bytes) -> bytes:
    """What a provider that can, binds a wrapped tenant key to."""
    return listed(b"%d" % tenant, text(data_class), id)


async def new_row(roots: RootKeys, tenant: TenantId, data_class: str) -> KeyRow:
    """A fresh random tenant key, wrapped, not stored yet."""
    id, key = os.urandom(KEY_ID), os.urandom(DEK_BYTES)
    wrapped = await roots.wrap(key, root_context(tenant, data_class, id))
    commit = commitment(key, id, tenant, data_class)
    return KeyRow(id, tenant, data_class, wrapped.parent, ACTIVE, wrapped.key, commit)


async def open_row(roots: RootKeys, row: KeyRow, tenant: TenantId) -> DataKey:
    """The key in the row, as a key of `tenant`.

    Raises Unavailable: `wrong_keyring`, or `key_mismatch` where the row was changed or moved to this tenant or class.
    """
    key = await roots.unwrap(Wrapped(row.parent, row.wrapped), root_context(tenant, row.data_class, row.id))
    _check(key, row, tenant)
    return DataKey(
        id=row.id,
        data_class=row.data_class,
        active=row.state == ACTIVE,
        header=PREFIX + row.id,
        cipher=AESGCM(key),
        mac=hmac.new(key, digestmod=hashlib.sha256),
        wrapping=hkdf(key, _WRAPPING),
    )


async def rewrap_row(roots: RootKeys, row: KeyRow) -> KeyRow:
    """The same tenant key under the active root key. Raises Unavailable as `open_row` does."""
    context = root_context(row.tenant, row.data_class, row.id)
    key = await roots.unwrap(Wrapped(row.parent, row.wrapped), context)
    _check(key, row, row.tenant)
    wrapped = await roots.wrap(key, context)
    return replace(row, parent=wrapped.parent, wrapped=wrapped.key)


def new_owner(parent: DataKey, tenant: TenantId, owner: str, now: datetime | None) -> tuple[KeyRow, OwnerKey]:
    """A fresh random key of an owner: wrapped under the tenant's key of its class, not stored yet; and opened."""
    id, key = os.urandom(KEY_ID), os.urandom(DEK_BYTES)
    wrapped = aes_key_wrap_with_padding(parent.wrapping, key)
    commit = commitment(key, id, tenant, parent.data_class, owner)
    row = KeyRow(id, tenant, parent.data_class, parent.id.hex(), ACTIVE, wrapped, commit, owner, now)
    return row, OwnerKey(id, tenant, parent.data_class, owner, True, PREFIX + id, AESGCM(key), key)


def open_owner_row(parent: DataKey, row: KeyRow, tenant: TenantId) -> OwnerKey:
    """The key in the row, as a key of `tenant`. Raises Unavailable (`key_mismatch`)."""
    key = _unwrapped(parent, row, tenant)
    return OwnerKey(row.id, tenant, row.data_class, row.owner, row.state == ACTIVE, PREFIX + row.id, AESGCM(key), key)


def rewrap_owner_row(old: DataKey, new: DataKey, row: KeyRow) -> KeyRow:
    """The same owner's key under another tenant key."""
    key = _unwrapped(old, row, row.tenant)
    return replace(row, parent=new.id.hex(), wrapped=aes_key_wrap_with_padding(new.wrapping, key))


def _unwrapped(parent: DataKey, row: KeyRow, tenant: TenantId) -> bytes:
    try:
        key = aes_key_unwrap_with_padding(parent.wrapping, row.wrapped)
    except (InvalidUnwrap, ValueError) as error:
        raise _mismatch(row, tenant) from error
    _check(key, row, tenant)
    return key


def _check(key: bytes, row: KeyRow, tenant: TenantId) -> None:
    """Key commitment: refuse a key that is not the one of this row before it opens anything."""
    fits = len(row.id) == KEY_ID and len(key) == DEK_BYTES
    if not fits or not hmac.compare_digest(commitment(key, row.id, tenant, row.data_class, row.owner), row.commit):
        raise _mismatch(row, tenant)


def _mismatch(row: KeyRow, tenant: TenantId) -> Unavailable:
    return Unavailable(
        f"stored key {row.id.hex()} is not the {row.data_class} key of tenant {tenant} that it claims to be",
        code="key_mismatch",
    )
