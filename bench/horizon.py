"""The long run on PostgreSQL: a steady stream beside a long backlog of a paused lane, a snapshot pinned for a sixth of it.

    python bench/horizon.py [--minutes 2] [--rate 200] [--backlog 200000]

The hour of claim 25: `--minutes 60 --backlog 1000000`. The baseline is the first tenth of the same run. Held to, exit
status 1 if missed: in the last tenth at least 80 % of the first one's rate and at most 1.25 of its CPU per delivery; in
every tenth 99 % of the claims within 25 ms; the table of deliveries grows by less than 64 MB over the backlog.
CPU is process time, so that it does not matter what else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg
import psutil
import yaml

from bench.end_to_end import (
    configuration,
    cpu,
    events,
    free_port,
    hirewire,
    postmaster_of,
    ready,
    sinking,
)
from hub.adapters.db import migrate
from tests.support import postgres

PARTS = 10
BATCH = 10
CLAIM_MS, GROWTH_MB = 25.0, 64
SERVER = {
    **postgres.OPTIONS, "fsync": "on", "full_page_writes": "on", "max_connections": "100", "autovacuum_naptime": "1min",
}  # fmt: skip
PILE = (
    "INSERT INTO delivery (dest_id, tenant_id, state, due_at, received_at, event_id, step) "
    "SELECT d.dest_id, d.tenant_id, 0, d.due_at, d.received_at, d.event_id, d.step "
    "FROM generate_series(1, $1::int) n, (SELECT * FROM delivery LIMIT 1) d"
)


@dataclass(frozen=True)
class Sample:
    """What was so far. `claims`: upper bounds in seconds -> how many claims took no longer."""

    at: float
    delivered: int
    cpu_s: float
    claims: dict[float, int]
    table_mb: float


@dataclass(frozen=True)
class Part:
    """One tenth: deliveries per second, CPU in ms per delivery, the 99th percentile of claims in ms (its bucket's bound)."""

    rate: float
    cpu_ms: float
    claim_ms: float
    table_mb: float

    @classmethod
    def between(cls, before: Sample, after: Sample) -> Part:
        """What happened from one sample to the next."""
        count = max(1, after.delivered - before.delivered)
        claims = {bound: number - before.claims.get(bound, 0) for bound, number in after.claims.items()}
        most = max(claims.values(), default=0)
        slow = min((bound for bound, number in claims.items() if number >= 0.99 * most), default=0.0)
        return cls(
            (after.delivered - before.delivered) / (after.at - before.at),
            (after.cpu_s - before.cpu_s) / count * 1000,
            slow * 1000,
            after.table_mb,
        )


@dataclass
class Run:
    """One hub on one database, and how many deliveries arrived."""

    url: str
    metrics: str
    token: str
    database: str
    processes: list[psutil.Process | None]
    arrived: object

    async def sample(self) -> Sample:
        """How things stand."""
        connection = await asyncpg.connect(self.database)
        try:
            size = await connection.fetchval("SELECT pg_total_relation_size('delivery')")
        finally:
            await connection.close()
        text = await asyncio.to_thread(lambda: urllib.request.urlopen(self.metrics, timeout=30).read().decode())
        claims = {
            float(line.split('le="')[1].split('"')[0]): int(float(line.rsplit(" ", 1)[1]))
            for line in text.splitlines()
            if line.startswith("hirewire_claim_seconds_bucket")
        }
        spent = sum(cpu(one) for one in self.processes)
        return Sample(time.monotonic(), self.arrived.value, spent, claims, size / 1e6)  # type: ignore[attr-defined]

    async def feed(self, rate: float, until: float) -> int:
        """So many events per second in batches, waiting for the answers; how many were accepted."""
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/cloudevents-batch+json"}
        template, sent, began = events(1)[0], 0, time.monotonic()
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < until:
                batch = [
                    {**template, "id": f"r-{n}", "subject": f"cand_{n % 50_000}"} for n in range(sent, sent + BATCH)
                ]
                async with session.post(f"{self.url}/v1/events", data=json.dumps(batch), headers=headers) as answer:
                    if answer.status == 503:
                        await asyncio.sleep(float(answer.headers.get("retry-after", "1")))
                        continue
                    assert answer.status == 202, await answer.text()
                sent += BATCH
                await asyncio.sleep(max(0.0, began + sent / rate - time.monotonic()))
        return sent


def two_lanes(url: str) -> str:
    """The usual lane, and one for what scores below 50."""
    document = yaml.safe_load(configuration(url))
    document["connections"]["off"] = document["connections"]["feed"]
    rule = json.loads(json.dumps(document["rules"]["all"]["rule"]))
    rule["when"].update(op="lt", value=50)
    rule["then"][0]["connection"] = "off"
    document["rules"]["low"] = {"rule": rule}
    return str(yaml.safe_dump(document))


@contextmanager
def running(folder: Path, database: str, url: str, arrived: object) -> Iterator[Run]:
    """The API and a worker, configured, with the second lane paused."""
    port, metrics = free_port(), free_port()
    env = {k: v for k, v in os.environ.items() if not k.startswith("HIREWIRE_")} | {
        "HIREWIRE_HOME": str(folder), "HIREWIRE_LISTEN": f"127.0.0.1:{port}", "HIREWIRE_LOOPS": "none",
        "HIREWIRE_EGRESS": "loopback", "HIREWIRE_LOG_LEVEL": "error", "HIREWIRE_DATABASE": database,
        "HIREWIRE_BACKLOG": "10000000", "HIREWIRE_TENANT_BACKLOG": "10000000",
    }  # fmt: skip
    file = folder / "hub.yaml"
    file.write_text(two_lanes(url), "utf-8")
    hirewire("apply", str(file), "--yes", env=env)
    hirewire("connections", "pause", "off", env=env)
    token = hirewire("token", "make", "bench", "--all", "--quiet", env=env)
    own = {"work": {"HIREWIRE_METRICS_LISTEN": f"127.0.0.1:{metrics}"}}
    started = [
        subprocess.Popen(
            [sys.executable, "-P", "-m", "hub", *words], env=env | own.get(words[0], {}), stdout=subprocess.DEVNULL
        )
        for words in (("serve", "--no-migrate"), ("work",))
    ]
    try:
        asyncio.run(ready(f"http://127.0.0.1:{port}"))
        processes = [*(psutil.Process(one.pid) for one in started), postmaster_of(database)]
        yield Run(
            f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics}/metrics", token, database, processes, arrived
        )
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)


