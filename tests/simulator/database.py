"""A database server for the simulator: the store in memory, reached over connections that can be slow, cut or frozen."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Collection, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from hub.adapters.db.bells import Bell
from hub.adapters.memory import MemoryStore
from hub.domain.errors import Unavailable
from hub.domain.ids import TenantId
from hub.ports.store import Store, StoreHealth, Work
from hub.ports.vault import KeyRow
from hub.ports.vitals import StoreVitals
from tests.simulator.faults import Weather
from tests.simulator.ledger import Ledger, Watched
from tests.simulator.loop import Process, VirtualLoop

T = TypeVar("T")
DELAYED = 0.3  # how many of the ways to a healthy server take time at all
IDLE_S = 8.0  # how long a silent client may keep a transaction open


class Cut(Exception):
    """The transaction ends because its client is gone."""


def at_once(act: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives that never waits."""
    try:
        act.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    act.close()
    raise AssertionError("the store in memory waited for something")


@dataclass(eq=False)
class Transaction:
    """One client's turn at the database."""

    owner: Process
    turn: asyncio.Future[None]
    open: AbstractAsyncContextManager[Work] | None = None
    work: Watched | None = None
    broken: bool = False
    committing: bool = False
    kept: bool = False
    heard: float = 0.0


@dataclass(eq=False)
class Database:
    """The server. Transactions take turns; what is committed stays, whatever becomes of the client."""

    loop: VirtualLoop
    store: MemoryStore
    weather: Weather
    ledger: Ledger
    random: random.Random
    holder: Transaction | None = None
    queue: deque[Transaction] = field(default_factory=deque)
    bells: dict[Process, Bell] = field(default_factory=dict)

    def node(self, process: Process) -> Node:
        """A process's way to the database."""
        self.bells[process] = Bell()
        return Node(self, process, self.bells[process])

    @property
    def observer(self) -> Store:
        """For who looks from outside, after `quiet`."""
        return self.store

    def holds(self, process: Process) -> bool:
        """Whether others have to wait for this process."""
        return self.holder is not None and self.holder.owner is process

    async def close(self) -> None:
        """Nothing is left."""

    async def begin(self, owner: Process) -> Transaction:
        """Wait for a turn, then open."""
        await self.pause()
        if self.weather.store_down:
            raise away()
        mine = Transaction(owner, self.loop.create_future(), heard=self.loop.time())
        self.queue.append(mine)
        self._next()
        await mine.turn
        if mine.broken:
            raise away()
        mine.open = self.store.work()
        mine.work = Watched(at_once(mine.open.__aenter__()), self.ledger, owner, lambda: self._heard(mine))
        mine.heard = self.loop.time()
        return mine

    async def _heard(self, mine: Transaction) -> None:
        """A statement arrives."""
        if self.random.random() < 0.05:
            await self.pause()
        if mine.broken or not mine.owner.alive:
            raise away()
        mine.heard = self.loop.time()

    async def commit(self, mine: Transaction) -> None:
        """The server carries on with a commit that it was asked for, even if nobody is left to hear of it."""
        if mine.broken:
            raise away()
        mine.committing = True
        wait = self._delay(self.weather.commit_s)
        if not wait:
            await self._answer(mine)
            return
        done: asyncio.Future[None] = self.loop.create_future()
        self.loop.outside(self._later(mine, wait, done))
        await done
        await self._answer(mine)

    async def _later(self, mine: Transaction, wait: float, done: asyncio.Future[None]) -> None:
        await asyncio.sleep(wait)
        if not mine.broken:
            self._keep(mine)
        if not done.done():
            done.set_result(None)

    async def _answer(self, mine: Transaction) -> None:
        """What the client hears: it is done, it failed, or nothing although it is done."""
        if mine.broken:
            raise away()
        if not mine.kept:
            self._keep(mine)
        await self.pause()
        if self.random.random() < self.weather.commit_lost:
            raise away()

    def _keep(self, mine: Transaction) -> None:
        assert mine.open is not None
        assert mine.work is not None
        at_once(mine.open.__aexit__(None, None, None))
        mine.kept = True
        mine.work.committed()
        self._release(mine)

    def cut(self, mine: Transaction) -> None:
        """Roll back and give the turn away."""
        mine.broken = True
        if mine in self.queue:
            self.queue.remove(mine)
            if not mine.turn.done():
                mine.turn.set_result(None)
        if self.holder is not mine:
            return
        if mine.open is not None:
            error = Cut()
            try:
                at_once(mine.open.__aexit__(Cut, error, None))
            except Cut:
                pass
        self._release(mine)

    def lose(self, process: Process) -> None:
        """The process was killed: its connections close. A commit on its way is carried out."""
        for one in [self.holder, *self.queue]:
            if one is not None and one.owner is process and not one.committing:
                self.cut(one)
        self.bells.pop(process, None)

    def go_down(self) -> None:
        """Everything open is torn."""
        for one in [self.holder, *self.queue]:
            if one is not None:
                self.cut(one)

    async def watch(self) -> None:
        """End transactions whose client says nothing, as a server does that wants to live."""
        while True:
            await asyncio.sleep(1.0)
            held = self.holder
            if held is not None and not held.committing and self.loop.time() - held.heard > IDLE_S:
                self.cut(held)

    async def quiet(self) -> None:
        """Until no transaction is open, for those who look past the server."""
        while self.holder is not None:
            await asyncio.sleep(0.001)

    def ring(self, by: Process, here: bool) -> None:
        """The bell: at once in the same process, later or never in others, which are not meant where it is for `here`."""
        for process, bell in self.bells.items():
            if process is by:
                bell.ring()
            elif not here and self.random.random() > self.weather.ring_lost:
                self.loop.call_later(self.random.random() * 0.1, bell.ring)

    async def pause(self) -> None:
        """The way to the server, which now and then takes a while."""
        wait = self._delay(self.weather.store_s)
        if wait:
            await asyncio.sleep(wait)

    def _delay(self, longest: float) -> float:
        return self.random.random() * longest if longest > 1 or self.random.random() < DELAYED else 0.0

    def _release(self, mine: Transaction) -> None:
        if self.holder is mine:
            self.holder = None
        self._next()

    def _next(self) -> None:
        while self.holder is None and self.queue:
            self.holder = self.queue.popleft()
            self.holder.heard = self.loop.time()
            if not self.holder.turn.done():
                self.holder.turn.set_result(None)


