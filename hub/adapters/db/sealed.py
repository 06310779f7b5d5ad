"""Columns that hold sealed values: how to walk along them and to replace one value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hub.adapters.db.columns import from_uuid
from hub.adapters.db.link import Link
from hub.domain.ids import TenantId
from hub.ports.vault import SealedColumn, SealedValue, connection_owner, erasure_owner, subject_owner

_NO_EVENT = "0" * 32


@dataclass(frozen=True, slots=True)
class _Walk:
    """`select` gives (at, tenant, row parts..., owner, envelope); `row` joins the parts as the place names them."""

    select: str
    key: str
    row: Callable[..., str]
    owner: Callable[[str | None], Any] = subject_owner


_WALKS = {
    "event_body.body": _Walk(
        "SELECT b.event_id, e.tenant_id, b.event_id, e.subject, b.body FROM event_body b JOIN event e ON e.id = b.event_id "
        "WHERE b.event_id > $1 ORDER BY b.event_id LIMIT $2",
        "event_id",
        lambda event: from_uuid(event),
    ),
    "attempt.talk": _Walk(
        "SELECT a.id, a.tenant_id, a.delivery_id, a.number, e.subject, a.talk FROM attempt a "
        "LEFT JOIN event e ON e.id = a.event_id WHERE a.id > $1 AND a.talk IS NOT NULL ORDER BY a.id LIMIT $2",
        "id",
        lambda delivery, number: f"{delivery}:{number}",
    ),
    "assessment_order.body": _Walk(
        "SELECT id, tenant_id, id, subject, body FROM assessment_order WHERE id > $1 ORDER BY id LIMIT $2", "id", str
    ),
    "consent.evidence": _Walk(
        "SELECT id, tenant_id, id, subject, evidence FROM consent WHERE id > $1 AND evidence IS NOT NULL ORDER BY id LIMIT $2",
        "id",
        str,
    ),
    "erasure_notice.sealed": _Walk(
        "SELECT id, tenant_id, id, erasure, sealed FROM erasure_notice "
        "WHERE id > $1 AND sealed IS NOT NULL ORDER BY id LIMIT $2",
        "id",
        str,
        lambda erasure: erasure_owner(erasure or ""),
    ),
    "connection.secrets": _Walk(
        "SELECT id, tenant_id, handle, handle, secrets FROM connection "
        "WHERE id > $1 AND secrets IS NOT NULL ORDER BY id LIMIT $2",
        "id",
        str,
        lambda handle: connection_owner(handle or ""),
    ),
}


_KINDS = {"event_body": "uuid", "assessment_order": "text", "consent": "text", "erasure_notice": "text"}
_BY_TENANT = frozenset(
    {
        "person",
        "factor",
        "ticket",
        "approval",
        "sign_in_provider",
        "signing_key",
        "outside_identity",
        "legal_hold",
        "erasure",
    }
)  # keyed so


def _by_tenant(column: SealedColumn) -> str:
    return (
        f"SELECT tenant_id, id, {column.column} FROM {column.table} "  # noqa: S608 - our own names
        f"WHERE (tenant_id, id) > ($1, $2) AND {column.column} IS NOT NULL ORDER BY tenant_id, id LIMIT $3"
    )


async def window(link: Link, column: SealedColumn, after: str, limit: int) -> list[SealedValue]:
    """The next values of the column."""
    found = []
    if column.table in _BY_TENANT:
        for tenant, id, envelope in await link.driver(_by_tenant(column), *_tenant_and_id(after), limit):
            found.append(SealedValue(f"{tenant}/{id}", TenantId(tenant), id, None, bytes(envelope)))
        return found
    walk = _WALKS[column.name]
    for at, tenant, *row, owner, envelope in await link.driver(walk.select, cursor_of(link, column, after), limit):
        text = at.hex if isinstance(at, UUID) else str(at)
        found.append(SealedValue(text, TenantId(tenant), walk.row(*row), walk.owner(owner), bytes(envelope)))
    return found


async def replaced(link: Link, column: SealedColumn, changes: Sequence[tuple[str, bytes, bytes]]) -> int:
    """Put the new value into each row (at, old, new) while the old one is there; how many."""
    name, table = column.column, column.table
    if table in _BY_TENANT:
        kinds, keys = {"tenant_id": "int", "id": "text"}, [_tenant_and_id(at) for at, _, _ in changes]
    else:
        kinds = {_WALKS[column.name].key: _KINDS.get(table, "bigint")}
        keys = [(cursor_of(link, column, at),) for at, _, _ in changes]
    values = [(new, old, *key) for (_, old, new), key in zip(changes, keys, strict=True)]
    if link.sqlite:
        where = " AND ".join(f"{key} = ?{number}" for number, key in enumerate(kinds, 3))
        return await link.many(f"UPDATE {table} SET {name} = ?1 WHERE {name} = ?2 AND {where}", values)  # noqa: S608
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(kinds.values(), 3))
    told = f"unnest($1::bytea[], $2::bytea[], {arrays}) AS k (new, old, {', '.join(kinds)})"
    where = " AND ".join(f"t.{key} = k.{key}" for key in kinds)
    change = f"UPDATE {table} t SET {name} = k.new FROM {told} WHERE {where} AND t.{name} = k.old RETURNING 1"  # noqa: S608
    return len(await link.driver(change, *map(list, zip(*values, strict=True))))


def _tenant_and_id(at: str) -> tuple[Any, ...]:
    tenant, _, id = at.partition("/")
    return int(tenant or 0), id


def cursor_of(link: Link, column: SealedColumn, at: str) -> Any:
    """The cursor as this column's key is stored; empty is before the first."""
    match column.table:
        case "event_body":
            return (at or _NO_EVENT) if link.sqlite else UUID(at or _NO_EVENT)
        case "assessment_order" | "consent" | "erasure_notice":
            return at
        case _:
            return int(at or 0)
