"""The bell: wakes who waits for work, in this process and in others. It only saves waiting; the tables are the truth."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from pathlib import Path

import asyncpg
from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.adapters.db.engines import connect
from hub.adapters.db.faults import translated

CHANNEL = "hirewire"
COALESCE_S = (
    0.05  # NOTIFY takes a lock that every committing transaction of the server shares: not more often than this
)
LOOK_S = 0.05
# So often somebody who waits looks whether there is news: of the file at all times, of a server while those who rang
# keep silent because they have just rung. It is what a ring in that time would be late by.
EAGER_S = 0.005
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


class Bell:
    """Within one process. A ring before the wait is not lost."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self, *, here: bool = False) -> None:  # noqa: ARG002 - there is nobody else
        """Wake who waits; `here`: in this process only."""
        self._rung.set()

    async def wait(self, seconds: float) -> bool:
        """Until it rings, at most `seconds`; whether it rang."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True

    async def close(self) -> None:
        """Wake everybody a last time."""
        self._rung.set()


class SqliteBell(Bell):
    """Across processes by SQLite's change counter, looked at only while somebody waits."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__()
        self._engine = engine
        self._connection: AsyncConnection | None = None
        self._seen: int | None = None
        self._log_file, self._log = Path(f"{engine.url.database}-wal"), (0, 0)
        self._looking = asyncio.Lock()

    async def wait(self, seconds: float) -> bool:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        due = 0.0
        while True:
            now = loop.time()
            if self._written() or now >= due:
                due = now + LOOK_S
                if await self._moved():
                    return True
            if await super().wait(max(0.0, min(EAGER_S, end - now))):
                return True
            if loop.time() >= end:
                return False

    def _written(self) -> bool:
        """Whether the write-ahead log is another than at the last look: a quick question, and not the whole truth, because
        two writes within one tick of the file system's clock may look like one.
        """
        try:
            found = self._log_file.stat()
        except OSError:
            return False
        log, self._log = self._log, (found.st_mtime_ns, found.st_size)
        return log != self._log

    async def _moved(self) -> bool:
        async with self._looking:
            with translated():
                if self._connection is None:
                    self._connection = await self._engine.connect()
                version = (await self._connection.exec_driver_sql("PRAGMA data_version")).scalar_one()
        before, self._seen = self._seen, version
        return before is not None and before != version

    async def close(self) -> None:
        await super().close()
        async with self._looking:
            if self._connection is not None:
                await self._connection.close()
                self._connection = None
        await self._engine.dispose()


class PostgresBell(Bell):
    """Across processes by LISTEN and NOTIFY on one connection of its own, opened at first use and again when it is lost."""

    def __init__(self, url: URL) -> None:
        super().__init__()
        self._url = url
        self._me = secrets.token_hex(8)
        self._out = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._silent_until = 0.0  # who rang just now does not ring again before

    def ring(self, *, here: bool = False) -> None:
        super().ring()
        if not here:
            self._out.set()
            self._start()

    async def wait(self, seconds: float) -> bool:
        self._start()
        silent = asyncio.get_running_loop().time() < self._silent_until
        return await super().wait(min(seconds, EAGER_S) if silent else seconds)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await super().close()

    def _start(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(*_AWAY):
                await self._talk()
            await asyncio.sleep(1)

    async def _talk(self) -> None:
        connection = await connect(self._url)
        try:
            await connection.execute("SET synchronous_commit = off")  # a notice that is lost with the server is no loss
            connection.add_termination_listener(lambda _: self._out.set())
            await connection.add_listener(CHANNEL, self._heard)
            super().ring()  # what was rung while nobody listened
            while True:
                await self._out.wait()
                self._out.clear()
                await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, self._me)
                await asyncio.sleep(COALESCE_S)
        finally:
            connection.terminate()

    def _heard(self, _connection: object, _pid: int, _channel: str, who: object) -> None:
        if who != self._me:
            self._silent_until = asyncio.get_running_loop().time() + COALESCE_S + EAGER_S
            super().ring()
