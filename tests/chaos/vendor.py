"""A vendor on loopback that can fail, hang, behave as it is told, and tell in which order things took effect."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.sink import Asked, Sink, answered, created, listening

Manner = Callable[["Vendor", Asked], Awaitable[bytes | None]]
BUSY = answered(b"503 Service Unavailable")


@dataclass
class Vendor(Sink):
    """`failing`: the share of requests answered 503 without an effect. `hanging`: requests are read, never answered.

    `manner`: what it does with a request instead; `Vendor.effect` is what it does with a good one.
    """

    failing: float = 0.0
    hanging: bool = False
    manner: Manner | None = None
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    order: dict[str, list[int]] = field(default_factory=dict)  # candidate -> numbers, as they took effect
    at: dict[int, float] = field(default_factory=dict)  # number -> when it took effect
    came: list[float] = field(default_factory=list)  # when requests came
    asked: Counter[str] = field(default_factory=Counter)  # idempotency key -> requests, those that failed too
    now: int = 0
    most: int = 0  # requests under way at once, at most
    deaths: int = 0  # of workers that it killed

    async def until(self, effects: int, seconds: float = 300.0) -> None:
        """As a sink does, with more patience."""
        await super().until(effects, seconds)

    @property
    def inversions(self) -> int:
        """Effects that came after a later one of the same candidate."""
        return sum(later < earlier for seen in self.order.values() for earlier, later in itertools.pairwise(seen))

    async def answer(self, asked: Asked) -> bytes | None:
        """See Sink."""
        self.came.append(time.monotonic())
        self.asked[asked.key] += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if self.manner is not None:
                return await self.manner(self, asked)
            if self.hanging:
                await asked.reader.read()  # until the hub hangs up
                return None
            await asyncio.sleep(self.pause_s)
            return BUSY if self.chance.random() < self.failing else self.effect(asked)
        finally:
            self.now -= 1

    def effect(self, asked: Asked) -> bytes:
        """It is done, once for each key; the answer."""
        body: dict[str, Any] = asked.body.get("data", asked.body)  # a signed webhook carries the event in an envelope
        candidate, number = body["candidate"]["id"], int(body["job"]["title"])
        if asked.key not in self.tries:
            self.order.setdefault(candidate, []).append(number)
            self.at[number] = time.monotonic()
        self.take(asked.key, str(number))
        return created(asked.key)


@asynccontextmanager
async def run_vendor(pause_s: float = 0.002, **manners: Any) -> AsyncIterator[Vendor]:
    """A vendor that listens while the block runs."""
    async with listening(Vendor(pause_s, **manners)) as vendor:
        yield vendor
