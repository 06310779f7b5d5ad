"""Data keys: made, wrapped, committed to and opened again; one per tenant and class."""

from __future__ import annotations

import hashlib
import hmac
import os
import unicodedata
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.adapters.vault.envelope import KEY_ID, PREFIX, listed, text
from hub.adapters.vault.root_keys import RootKeys, Wrapped
from hub.domain.errors import Unavailable
from hub.domain.ids import TenantId
from hub.ports.vault import KeyRow

INDEX_CLASS = "index"
ACTIVE, DESTROYED = "active", "destroyed"
DEK_BYTES = 32
BLIND_BYTES = 16
_INDEX_VERSION = b"1"


class _Mac(Protocol):
    """An HMAC that was keyed once and is copied for each value."""

    def copy(self) -> _Mac: ...
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class DataKey:
    """An opened data key. It keeps the cipher and the keyed HMAC, built once; never the bytes themselves."""

    id: bytes
    data_class: str
    active: bool
    header: bytes
    cipher: AESGCM = field(repr=False)
    mac: _Mac = field(repr=False)

    def blind(self, table: str, column: str, value: str) -> bytes:
        """HMAC-SHA256 over table, column, index version and the normalised value, cut to 16 bytes."""
        mac = self.mac.copy()
        mac.update(listed(text(table), text(column), _INDEX_VERSION, text(normalised(value))))
        return mac.digest()[:BLIND_BYTES]


def normalised(value: str) -> str:
    """Lower case, NFKC: the form in which values are compared. A second pass changes nothing."""
    lower = unicodedata.normalize("NFKC", value).lower()
    return unicodedata.normalize("NFKC", lower)


def commitment(key: bytes, id: bytes, tenant: TenantId, data_class: str) -> bytes:
    """32 bytes that only this key, as this key of this tenant and class, can give (HKDF-SHA256, RFC 5869)."""
    info = listed(b"commit", id, b"%d" % tenant, text(data_class))
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(key)


async def new_row(roots: RootKeys, tenant: TenantId, data_class: str) -> KeyRow:
    """A fresh random key, wrapped, not stored yet."""
    id, key = os.urandom(KEY_ID), os.urandom(DEK_BYTES)
    wrapped = await roots.wrap(key)
    commit = commitment(key, id, tenant, data_class)
    return KeyRow(id, tenant, data_class, wrapped.parent, ACTIVE, wrapped.key, commit)


async def open_row(roots: RootKeys, row: KeyRow, tenant: TenantId) -> DataKey:
    """The key in the row, as a key of `tenant`.

    Raises Unavailable: `wrong_keyring`, or `key_mismatch` where the row was changed or moved to this tenant or class.
    """
    key = await roots.unwrap(Wrapped(row.parent, row.wrapped))
    wanted = commitment(key, row.id, tenant, row.data_class) if len(row.id) == KEY_ID else b""
    if len(key) != DEK_BYTES or not hmac.compare_digest(wanted, row.commit):
        raise Unavailable(
            f"stored key {row.id.hex()} is not the {row.data_class} key of tenant {tenant} that it claims to be",
            code="key_mismatch",
        )
    return DataKey(
        id=row.id,
        data_class=row.data_class,
        active=row.state == ACTIVE,
        header=PREFIX + row.id,
        cipher=AESGCM(key),
        mac=hmac.new(key, digestmod=hashlib.sha256),
    )
