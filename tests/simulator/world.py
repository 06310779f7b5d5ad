"""One simulated world: clients, accepting processes, workers, a database and vendors - and what befalls them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from hub.adapters.catalog import FolderCatalog
from hub.adapters.clock import SeededIds
from hub.adapters.memory import MemoryStore
from hub.adapters.vault import EnvKeyring, FieldVault
from hub.app.delivery.lanes import LoopLimits
from hub.app.hub import Hub
from hub.app.pressure import Bounds
from hub.bootstrap import Parts, assemble
from hub.domain.deliveries import RetryPolicy
from hub.domain.errors import Unavailable
from hub.domain.ids import DEFAULT_TENANT
from mappings.documents import Document
from mappings.engine import Mapping
from tests.simulator.clients import Clients
from tests.simulator.database import Database
from tests.simulator.faults import CHAOS_S, LEASE_S, Blow, brew
from tests.simulator.files import Files
from tests.simulator.ledger import Ledger
from tests.simulator.loop import ON_FILES, TURNS, Livelock, Process, Stalled, VirtualLoop
from tests.simulator.vendors import Vendors
from tests.simulator.verdict import judge
from tests.support.voices import SharedSecretSignatures

_SHIPPED: dict[tuple[str, str], Mapping] = {}  # compiled once for all worlds: a quarter of a world's time
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TENANT = DEFAULT_TENANT
RETRY = RetryPolicy(delays_s=(0.5, 1, 2, 4, 8, 8, 8))
REST_S = 3600.0  # how long a world may take to come to rest once everything is healthy
ORDERED: Document = {
    "connector": "referral",
    "config": {"base_url": "https://ref.example"},
    "secrets": {"api_token": "t"},
}
FEED: Document = {
    "connector": "webhook",
    "config": {"url": "https://feed.example/in"},
    "lane": {"concurrency": 6, "timeout_s": 20},
}
STEPS: list[Document] = [
    {"kind": "action", "id": "refer", "connection": "ordered", "operation": "referral.create"},
    {"kind": "action", "id": "tell", "connection": "feed", "operation": "event.send"},
]
RULES: Document = {"all": {"rule": {"schema": 1, "trigger": {"event": "interview.report.completed"}, "then": [*STEPS]}}}


class VirtualClock:
    """`hub.ports.clock.Clock` on the loop's time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))


class Observer:
    """`hub.ports.meter.Meter` that tells the ledger; what must never be noted is an accusation."""

    def __init__(self, ledger: Ledger, name: str) -> None:
        self._ledger, self._name = ledger, name

    def note(self, event: str, **fields: object) -> None:
        words = " ".join(f"{name}={value}" for name, value in fields.items())
        self._ledger.tell(self._name, f"notes {event} {words}")
        if event == "loop.failed":
            self._ledger.accuse(f"{self._name}: {event} {words}")

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


@dataclass(eq=False)
class Node:
    """A process with a hub in it."""

    process: Process
    hub: Hub
    task: asyncio.Task[None] | None = None
    stopping: bool = False


@dataclass
class Outcome:
    """What came of a world."""

    seed: int
    broken: list[str]
    digest: str
    trace: list[str]
    events: int
    requests: int
    repeats: int
    blows: int
    virtual_s: float

    def told(self) -> str:
        """The whole failure in words, with the way to see it again."""
        lines = "\n  ".join(self.broken)
        last = "\n  ".join(self.trace[-40:])
        return (
            f"seed {self.seed} broke a promise:\n  {lines}\nlast of the trace:\n  {last}\n"
            f"again: pytest tests/simulator --seed {self.seed}"
        )


@lru_cache(maxsize=1)
def catalog() -> FolderCatalog:
    """Read once: it never changes."""
    return FolderCatalog()


