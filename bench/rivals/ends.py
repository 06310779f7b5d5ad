"""Both ends of a run, each in a process of its own: producers on open connections, and a vendor that notes what arrives when."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import re
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.sharedctypes import SynchronizedArray
from pathlib import Path

import orjson
import uvloop

_NUMBER = re.compile(rb'"id":"rep_(\d+)"')
_FORK = multiprocessing.get_context("fork")
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Times:
    """When each event was sent, when its producer was answered and when it arrived first, in seconds since 1970; 0 is never."""

    sent: SynchronizedArray
    answered: SynchronizedArray
    arrived: SynchronizedArray

    @classmethod
    def of(cls, count: int) -> Times:
        return cls(*(_FORK.Array("d", count, lock=False) for _ in range(3)))

    def late(self, numbers: range, what: SynchronizedArray) -> list[float]:
        """Milliseconds from sending to `what`, sorted."""
        return sorted((what[n] - self.sent[n]) * 1000 for n in numbers)


class Vendor(asyncio.Protocol):
    """Answers 200 to every POST and notes the number in its body."""

    def __init__(self, arrived: SynchronizedArray) -> None:
        self.arrived, self.buffer = arrived, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            size = int(re.search(rb"(?i)content-length: *(\d+)", self.buffer[:end])[1])  # type: ignore[index]
            if len(self.buffer) < end + 4 + size:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + size], self.buffer[end + 4 + size :]
            number = int(_NUMBER.search(body)[1])  # type: ignore[index]
            if not self.arrived[number]:
                self.arrived[number] = time.time()
            self.transport.write(ANSWER)  # type: ignore[attr-defined]


def vend(port: int, arrived: SynchronizedArray, certificate: Path | None) -> None:
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: Vendor(arrived), "127.0.0.1", port, ssl=tls)
        await server.serve_forever()

    uvloop.run(run())


def produce(
    port: int, token: str, numbers: range, body: bytes, times: Times, producers: int, rate: float | None, lanes: int
) -> None:
    """One event per POST on `producers` connections, all open before the first: as fast as answers come, or at `rate`."""
    began, connecting = 0.0, asyncio.Semaphore(100)

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with connecting:
            return await asyncio.open_connection("127.0.0.1", port)

    async def producer(mine: range, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in mine:
            if rate is not None:
                await asyncio.sleep(began + (number - numbers.start) / rate - time.time())
            event = body.replace(b"@@", b"%d" % number).replace(b"job_1", b"job_%d" % (number % lanes))
            head = (
                f"POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\n"
                f"content-type: application/cloudevents+json\r\ncontent-length: {len(event)}\r\n\r\n"
            )
            times.sent[number] = time.time()
            writer.write(head.encode() + event)
            answer = await reader.readuntil(b"\r\n\r\n")
            times.answered[number] = time.time()
            size = re.search(rb"(?i)content-length: *(\d+)", answer)
            told = await reader.readexactly(int(size[1])) if size else b""
            if b" 202 " not in answer[:20]:
                raise SystemExit(f"not accepted: {answer!r} {told[:300]!r}")

    async def run() -> None:
        nonlocal began
        lines = await asyncio.gather(*(connect() for _ in range(producers)))
        began = time.time()
        await asyncio.gather(*(producer(numbers[n::producers], *line) for n, line in enumerate(lines)))
        for _, writer in lines:
            writer.close()

    uvloop.run(run())


@contextlib.contextmanager
def vendor(times: Times, certificate: Path | None = None) -> Iterator[int]:
    port = free_port()
    process = _FORK.Process(target=vend, args=(port, times.arrived, certificate), daemon=True)
    process.start()
    wait_for_port(port)
    try:
        yield port
    finally:
        process.terminate()
        process.join()


def wait_for_port(port: int, timeout: float = 60.0) -> None:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on {port}")


def send(
    port: int, token: str, numbers: range, body: bytes, times: Times, *, producers: int = 50, rate: float | None = None,
    lanes: int = 1, timeout: float = 120.0,
) -> None:  # fmt: skip
    """Send these events and wait until all have arrived at the vendor."""
    process = _FORK.Process(target=produce, args=(port, token, numbers, body, times, producers, rate, lanes))
    process.start()
    process.join(timeout)
    if process.exitcode != 0:
        process.terminate()
        raise SystemExit("the producers did not come to their end")
    end = time.monotonic() + timeout
    while not all(times.arrived[number] for number in numbers):
        if time.monotonic() > end:
            there = sum(1 for number in numbers if times.arrived[number])
            raise SystemExit(f"only {there} of {len(numbers)} arrived")
        time.sleep(0.02)


def event(data: dict, type: str, padding: int) -> bytes:
    """A CloudEvent with `@@` where its number goes; `padding` bytes more in the summary."""
    report = {**data["report"], "id": "rep_@@"}
    report["summary"] = {**report["summary"], "en": report["summary"]["en"] + "x" * padding}
    whole = {
        "specversion": "1.0", "id": "r-@@", "source": "/bench", "type": type, "subject": "cand_@@",
        "data": {**data, "candidate": {**data["candidate"], "id": "cand_@@"}, "report": report},
    }  # fmt: skip
    return orjson.dumps(whole)
