"""A vendor's referral API on loopback: answers 201 and keeps, per idempotency key, what it was sent."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

ANSWER = b"HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
S = TypeVar("S", bound="Sink")


@dataclass(frozen=True)
class Asked:
    """One request, and the connection it came by."""

    target: str
    headers: dict[str, str]
    raw: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def key(self) -> str:
        """The idempotency key, however this vendor calls it."""
        return self.headers.get("idempotency-key") or self.headers["webhook-id"]

    @property
    def body(self) -> Any:
        """What the JSON says."""
        return json.loads(self.raw)


@dataclass
class Sink:
    """What arrived. `pause_s` is how long each answer takes."""

    pause_s: float = 0.0
    url: str = ""
    connections: int = 0
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

    async def answer(self, asked: Asked) -> bytes | None:
        """What is said to a request; None: nothing more, the connection is closed."""
        self.traceparents[asked.key] = asked.headers.get("traceparent", "")
        self.take(asked.key, asked.body["candidate"]["id"])
        if self.pause_s:
            await asyncio.sleep(self.pause_s)
        return created(asked.key)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        try:
            while True:
                first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines) if name}
                raw = await reader.readexactly(int(headers.get("content-length", "0")))
                said = await self.answer(Asked(first.split(" ")[1], headers, raw, reader, writer))
                if said is None:
                    return
                writer.write(said)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return  # the hub hung up or was killed, or the test is over
        finally:
            self._open.discard(writer)
            writer.close()


def created(key: str) -> bytes:
    """201: there is a referral under this key now."""
    return answered(b"201 Created", json.dumps({"id": f"r-{key}", "status": "received"}).encode())


def answered(status: bytes, body: bytes = b"{}", **headers: str) -> bytes:
    """An answer with this status line, JSON and headers (`retry_after` is Retry-After)."""
    more = "".join(f"\r\n{name.replace('_', '-')}: {value}" for name, value in headers.items()).encode()
    return ANSWER % (status + more, len(body), body)


@asynccontextmanager
async def listening(sink: S) -> AsyncIterator[S]:
    """It listens while the block runs."""
    server = await asyncio.start_server(sink._serve, "127.0.0.1", 0, backlog=1024)
    sink.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield sink
    finally:
        server.close()
        for writer in list(sink._open):
            writer.close()
        await server.wait_closed()


@asynccontextmanager
async def run_sink(pause_s: float = 0.0) -> AsyncIterator[Sink]:
    """A sink that listens while the block runs."""
    async with listening(Sink(pause_s)) as sink:
        yield sink
