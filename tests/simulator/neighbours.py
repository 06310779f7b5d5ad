"""One worker, a good destination and some bad ones, in virtual time: how long the good one's deliveries take.

Virtual time knows no CPU: what a bad neighbour costs here is waiting for it, and nothing else.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from hub.adapters.clock import SeededIds
from hub.adapters.memory import MemoryStore
from hub.adapters.vault import EnvKeyring, FieldVault
from hub.app.delivery.lanes import LoopLimits
from hub.app.hub import Hub
from hub.app.incoming import Incoming
from hub.bootstrap import Parts, assemble
from hub.ports.transport import Channel, HttpResponse, NotSent, Request, Response, Unknown
from mappings.documents import Document, Json
from tests.simulator.loop import VirtualLoop
from tests.simulator.vendors import event_in
from tests.simulator.world import FEED, TENANT, VirtualClock, catalog
from tests.support.hubs import report
from tests.support.voices import RememberingMeter, SharedSecretSignatures

TIMEOUT_S = 20.0
IN_FLIGHT = 48
CONCURRENCY = 16
EVERY_S = 0.05
HTTP_S = (0.02, 0.06)


@dataclass
class Street:
    """`bad`: how many neighbours behave in `manner`: refuses, hangs (a slow-loris hangs too, until its time-out), or well.

    `every_s` 0: all events at once.
    """

    bad: int
    manner: str
    events: int = 240
    every_s: float = EVERY_S
    concurrency: int = CONCURRENCY
    http_s: tuple[float, float] = HTTP_S
    loop: VirtualLoop = field(default_factory=VirtualLoop)
    told: dict[str, float] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    last_s: float = 0.0

    def p99(self) -> float:
        """Seconds from acceptance to the good vendor's answer."""
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._play())
        finally:
            asyncio.set_event_loop(None)
            self.loop.close()
        assert not self.loop.faults, self.loop.faults
        assert len(self.took) == self.events
        return sorted(self.took)[int(len(self.took) * 0.99)]

    async def send(self, channel: Channel, request: Request) -> Response:
        """The transport of the only worker."""
        if channel.connection.name == "good":
            await asyncio.sleep(self.random.uniform(*self.http_s))
            self.last_s = self.loop.time()
            self.took.append(self.loop.time() - self.told[event_in(request)])
        elif self.manner == "refuses":
            raise NotSent("connection refused")
        elif self.manner == "hangs":
            await asyncio.sleep(TIMEOUT_S)
            raise Unknown("no answer in time", code="timeout")
        else:
            await asyncio.sleep(self.http_s[0])
        return HttpResponse(200, {}, b"{}")

    async def close(self) -> None:
        """Nothing is open."""

    async def _play(self) -> None:
        self.random = random.Random(1)
        hub = self._hub()
        await hub.vault.prepare(TENANT)
        lane: Document = {"concurrency": self.concurrency, "timeout_s": TIMEOUT_S}
        names = ["good", *(f"bad{n}" for n in range(self.bad))]
        steps: list[Json] = [
            {"kind": "action", "id": name, "connection": name, "operation": "event.send"} for name in names
        ]
        rule: Document = {"rule": {"schema": 1, "trigger": {"event": "interview.report.completed"}, "then": steps}}
        connections: Document = {name: {**FEED, "lane": lane} for name in names}
        await hub.configure.apply(TENANT, {"hirewire": 1, "connections": connections, "rules": {"all": rule}}, "street")
        working = asyncio.create_task(hub.lanes.run())
        if self.every_s:
            for number in range(self.events):
                await self._tell(hub, [number])
                await asyncio.sleep(self.every_s)
        else:
            await self._tell(hub, range(self.events))
        while len(self.took) < self.events:
            await asyncio.sleep(1.0)
        hub.lanes.stop()
        await working

    async def _tell(self, hub: Hub, numbers: Iterable[int]) -> None:
        """Accept these reports in one request."""
        told = []
        for number in numbers:
            key = f"event-{number}"
            plain = report(key=key, candidate=f"cand_{number}")
            data: Document = {**plain.data, "job": {"id": key, "title": key}}
            self.told[key] = self.loop.time()
            told += [Incoming(plain.type, plain.version, plain.source, key, data, plain.subject)]
        await hub.ingest(TENANT, told)

    def _hub(self) -> Hub:
        clock = VirtualClock(self.loop)
        store = MemoryStore(clock)
        return assemble(
            Parts(
                store=store,
                vault=FieldVault(EnvKeyring("11" * 32, production=False), store),
                clock=clock,
                ids=SeededIds(clock, 1),
                meter=RememberingMeter(),
                catalog=catalog(),
                transport=self,
                signatures=SharedSecretSignatures(),
                limits=LoopLimits(in_flight=IN_FLIGHT, poll_s=0.25),
            )
        )
