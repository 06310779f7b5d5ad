"""People, programs and what lets them in, in the database: one way in and out for all their tables."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from hub.adapters.db.account_tables import TABLES
from hub.adapters.db.link import AnyRow, Link
from hub.domain.errors import Conflict
from hub.domain.ids import TenantId
from hub.ports.accounts import B, E, R, Record


class DbRecords:
    """`hub.ports.accounts.Accounts` on one open connection."""

    _link: Link

    async def add_record(self, record: Record) -> None:
        table = TABLES[type(record)]
        insert = sqlite.insert(table) if self._link.sqlite else postgresql.insert(table)
        values = _values(replace(record, version=1))
        added = await self._link.row(insert.values(values).on_conflict_do_nothing().returning(table.c.id))
        if added is None:
            raise Conflict("there is such a record already", code="record_exists")

    async def record(self, kind: type[R], tenant: TenantId, id: str) -> R | None:
        table = TABLES[kind]
        row = await self._link.row(select(table).where(table.c.tenant_id == tenant, table.c.id == id))
        return None if row is None else _record(kind, row)

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
        table = TABLES[kind]
        wanted = select(table).where(table.c.tenant_id == tenant, *(table.c[name] == v for name, v in equal.items()))
        wanted = wanted if after is None else wanted.where(table.c.id > after)
        wanted = wanted.order_by(table.c.id)
        rows = await self._link.rows(wanted if limit is None else wanted.limit(limit))
        return [_record(kind, row) for row in rows]

    async def change_record(self, record: R) -> R:
        table, fresh = TABLES[type(record)], replace(record, version=record.version + 1)
        as_seen = (table.c.tenant_id == record.tenant, table.c.id == record.id, table.c.version == record.version)
        values = {name: value for name, value in _values(fresh).items() if name not in ("tenant_id", "id")}
        if await self._link.row(update(table).where(*as_seen).values(values).returning(table.c.id)) is None:
            raise Conflict("this was changed meanwhile; look again", code="changed_meanwhile")
        return fresh

    async def drop_record(self, record: Record) -> bool:
        table = TABLES[type(record)]
        as_seen = (table.c.tenant_id == record.tenant, table.c.id == record.id, table.c.version == record.version)
        return await self._link.row(delete(table).where(*as_seen).returning(table.c.id)) is not None

    async def bearer(self, kind: type[B], id: str) -> B | None:
        table = TABLES[kind]
        row = await self._link.row(select(table).where(table.c.id == id))
        return None if row is None else _record(kind, row)

    async def sweep_records(self, kind: type[E], now: datetime, limit: int = 500) -> int:
        table = TABLES[kind]
        over = (
            select(table.c.tenant_id, table.c.id).where(table.c.ends_at <= now).order_by(table.c.ends_at).limit(limit)
        )
        for tenant, id_ in (rows := await self._link.rows(over)):
            await self._link.rows(delete(table).where(table.c.tenant_id == tenant, table.c.id == id_))
        return len(rows)


def _values(record: Record) -> dict[str, Any]:
    found = {one.name: getattr(record, one.name) for one in fields(record)}
    found["tenant_id"] = found.pop("tenant")
    return {name: [*value] if isinstance(value, tuple) else value for name, value in found.items()}


def _record(kind: type[R], row: AnyRow) -> R:
    found: dict[str, Any] = dict(row._mapping)
    found["tenant"] = TenantId(found.pop("tenant_id"))
    arguments: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in found.items()
    }
    return kind(**arguments)