@dataclass
class World:
    """Everything of one seed."""

    seed: int
    on_files: bool = False  # the real SQLite store instead of the one in memory
    loop: VirtualLoop = field(default_factory=VirtualLoop)
    fronts: list[Node] = field(default_factory=list)
    workers: list[Node] = field(default_factory=list)
    gone: list[Node] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.clock = VirtualClock(self.loop)
        self.weather, self.blows = brew(self.random)
        self.ledger = Ledger(self.loop, self.weather)
        self.database: Database | Files = (
            Files(self.loop, self.weather, self.ledger, self.random)
            if self.on_files
            else Database(self.loop, MemoryStore(self.clock), self.weather, self.ledger, self.random)
        )
        self.vendors = Vendors(self.loop, self.weather, self.ledger, self.random)
        killer = 3 if self.seed % 5 == 0 else None  # not drawn: the other worlds stay as they are
        self.clients = Clients(self.loop, self.weather, self.ledger, self.random, TENANT, lambda: self.fronts, killer)
        self.vendors.kills = lambda process: self.loop.outside(self._fall(process))
        self.limits = LoopLimits(
            in_flight=self.random.choice([4, 8, 16]),
            lease=timedelta(seconds=LEASE_S),
            poll_s=1.0,
            renew_s=LEASE_S / 4,
        )
        self.replicas = self.random.choice([1, 2, 3, 3])
        self.born = 0

    def run(self) -> Outcome:
        """Play it to its end."""
        asyncio.set_event_loop(self.loop)
        try:
            self._play(self._live())
        finally:
            self._play(self._bury())
            asyncio.set_event_loop(None)
            self.loop.close()
        self.ledger.broken += [f"nobody caught: {fault}" for fault in self.loop.faults]
        ledger = self.ledger
        requests = sum(ledger.requests.values())
        return Outcome(
            self.seed, ledger.broken, ledger.digest, ledger.trace, len(ledger.answered), requests,
            requests - len(ledger.requests), len(self.blows), self.loop.time(),
        )  # fmt: skip

    def _play(self, part: Coroutine[Any, Any, None]) -> None:
        self.loop.turns, self.loop.most_turns = 0, TURNS * ON_FILES if self.on_files else TURNS
        try:
            self.loop.run_until_complete(part)
        except Stalled:
            self.ledger.accuse("everybody waits and nobody will ever come")
        except Livelock:
            self.ledger.accuse("it goes round in circles")

    async def _live(self) -> None:
        await self._configure()
        watch = self.loop.outside(self.database.watch())
        self.fronts = [self._front() for _ in range(2)]
        self.workers = [self._worker() for _ in range(self.replicas)]
        told = [self.loop.create_task(self.clients.client(one)) for one in self.clients.incoming()]
        blows = [self.loop.create_task(self._blow(blow)) for blow in self.blows]
        await asyncio.gather(*blows, asyncio.sleep(CHAOS_S))
        self._heal()
        await asyncio.gather(*told)
        if not await self._rest():
            self.ledger.accuse(f"{REST_S:g} s after the last fault there is still something to do")
        watch.cancel()
        await self.database.quiet()
        await judge(self.ledger, self.database.observer, TENANT)

    async def _configure(self) -> None:
        first = self._node("setup")
        work = first.process.spawn(self._set_up(first.hub))
        await work
        self.gone.append(first)

    async def _set_up(self, hub: Hub) -> None:
        await hub.vault.prepare(TENANT)
        lane: Document = {"concurrency": 4, "timeout_s": 20, "ordering": self.random.choice(["key", "key", "fifo"])}
        stuck = self.random.choice([None, "block", "park", "coalesce"])
        if stuck is not None:
            lane["on_failure"] = stuck
        self.ledger.tell("world", f"orders by {lane['ordering']}, on failure {stuck}")
        connections: Document = {"ordered": {**ORDERED, "lane": lane}, "feed": FEED}
        await hub.configure.apply(TENANT, {"hirewire": 1, "connections": connections, "rules": RULES}, "simulator")

    def _node(self, kind: str) -> Node:
        self.born += 1
        process = Process(self.loop, f"{kind}-{self.born}")
        store = self.database.node(process)
        hub = assemble(
            Parts(
                store=store,
                vault=FieldVault(EnvKeyring("11" * 32, production=False), store),
                clock=self.clock,
                ids=SeededIds(self.clock, self.random.getrandbits(64)),
                meter=Observer(self.ledger, process.name),
                catalog=catalog(),
                transport=self.vendors.wire(process),
                signatures=SharedSecretSignatures(),
                retry=RETRY,
                bounds=Bounds(free=0),  # its disks have no end
                limits=self.limits,
            )
        )
        hub.library._shipped = _SHIPPED
        self.ledger.tell(process.name, "starts")
        return Node(process, hub)

    def _front(self) -> Node:
        return self._node("front")

    def _worker(self) -> Node:
        node = self._node("worker")
        node.task = node.process.spawn(self._work(node))
        return node

    async def _work(self, node: Node) -> None:
        """As the worker process does it: wait for the database, then the loops."""
        while True:
            try:
                await node.hub.vault.prepare(TENANT)
                break
            except Unavailable:
                await asyncio.sleep(0.5)
        try:
            await node.hub.lanes.run()
        except Unavailable:
            self.ledger.tell(node.process.name, "ends: the store was away at the end")
        if not node.stopping:
            self.ledger.accuse(f"the loop of {node.process.name} ended although nobody asked it to")

    # --- what befalls them

    async def _blow(self, blow: Blow) -> None:
        await asyncio.sleep(blow.at)
        self.ledger.tell("world", blow.kind)
        match blow.kind:
            case "kill worker":
                await self._replace(self.workers, blow.lasts)
            case "kill front":
                await self._replace(self.fronts, 0.0)
            case "freeze worker":
                await self._freeze(self.random.choice(self.workers), blow.lasts)
            case "freeze front":
                await self._freeze(self.random.choice(self.fronts), blow.lasts)
            case "stop worker":
                await self._stop(self.random.choice(self.workers))
            case "store down":
                self.weather.store_down = True
                self.database.go_down()
                await self._trouble(blow.lasts)
                self.weather.store_down = False
            case "store slow":
                self.weather.commit_s = 2.0
                await self._trouble(blow.lasts)
                self.weather.commit_s = 0.005
            case "answers lost":
                self.weather.commit_lost = 0.3
                await self._trouble(blow.lasts)
                self.weather.commit_lost = 0.0
            case "vendor down":
                self.weather.vendor_down = True
                await asyncio.sleep(blow.lasts)
                self.weather.vendor_down = False

    async def _trouble(self, seconds: float) -> None:
        self.weather.trouble(self.loop.time())
        await asyncio.sleep(seconds)
        self.weather.trouble(self.loop.time())

    async def _replace(self, nodes: list[Node], after_s: float) -> None:
        """Kill one; another starts a while later."""
        node = self.random.choice(nodes)
        if not node.process.alive:
            return
        self._kill(node)
        await asyncio.sleep(after_s)
        nodes[nodes.index(node)] = self._worker() if nodes is self.workers else self._front()

    async def _fall(self, process: Process) -> None:
        """A worker that dies of what it does; another starts in its place."""
        fallen = next((node for node in self.workers if node.process is process and process.alive), None)
        if fallen is None:
            return
        self.ledger.fell[process] = self.loop.time()
        self._kill(fallen)
        await asyncio.sleep(1.0)
        if fallen in self.workers:
            self.workers[self.workers.index(fallen)] = self._worker()

    def _kill(self, node: Node) -> None:
        self.ledger.tell(node.process.name, "is killed")
        node.process.kill()
        self.database.lose(node.process)
        self.ledger.interruptions += 1
        self.gone.append(node)

    async def _freeze(self, node: Node, seconds: float) -> None:
        if node.process.frozen or not node.process.alive:
            return
        holds = self.database.holds(node.process)
        self.ledger.tell(node.process.name, "is frozen")
        self.ledger.interruptions += 1
        node.process.freeze()
        await (self._trouble(seconds) if holds else asyncio.sleep(seconds))
        self.ledger.tell(node.process.name, "goes on")
        node.process.thaw()

    async def _stop(self, node: Node) -> None:
        """SIGTERM: it finishes or gives back; another takes its place. Who does not end in time is killed."""
        if not node.process.alive or node.process.frozen or node.task is None or node.task.done():
            return
        self.ledger.tell(node.process.name, "is asked to stop")
        node.stopping = True
        node.hub.lanes.stop()
        await asyncio.wait([node.task], timeout=3 * LEASE_S)
        if not node.process.alive:
            return
        if not node.task.done():
            self._kill(node)
        else:
            self.gone.append(node)
        if node in self.workers:
            self.workers[self.workers.index(node)] = self._worker()

    # --- the end

    def _heal(self) -> None:
        self.ledger.tell("world", "heals")
        self.weather.calm()

    async def _rest(self) -> bool:
        """Until nothing is left to do."""
        end = self.loop.time() + REST_S
        while self.loop.time() < end:
            await self.database.quiet()
            async with self.database.observer.look() as look:
                if not any(lane.ready or lane.leased or lane.waiting for lane in await look.lanes()):
                    return True
            await asyncio.sleep(1.0)
        return False

    async def _bury(self) -> None:
        """End all that is left, dead or alive."""
        nodes = [*self.fronts, *self.workers, *self.gone]
        left = []
        for node in nodes:
            left += node.process.bury()
        if left:
            await asyncio.wait(left, timeout=1000.0)
        for task in left:
            if task.done() and not task.cancelled():
                task.exception()
        others = [task for task in asyncio.all_tasks(self.loop) if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others)
        await self.database.close()


def simulate(seed: int, on_files: bool = False) -> Outcome:
    """Play the world of this seed."""
    return World(seed, on_files).run()
