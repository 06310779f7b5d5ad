"""One open connection: statements in the driver's own form for hot paths, Core for the others; errors translated."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from sqlalchemy import Executable, Row
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.adapters.db.faults import translated

AnyRow: TypeAlias = Row[*tuple[Any, ...]]


class Link:
    """A connection inside a transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.sqlite = connection.dialect.name == "sqlite"

    async def driver(self, sql: str, *parameters: Any) -> Sequence[AnyRow]:
        """The rows of a statement with `$1` parameters, which both databases understand once they are rewritten."""
        if self.sqlite:
            sql = numbered(sql)
        with translated():
            result = await self._connection.exec_driver_sql(sql, parameters)
            return result.fetchall() if result.returns_rows else ()

    async def many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """The statement once per row, in one call of the driver (SQLite; PostgreSQL takes arrays instead)."""
        if rows:
            with translated():
                await self._connection.exec_driver_sql(sql, list(rows))

    async def rows(
        self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> Sequence[AnyRow]:
        """The rows of a Core statement; with several sets of parameters it is run for each, in one call of the driver."""
        with translated():
            result = await self._connection.execute(statement, parameters)
            return result.fetchall() if result.returns_rows else ()

    async def row(self, statement: Executable) -> AnyRow | None:
        """The first row of a Core statement, if there is one."""
        found = await self.rows(statement)
        return found[0] if found else None


@lru_cache(maxsize=256)
def numbered(sql: str) -> str:
    """`$1` as SQLite writes it, `?1`."""
    return re.sub(r"\$(\d+)", r"?\1", sql)
