"""Engines of both kinds, set up so that what is committed is durable and plans stay plain."""

from __future__ import annotations

from typing import Any

import asyncpg
from sqlalchemy import URL, Connection, ExceptionContext, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from tenacity import Retrying, stop_after_delay, wait_random

BUSY_MS = 5000
READERS = 4
WRITE = "BEGIN IMMEDIATE"
READ = "BEGIN"
# A queue that is nearly empty, or has no statistics yet, is read whole by the planner's choice; it fills faster than they come.
WORK = "BEGIN; SET LOCAL enable_seqscan = off"
LOOK = "BEGIN READ ONLY"
_SERVER_SETTINGS = {
    "application_name": "hirewire",
    "jit": "off",  # compiling a plan costs more than any statement here
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",  # a frozen worker must not keep its locks
    "timezone": "UTC",
}


def postgres(url: URL, pool: int = 10, patience_s: float | None = 60, *, own: bool = False) -> AsyncEngine:
    """READ COMMITTED, as queue statements want it; one that takes longer than `patience_s` is given up.

    `own`: whoever uses it begins and ends transactions (`link`).
    """
    options = {"isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None} if own else {}
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: connect(url, patience_s),
        pool_size=pool,
        max_overflow=pool,
        pool_timeout=10,
        pool_use_lifo=True,  # a connection that was used last has its statements planned
        **options,
    )

    @event.listens_for(engine.sync_engine, "handle_error")
    def torn(context: ExceptionContext) -> None:
        """A connection cut in the middle of an exchange is out of step; the driver says so, and it is good for nothing."""
        if isinstance(getattr(context.original_exception, "__cause__", None), asyncpg.InternalClientError):
            context.is_disconnect = True

    return engine


async def connect(url: URL, patience_s: float | None = 60) -> Any:
    """A connection of the driver's own; the address may say what the driver knows (`sslmode`, `host=/socket/folder`)."""
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return await asyncpg.connect(dsn, server_settings=_SERVER_SETTINGS, timeout=10, command_timeout=patience_s)


def sqlite(url: URL, begin: str | None, *, own: bool = False) -> AsyncEngine:
    """One connection that writes (`BEGIN IMMEDIATE`), a few that only read (`BEGIN`), or one without transactions (None).

    The driver's own transaction handling is off (it begins late and not at all before a savepoint); BEGIN is ours:
    IMMEDIATE for the writer, so that a transaction never fails half way because another process writes.
    `own`: whoever uses it begins and ends transactions (`link`).
    """
    size = READERS if begin == READ else 1
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=size,
        max_overflow=0,
        pool_timeout=10,
        pool_reset_on_return=None if own else "rollback",
    )

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        # Two processes that make the file at once: the change of mode does not wait for a lock as statements do.
        for attempt in Retrying(stop=stop_after_delay(BUSY_MS / 1000), wait=wait_random(0.005, 0.03), reraise=True):
            with attempt:
                cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")  # NORMAL loses acknowledged rows when the power goes
        cursor.execute("PRAGMA foreign_keys = ON")
        if begin != WRITE:
            cursor.execute("PRAGMA query_only = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        if begin is not None and not own:
            connection.exec_driver_sql(begin)

    return engine
