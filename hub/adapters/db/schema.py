"""The schema's revisions: bring a database to one, ask which it has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import TypeVar

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.adapters.db import engines
from hub.adapters.db.faults import translated
from hub.adapters.db.urls import parse

T = TypeVar("T")
_HOME = files("hub.adapters.db") / "migrations"
_LOCK = 0x68697265  # one migration at a time on PostgreSQL; on SQLite the write lock says the same


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database up to `revision`; a SQLite file is made. Raises Unavailable. Blocks: call it outside a loop."""
    _on(url, lambda connection: _command(connection, "upgrade", revision))


def downgrade(url: str, revision: str = "base") -> None:
    """Bring the database back to `revision`; what newer tables and columns hold is lost."""
    _on(url, lambda connection: _command(connection, "downgrade", revision))


def current(url: str) -> str | None:
    """The revision the database has, None before the first."""
    return _on(url, revision_of)


def newest() -> str:
    """The revision this program wants: the last of the numbered ones."""
    return max(one.name[:4] for one in (_HOME / "versions").iterdir() if one.name[:4].isdigit())


def revision_of(connection: Connection) -> str | None:
    """The revision of the database behind the connection."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _command(connection: Connection, verb: str, revision: str) -> None:
    from alembic import command  # a process that only works loads nothing of it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HOME).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    config.attributes["connection"] = connection
    getattr(command, verb)(config, revision)


def _on(url: str, act: Callable[[Connection], T]) -> T:
    """Run `act` on a connection of its own, in a thread of its own, because the caller may be inside an event loop."""
    address = parse(url)
    sqlite = address.drivername.startswith("sqlite")

    async def run() -> T:
        engine: AsyncEngine = (
            engines.sqlite(address, engines.WRITE) if sqlite else engines.postgres(address, pool=1, patience_s=None)
        )
        try:
            with translated():
                async with engine.begin() as connection:
                    return await connection.run_sync(act)
        finally:
            await engine.dispose()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, run()).result()
