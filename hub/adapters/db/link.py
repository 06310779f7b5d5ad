"""One open connection: statements in the driver's own form for hot paths, Core for the others; errors translated."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any, TypeAlias

from sqlalchemy import Executable, Row
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.adapters.db.faults import translated
from hub.domain.errors import Unavailable

AnyRow: TypeAlias = Row[*tuple[Any, ...]]
Values: TypeAlias = Sequence[Any]  # a row as a driver gives it
UNDO_S = 5.0  # how long a transaction that failed may take to be rolled back before its connection is thrown away


class Link:
    """A connection inside a transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._driver: Any = _driver_of(connection)
        self.sqlite = connection.dialect.name == "sqlite"

    async def driver(self, sql: str, *parameters: Any) -> Sequence[Values]:
        """The rows of a statement with `$1` parameters, which both databases understand once they are rewritten.

        It goes to the driver itself: by way of SQLAlchemy it costs twice as much.
        """
        with translated():
            if self.sqlite:
                rows: Sequence[Values] = await self._driver.execute_fetchall(numbered(sql), parameters)
            else:
                rows = await self._driver.fetch(sql, *parameters)
            return rows

    async def many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """The statement once per row, in one call of the driver (SQLite; PostgreSQL takes arrays instead); rows changed."""
        before: int = self._driver.total_changes
        if rows:
            with translated():
                async with self._driver.executemany(sql, rows):
                    pass
        return int(self._driver.total_changes) - before

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


@asynccontextmanager
async def transaction(engine: AsyncEngine, begin: str | None) -> AsyncIterator[Link]:
    """A transaction that the driver itself begins and ends: committed on a clean exit, else rolled back.

    `begin` None: a statement that only reads stands by itself, and three journeys to the database become one.
    The engine must leave transactions alone (`engines`, `own=True`). Raises what `translated` makes of errors, of those
    in the block too: a connection that was cut fails even in its rollback.
    """
    with translated():
        async with engine.connect() as connection:
            if engine.dialect.name != "sqlite" and _driver_of(connection).is_closed():  # cut while it lay in the pool
                await connection.invalidate()
                await connection.get_raw_connection()
            link = Link(connection)
            try:
                if begin is not None:
                    await _begin(link, begin)
                yield link
                if begin is not None:
                    await _commit(link)
            except BaseException:
                await _undo(connection, link)
                raise


async def _begin(link: Link, begin: str) -> None:
    if link.sqlite:
        await link.driver(begin)
    else:
        await link._driver.execute(begin)


async def _commit(link: Link) -> None:
    if link.sqlite:
        await link._driver.commit()
    elif await link._driver.execute("COMMIT") != "COMMIT":
        raise Unavailable(
            "a statement had failed and the transaction was rolled back", code="store_unavailable", after=1
        )


async def _undo(connection: AsyncConnection, link: Link) -> None:
    """Roll back; a connection on which that cannot be done goes out of use."""
    try:
        if link.sqlite:
            await asyncio.shield(link._driver.rollback())
        else:
            async with asyncio.timeout(UNDO_S):
                await link._driver.execute("ROLLBACK")
    except BaseException as error:
        with suppress(Exception):
            await asyncio.shield(connection.invalidate())
        if not isinstance(error, Exception):
            raise


def _driver_of(connection: AsyncConnection) -> Any:
    """The driver's own connection under a pooled one."""
    assert connection.sync_connection is not None
    return connection.sync_connection.connection.driver_connection


@lru_cache(maxsize=256)
def numbered(sql: str) -> str:
    """`$1` as SQLite writes it, `?1`."""
    return re.sub(r"\$(\d+)", r"?\1", sql)
