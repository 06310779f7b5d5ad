"""A vendor's referral API on loopback: answers 201 and keeps, per idempotency key, what it was sent."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Sink:
    """What arrived. `pause_s` is how long each answer takes."""

    pause_s: float = 0.0
    url: str = ""
    tries: Counter[str] = field(default_factory=Counter)  # idempotency key -> requests
    candidates: Counter[str] = field(default_factory=Counter)  # candidate id -> requests
    effects: dict[str, str] = field(default_factory=dict)  # idempotency key -> candidate id, as a vendor would keep it
    traceparents: dict[str, str] = field(default_factory=dict)  # idempotency key -> the newest one
    confused: list[str] = field(default_factory=list)  # keys that came again for somebody else
    _moved: asyncio.Event = field(default_factory=asyncio.Event)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def requests(self) -> int:
        """All requests, repeats included."""
        return self.tries.total()

    @property
    def repeats(self) -> int:
        """Requests beyond one per key."""
        return self.requests - len(self.tries)

    @property
    def doubled(self) -> int:
        """Effects beyond one per candidate: what idempotency keys could not prevent."""
        return len(self.effects) - len(set(self.effects.values()))

    async def until(self, effects: int, seconds: float = 30.0) -> None:
        """Until that many different keys have come. Raises AssertionError."""
        try:
            async with asyncio.timeout(seconds):
                while len(self.tries) < effects:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            raise AssertionError(f"{len(self.tries)} of {effects} came within {seconds:g} s") from None

    def take(self, key: str, candidate: str) -> None:
        """Record one request."""
        self.tries[key] += 1
        self.candidates[candidate] += 1
        if self.effects.setdefault(key, candidate) != candidate:
            self.confused.append(key)
        self._moved.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                body = json.loads(await reader.readexactly(int(headers.get("content-length", "0"))))
                key = headers["idempotency-key"]
                self.traceparents[key] = headers.get("traceparent", "")
                self.take(key, body["candidate"]["id"])
                if self.pause_s:
                    await asyncio.sleep(self.pause_s)
                answer = json.dumps({"id": f"r-{key}", "status": "received"}).encode()
                writer.write(
                    b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
                    % len(answer)
                    + answer
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the hub hung up, or was killed
        finally:
            self._open.discard(writer)
            writer.close()


@asynccontextmanager
async def run_sink(pause_s: float = 0.0) -> AsyncIterator[Sink]:
    """A sink that listens while the block runs."""
    sink = Sink(pause_s)
    server = await asyncio.start_server(sink._serve, "127.0.0.1", 0, backlog=1024)
    sink.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield sink
    finally:
        server.close()
        for writer in list(sink._open):
            writer.close()
        await server.wait_closed()
