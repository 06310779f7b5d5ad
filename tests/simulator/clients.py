"""The clients of a simulated world: they tell the hub about interviews, and insist until it says yes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hub.app.hub import Hub
from hub.app.incoming import Incoming
from hub.domain.errors import Unavailable
from hub.domain.ids import TenantId
from mappings.documents import Document
from tests.simulator.faults import CHAOS_S, Weather
from tests.simulator.ledger import Ledger
from tests.simulator.loop import Process, VirtualLoop
from tests.simulator.vendors import KILLER, POISON
from tests.support.hubs import report

CLIENT_WAITS_S = 3.0


class Front(Protocol):
    """A process that accepts."""

    process: Process
    hub: Hub


@dataclass
class Clients:
    """All who tell."""

    loop: VirtualLoop
    weather: Weather
    ledger: Ledger
    random: random.Random
    tenant: TenantId
    fronts: Callable[[], Sequence[Front]]
    killer: int | None = None  # the number of the event that kills its worker

    def incoming(self) -> list[tuple[float, Incoming]]:
        """Reports about a few candidates, told at their times; a few that no vendor will take, a few told twice."""
        told = []
        candidates = self.random.randint(2, 5)
        for number in range(self.random.randint(8, 16)):
            candidate = f"cand_{self.random.randrange(candidates)}"
            key = f"{POISON}-{number}" if self.random.random() < 0.06 else f"event-{number}"
            if number == self.killer:
                key = f"{KILLER}-{number}"
            plain = report(key=key, candidate=candidate)
            data: Document = {**plain.data, "job": {"id": key, "title": key}}
            incoming = Incoming(plain.type, plain.version, plain.source, key, data, candidate)
            at = self.random.uniform(0, CHAOS_S)
            told += [(at, incoming)]
            if self.random.random() < 0.15:
                told += [(at + self.random.choice([0.0, 0.001, 1.0, 5.0]), incoming)]
        return told

    async def client(self, told: tuple[float, Incoming]) -> None:
        """Tell the hub until it says yes; what it says must be the same every time."""
        at, incoming = told
        await asyncio.sleep(at)
        while True:
            answer: asyncio.Future[str] = self.loop.create_future()
            self.loop.create_task(self._request(incoming, answer))
            try:
                async with asyncio.timeout(CLIENT_WAITS_S):
                    event = await answer
            except (TimeoutError, Unavailable, ConnectionError):
                await asyncio.sleep(self.random.uniform(0.1, 0.5))
                continue
            before = self.ledger.answered.setdefault(incoming.key, event)
            if before != event:
                self.ledger.accuse(f"{incoming.key} was answered with two events")
            self.ledger.tell("client", f"is told {incoming.key} is {event}")
            return

    async def _request(self, incoming: Incoming, answer: asyncio.Future[str]) -> None:
        """One try over the network, which may lose either way."""
        await self._network()
        front = self.random.choice(self.fronts())
        if self.random.random() < self.weather.network_lost:
            return
        front.process.spawn(self._accept(front, incoming, answer))

    async def _accept(self, front: Front, incoming: Incoming, answer: asyncio.Future[str]) -> None:
        try:
            [receipt] = await front.hub.ingest(self.tenant, [incoming])
        except Unavailable as error:
            self.loop.outside(self._reply(answer, error))
        else:
            self.loop.outside(self._reply(answer, receipt.id))

    async def _reply(self, answer: asyncio.Future[str], what: str | Exception) -> None:
        await self._network()
        if answer.done() or self.random.random() < self.weather.network_lost:
            return
        if isinstance(what, Exception):
            answer.set_exception(what)
        else:
            answer.set_result(what)

    async def _network(self) -> None:
        await asyncio.sleep(self.random.random() * self.weather.network_s)
