"""Columns that hold sealed values: how to walk along them and to replace one value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hub.adapters.db.columns import from_uuid
from hub.adapters.db.link import Link
from hub.domain.ids import TenantId
from hub.ports.vault import SealedColumn, SealedValue, connection_owner, subject_owner

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
    "connection.secrets": _Walk(
        "SELECT id, tenant_id, handle, handle, secrets FROM connection "
        "WHERE id > $1 AND secrets IS NOT NULL ORDER BY id LIMIT $2",
        "id",
        str,
        lambda handle: connection_owner(handle or ""),
    ),
}


async def window(link: Link, column: SealedColumn, after: str, limit: int) -> list[SealedValue]:
    """The next values of the column."""
    walk = _WALKS[column.name]
    found = []
    for at, tenant, *row, owner, envelope in await link.driver(walk.select, cursor_of(link, column, after), limit):
        text = at.hex if isinstance(at, UUID) else str(at)
        found.append(SealedValue(text, TenantId(tenant), walk.row(*row), walk.owner(owner), bytes(envelope)))
    return found


def replaced(column: SealedColumn) -> str:
    """The statement that puts `$1` into the row at `$2` while `$3` is there."""
    return (
        f"UPDATE {column.table} SET {column.column} = $1 "  # noqa: S608 - our own names
        f"WHERE {_WALKS[column.name].key} = $2 AND {column.column} = $3 RETURNING 1"
    )


def cursor_of(link: Link, column: SealedColumn, at: str) -> Any:
    """The cursor as this column's key is stored; empty is before the first."""
    match column.table:
        case "event_body":
            return (at or _NO_EVENT) if link.sqlite else UUID(at or _NO_EVENT)
        case "assessment_order":
            return at
        case _:
            return int(at or 0)
