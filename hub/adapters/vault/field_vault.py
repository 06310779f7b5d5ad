"""The vault: seals fields under their tenant's keys, which it loads or makes when a tenant is prepared."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable

from hub.adapters.vault import envelope as format_1
from hub.adapters.vault.data_keys import ACTIVE, DESTROYED, INDEX_CLASS, DataKey, new_row, open_row
from hub.adapters.vault.root_keys import RootKeys
from hub.domain.errors import Conflict, Unavailable
from hub.domain.ids import TenantId
from hub.ports.vault import DataClass, KeyRow, KeyShelf, Place

CLASSES = (*(str(member.value) for member in DataClass), INDEX_CLASS)


class _TenantKeys:
    """A tenant's opened keys: every one by its id, the active one by its class."""

    def __init__(self, opened: Iterable[DataKey], destroyed: frozenset[bytes]) -> None:
        self.by_id = {key.id: key for key in opened}
        self.active = {key.data_class: key for key in self.by_id.values() if key.active}
        self.destroyed = destroyed


class FieldVault:
    """A `hub.ports.vault.Vault` over root keys and the shelf of wrapped keys.

    Keys are never tried in turn: the id in the envelope names the key, and it must be this tenant's and of this class.
    Besides the port's `sealed_elsewhere`, `open` raises Conflict with `unknown_envelope` (a format that this program
    does not know) and `key_destroyed` (shredded on purpose; nothing opens it again).
    """

    def __init__(self, roots: RootKeys, shelf: KeyShelf) -> None:
        self._roots = roots
        self._shelf = shelf
        self._tenants: dict[TenantId, _TenantKeys] = {}
        self._lock = asyncio.Lock()

    async def prepare(self, tenant: TenantId) -> None:
        """Load the tenant's keys, making them at first use.

        Every stored key is opened before one is made, so a wrong keyring or a moved row changes nothing.
        """
        if tenant in self._tenants:
            return
        async with self._lock:
            if tenant not in self._tenants:
                self._tenants[tenant] = await self._load(tenant)

    def seal(self, place: Place, plain: bytes) -> bytes:
        """The envelope of `plain`, 48 bytes longer."""
        key = self._keys(place.tenant).active[place.data_class]
        return format_1.seal(key.cipher, key.header, os.urandom(format_1.NONCE), plain, self._bound(key, place))

    def open(self, place: Place, envelope: bytes) -> bytes:
        """The plain bytes."""
        keys = self._keys(place.tenant)
        id = format_1.key_id(envelope)
        key = keys.by_id.get(id)
        if key is None and id in keys.destroyed:
            raise Conflict(f"key {id.hex()} was destroyed; what it sealed is erased", code="key_destroyed")
        if key is None or key.data_class != place.data_class:
            raise Conflict(
                f"sealed under a key that is no {place.data_class} key of this tenant", code="sealed_elsewhere"
            )
        return format_1.open_sealed(key.cipher, envelope, self._bound(key, place))

    def blind(self, place: Place, value: str) -> bytes:
        """A 16-byte blind index; `place.row` and `place.version` play no part. Only for values with many possibilities:
        an e-mail address or a phone number, never a name or a birth date, whose frequencies would show.
        """
        return self._keys(place.tenant).active[INDEX_CLASS].blind(place.table, place.column, value)

    def _bound(self, key: DataKey, place: Place) -> bytes:
        return format_1.context(key.header, place)

    def _keys(self, tenant: TenantId) -> _TenantKeys:
        keys = self._tenants.get(tenant)
        if keys is None:
            raise Unavailable(f"the keys of tenant {tenant} are not loaded", code="vault_not_prepared")
        return keys

    async def _load(self, tenant: TenantId) -> _TenantKeys:
        rows = await self._shelf.load_keys(tenant)
        opened = [await open_row(self._roots, row, tenant) for row in rows if row.state != DESTROYED]
        there = {row.data_class for row in rows if row.state == ACTIVE}
        made = [await self._first(tenant, data_class) for data_class in CLASSES if data_class not in there]
        opened += [await open_row(self._roots, row, tenant) for row in made]
        return _TenantKeys(opened, frozenset(row.id for row in rows if row.state == DESTROYED))

    async def _first(self, tenant: TenantId, data_class: str) -> KeyRow:
        """The stored active key: ours, or that of whoever was first."""
        row = await self._shelf.add_key(await new_row(self._roots, tenant, data_class))
        if row.data_class != data_class or row.state != ACTIVE:
            raise Unavailable(f"the store gave no active {data_class} key for tenant {tenant}", code="key_mismatch")
        return row
