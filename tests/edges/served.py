"""One served hub, spoken to over plain sockets, whose processor and memory use is read from outside."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from hub.app.access import SCOPES
from hub.bootstrap import open_hub
from hub.domain.ids import TenantId
from hub.settings import Settings
from tests.support.hubs import TENANT

ROOT = Path(__file__).parents[2]
OTHER_TENANT = TenantId(2)
WHSEC = "whsec_" + base64.b64encode(bytes(range(32))).decode()
REFERRAL_SECRET = "secret-of-referral-hooks-1"
PARTNER_KEY = "key-of-the-ats-0123456789"
CONFIGURATION: dict[str, Any] = {
    "hirewire": 1,
    "connections": {
        "referrals": {
            "connector": "referral",
            "config": {"base_url": "https://ref.example"},
            "secrets": {"api_token": "t", "webhook_secret": REFERRAL_SECRET},
        },
        "hooks": {
            "connector": "webhook",
            "config": {"url": "https://hooks.example/in"},
            "secrets": {"signing_secret": WHSEC, "webhook_secret": WHSEC},
        },
        "ats": {
            "connector": "greenhouse",
            "config": {"client_id": "c"},
            "secrets": {"client_secret": "s", "partner_key": PARTNER_KEY},
        },
    },
    "rules": {
        "high score": {
            "rule": {
                "schema": 1,
                "trigger": {"event": "interview.report.completed"},
                "when": {"kind": "clause", "id": "c1", "field": "report.overall.score", "op": "gt", "value": 85},
                "then": [{"kind": "action", "id": "a1", "connection": "referrals", "operation": "referral.create"}],
            }
        }
    },
}


@dataclass(frozen=True)
class Answer:
    """What came back. `status` 0: the connection was closed without a word."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The problem's stable code; empty where the server below the application answered."""
        with contextlib.suppress(ValueError, AttributeError):
            return str(json.loads(self.body).get("code", ""))
        return ""


@dataclass
class Served:
    """A running hub: where it is, what opens it, and its process."""

    home: Path
    port: int
    environment: dict[str, str]
    token: str = ""
    stranger: str = ""  # a token of another tenant
    handles: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    context: ssl.SSLContext | None = None
    answered: list[str] = field(default_factory=list)  # ids of events that were accepted

    def connect(self, timeout: float = 30.0) -> socket.socket:
        """A connection to the API."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout)
        return plain if self.context is None else self.context.wrap_socket(plain, server_hostname="api.example")

    def send(self, *parts: bytes, timeout: float = 30.0) -> Answer:
        """Send these bytes, then read until the server closes or the answer is whole."""
        with contextlib.closing(self.connect(timeout)) as line:
            with contextlib.suppress(ConnectionError, ssl.SSLError):  # it may answer and close before it read all
                for part in parts:
                    line.sendall(part)
            return _read(line)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """A well-formed request with a token."""
        named = {"authorization": f"Bearer {self.token}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return self.send(request(method, path, named, body))

    def worker(self) -> psutil.Process:
        """The process that answers."""
        assert self.process is not None
        children = psutil.Process(self.process.pid).children(recursive=True)
        real = [child for child in children if "resource_tracker" not in " ".join(child.cmdline())]
        return max(real or [psutil.Process(self.process.pid)], key=lambda one: one.memory_info().rss)

    def speak(self, plain: socket.socket) -> Answer:
        """What comes on this line until it is closed."""
        return _read(plain)

    def act(self, do: Callable[[Any], Any]) -> Any:
        """Do something with the use cases on the same store, as another process would."""

        async def run() -> Any:
            opened = open_hub(Settings.read(self.settings()))
            try:
                return await do(opened.hub)
            finally:
                await opened.close()

        return asyncio.run(run())

    def settings(self) -> dict[str, str]:
        """The variables that are ours."""
        return {name: value for name, value in self.environment.items() if name.startswith("HIREWIRE_")}

    def start(self, patience: float = 40) -> None:
        """Begin to serve; back when it is ready."""
        log = (self.home / "serve.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "hub", "serve", "--no-migrate"],
            env=self.environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        log.close()
        end = time.monotonic() + patience
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError, ssl.SSLError):
                if self.send(request("GET", "/health/ready", {})).status == 200:
                    return
            time.sleep(0.05)
        raise AssertionError("serve is not ready: " + self.log())

    def log(self) -> str:
        """What it said."""
        return (self.home / "serve.log").read_text("utf-8", "replace")[-4000:]

    def stop(self) -> None:
        """End it and what it started."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """The bytes of an HTTP/1.1 request that closes the connection."""
    lines = [f"{method} {path} HTTP/1.1", "host: hub.example", "connection: close"]
    if body or method in ("POST", "PUT"):
        lines.append(f"content-length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def _read(line: socket.socket) -> Answer:
    got = b""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while chunk := line.recv(65536):
            got += chunk
    head, _, body = got.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    status = first.split(" ")[1] if first.startswith("HTTP/1.") else "0"
    headers = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
    return Answer(int(status), headers, body)


@contextmanager
def served(home: Path, database: str, context: ssl.SSLContext | None = None, **more: str) -> Iterator[Served]:
    """A hub that serves and does not deliver, with three connections, a rule and a token of every scope."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    given = {
        "HIREWIRE_HOME": str(home),
        "HIREWIRE_DATABASE": database,
        "HIREWIRE_LISTEN": f"127.0.0.1:{port}",
        "HIREWIRE_LOOPS": "none",
        "HIREWIRE_LOG_LEVEL": "warning",
        **more,
    }
    around = {name: value for name, value in os.environ.items() if not name.startswith("HIREWIRE_")}
    made = Served(home, port, {**around, **given, "PYTHONPATH": str(ROOT)}, context=context)

    async def prepare(hub: Any) -> None:
        for tenant in (TENANT, OTHER_TENANT):
            await hub.vault.prepare(tenant)
        await hub.configure.apply(TENANT, CONFIGURATION, "test")
        _, made.token = await hub.access.make(TENANT, "test", SCOPES, "test")
        _, made.stranger = await hub.access.make(OTHER_TENANT, "stranger", SCOPES, "test")
        async with hub.store.look() as look:
            made.handles = {one.name: one.handle for one in await look.connections(TENANT)}

    made.act(prepare)
    try:
        yield made
    finally:
        made.stop()
