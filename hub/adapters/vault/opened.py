"""Keys that are open in this process: bounded in number, found by id and by whose they are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from hub.adapters.vault.data_keys import INDEX_CLASS, DataKey, OwnerKey
from hub.domain.ids import TenantId
from hub.ports.vault import KeyRow

OWNERS = 20_000  # owners' keys in memory; about 600 bytes each
GONE = 20_000

Whose = tuple[TenantId, str, str]  # tenant, owner, class


@dataclass(slots=True)
class TenantKeys:
    """A tenant's own opened keys: every one by its id, the active one by its class. Times are monotonic seconds."""

    by_id: dict[bytes, DataKey]
    active: dict[str, DataKey]
    destroyed: frozenset[bytes]
    opened_at: float  # when the provider last gave them
    checked_at: float  # when we last saw that nothing changed
    changed: bool = False  # some key changed its state since
    exchanged: bool = False  # there was another index key before
    indexes: tuple[DataKey, ...] = ()  # those that open, the active one first

    @classmethod
    def of(cls, opened: Iterable[DataKey], destroyed: Iterable[bytes], opened_at: float, now: float) -> TenantKeys:
        by_id = {key.id: key for key in opened}
        active = {key.data_class: key for key in by_id.values() if key.active}
        found = sorted((key for key in by_id.values() if key.data_class == INDEX_CLASS), key=lambda key: not key.active)
        return cls(by_id, active, frozenset(destroyed), opened_at, now, indexes=tuple(found))


class OwnerKeys:
    """Owners' keys, the least used forgotten first; and ids that open nothing: destroyed, or nobody's."""

    def __init__(self, limit: int = OWNERS) -> None:
        self._limit = limit
        self._by_id: OrderedDict[bytes, OwnerKey] = OrderedDict()
        self._active: dict[Whose, bytes] = {}
        self._gone: OrderedDict[tuple[TenantId, bytes], bool] = OrderedDict()
        self._drafts: OrderedDict[Whose, tuple[KeyRow, OwnerKey]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_id)

    def get(self, tenant: TenantId, id: bytes) -> OwnerKey | None:
        """The key of this id, if it is this tenant's."""
        key = self._by_id.get(id)
        if key is None or key.tenant != tenant:
            return None
        self._by_id.move_to_end(id)
        return key

    def active(self, tenant: TenantId, owner: str, data_class: str) -> OwnerKey | None:
        """The key that seals for this owner."""
        id = self._active.get((tenant, owner, data_class))
        return None if id is None else self.get(tenant, id)

    def put(self, key: OwnerKey) -> None:
        """Keep it."""
        self._by_id[key.id] = key
        self._by_id.move_to_end(key.id)
        if key.active:
            self._active[whose := (key.tenant, key.owner, key.data_class)] = key.id
            self._drafts.pop(whose, None)
        while len(self._by_id) > self._limit:
            _, old = self._by_id.popitem(last=False)
            if self._active.get(whose := (old.tenant, old.owner, old.data_class)) == old.id:
                del self._active[whose]

    def draft(self, tenant: TenantId, owner: str, data_class: str) -> tuple[KeyRow, OwnerKey] | None:
        """The key that was made for this owner and is not known to be stored."""
        return self._drafts.get((tenant, owner, data_class))

    def put_draft(self, row: KeyRow, key: OwnerKey) -> None:
        """Keep a key that is not stored yet."""
        self._drafts[key.tenant, key.owner, key.data_class] = row, key
        while len(self._drafts) > self._limit:
            self._drafts.popitem(last=False)

    def settle(self, row: KeyRow) -> None:
        """No draft any more: it is stored."""
        drafted = self._drafts.get((row.tenant, row.owner, row.data_class))
        if drafted is not None and drafted[0].id == row.id:
            self.put(drafted[1])

    def gone(self, tenant: TenantId, id: bytes) -> bool | None:
        """True: destroyed. False: nobody's. None: not looked up yet."""
        return self._gone.get((tenant, id))

    def lose(self, tenant: TenantId, id: bytes, *, destroyed: bool) -> None:
        """Remember that it opens nothing."""
        self._gone[tenant, id] = destroyed
        while len(self._gone) > GONE:
            self._gone.popitem(last=False)

    def clear(self) -> None:
        """Forget everything: some key changed its state."""
        self._by_id.clear()
        self._active.clear()
        self._gone.clear()
        self._drafts.clear()
