"""The vault: seals fields under the keys of those they are about, which it loads or makes when they are prepared."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from hub.adapters.vault import envelope as format_1
from hub.adapters.vault.data_keys import (
    ACTIVE,
    DESTROYED,
    INDEX_CLASS,
    DataKey,
    OwnerKey,
    new_owner,
    new_row,
    open_owner_row,
    open_row,
    rewrap_owner_row,
    rewrap_row,
)
from hub.adapters.vault.opened import OwnerKeys, TenantKeys, Whose
from hub.adapters.vault.root_keys import RootKeys
from hub.app.groups import GroupCommit
from hub.domain.errors import Conflict, Unavailable
from hub.domain.ids import TenantId
from hub.domain.subjects import CLOSED_CODE
from hub.ports.clock import Clock
from hub.ports.vault import DataClass, KeyRow, KeyShelf, KeyVitals, Owner, Place, RootState, class_of

CLASSES = (*(str(member.value) for member in DataClass), INDEX_CLASS)
CHECK_S = 2.0  # how soon a key that was rotated or destroyed by another process is no longer used here
GROUP = 500  # owners' keys that are made or loaded together
AWAY = frozenset(
    {"key_provider_down", "key_provider_denied", "store_unavailable"}
)  # what keys in memory may outlive, for a while


class FieldVault:
    """A `hub.ports.vault.Vault` over root keys and the shelf of wrapped keys.

    Keys are never tried in turn: the id in the envelope names the key, and it must be this tenant's and of this class.
    Keys are opened anew after half of `max_age_s`; while the provider or the store is away, those in memory serve until
    they are `max_age_s` old. Without a clock they never age.
    """

    def __init__(
        self, roots: RootKeys, shelf: KeyShelf, clock: Clock | None = None, *, max_age_s: float = 600.0
    ) -> None:
        self.roots = roots
        self._shelf = shelf
        self._clock = clock
        self._max_age_s = max_age_s
        self._tenants: dict[TenantId, TenantKeys] = {}
        self._owners = OwnerKeys()
        self._epoch: int | None = None
        self._up = True
        self._locks: defaultdict[TenantId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._making: GroupCommit[Whose, bool] = GroupCommit(self._make_group, size=GROUP, enough=lambda _: True)
        self._drafting: GroupCommit[Whose, bool] = GroupCommit(self._draft_group, size=GROUP, enough=lambda _: True)
        self._finding: GroupCommit[tuple[TenantId, bytes], None] = GroupCommit(
            self._find_group, size=GROUP, enough=lambda _: True
        )

    async def prepare(
        self,
        tenant: TenantId,
        owners: Collection[Owner | None] = (),
        sealed: Collection[bytes | None] = (),
        *,
        data_class: DataClass | None = None,
    ) -> None:
        """Load the tenant's keys and those of the owners, making them at first use.

        Every stored tenant key is opened before one is made, so a wrong keyring or a moved row changes nothing.
        `owners` not inside a transaction of the store: making a key is one of its own. Finding keys only reads.
        """
        keys = self._tenants.get(tenant)
        if keys is None or self._now() - keys.checked_at >= CHECK_S:
            keys = await self._current(tenant)
        if owners:
            whose = [(tenant, str(one), str(data_class or class_of(one))) for one in owners if one is not None]
            if not await self._all_made([one for one in whose if self._owners.active(*one) is None]):
                raise Conflict("this candidate was erased", code=CLOSED_CODE)
        if sealed:
            ids = [id for one in sealed if one is not None and (id := _named(one)) is not None]
            await self._all_found(tenant, [id for id in ids if not self._known(tenant, keys, id)])

    async def draft(self, tenant: TenantId, owners: Collection[Owner | None]) -> None:
        """Load the owners' keys; those that nobody has are made and wait for whoever stores them with what they seal."""
        await self.prepare(tenant)
        whose = [(tenant, str(one), str(class_of(one))) for one in owners if one is not None]
        wanted = [one for one in whose if not self._drafted(one)]
        if wanted:
            await self._drafting.put(wanted)

    def seal(self, place: Place, plain: bytes) -> bytes:
        """The envelope of `plain`, 48 bytes longer."""
        return self._sealed(self.sealing(place), place, plain)

    def seal_new(self, place: Place, plain: bytes) -> tuple[bytes, KeyRow | None]:
        """The same, under a drafted key where none is stored."""
        owner = place.owner
        if owner is not None and self._owners.active(place.tenant, owner, place.data_class) is None:
            drafted = self._owners.draft(place.tenant, owner, place.data_class)
            if drafted is not None:
                return self._sealed(drafted[1], place, plain), drafted[0]
        return self.seal(place, plain), None

    def settle(self, key: KeyRow) -> None:
        """See the port."""
        self._owners.settle(key)

    def _sealed(self, key: DataKey | OwnerKey, place: Place, plain: bytes) -> bytes:
        return format_1.seal(key.cipher, key.header, os.urandom(format_1.NONCE), plain, self._bound(key, place))

    def open(self, place: Place, envelope: bytes) -> bytes:
        """The plain bytes."""
        self._keys(place.tenant)
        key = self.opening(place, format_1.key_id(envelope))
        return format_1.open_sealed(key.cipher, envelope, self._bound(key, place))

    def blind(self, place: Place, value: str) -> bytes:
        """A 16-byte blind index; `place.row` and `place.version` play no part. Only for values with many possibilities:
        an e-mail address or a phone number, never a name or a birth date, whose frequencies would show.
        """
        return self._keys(place.tenant).active[INDEX_CLASS].blind(place.table, place.column, value)

    def blinds(self, place: Place, value: str) -> list[bytes]:
        """See the port."""
        return [key.blind(place.table, place.column, value) for key in self._keys(place.tenant).indexes]

    def index_key(self, tenant: TenantId) -> bytes:
        """See the port."""
        return self._keys(tenant).active[INDEX_CLASS].id

    def index_exchanged(self, tenant: TenantId) -> bool:
        """See the port."""
        return self._keys(tenant).exchanged

    def sealing(self, place: Place) -> DataKey | OwnerKey:
        """The key that seals there. Raises Unavailable if it was not prepared."""
        keys = self._keys(place.tenant)
        if place.owner is None:
            return keys.active[place.data_class]
        key = self._owners.active(place.tenant, place.owner, place.data_class)
        if key is None:
            raise Unavailable(f"no {place.data_class} key of an owner is loaded for it", code="vault_not_prepared")
        return key

    def opening(self, place: Place, id: bytes) -> DataKey | OwnerKey:
        """The key of this id. Raises Conflict (`key_destroyed`, `sealed_elsewhere`), Unavailable."""
        keys = self._keys(place.tenant)
        key: DataKey | OwnerKey | None = keys.by_id.get(id) or self._owners.get(place.tenant, id)
        if key is not None and key.data_class == place.data_class:
            return key
        gone = id in keys.destroyed or self._owners.gone(place.tenant, id)
        if key is None and gone is None:
            raise Unavailable("the key of a sealed value is not loaded", code="vault_not_prepared")
        if key is None and gone:
            raise Conflict(f"key {id.hex()} was destroyed; what it sealed is erased", code="key_destroyed")
        raise Conflict(f"sealed under a key that is no {place.data_class} key of this tenant", code="sealed_elsewhere")

    def vitals(self) -> KeyVitals:
        """For metrics: whether the provider answered last, and how old the oldest keys in memory are."""
        ages = [self._now() - keys.opened_at for keys in self._tenants.values()]
        return KeyVitals(self.roots.provider, self._up, max(ages, default=0.0), self._max_age_s, len(self._owners))

    async def root(self) -> RootState:
        """See `Craft`."""
        try:
            health, versions = await self.roots.health(), await self.roots.versions()
        except Unavailable as error:
            self._up = False
            return RootState(self.roots.provider, False, str(error))
        self._up = health.ok
        return RootState(self.roots.provider, health.ok, health.detail, versions)

    async def offered_root(self) -> str:
        """See `Craft`."""
        return await self.roots.offered()

    async def next_root(self) -> str:
        """See `Craft`."""
        return await self.roots.rotate()

    async def successor(self, tenant: TenantId, data_class: str, owner: str = "") -> KeyRow:
        """See `Craft`."""
        if not owner:
            return await new_row(self.roots, tenant, data_class)
        await self.prepare(tenant)
        return new_owner(self._keys(tenant).active[data_class], tenant, owner, self._made_at())[0]

    async def lifted(self, row: KeyRow) -> KeyRow:
        """See `Craft`."""
        if not row.owner:
            return await rewrap_row(self.roots, row)
        await self.prepare(row.tenant)
        return rewrap_owner_row(
            self.tenant_key(row.tenant, row.parent), self._keys(row.tenant).active[row.data_class], row
        )

    def key_of(self, envelope: bytes) -> bytes:
        """See `Craft`."""
        return _named(envelope) or b""

    def resealed(self, place: Place, envelope: bytes) -> bytes:
        """See `Craft`."""
        return self.seal(place, self.open(place, envelope))

    def tenant_key(self, tenant: TenantId, id: str) -> DataKey:
        """One of the tenant's own keys by its id in hex. Raises Unavailable."""
        key = self._keys(tenant).by_id.get(bytes.fromhex(id))
        if key is None:
            raise Unavailable(f"tenant {tenant} has no key {id}", code="key_mismatch")
        return key

    def forget(self) -> None:
        """See `Craft`. Tenants' keys that are open already are kept: their provider may be away just now."""
        for keys in self._tenants.values():
            keys.changed, keys.checked_at = True, float("-inf")
        self._owners.clear()

    def _bound(self, key: DataKey | OwnerKey, place: Place) -> bytes:
        return format_1.context(key.header, place)

    def _keys(self, tenant: TenantId) -> TenantKeys:
        keys = self._tenants.get(tenant)
        if keys is None:
            raise Unavailable(f"the keys of tenant {tenant} are not loaded", code="vault_not_prepared")
        return keys

    def _known(self, tenant: TenantId, keys: TenantKeys, id: bytes) -> bool:
        if id in keys.by_id or id in keys.destroyed or self._owners.get(tenant, id) is not None:
            return True
        return self._owners.gone(tenant, id) is not None

    def _now(self) -> float:
        return 0.0 if self._clock is None else self._clock.monotonic()

    def _made_at(self) -> datetime | None:
        return None if self._clock is None else self._clock.now()

    async def _current(self, tenant: TenantId) -> TenantKeys:
        """The tenant's keys, no older than they may be."""
        async with self._locks[tenant]:
            keys = self._tenants.get(tenant)
            now = self._now()
            if keys is not None and now - keys.checked_at < CHECK_S:
                return keys
            try:
                keys = self._tenants[tenant] = await self._checked(tenant, keys, now)
                self._up = True
            except Unavailable as error:
                self._up = error.code == "store_unavailable"
                if keys is None or error.code not in AWAY:
                    raise
                if now - keys.opened_at >= self._max_age_s:
                    del self._tenants[tenant]
                    self._owners.clear()
                    raise
                keys.checked_at = now
            return keys

    async def _checked(self, tenant: TenantId, keys: TenantKeys | None, now: float) -> TenantKeys:
        epoch = await self._shelf.key_epoch() if self._clock is not None else 0
        if self._epoch is not None and epoch != self._epoch:
            self._owners.clear()
            for other in self._tenants.values():
                other.changed = True
        self._epoch = epoch
        if keys is None or now - keys.opened_at >= self._max_age_s / 2:
            return await self._load(tenant, now)
        if keys.changed:
            return await self._load(tenant, now, keys)
        keys.checked_at = now
        return keys

    async def _load(self, tenant: TenantId, now: float, known: TenantKeys | None = None) -> TenantKeys:
        """The keys as they are stored; those in `known` are not opened again."""
        rows = await self._shelf.load_keys(tenant)
        before = {} if known is None else known.by_id
        opened = [await self._opened(row, tenant, before) for row in rows if row.state != DESTROYED]
        there = {row.data_class for row in rows if row.state == ACTIVE}
        made = [await self._first(tenant, data_class) for data_class in CLASSES if data_class not in there]
        opened += [await open_row(self.roots, row, tenant) for row in made]
        destroyed = (row.id for row in rows if row.state == DESTROYED)
        keys = TenantKeys.of(opened, destroyed, now if known is None else known.opened_at, now)
        keys.exchanged = sum(row.data_class == INDEX_CLASS for row in rows) > 1
        return keys

    async def _opened(self, row: KeyRow, tenant: TenantId, known: Mapping[bytes, DataKey]) -> DataKey:
        key = known.get(row.id)
        same = key is not None and key.active == (row.state == ACTIVE)
        return key if key is not None and same else await open_row(self.roots, row, tenant)

    async def _first(self, tenant: TenantId, data_class: str) -> KeyRow:
        """The stored active key: ours, or that of whoever was first."""
        row = await self._shelf.add_key(await new_row(self.roots, tenant, data_class))
        if row.data_class != data_class or row.state != ACTIVE:
            raise Unavailable(f"the store gave no active {data_class} key for tenant {tenant}", code="key_mismatch")
        return row

    async def _all_made(self, wanted: Sequence[Whose]) -> bool:
        """Load or make owners' keys, in one transaction with those that others want by then; it fails for all of them.

        Whether each has one: who was erased gets none.
        """
        return not wanted or all(await self._making.put(wanted))

    async def _make_group(self, group: Sequence[Whose]) -> Sequence[bool]:
        for tenant, wanted in self._by_tenant(group, lambda one: self._owners.active(*one) is not None):
            made = {row.id: (row, key) for row, key in await self._lacking(tenant, wanted)}
            if made:
                for row in await self._shelf.add_owner_keys([row for row, _ in made.values()]):
                    self._owners.put(made[row.id][1] if row.id in made else await self._opened_owner(tenant, row))
        return [self._owners.active(*one) is not None for one in group]

    async def _draft_group(self, group: Sequence[Whose]) -> Sequence[bool]:
        for tenant, wanted in self._by_tenant(group, self._drafted):
            for row, key in await self._lacking(tenant, wanted):
                self._owners.put_draft(row, key)
        return [True] * len(group)

    def _drafted(self, whose: Whose) -> bool:
        return self._owners.active(*whose) is not None or self._owners.draft(*whose) is not None

    @staticmethod
    def _by_tenant(
        group: Sequence[Whose], there: Callable[[Whose], bool]
    ) -> list[tuple[TenantId, set[tuple[str, str]]]]:
        wanted: defaultdict[TenantId, set[tuple[str, str]]] = defaultdict(set)
        for one in group:
            if not there(one):
                wanted[one[0]].add((one[1], one[2]))
        return list(wanted.items())

    async def _lacking(self, tenant: TenantId, wanted: set[tuple[str, str]]) -> list[tuple[KeyRow, OwnerKey]]:
        """Open the keys that these owners have; fresh ones for those who have none."""
        rows = await self._shelf.owner_keys(tenant, wanted)
        for row in rows:
            self._owners.put(await self._opened_owner(tenant, row))
        keys = self._tenants.get(tenant) or await self._current(tenant)
        missing = sorted(wanted - {(row.owner, row.data_class) for row in rows})
        return [new_owner(keys.active[kind], tenant, owner, self._made_at()) for owner, kind in missing]

    async def _all_found(self, tenant: TenantId, wanted: Sequence[bytes]) -> None:
        """Load the keys of envelopes, in one look with those that others want by then; it fails for all of them."""
        if wanted:
            await self._finding.put([(tenant, id) for id in wanted])

    async def _find_group(self, group: Sequence[tuple[TenantId, bytes]]) -> Sequence[None]:
        sought: defaultdict[TenantId, set[bytes]] = defaultdict(set)
        for tenant, id in group:
            if not self._known(tenant, self._keys(tenant), id):
                sought[tenant].add(id)
        for tenant, ids in sought.items():
            await self._found(tenant, ids)
        return [None] * len(group)

    async def _found(self, tenant: TenantId, ids: set[bytes]) -> None:
        for row in await self._shelf.keys_by_id(tenant, ids):
            ids.discard(row.id)
            if row.state == DESTROYED:
                self._owners.lose(tenant, row.id, destroyed=True)
            else:
                self._owners.put(await self._opened_owner(tenant, row))
        if ids:  # a tenant key that another process made a moment ago?
            keys = await self._reloaded(tenant)
            for id in ids - keys.by_id.keys() - keys.destroyed:
                self._owners.lose(tenant, id, destroyed=False)

    async def _opened_owner(self, tenant: TenantId, row: KeyRow) -> OwnerKey:
        keys = self._keys(tenant)
        parent = keys.by_id.get(bytes.fromhex(row.parent))
        if parent is None:
            keys = await self._reloaded(tenant)
            parent = keys.by_id.get(bytes.fromhex(row.parent))
        if parent is None or parent.data_class != row.data_class:
            raise Unavailable(f"key {row.id.hex()} is wrapped by no key of tenant {tenant}", code="key_mismatch")
        return open_owner_row(parent, row, tenant)

    async def _reloaded(self, tenant: TenantId) -> TenantKeys:
        async with self._locks[tenant]:
            known = self._tenants.get(tenant)
            self._tenants[tenant] = await self._load(tenant, self._now(), known)
            return self._tenants[tenant]


def _named(envelope: bytes) -> bytes | None:
    """The key id in the envelope, None where it is no envelope (opening says so)."""
    try:
        return format_1.key_id(envelope)
    except Conflict:
        return None
