"""A vendor that does what a test tells it, down to the bytes, and channels that lead to it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import pytest
import uvloop

from hub.adapters.clock import ManualClock
from hub.adapters.http.guard import Guard
from hub.adapters.http.router import CLIENTS, Router
from hub.domain.connections import Connection, Lane
from hub.domain.ids import ConnectionId, TenantId
from hub.ports.transport import Channel
from tests.contract.transport.certificates import Authority


@dataclass(frozen=True)
class Seen:
    """One request as the vendor read it."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Line:
    """One connection, seen from the vendor."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: list[Seen]) -> None:
        self._reader, self._writer, self._seen = reader, writer, seen

    async def request(self) -> Seen | None:
        """The next request, None when the other side hung up."""
        try:
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        method, target, _ = head[0].split(" ", 2)
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        seen = Seen(method, target, headers, await self._reader.readexactly(int(headers.get("content-length", 0))))
        self._seen.append(seen)
        return seen

    async def heard(self, end: bytes = b"\r\n") -> bytes:
        """What was said up to `end`, empty when the other side hung up."""
        try:
            return await self._reader.readuntil(end)
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""

    def say(self, raw: bytes) -> None:
        self._writer.write(raw)

    async def push(self, raw: bytes) -> bool:
        """Write and wait until there is room; False when the other side is gone."""
        try:
            self._writer.write(raw)
            await self._writer.drain()
        except ConnectionError:
            return False
        return not self._writer.transport.is_closing()

    def answer(self, status: int = 200, body: bytes = b"{}", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", f"content-length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.say("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def cut(self) -> None:
        self._writer.transport.abort()

    async def gone(self) -> None:
        """Wait until the other side has closed the connection."""
        try:
            while await self._reader.read(65536):
                pass
        except ConnectionError:
            pass


Script = Callable[[Line], Awaitable[None]]


async def polite(line: Line) -> None:
    while await line.request():
        line.answer()


@dataclass
class Vendor:
    """A server on loopback. `script` plays every connection; `seen` holds the requests, `lines` counts connections."""

    script: Script = polite
    seen: list[Seen] = field(default_factory=list)
    lines: int = 0
    port: int = 0
    scheme: str = "http"
    busy: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    async def open(self, tls: ssl.SSLContext | None = None) -> asyncio.Server:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self.busy.add(task)
            self.lines += 1
            try:
                await self.script(Line(reader, writer, self.seen))
            finally:
                self.busy.discard(task)
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        self.scheme = "https" if tls else "http"
        return server

    async def settled(self) -> None:
        """Wait until every connection has ended."""
        while self.busy:
            await asyncio.wait(self.busy)


Open = Callable[..., Awaitable[Vendor]]


@pytest.fixture
async def open_vendor() -> AsyncIterator[Open]:
    opened: list[tuple[Vendor, asyncio.Server]] = []

    async def start(script: Script = polite, tls: ssl.SSLContext | None = None) -> Vendor:
        vendor = Vendor(script)
        opened.append((vendor, await vendor.open(tls)))
        return vendor

    yield start
    for vendor, server in opened:
        server.close()
        for task in list(vendor.busy):
            task.cancel()
        if vendor.busy:
            await asyncio.wait(list(vendor.busy))
        await server.wait_closed()


@pytest.fixture
async def vendor(open_vendor: Open) -> Vendor:
    return await open_vendor()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable[[], object]]:
    """The loop that the product runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=sorted(CLIENTS))
async def build(clock: ManualClock, request: pytest.FixtureRequest) -> AsyncIterator[Callable[..., Router]]:
    """Transports on each HTTP client, closed in the end; `build()` is open to this machine, as for twins."""
    made: list[Router] = []

    def make(guard: Guard | None = None, **options: object) -> Router:
        router = Router.build(
            guard or Guard(allow_loopback=True, allow_http=True), clock, client=request.param, **options
        )  # type: ignore[arg-type]
        made.append(router)
        return router

    yield make
    for router in made:
        await router.close()


@pytest.fixture
def transport(build: Callable[..., Router]) -> Router:
    return build()


def channel(
    wire: dict[str, object] | None = None,
    config: dict[str, object] | None = None,
    secrets: Mapping[str, str] | None = None,
    *,
    timeout: float = 5.0,
    id: int = 1,
) -> Channel:
    whole = {"auth": {"mode": "none"}, "allowed_hosts": ["api.example"], **(wire or {})}
    connection = Connection(
        ConnectionId(id),
        TenantId(1),
        "con_1",
        "acme",
        "acme",
        config or {},
        Lane(timeout_s=timeout),  # type: ignore[arg-type]
    )
    return Channel(connection, secrets or {}, whole)  # type: ignore[arg-type]


@pytest.fixture(name="channel")
def _channel() -> Callable[..., Channel]:
    return channel
