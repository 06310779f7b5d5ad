"""The store on a database: transactions, the bell, role leases and the key shelf."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.adapters.db import engines
from hub.adapters.db.bells import Bell, PostgresBell, SqliteBell
from hub.adapters.db.faults import translated
from hub.adapters.db.keys import DbKeys
from hub.adapters.db.link import Link, transaction
from hub.adapters.db.people import DbWork
from hub.adapters.db.schema import newest, revision_of
from hub.adapters.db.statements_postgres import PostgresStatements
from hub.adapters.db.statements_sqlite import SqliteStatements
from hub.adapters.db.urls import parse
from hub.adapters.db.vitals import in_use, sqlite_vitals
from hub.domain.errors import Unavailable
from hub.ports.store import Work
from hub.ports.vitals import StoreHealth, StoreVitals

_LEAD = (
    "INSERT INTO role_lease (role, owner, until) VALUES ($1, $2, $3) ON CONFLICT (role) DO UPDATE "
    "SET owner = excluded.owner, until = excluded.until "
    "WHERE role_lease.owner = excluded.owner OR role_lease.until <= $4 RETURNING role"
)


class SqlStore(DbKeys):
    """`hub.ports.store.Store`, `hub.ports.vault.KeyShelf` and `KeyKeeping` on one database. Use it within one event loop."""

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine, bell: Bell) -> None:
        super().__init__(self._link, self._read, partial(transaction, reader, None))
        self._writer = writer
        self._reader = reader
        self._bell = bell
        self._sqlite = writer.dialect.name == "sqlite"
        self._turn = asyncio.Lock()
        self._owner: asyncio.Task[Any] | None = None

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        """See the port. On SQLite the transactions of one process take turns; other processes are waited for."""
        async with self._link() as link:
            work = DbWork(link)
            yield work
            await work.settle()

    @asynccontextmanager
    async def look(self) -> AsyncIterator[Work]:
        """See the port. On SQLite one unchanging picture, on PostgreSQL a new one for each question."""
        async with self._read() as link:
            yield DbWork(link, reading=True)

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        if self._owner is asyncio.current_task():
            raise RuntimeError("a transaction may not be opened inside another one of the same task")
        async with self._turn:
            self._owner = asyncio.current_task()
            try:
                yield
            finally:
                self._owner = None

    async def health(self) -> StoreHealth:
        """See the port. Never raises."""
        try:
            with translated():
                async with self._reader.connect() as connection:
                    found = await connection.run_sync(revision_of)
        except Unavailable as error:
            return StoreHealth(False, str(error), reachable=False)
        wanted = newest()
        if found != wanted:
            return StoreHealth(
                False, f"the schema is at {found or 'nothing'} and {wanted} is wanted: run `hirewire migrate`"
            )
        return StoreHealth(True, f"{self._writer.dialect.name}, schema {found}")

    async def vitals(self) -> StoreVitals:
        """See the port."""
        if self._sqlite:
            return await asyncio.to_thread(sqlite_vitals, self._writer, self._reader)
        with translated():
            async with self._reader.connect() as connection:
                (size,) = (await connection.exec_driver_sql("SELECT pg_database_size(current_database())")).one()
        return StoreVitals({"main": size}, None, *in_use(self._writer))

    async def now(self) -> datetime:
        """See the port."""
        with translated():
            async with self._reader.connect() as connection:
                sql = "SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')" if self._sqlite else "SELECT clock_timestamp()"
                (value,) = (await connection.exec_driver_sql(sql)).one()
        found: datetime = datetime.fromisoformat(value).replace(tzinfo=UTC) if self._sqlite else value
        return found

    def ring(self, *, here: bool = False) -> None:
        """See the port."""
        self._bell.ring(here=here)

    async def wait(self, seconds: float) -> bool:
        """See the port."""
        return await self._bell.wait(seconds)

    async def lead(self, role: str, owner: str, *, now: datetime, until: datetime) -> bool:
        """See the port."""
        async with self._link() as link:
            moment = (SqliteStatements if self._sqlite else PostgresStatements)(link).moment
            return bool(await link.driver(_LEAD, role, owner, moment(until), moment(now)))

    @asynccontextmanager
    async def _link(self) -> AsyncIterator[Link]:
        async with AsyncExitStack() as stack:
            if self._sqlite:
                await stack.enter_async_context(self._my_turn())
            yield await stack.enter_async_context(
                transaction(self._writer, engines.WRITE if self._sqlite else engines.WORK)
            )

    @asynccontextmanager
    async def _read(self) -> AsyncIterator[Link]:
        async with transaction(self._reader, engines.READ if self._sqlite else engines.LOOK) as link:
            yield link

    async def close(self) -> None:
        """See the port."""
        await self._bell.close()
        await self._reader.dispose()
        await self._writer.dispose()


def open_store(url: str) -> SqlStore:
    """The store at `sqlite:///path` or `postgresql://...`; connects at first use. Raises Invalid for another address."""
    address: URL = parse(url)
    if address.drivername.startswith("sqlite"):
        writer, reader = (engines.sqlite(address, begin, own=True) for begin in (engines.WRITE, engines.READ))
        return SqlStore(writer, reader, SqliteBell(engines.sqlite(address, None)))
    engine = engines.postgres(address, own=True)
    return SqlStore(engine, engine, PostgresBell(address))
