"""The store itself: transactions one after another, the bell, role leases and the key shelf."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from hub.adapters.memory.keys import MemoryKeys
from hub.adapters.memory.settings import MemoryWork
from hub.adapters.memory.tables import Tables
from hub.ports.clock import Clock
from hub.ports.store import Work
from hub.ports.vitals import StoreHealth, StoreVitals


class MemoryStore(MemoryKeys):
    """`hub.ports.store.Store`, `hub.ports.vault.KeyShelf` and `KeyKeeping`; everything is gone when the process ends."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tables = Tables()
        super().__init__(self._tables)
        self._lock = asyncio.Lock()
        self._owner: asyncio.Task[object] | None = None
        self._bell = asyncio.Event()
        self._roles: dict[str, tuple[str, datetime]] = {}

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        """See the port. Transactions of other tasks wait."""
        if self._owner is asyncio.current_task():
            raise RuntimeError("a transaction may not be opened inside another one of the same task")
        async with self._lock:
            self._owner = asyncio.current_task()
            self._tables.journal.begin()
            try:
                yield MemoryWork(self._tables)
            except BaseException:
                self._tables.journal.rollback()
                raise
            else:
                self._tables.journal.commit()
            finally:
                self._owner = None

    @asynccontextmanager
    async def look(self) -> AsyncIterator[Work]:
        """See the port. What another task has not committed yet is waited for."""
        if self._owner is not asyncio.current_task():
            async with self._lock:
                pass
        yield MemoryWork(self._tables)

    async def health(self) -> StoreHealth:
        return StoreHealth(True, "in memory: nothing is kept when the process ends")

    async def vitals(self) -> StoreVitals:
        return StoreVitals({}, None, int(self._owner is not None), 1)

    async def now(self) -> datetime:
        return self._clock.now()

    def ring(self, *, here: bool = False) -> None:  # noqa: ARG002 - there is no other process
        self._bell.set()

    async def wait(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._bell.wait()
        except TimeoutError:
            return False
        self._bell.clear()
        return True

    async def lead(self, role: str, owner: str, *, now: datetime, until: datetime) -> bool:
        holder, over = self._roles.get(role, (owner, now))
        if holder != owner and over > now:
            return False
        self._roles[role] = (owner, until)
        return True

    async def close(self) -> None:
        self.ring()
