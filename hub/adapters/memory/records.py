"""People, programs and what lets them in, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from hub.adapters.memory.tables import Tables
from hub.domain.errors import Conflict
from hub.domain.ids import TenantId
from hub.ports.accounts import BEARERS, B, E, R, Record, RoleGrant


class MemoryRecords:
    """`hub.ports.accounts.Accounts` over one table."""

    _tables: Tables

    async def add_record(self, record: Record) -> None:
        key = (type(record).__name__, record.tenant, record.id)
        if self._tables.records.get(key) is not None or self._taken(record):
            raise Conflict("there is such a record already", code="record_exists")
        self._tables.records.put(key, replace(record, version=1))

    def _taken(self, record: Record) -> bool:
        alike = [one for one in self._tables.records.values() if type(one) is type(record)]
        if type(record) in BEARERS and any(one.id == record.id and one.tenant != record.tenant for one in alike):
            return True
        others = [one for one in alike if one.tenant == record.tenant and one.id != record.id]
        apart = (("person",),) if isinstance(record, RoleGrant) and record.power is not None else ()
        same = [one for one in others if not apart or (isinstance(one, RoleGrant) and one.power is not None)]
        return _meets(record, others, record.unique) or _meets(record, same, apart)

    def _of(self, kind: type[R], tenant: TenantId) -> list[R]:
        found = [one for (name, of, _), one in self._tables.records.items() if (name, of) == (kind.__name__, tenant)]
        return sorted((one for one in found if isinstance(one, kind)), key=lambda one: one.id)

    async def record(self, kind: type[R], tenant: TenantId, id: str) -> R | None:
        found = self._tables.records.get((kind.__name__, tenant, id))
        return found if isinstance(found, kind) else None

    async def records(
        self,
        kind: type[R],
        tenant: TenantId,
        /,
        *,
        after: str | None = None,
        limit: int | None = None,
        **equal: str | None,
    ) -> list[R]:
        found = [
            one
            for one in self._of(kind, tenant)
            if (after is None or one.id > after) and all(getattr(one, name) == value for name, value in equal.items())
        ]
        return found[:limit]

    async def change_record(self, record: R) -> R:
        there = await self.record(type(record), record.tenant, record.id)
        if there is None or there.version != record.version:
            raise Conflict("this was changed meanwhile; look again", code="changed_meanwhile")
        if self._taken(record):
            raise Conflict("there is such a record already", code="record_exists")
        fresh = replace(record, version=record.version + 1)
        self._tables.records.put((type(record).__name__, record.tenant, record.id), fresh)
        return fresh

    async def drop_record(self, record: Record) -> bool:
        key = (type(record).__name__, record.tenant, record.id)
        there = self._tables.records.get(key)
        if there is None or there.version != record.version:
            return False
        self._tables.records.drop(key)
        return True

    async def bearer(self, kind: type[B], id: str) -> B | None:
        return next((one for one in self._tables.records.values() if isinstance(one, kind) and one.id == id), None)

    async def sweep_records(self, kind: type[E], now: datetime, limit: int = 500) -> int:
        over = [
            (key, one) for key, one in self._tables.records.items() if isinstance(one, kind) and one.ends_at <= now
        ][:limit]
        for key, _ in over:
            self._tables.records.drop(key)
        return len(over)


def _meets(record: Record, others: Sequence[Record], unique: tuple[tuple[str, ...], ...]) -> bool:
    return any(all(getattr(one, name) == getattr(record, name) for name in names) for one in others for names in unique)
