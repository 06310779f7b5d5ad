"""A vendor on loopback that can fail, hang, and tell in which order things took effect."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.support.sink import Sink

ANSWER = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"


@dataclass
class Vendor(Sink):
    """`failing`: the share of requests answered 503 without an effect. `hanging`: requests are read, never answered."""

    failing: float = 0.0
    hanging: bool = False
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    order: dict[str, list[int]] = field(default_factory=dict)  # candidate -> numbers, as they took effect
    at: dict[int, float] = field(default_factory=dict)  # number -> when it took effect
    hung: int = 0
    most_hung: int = 0

    @property
    def inversions(self) -> int:
        """Effects that came after a later one of the same candidate."""
        return sum(later < earlier for seen in self.order.values() for earlier, later in itertools.pairwise(seen))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                body = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))))
                if self.hanging:
                    self.hung += 1
                    self.most_hung = max(self.most_hung, self.hung)
                    try:
                        await reader.read()  # until the hub hangs up
                    finally:
                        self.hung -= 1
                    return
                await asyncio.sleep(self.pause_s)
                if self.chance.random() < self.failing:
                    answer = ANSWER % (b"503 Service Unavailable", 2, b"{}")
                else:
                    answer = self._effect(headers["idempotency-key"], body)
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the hub hung up, or was killed
        finally:
            self._open.discard(writer)
            writer.close()

    def _effect(self, key: str, body: dict[str, dict[str, str]]) -> bytes:
        candidate, number = body["candidate"]["id"], int(body["job"]["title"])
        if key not in self.tries:
            self.order.setdefault(candidate, []).append(number)
            self.at[number] = time.monotonic()
        self.take(key, str(number))
        said = json.dumps({"id": f"r-{key}", "status": "received"}).encode()
        return ANSWER % (b"201 Created", len(said), said)


@asynccontextmanager
async def run_vendor(pause_s: float = 0.002, **manners: object) -> AsyncIterator[Vendor]:
    """A vendor that listens while the block runs."""
    vendor = Vendor(pause_s, **manners)  # type: ignore[arg-type]
    server = await asyncio.start_server(vendor._serve, "127.0.0.1", 0, backlog=1024)
    vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield vendor
    finally:
        server.close()
        for writer in list(vendor._open):
            writer.close()
        await server.wait_closed()
