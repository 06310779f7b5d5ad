"""What an exchange of keys costs those who send: accept latency without one and during one, and how long it takes.

    python bench/rotation.py [--stores sqlite,postgres] [--stored 2000] [--rate 150] [--seconds 15] [--levels owners:1:pii,...]

`hirewire serve` and `hirewire work` as processes of their own; so many events are stored and delivered first. Then new
candidates' events come at a steady rate, each in a request of its own: for so many seconds without an exchange (the
baseline of the same run), then until each level is exchanged. An exchange that does not end in 120 s is told as such.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bench.end_to_end import configuration, create, events, free_port, hirewire, post_all, ready, sinking, wait_until
from tests.support import postgres

LONGEST_S = 120.0
PRODUCERS = 32


@dataclass
class Stream:
    """Events at a steady rate; `late` are milliseconds from the moment an event was due to its answer."""

    url: str
    token: str
    rate: float
    number: int = 1_000_000
    late: list[float] = field(default_factory=list)
    refused: int = 0

    async def run(self, over: asyncio.Event) -> None:
        """Until it is over; what was begun is answered."""
        template = events(1)[0]
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/cloudevents+json"}
        began, sent = time.monotonic(), 0
        connector = aiohttp.TCPConnector(limit=PRODUCERS)
        async with aiohttp.ClientSession(headers=headers, connector=connector) as session, asyncio.TaskGroup() as group:
            while not over.is_set():
                due = began + sent / self.rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                sent, self.number = sent + 1, self.number + 1
                body = {**template, "id": f"r-{self.number}", "subject": f"cand_{self.number}"}
                group.create_task(self._send(session, json.dumps(body).encode(), due))

    async def _send(self, session: aiohttp.ClientSession, body: bytes, due: float) -> None:
        async with session.post(f"{self.url}/v1/events", data=body) as answer:
            await answer.read()
        self.refused += answer.status != 202
        self.late.append((time.monotonic() - due) * 1000)


@contextmanager
def running(home: str, database: str | None, url: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """The API and a worker; where it is, a token, and the environment of commands."""
    port = free_port()
    env = {k: v for k, v in os.environ.items() if not k.startswith("HIREWIRE_")} | {
        "HIREWIRE_HOME": home, "HIREWIRE_LISTEN": f"127.0.0.1:{port}", "HIREWIRE_LOOPS": "none",
        "HIREWIRE_EGRESS": "loopback", "HIREWIRE_LOG_LEVEL": "error",
    }  # fmt: skip
    if database is not None:
        env["HIREWIRE_DATABASE"] = database
    file = Path(home) / "hub.yaml"
    file.write_text(configuration(url), "utf-8")
    hirewire("migrate", env=env)
    hirewire("apply", str(file), "--yes", env=env)
    token = hirewire("token", "make", "bench", "--all", "--quiet", env=env)
    started = [
        subprocess.Popen([sys.executable, "-P", "-m", "hub", *words], env=env, stdout=subprocess.DEVNULL)
        for words in (("serve", "--no-migrate"), ("work",))
    ]
    try:
        asyncio.run(ready(f"http://127.0.0.1:{port}"))
        yield f"http://127.0.0.1:{port}", token, env
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)


async def measured(stream: Stream, until: asyncio.Future[None] | asyncio.Task[float]) -> str:
    """Latencies of a stream that ends when `until` is done."""
    over, began = asyncio.Event(), time.monotonic()
    stream.late.clear()
    stream.refused = 0
    task = asyncio.create_task(stream.run(over))
    await asyncio.wait([until])
    over.set()
    await task
    took, late = time.monotonic() - began, sorted(stream.late)
    half, most = late[len(late) // 2], late[int(len(late) * 0.99)]
    return f"{len(late) / took:9.0f}{half:9.1f}{most:9.1f}{late[-1]:9.1f}{stream.refused:9}"


async def exchanged(level: str, env: dict[str, str]) -> float:
    """Seconds until the level is exchanged; below 0: it was not, in the longest time."""
    began = time.monotonic()
    await asyncio.to_thread(hirewire, "keys", "rotate", level, env=env)
    while (took := time.monotonic() - began) < LONGEST_S:
        told = await asyncio.to_thread(hirewire, "keys", "status", "--json", env=env)
        rows = [json.loads(line) for line in told.splitlines()]
        if any(one["level"] == level and one["step"] == "done" for one in rows):
            return took
        await asyncio.sleep(1.0)
    return -1.0


async def measure(store: str, where: tuple[str, str, dict[str, str]], asked: argparse.Namespace) -> None:
    """A line for the baseline and one for each level."""
    url, token, env = where
    stream = Stream(url, token, asked.rate)
    await measured(stream, asyncio.ensure_future(asyncio.sleep(2)))
    print(
        f"{store:10}{'-':22}{await measured(stream, asyncio.ensure_future(asyncio.sleep(asked.seconds)))}", flush=True
    )
    for level in asked.levels.split(","):
        exchange = asyncio.create_task(exchanged(level, env))
        told = await measured(stream, exchange)
        took = exchange.result()
        print(f"{store:10}{level:22}{told}{'not over' if took < 0 else f'{took:.0f} s':>10}", flush=True)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stores", default="sqlite,postgres")
    parser.add_argument("--stored", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=150)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--levels", default="owners:1:pii,class:1:pii,root")
    asked = parser.parse_args()
    print(f"{asked.stored} stored, {asked.rate:g} events/s; milliseconds from when an event was due to its answer")
    print(f"{'store':10}{'level':22}{'events/s':>9}{'p50':>9}{'p99':>9}{'max':>9}{'refused':>9}{'took':>10}")
    with postgres.server() as dsn:
        for store in asked.stores.split(","):
            database = None
            if store == "postgres":
                asyncio.run(create(dsn, "rotation"))
                database = postgres.database(dsn, "rotation")
            with (
                tempfile.TemporaryDirectory() as home,
                sinking() as (url, arrived),
                running(home, database, url) as where,
            ):
                asyncio.run(post_all(where[0], where[1], events(asked.stored)))
                wait_until(arrived, asked.stored)
                asyncio.run(measure(store, where, asked))


if __name__ == "__main__":
    main()
