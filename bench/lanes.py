"""What bad neighbours cost: a good destination's latency beside destinations that are well, dead, hanging or slow-loris.

    python bench/lanes.py [--stores sqlite,postgres] [--bad 4] [--rate 40] [--seconds 10] [--rounds 3]

A real `hirewire work` delivers. Every report goes to the good destination, one in ten to all the bad ones as well, which
are full before the measurement begins: with four of them and 16 places each they want all that the worker has (64).
Latency: from the acceptance of an event to its arrival. Each round measures all manners one after the other, neighbours
that are well first, so that the baseline sees the same machine; the table shows medians over the rounds. The promise is
less than 10 % on the p99; what virtual time says of it, without the machine's noise, is in tests/simulator/test_neighbours.py.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from hub.adapters.db import migrate
from mappings.documents import Document, Json
from tests.chaos.books import REFERRAL, numbered
from tests.chaos.destinations import drips
from tests.chaos.vendor import Vendor, run_vendor
from tests.support import postgres
from tests.support.hubs import TENANT
from tests.support.processes import Product, product
from tests.support.sink import Asked

MANNERS = ("well", "dead", "hanging", "slow-loris")
PLACES = 16
FULL = "full"


async def loris(_: Vendor, asked: Asked) -> None:
    """A byte of a header every 200 ms."""
    await drips(asked, b"HTTP/1.1 200 OK\r\nx-slow: ", b"y", 0.2)


@asynccontextmanager
async def neighbour(manner: str) -> AsyncIterator[str]:
    """The address of a bad destination."""
    if manner == "dead":
        with socket.socket() as taken:  # bound and not listening: every connection is refused
            taken.bind(("127.0.0.1", 0))
            yield f"http://127.0.0.1:{taken.getsockname()[1]}"
        return
    manners: dict[str, dict[str, Any]] = {"hanging": {"hanging": True}, "slow-loris": {"manner": loris}}
    async with run_vendor(**manners.get(manner, {})) as vendor:
        yield vendor.url


async def configure(made: Product, good: str, bad: list[str]) -> None:
    """Every report to the good one, those with a high score to the bad ones too."""
    lane: Document = {"concurrency": PLACES, "timeout_s": 20}
    names = {"good": good} | {f"bad{n}": url for n, url in enumerate(bad)}
    connections: Document = {
        name: {**REFERRAL, "config": {"base_url": url}, "lane": lane} for name, url in names.items()
    }

    def rule(to: list[str], least: int) -> Document:
        when: Document = {"kind": "clause", "id": "c", "field": "report.overall.score", "op": "ge", "value": least}
        steps: list[Json] = [
            {"kind": "action", "id": name, "connection": name, "operation": "referral.create"} for name in to
        ]
        return {"rule": {"schema": 1, "trigger": {"event": "interview.report.completed"}, "when": when, "then": steps}}

    rules: Document = {"good": rule(["good"], 0), "bad": rule([name for name in names if name != "good"], 90)}
    document: Document = {"hirewire": 1, "connections": connections, "rules": rules}
    await made.opened.hub.configure.apply(TENANT, document, "bench")


async def accept(made: Product, number: int, high: bool) -> float:
    """Accept report `number`; when that was."""
    told = numbered(number, candidates=1_000_000)
    report = told.data["report"]
    assert isinstance(report, dict)
    overall = report["overall"]
    assert isinstance(overall, dict)
    data: Document = {**told.data, "report": {**report, "overall": {**overall, "score": 91 if high else 50}}}
    await made.opened.hub.ingest(TENANT, [replace(told, data=data)])
    return time.monotonic()


async def measure(database: str, folder: Path, manner: str, bad: int, rate: float, seconds: float) -> list[float]:
    """Latencies of the good destination."""
    home = folder / f"home-{time.monotonic_ns()}"
    home.mkdir()
    settings = {"HIREWIRE_IN_FLIGHT": "64", "HIREWIRE_LEASE": "60"}
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(neighbour(manner)) for _ in range(bad)]
        good = await stack.enter_async_context(run_vendor())
        made = await stack.enter_async_context(product(home, database, **settings))
        await configure(made, good.url, urls)
        await made.start("work")
        for number in range(PLACES):
            await accept(made, number, high=True)
        await good.until(PLACES, 120)
        await asyncio.sleep(2.0)
        at: dict[int, float] = {}
        for number in range(PLACES, PLACES + int(rate * seconds)):
            at[number] = await accept(made, number, high=number % 10 == 0)
            await asyncio.sleep(1 / rate)
        await good.until(PLACES + len(at), 120)
        return [good.at[number] - moment for number, moment in at.items()]


async def one(store: str, manner: str, asked: argparse.Namespace) -> list[float]:
    """On a database of its own."""
    with tempfile.TemporaryDirectory(prefix="hwlanes-", ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)
        database = f"sqlite:///{folder}/hirewire.db"
        if store == "postgres":
            place = folder / "pg"
            place.mkdir()
            options = {**postgres.OPTIONS, "fsync": "on", "full_page_writes": "on"}
            database = stack.enter_context(postgres.Cluster(str(place), options=options)).dsn
        await asyncio.to_thread(migrate, database)
        return await measure(database, folder, manner, asked.bad, asked.rate, asked.seconds)


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--stores", default="sqlite,postgres")
    parser.add_argument("--bad", type=int, default=4)
    parser.add_argument("--rate", type=float, default=40)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    print(
        f"{asked.bad} neighbours, {asked.rate:g} events/s, {asked.rounds} rounds of {asked.seconds:g} s; milliseconds"
    )
    print(f"{'store':9} {'neighbours':11} {'p50':>8} {'p99':>8} {'max':>8} {'p99 against well':>17}")
    for store in asked.stores.split(","):
        seen: dict[str, list[list[float]]] = {manner: [] for manner in MANNERS}
        for _ in range(asked.rounds):
            for manner in MANNERS:
                seen[manner].append(sorted(await one(store, manner, asked)))
        base = statistics.median(took[int(len(took) * 0.99)] for took in seen["well"])
        for manner, rounds in seen.items():
            p50, p99, most = (
                statistics.median(took[min(int(len(took) * part), len(took) - 1)] for took in rounds)
                for part in (0.5, 0.99, 1.0)
            )
            change = f"{100 * (p99 / base - 1):+.0f} %"
            print(
                f"{store:9} {manner:11} {p50 * 1000:8.1f} {p99 * 1000:8.1f} {most * 1000:8.1f} {change:>17}", flush=True
            )


if __name__ == "__main__":
    asyncio.run(main())
