"""The key shelf in the database, and what looking after keys needs of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from json import dumps
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, or_, select, text, update

from hub.adapters.db.columns import to_micros
from hub.adapters.db.key_tables import DataKeyRow, KeyNodeRow, KeyRotationRow, OwnerKeyRow
from hub.adapters.db.link import Link
from hub.adapters.db.sealed import replaced, window
from hub.domain.ids import TenantId
from hub.ports.vault import KeyNode, KeyRow, Rotation, SealedColumn, SealedValue

_KEY: Any = DataKeyRow.__table__  # type: ignore[attr-defined]
_OWNER: Any = OwnerKeyRow.__table__  # type: ignore[attr-defined]
_ROTATION: Any = KeyRotationRow.__table__  # type: ignore[attr-defined]
_NODE: Any = KeyNodeRow.__table__  # type: ignore[attr-defined]
_NAMES = ("id", "tenant_id", "data_class", "parent", "state", "wrapped", "commitment")
_OWNER_NAMES = (*_NAMES, "owner")
_EPOCH = (
    "INSERT INTO setting (name, value) VALUES ('key_epoch', 1) "
    "ON CONFLICT (name) DO UPDATE SET value = setting.value + 1"
)
# Who was erased gets no key.
_ADD_OWNERS = (
    "INSERT INTO owner_key (id, tenant_id, data_class, parent, state, wrapped, commitment, owner, made_at) {} "
    "WHERE NOT EXISTS (SELECT 1 FROM erasure e WHERE e.subject = substr({owner}, 9) AND {owner} LIKE 'subject:%' "
    "AND e.tenant_id = {tenant} AND e.closed) ON CONFLICT DO NOTHING"
)
_ADD_OWNERS_SQLITE = _ADD_OWNERS.format("SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9", owner="?8", tenant="?2")
_ADD_OWNERS_ARRAYS = _ADD_OWNERS.format(
    "SELECT k.* FROM unnest($1::bytea[], $2::int[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[], "
    "$8::text[], $9::timestamptz[]) AS k (id, tenant_id, data_class, parent, state, wrapped, commitment, owner, made_at)",
    owner="k.owner",
    tenant="k.tenant_id",
)

_OWNERS = "SELECT k.id, k.tenant_id, k.data_class, k.parent, k.state, k.wrapped, k.commitment, k.owner FROM"
_WANTED = "k.owner = w.value AND k.tenant_id = $2 AND k.data_class = $3 AND k.state = 'active'"
_ACTIVE_SQLITE = f"{_OWNERS} json_each($1) AS w CROSS JOIN owner_key k ON {_WANTED}"
# LIMIT keeps it one probe of the index for each: of a table without statistics the planner joins every key with every owner.
_EACH = "SELECT q.* FROM unnest($1::{}[]) AS w(value) CROSS JOIN LATERAL ({} owner_key k WHERE {} LIMIT 1) AS q"
_ACTIVE = _EACH.format("text", _OWNERS, _WANTED)
_NAMED_SQLITE = f"{_OWNERS} owner_key k WHERE k.tenant_id = $1 AND k.id IN"
_NAMED = _EACH.format("bytea", _OWNERS, "k.id = w.value AND k.tenant_id = $2")
_SAME = "tenant_id = {} AND owner = {} AND data_class = {} AND state = "
# Only who has an active key gets another one, and the same one only once.
_RETIRE_SQLITE = (
    f"UPDATE owner_key SET state = 'retired' WHERE {_SAME.format('?2', '?3', '?4')} 'active' AND "  # noqa: S608
    "NOT EXISTS (SELECT 1 FROM owner_key n WHERE n.id = ?1)"
)
_FOLLOW_SQLITE = _ADD_OWNERS_SQLITE.replace(
    "ON CONFLICT",
    f"AND EXISTS (SELECT 1 FROM owner_key WHERE {_SAME.format('?2', '?8', '?3')} 'retired') ON CONFLICT",  # noqa: S608
)
_RETIRE = (
    "UPDATE owner_key o SET state = 'retired' FROM unnest($1::bytea[], $2::text[]) AS k (id, owner) "
    "WHERE o.tenant_id = $3 AND o.data_class = $4 AND o.owner = k.owner AND o.state = 'active' "
    "AND NOT EXISTS (SELECT 1 FROM owner_key n WHERE n.id = k.id) RETURNING k.id"
)
_REWRAP = "UPDATE {} SET parent = {}, wrapped = {} WHERE id = {} AND parent = {} AND state <> 'destroyed'"

Opens = Callable[[], AbstractAsyncContextManager[Link]]


class DbKeys:
    """`hub.ports.vault.KeyShelf` and `KeyKeeping`. `writing` and `reading` open a transaction each, `asking` none."""

    def __init__(self, writing: Opens, reading: Opens, asking: Opens) -> None:
        self._writing, self._reading, self._asking = writing, reading, asking

    async def load_keys(self, tenant: TenantId) -> list[KeyRow]:
        async with self._asking() as link:
            return [KeyRow(*row) for row in await link.rows(_keys().where(_KEY.c.tenant_id == tenant))]

    async def add_key(self, row: KeyRow) -> KeyRow:
        async with self._writing() as link:
            added = await link.driver(
                "INSERT INTO data_key (id, tenant_id, data_class, parent, state, wrapped, commitment) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id",
                *_values(row),
            )
            if added:
                return row
            active = (_KEY.c.tenant_id == row.tenant, _KEY.c.data_class == row.data_class, _KEY.c.state == "active")
            first = await link.row(_keys().where(*active))
            return row if first is None else KeyRow(*first)

    async def owner_keys(self, tenant: TenantId, wanted: Collection[tuple[str, str]]) -> list[KeyRow]:
        async with self._asking() as link:
            return await _active(link, tenant, wanted)

    async def keys_by_id(self, tenant: TenantId, ids: Collection[bytes]) -> list[KeyRow]:
        wanted = sorted(ids)
        async with self._asking() as link:
            if link.sqlite:
                places = ", ".join(f"${number}" for number in range(2, len(wanted) + 2))
                rows = await link.driver(f"{_NAMED_SQLITE} ({places})", tenant, *wanted)
            else:
                rows = await link.driver(_NAMED, wanted, tenant)
            return [KeyRow(*row) for row in rows]

    async def add_owner_keys(self, rows: Sequence[KeyRow]) -> list[KeyRow]:
        async with self._writing() as link:
            await _add_owners(link, rows)
            return await _same_owners(link, rows)

    async def key_epoch(self) -> int:
        async with self._asking() as link:
            rows = await link.driver("SELECT value FROM setting WHERE name = 'key_epoch'")
            return int(rows[0][0]) if rows else 0

    async def key_tenants(self) -> list[TenantId]:
        async with self._reading() as link:
            rows = await link.rows(select(_KEY.c.tenant_id).distinct().order_by(_KEY.c.tenant_id))
            return [TenantId(tenant) for (tenant,) in rows]

    async def count_keys(self) -> list[tuple[int, str, str, str, str, int]]:
        async with self._reading() as link:
            of = _KEY.c
            counted = select(of.tenant_id, of.data_class, of.parent, of.state, func.count())
            keys = await link.rows(counted.group_by(of.tenant_id, of.data_class, of.parent, of.state))
            of = _OWNER.c
            kind = func.substr(of.owner, 1, 7)
            counted = select(of.tenant_id, kind, of.data_class, of.parent, of.state, func.count())
            owners = await link.rows(counted.group_by(of.tenant_id, kind, of.data_class, of.parent, of.state))
        levels = {"subject": "subject", "connect": "connection", "erasure": "erasure"}
        return sorted(
            [
                *((row[0], "class", *row[1:]) for row in keys),
                *((row[0], levels.get(row[1], row[1]), *row[2:]) for row in owners),
            ]
        )

    async def keys_under(self, tenant: TenantId | None, parents: Collection[str], limit: int) -> list[KeyRow]:
        table, shape = (_KEY, _keys()) if tenant is None else (_OWNER, _owners())
        wanted = shape.where(table.c.parent.in_(sorted(parents)), table.c.state != "destroyed")
        if tenant is not None:
            wanted = wanted.where(table.c.tenant_id == tenant)
        async with self._reading() as link:
            return [KeyRow(*row) for row in await link.rows(wanted.order_by(table.c.id).limit(limit))]

    async def rewrap(self, changes: Sequence[tuple[KeyRow, KeyRow]]) -> int:
        done = 0
        async with self._writing() as link:
            for table in ("owner_key", "data_key"):
                mine = [(new.parent, new.wrapped, old.id, old.parent) for old, new in changes if _table(old) == table]
                if mine and link.sqlite:
                    done += await link.many(_REWRAP.format(table, "?1", "?2", "?3", "?4"), mine)
                elif mine:
                    told = "unnest($1::text[], $2::bytea[], $3::bytea[], $4::text[]) AS k (parent, wrapped, id, before)"
                    change = f"UPDATE {table} t SET parent = k.parent, wrapped = k.wrapped FROM {told} "  # noqa: S608
                    where = "WHERE t.id = k.id AND t.parent = k.before AND t.state <> 'destroyed' RETURNING 1"
                    done += len(await link.driver(change + where, *map(list, zip(*mine, strict=True))))
        return done

    async def succeed(self, new: KeyRow) -> KeyRow:
        async with self._writing() as link:
            if await _succeeded(link, new):
                await link.driver(_EPOCH)
            table, shape = (_OWNER, _owners()) if new.owner else (_KEY, _keys())
            active = await link.row(shape.where(*_of_same(table, new), text("state = 'active'")))
            return new if active is None else KeyRow(*active)

    async def succeed_all(self, new: Sequence[KeyRow]) -> None:
        if not new:
            return
        async with self._writing() as link:
            ordered = sorted(new, key=lambda row: row.owner)  # as `_add_owners` does
            if link.sqlite:
                if await link.many(
                    _RETIRE_SQLITE, [(row.id, row.tenant, row.owner, row.data_class) for row in ordered]
                ):
                    await link.many(_FOLLOW_SQLITE, [_owner_values(link, row) for row in ordered])
                    await link.driver(_EPOCH)
                return
            ids, owners = [row.id for row in ordered], [row.owner for row in ordered]
            gone = {row[0] for row in await link.driver(_RETIRE, ids, owners, new[0].tenant, new[0].data_class)}
            if gone:
                await _add_owners(link, [row for row in ordered if row.id in gone])
                await link.driver(_EPOCH)

    async def active_owners(
        self, tenant: TenantId, data_class: str, made_before: datetime, after: str, limit: int
    ) -> list[KeyRow]:
        of = _OWNER.c
        wanted = _owners().where(of.tenant_id == tenant, of.data_class == data_class, text("state = 'active'"))
        old = or_(of.made_at.is_(None), of.made_at < made_before)
        async with self._reading() as link:
            rows = await link.rows(wanted.where(of.owner > after, old).order_by(of.owner).limit(limit))
            return [KeyRow(*row) for row in rows]

    async def retired_keys(self, tenant: TenantId, data_class: str, *, owners: bool) -> list[KeyRow]:
        table, shape = (_OWNER, _owners()) if owners else (_KEY, _keys())
        mine = (table.c.tenant_id == tenant, table.c.data_class == data_class, table.c.state == "retired", _PAST)
        async with self._reading() as link:
            return [KeyRow(*row) for row in await link.rows(shape.where(*mine).order_by(table.c.id))]

    async def destroy_keys(self, ids: Collection[bytes]) -> int:
        done = 0
        async with self._writing() as link:
            for table in (_KEY, _OWNER):
                gone = update(table).where(table.c.id.in_(sorted(ids)), table.c.state != "destroyed")
                done += len(await link.rows(gone.values(**_GONE).returning(table.c.id)))
            await link.driver(_EPOCH)
        return done

    async def destroy_owner(self, tenant: TenantId, owner: str) -> list[KeyRow]:
        mine = (_OWNER.c.tenant_id == tenant, _OWNER.c.owner == owner)
        async with self._writing() as link:
            for some in (text("state = 'active'"), _PAST):
                await link.rows(update(_OWNER).where(*mine, some).values(**_GONE))
            await link.driver(_EPOCH)
            return [KeyRow(*row) for row in await link.rows(_owners().where(*mine, _PAST).order_by(_OWNER.c.id))]

    async def sealed_window(self, column: SealedColumn, after: str, limit: int) -> list[SealedValue]:
        async with self._reading() as link:
            return await window(link, column, after, limit)

    async def reseal(self, column: SealedColumn, changes: Sequence[tuple[str, bytes, bytes]]) -> int:
        async with self._writing() as link:
            return await replaced(link, column, changes)

    async def rotations(self) -> list[Rotation]:
        wanted = select(*_ROTATION.c).order_by(_ROTATION.c.started_at.desc(), _ROTATION.c.name)
        async with self._reading() as link:
            return [Rotation(*row) for row in await link.rows(wanted)]

    async def put_rotation(self, rotation: Rotation) -> None:
        values = {column.name: getattr(rotation, column.name) for column in _ROTATION.c}
        async with self._writing() as link:
            changed = update(_ROTATION).where(_ROTATION.c.name == rotation.name).values(values)
            if await link.row(changed.returning(_ROTATION.c.name)) is None:
                await link.rows(_ROTATION.insert().values(values))

    async def put_node(self, node: KeyNode) -> None:
        values = {"seen_at": node.seen_at, "roots": ",".join(node.roots), "epoch": node.epoch, "release": node.release}
        async with self._writing() as link:
            changed = update(_NODE).where(_NODE.c.id == node.id).values(values)
            if await link.row(changed.returning(_NODE.c.id)) is None:
                await link.rows(_NODE.insert().values(id=node.id, **values))

    async def nodes(self) -> list[KeyNode]:
        async with self._reading() as link:
            rows = await link.rows(select(*_NODE.c).order_by(_NODE.c.id))
        return [KeyNode(id_, seen, tuple(filter(None, roots.split(","))), *rest) for id_, seen, roots, *rest in rows]

    async def drop_nodes(self, seen_before: datetime, id: str | None = None) -> None:
        gone = _NODE.c.seen_at < seen_before if id is None else _NODE.c.id == id
        async with self._writing() as link:
            await link.rows(delete(_NODE).where(gone))


_PAST = text("state <> 'active'")  # as the index of keys that seal nothing more says it
_GONE = {"state": "destroyed", "wrapped": bytes(40)}


async def store_drafts(link: Link, rows: Sequence[KeyRow]) -> set[bytes]:
    """Store these in the transaction of `link`; the ids of those that are not, because their owners have others."""
    stored = await _add_owners(link, rows)
    left = [row for row in rows if row.id not in stored]
    ours = {row.id for row in await _same_owners(link, left)} if left else set()
    return {row.id for row in left} - ours


def _of_same(table: Table, row: KeyRow) -> list[ColumnElement[bool]]:
    """The keys of the same tenant, owner and class."""
    mine = [table.c.tenant_id == row.tenant, table.c.data_class == row.data_class]
    return [*mine, table.c.owner == row.owner] if row.owner else mine


async def _succeeded(link: Link, new: KeyRow) -> bool:
    """Make it the active key; whether it was not there yet."""
    table = _OWNER if new.owner else _KEY
    if await link.row(select(table.c.id).where(table.c.id == new.id)) is not None:
        return False
    await link.rows(update(table).where(*_of_same(table, new), text("state = 'active'")).values(state="retired"))
    values = dict(zip(_NAMES, _values(new), strict=True))
    await link.rows(table.insert().values(values | ({"owner": new.owner, "made_at": new.made_at} if new.owner else {})))
    return True


async def _add_owners(link: Link, rows: Sequence[KeyRow]) -> set[bytes]:
    """Those that were stored by this, as far as the database says it (SQLite does not)."""
    # in one order, so that two groups never wait in a ring
    ordered = sorted(rows, key=lambda row: (row.tenant, row.owner, row.data_class))
    values = [_owner_values(link, row) for row in ordered]
    if link.sqlite:
        await link.many(_ADD_OWNERS_SQLITE, values)
        return set()
    arrays = map(list, zip(*values, strict=True))
    return {row[0] for row in await link.driver(f"{_ADD_OWNERS_ARRAYS} RETURNING id", *arrays)}


async def _same_owners(link: Link, rows: Sequence[KeyRow]) -> list[KeyRow]:
    """The active keys of their owners."""
    found: list[KeyRow] = []
    for tenant in {row.tenant for row in rows}:
        wanted = {(row.owner, row.data_class) for row in rows if row.tenant == tenant}
        found += await _active(link, tenant, wanted)
    return found


async def _active(link: Link, tenant: TenantId, wanted: Collection[tuple[str, str]]) -> list[KeyRow]:
    """In the driver's own form: a Core statement with 128 pairs costs 60 us of CPU for each."""
    found: list[KeyRow] = []
    for data_class in {kind for _, kind in wanted}:
        owners = sorted(owner for owner, kind in wanted if kind == data_class)
        given = dumps(owners) if link.sqlite else owners
        rows = await link.driver(_ACTIVE_SQLITE if link.sqlite else _ACTIVE, given, tenant, data_class)
        found += [KeyRow(*row) for row in rows]
    return found


def _values(row: KeyRow) -> tuple[Any, ...]:
    return (row.id, row.tenant, row.data_class, row.parent, row.state, row.wrapped, row.commit)


def _owner_values(link: Link, row: KeyRow) -> tuple[Any, ...]:
    made = to_micros(row.made_at) if link.sqlite and row.made_at is not None else row.made_at
    return (*_values(row), row.owner, made)


def _table(row: KeyRow) -> str:
    return "owner_key" if row.owner else "data_key"


def _keys() -> Any:
    return select(*(_KEY.c[name] for name in _NAMES))


def _owners() -> Any:
    return select(*(_OWNER.c[name] for name in _OWNER_NAMES))