@asynccontextmanager
async def pinned(database: str, until: float) -> AsyncIterator[None]:
    """Somebody keeps an old picture of the tables open until then."""

    async def hold() -> None:
        connection = await asyncpg.connect(database)
        try:
            async with connection.transaction(isolation="repeatable_read"):
                await connection.fetchval("SELECT count(*) FROM destination")
                await asyncio.sleep(max(0.0, until - time.monotonic()))
        finally:
            await connection.close()

    task = asyncio.create_task(hold())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def pile_up(run: Run, backlog: int) -> None:
    """One event for the paused lane, copied."""
    low = events(1)[0] | {"id": "low"}
    low["data"]["report"]["overall"]["score"] = 10  # type: ignore[index]
    headers = {"authorization": f"Bearer {run.token}", "content-type": "application/cloudevents+json"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{run.url}/v1/events", data=json.dumps(low), headers=headers) as answer,
    ):
        assert answer.status == 202, await answer.text()
    connection = await asyncpg.connect(run.database)
    try:
        await connection.execute(PILE, backlog)
        await connection.execute("VACUUM ANALYZE delivery")
    finally:
        await connection.close()


async def measure(run: Run, minutes: float, rate: float, backlog: int) -> bool:
    """Prints a line for each tenth; whether all was held."""
    await pile_up(run, backlog)
    samples = [await run.sample()]
    base = samples[0].table_mb
    print(f"{backlog} wait in a paused lane ({base:.0f} MB); {rate:g} events/s for {minutes:g} min", flush=True)
    print(f"{'minute':>8}{'deliv/s':>9}{'CPU ms':>8}{'claim p99 ms':>14}{'table + MB':>12}", flush=True)
    began, parts = time.monotonic(), []
    end = began + minutes * 60
    async with pinned(run.database, began + minutes * 10):
        feeding = asyncio.create_task(run.feed(rate, end))
        for number in range(1, PARTS + 1):
            await asyncio.sleep(max(0.0, began + minutes * 60 * number / PARTS - time.monotonic()))
            samples.append(await run.sample())
            parts.append(part := Part.between(samples[-2], samples[-1]))
            grown = part.table_mb - base
            print(
                f"{minutes * number / PARTS:8.1f}{part.rate:9.0f}{part.cpu_ms:8.2f}{part.claim_ms:14.1f}{grown:12.1f}",
                flush=True,
            )
        sent = await feeding
    await _all_there(run, sent)
    first, last = parts[0], parts[-1]
    held = {
        "rate of the last tenth >= 80 % of the first": last.rate >= 0.8 * first.rate,
        "CPU of the last tenth <= 1.25 of the first": last.cpu_ms <= 1.25 * first.cpu_ms,
        f"99 % of claims within {CLAIM_MS:g} ms": all(part.claim_ms <= CLAIM_MS for part in parts),
        f"table grew by < {GROWTH_MB} MB": parts[-1].table_mb - base < GROWTH_MB,
    }
    print(f"accepted {sent}, delivered {run.arrived.value}")  # type: ignore[attr-defined]
    for what, true in held.items():
        print(f"{'holds' if true else 'MISSED':8}{what}")
    return all(held.values())


async def _all_there(run: Run, sent: int) -> None:
    end = time.monotonic() + 120
    while run.arrived.value < sent:  # type: ignore[attr-defined]
        assert time.monotonic() < end, f"{run.arrived.value} of {sent} arrived"  # type: ignore[attr-defined]
        await asyncio.sleep(0.2)


def main() -> int:
    """0 if all was held."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--backlog", type=int, default=200_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hwhorizon-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "pg").mkdir()
        (folder / "home").mkdir()
        with postgres.Cluster(str(folder / "pg"), options=SERVER) as cluster, sinking() as (url, arrived):
            migrate(cluster.dsn)
            with running(folder / "home", cluster.dsn, url, arrived) as run:
                return 0 if asyncio.run(measure(run, asked.minutes, asked.rate, asked.backlog)) else 1


if __name__ == "__main__":
    sys.exit(main())