class Node:
    """`hub.ports.store.Store` and `KeyShelf` of one process."""

    def __init__(self, server: Database, owner: Process, bell: Bell) -> None:
        self._server, self._owner, self._bell = server, owner, bell
        self._mine: dict[asyncio.Task[Any] | None, Transaction] = {}

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Work]:
        task = asyncio.current_task()
        if task in self._mine:
            raise RuntimeError("a transaction may not be opened inside another one of the same task")
        mine = await self._server.begin(self._owner)
        self._mine[task] = mine
        try:
            assert mine.work is not None
            yield mine.work  # type: ignore[misc]
        except BaseException:
            self._server.cut(mine)
            raise
        else:
            await self._server.commit(mine)
        finally:
            self._mine.pop(task, None)

    @asynccontextmanager
    async def look(self) -> AsyncIterator[Work]:
        inside = self._mine.get(asyncio.current_task())
        if inside is not None:
            assert inside.work is not None
            yield inside.work  # type: ignore[misc]
            return
        mine = await self._server.begin(self._owner)  # nothing half done is seen, and nothing is kept
        try:
            assert mine.work is not None
            yield mine.work  # type: ignore[misc]
        finally:
            self._server.cut(mine)

    async def health(self) -> StoreHealth:
        return await self._server.store.health()

    async def vitals(self) -> StoreVitals:
        return await self._server.store.vitals()

    async def now(self) -> datetime:
        return await self._server.store.now()

    def ring(self, *, here: bool = False) -> None:
        self._server.ring(self._owner, here)

    async def wait(self, seconds: float) -> bool:
        return await self._bell.wait(seconds)

    async def lead(self, role: str, owner: str, *, now: datetime, until: datetime) -> bool:
        return await self._server.store.lead(role, owner, now=now, until=until)

    async def load_keys(self, tenant: TenantId) -> list[KeyRow]:
        return await self._server.store.load_keys(tenant)

    async def add_key(self, row: KeyRow) -> KeyRow:
        return await self._server.store.add_key(row)

    async def owner_keys(self, tenant: TenantId, wanted: Collection[tuple[str, str]]) -> list[KeyRow]:
        return await self._server.store.owner_keys(tenant, wanted)

    async def keys_by_id(self, tenant: TenantId, ids: Collection[bytes]) -> list[KeyRow]:
        return await self._server.store.keys_by_id(tenant, ids)

    async def add_owner_keys(self, rows: Sequence[KeyRow]) -> list[KeyRow]:
        return await self._server.store.add_owner_keys(rows)

    async def key_epoch(self) -> int:
        return await self._server.store.key_epoch()

    async def close(self) -> None:
        self._bell.ring()


def away() -> Unavailable:
    """What the databases' adapters say when the connection is gone."""
    return Unavailable("the store cannot be used now (simulated)", code="store_unavailable", after=1.0)
