"""The real SQLite store in virtual time: the driver's thread is left out, waiting for a lock passes simulated time.

Every process has a store of its own on the same file, as real processes have. What a killed process had open is closed
under it, which rolls its transaction back, as the operating system does.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.adapters.db import engines, migrate
from hub.adapters.db.bells import SqliteBell
from hub.adapters.db.store import SqlStore
from hub.adapters.db.urls import parse
from hub.ports.store import Store, Work
from tests.simulator.faults import Weather
from tests.simulator.ledger import Ledger, Watched
from tests.simulator.loop import Process, VirtualLoop

BUSY_S, LOOK_S = 5.0, 0.01


@lru_cache(maxsize=1)
def template() -> Path:
    """A migrated file to copy."""
    folder = Path(tempfile.mkdtemp(prefix="hirewire-simulator-"))
    migrate(f"sqlite:///{folder}/template.db")
    return folder / "template.db"


class AtOnce:
    """Where the driver puts work for its thread: it is done on the spot."""

    def put_nowait(self, work: tuple[asyncio.Future[Any] | None, Any]) -> None:
        future, act = work
        done = act()
        if future is not None:
            future.set_result(done)


class Inline(aiosqlite.Connection):
    """A connection of the driver without its thread."""

    def __init__(self, files: Files, owner: Process, writes: bool, *args: Any, **kwargs: Any) -> None:
        super().__init__(partial(sqlite3.connect, *args, **kwargs), 64)
        self._files, self._owner, self._writes = files, owner, writes
        self._tx = AtOnce()  # type: ignore[assignment]

    def __await__(self) -> Generator[Any, None, Inline]:
        return self._open().__await__()

    async def _open(self) -> Inline:
        await self._files.reached(self._owner)
        self._connection = self._connector()
        self._files.open.setdefault(self._owner, []).append(self)
        return self

    async def _execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        """Do it here and now, after the time that the way takes; a lock is waited for as the driver would."""
        name = getattr(fn, "__name__", "")
        if name == "commit" and self._writes and self._conn.in_transaction:
            return await self._files.commit(self, self._owner)
        if name in ("execute", "executemany", "_execute_fetchall"):
            await self._files.reached(self._owner)
        end = self._files.loop.time() + BUSY_S
        while True:
            try:
                if self._connection is None:
                    raise torn()
                done = fn(*args, **kwargs)
            except sqlite3.OperationalError as error:
                if (
                    not getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY")
                    or self._files.loop.time() > end
                ):
                    raise
                await asyncio.sleep(LOOK_S)
                continue
            if args and isinstance(args[0], str) and args[0].startswith("PRAGMA busy_timeout"):
                self._conn.execute("PRAGMA busy_timeout = 0")
            return done

    def stop(self) -> None:
        """Close for good."""
        self._running = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def writing(self) -> bool:
        """Whether a transaction is open."""
        return self._connection is not None and self._connection.in_transaction

    def __del__(self) -> None:
        """Nothing to warn of: there is no thread."""


@dataclass(eq=False)
class Files:
    """The machine that the file is on."""

    loop: VirtualLoop
    weather: Weather
    ledger: Ledger
    random: random.Random
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="hirewire-world-", dir=_fast())))
    open: dict[Process, list[Inline]] = field(default_factory=dict)
    writes: dict[Process, Watched] = field(default_factory=dict)
    stores: list[Node] = field(default_factory=list)

    def __post_init__(self) -> None:
        shutil.copyfile(template(), self.folder / "hirewire.db")
        self._seen = self.store(Process(self.loop, "observer"))

    def store(self, owner: Process) -> SqlStore:
        """The product's own store, as `open_store` makes it."""
        address: URL = parse(f"sqlite:///{self.folder}/hirewire.db")
        made = [engines.sqlite(address, begin, own=begin is not None) for begin in (engines.WRITE, engines.READ, None)]
        for number, engine in enumerate(made):
            self._inline(engine, owner, number == 0)
        return SqlStore(made[0], made[1], SqliteBell(made[2]))

    def _inline(self, engine: AsyncEngine, owner: Process, writes: bool) -> None:
        @event.listens_for(engine.sync_engine, "do_connect")
        def connect(_dialect: Any, _record: Any, _args: Any, options: dict[str, Any]) -> None:
            options["async_creator_fn"] = partial(Inline, self, owner, writes)

    def node(self, process: Process) -> Node:
        """A process's way to the file."""
        self.stores.append(Node(self, process))
        return self.stores[-1]

    @property
    def observer(self) -> Store:
        """For who looks from outside."""
        return self._seen

    async def quiet(self) -> None:
        """Readers see one picture whatever is being written."""

    async def watch(self) -> None:
        """Nobody ends the transactions of others here."""

    async def reached(self, owner: Process) -> None:
        """A statement reaches the file, or does not."""
        if self.random.random() < 0.1:
            await asyncio.sleep(self.random.random() * self.weather.store_s)
        if self.weather.store_down and owner.name != "observer":
            raise torn()

    async def commit(self, connection: Inline, owner: Process) -> None:
        """Durable when it returns; the process may die before it, or after it without hearing."""
        wait = self.random.random() * self.weather.commit_s
        if wait > 0.005 or self.random.random() < 0.3:
            await asyncio.sleep(wait)
        if self.weather.store_down or not connection.writing:
            raise torn()
        connection._conn.commit()
        if owner in self.writes:
            self.writes.pop(owner).committed()
        if self.random.random() < 0.3:
            await asyncio.sleep(self.random.random() * self.weather.store_s)
        if self.random.random() < self.weather.commit_lost:
            raise torn()

    def holds(self, process: Process) -> bool:
        """Whether others have to wait for this process."""
        return any(one.writing for one in self.open.get(process, ()))

    def lose(self, process: Process) -> None:
        """The process was killed."""
        for one in self.open.pop(process, ()):
            one.stop()
        self.writes.pop(process, None)

    def go_down(self) -> None:
        """The weather says it to every statement."""

    async def close(self) -> None:
        """Take the file away."""
        for store in [*self.stores, self._seen]:
            with suppress(Exception):  # what was torn under it says so
                await store.close()
        for process in list(self.open):
            self.lose(process)
        shutil.rmtree(self.folder, ignore_errors=True)


class Node(SqlStore):
    """The real store of one process; the ledger learns what its transactions did."""

    def __init__(self, files: Files, owner: Process) -> None:
        made = files.store(owner)
        super().__init__(made._writer, made._reader, made._bell)
        self._files, self._process = files, owner

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        watched = None
        try:
            async with super().work() as work:
                watched = self._files.writes[self._process] = Watched(work, self._files.ledger, self._process)
                yield watched  # type: ignore[misc]
        finally:  # where it was taken back, what this process commits next is something else
            if watched is not None and self._files.writes.get(self._process) is watched:
                del self._files.writes[self._process]


def torn() -> sqlite3.OperationalError:
    """What the driver says of a disk that fails."""
    error = sqlite3.OperationalError("disk I/O error (simulated)")
    error.sqlite_errorname = "SQLITE_IOERR"
    return error


def _fast() -> str | None:
    """Memory for the file where there is some: durability is another test's matter."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
