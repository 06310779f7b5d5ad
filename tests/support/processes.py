"""Hirewire as real processes on this machine: `serve` and `work`, each in a group of its own, ended by its own id."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from hub.bootstrap import Opened, open_hub
from hub.domain.errors import Unavailable
from hub.settings import Settings
from mappings.documents import Document
from tests.support.hubs import TENANT, report

ROOT = Path(__file__).parents[2]
IN_FLIGHT = 24
LEASE_S = 2.0
GIVE_UP_S = 40.0
SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"


@dataclass
class Product:
    """One installation: its settings, its processes, its API."""

    home: Path
    database: str
    port: int
    environment: dict[str, str]
    opened: Opened
    token: str = ""
    running: list[asyncio.subprocess.Process] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where events are sent."""
        return f"http://127.0.0.1:{self.port}/v1/events"

    async def configure(self, sink_url: str, concurrency: int = 16) -> None:
        """One lane to the sink that gets every report, and a token that may send events."""
        hub = self.opened.hub
        step: Document = {"kind": "action", "id": "refer", "connection": "sink", "operation": "referral.create"}
        rule: Document = {"schema": 1, "trigger": {"event": "interview.report.completed"}, "then": [step]}
        sink: Document = {
            "connector": "referral",
            "config": {"base_url": sink_url},
            "secrets": {"api_token": "t"},
            "lane": {"concurrency": concurrency, "timeout_s": 10},
        }
        document: Document = {"hirewire": 1, "connections": {"sink": sink}, "rules": {"every report": {"rule": rule}}}
        await hub.configure.apply(TENANT, document, "test")
        _, self.token = await hub.access.make(TENANT, "test", ("events:write", "events:read"), "test")

    async def put(self, start: int, count: int) -> None:
        """Accept reports by the use case, without HTTP: the quick way to a backlog."""
        for first in range(start, start + count, 200):
            numbers = range(first, min(first + 200, start + count))
            incoming = [report(key=f"r-{n}", candidate=f"cand_{n}") for n in numbers]
            receipts = await self.opened.hub.ingest(TENANT, incoming)
            assert all(receipt.fresh for receipt in receipts)

    async def start(
        self, word: str, *, under: Sequence[str] = (), wait: bool = True, **environment: str
    ) -> asyncio.subprocess.Process:
        """Start `hirewire serve` or `hirewire work`; `serve` is ready when this returns (unless `wait` is False).

        `under`: a command that starts it (`prlimit`, say), `environment`: what is different for this process.
        """
        with (self.home / f"{word}-{len(self.running)}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *under, sys.executable, "-P", "-m", "hub", word,
                env={**self.environment, **environment}, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self.running.append(process)
        if word == "serve" and wait:
            await self.ready(process)
        return process

    async def ready(self, process: asyncio.subprocess.Process) -> None:
        """Until `serve` says it is ready."""
        async with aiohttp.ClientSession() as session:
            await until(lambda: self._ready(session, process), "serve is ready")

    async def _ready(self, session: aiohttp.ClientSession, process: asyncio.subprocess.Process) -> bool:
        assert process.returncode is None, self.logs()
        with contextlib.suppress(aiohttp.ClientError):
            async with session.get(f"http://127.0.0.1:{self.port}/health/ready") as answer:
                return answer.status == 200
        return False

    async def kill(self, process: asyncio.subprocess.Process) -> None:
        """SIGKILL to the process and what it started, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

    async def stop(self, process: asyncio.subprocess.Process, seconds: float = 20.0) -> int:
        """SIGTERM; the exit code."""
        process.terminate()
        async with asyncio.timeout(seconds):
            return await process.wait()

    async def left(self) -> int:
        """Deliveries that have not ended."""
        async with self.opened.hub.store.look() as look:
            return sum(lane.ready + lane.leased + lane.waiting + lane.held for lane in await look.lanes())

    async def drained(self, seconds: float = GIVE_UP_S) -> None:
        """Until every delivery has ended."""
        await until(self._empty, "every delivery ended", seconds)

    async def _empty(self) -> bool:
        with contextlib.suppress(Unavailable):  # the database may have been restarted under this process too
            return await self.left() == 0
        return False

    def logs(self) -> str:
        """The ends of what the processes said."""
        return "\n".join(f"--- {path.name}\n{path.read_text()[-2000:]}" for path in sorted(self.home.glob("*.log")))


async def until(probe: Callable[[], Awaitable[bool]], what: str, seconds: float = GIVE_UP_S) -> None:
    """Until the probe says yes. Raises AssertionError."""
    end = time.monotonic() + seconds
    while not await probe():
        assert time.monotonic() < end, f"waited {seconds:g} s: {what}"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def product(home: Path, database: str, **settings: str) -> AsyncIterator[Product]:
    """An installation without a process yet; whatever is started is gone when the block is left.

    `settings`: variables that are not as usual here.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    given = {
        "HIREWIRE_HOME": str(home),
        "HIREWIRE_DATABASE": database,
        "HIREWIRE_LISTEN": f"127.0.0.1:{port}",
        "HIREWIRE_LOOPS": "none",
        "HIREWIRE_EGRESS": "loopback",
        "HIREWIRE_RETRY_DELAYS": ",".join(["0.1", "0.2", "0.5", "1", "2", "2", "2", "2"]),
        "HIREWIRE_LEASE": f"{LEASE_S:g}",
        "HIREWIRE_IN_FLIGHT": str(IN_FLIGHT),
        "HIREWIRE_LOG_LEVEL": "warning",
        **settings,
    }
    around = {name: value for name, value in os.environ.items() if not name.startswith("HIREWIRE_")}
    opened = open_hub(Settings.read(given))
    made = Product(home, database, port, {**around, **given, "PYTHONPATH": str(ROOT)}, opened)
    try:
        yield made
    finally:
        for process in made.running:
            await made.kill(process)
        await opened.close()


def cloud_event(number: int, key: str | None = None, **fields: object) -> dict[str, Any]:
    """Report number `number` as the engine sends it."""
    told = report(key=key or f"r-{number}", candidate=f"cand_{number}", **fields)  # type: ignore[arg-type]
    return {
        "specversion": "1.0",
        "id": told.key,
        "source": told.source,
        "type": told.type,
        "subject": told.subject,
        "data": told.data,
    }


@dataclass
class Producer:
    """A client that keeps what it was promised: event key -> the id it was answered."""

    product: Product
    session: aiohttp.ClientSession
    answered: dict[str, str] = field(default_factory=dict)

    async def post(self, event: dict[str, Any]) -> tuple[int, bytes]:
        """Send one event once."""
        headers = {"authorization": f"Bearer {self.product.token}", "content-type": SINGLE}
        async with self.session.post(self.product.url, json=event, headers=headers) as answer:
            return answer.status, await answer.read()

    async def send(self, event: dict[str, Any]) -> bool:
        """Send one event once; whether it was acknowledged. What was answered before must be answered again."""
        try:
            status, body = await self.post(event)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False
        if status != 202:
            assert status == 503, (status, body)
            return False
        [accepted] = json.loads(body)["accepted"]
        before = self.answered.setdefault(event["id"], accepted["event_id"])
        assert before == accepted["event_id"], "an event was answered with two ids"
        return True

    async def insist(self, event: dict[str, Any], seconds: float = GIVE_UP_S) -> None:
        """Send one event until it is acknowledged, as a client that must not lose it does."""
        await until(lambda: self.send(event), f"event {event['id']} is acknowledged", seconds)


@asynccontextmanager
async def producer(made: Product, at_once: int = 16) -> AsyncIterator[Producer]:
    """A client with so many connections."""
    connector = aiohttp.TCPConnector(limit=at_once)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield Producer(made, session)
