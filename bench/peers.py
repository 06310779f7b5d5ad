"""Whole systems beside each other in one run: ours, PgQueuer, procrastinate and a floor by hand, all on PostgreSQL.

    python bench/peers.py [--events 1000] [--producers 1000] [--only hub,pgqueuer] [--quick]

Each takes one event per HTTP POST from producers on open connections and answers when it is durable (fsync on), checks a
condition, maps 15 fields, signs (Standard Webhooks) and posts to a vendor on loopback. Ours also validates, seals, records
every attempt and keeps the event; the others forget. CPU is that of the system's processes and of the database's, so it does
not depend on what else the machine does. Latency is from before the first POST to the arrival at the vendor, at 50 events/s.
The packages of the others come with `make bench`; what is not installed is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import importlib.util
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

from bench.end_to_end import configuration, cpu, create, postmaster_of
from bench.rivals import ends
from hub.bootstrap import migrate_store, open_hub
from hub.domain.ids import DEFAULT_TENANT
from hub.settings import Settings
from tests.contract.transport.certificates import Authority
from tests.support import postgres
from tests.support.hubs import report

RIVALS = {"by hand": "by_hand", "pgqueuer": "on_pgqueuer", "procrastinate": "on_procrastinate"}
DURABLE = {"fsync": "on", "full_page_writes": "on", "autovacuum_naptime": "1min"}
STEADY = 1000  # events/s
SLOW = {"procrastinate": 5}  # takes one job per query: so much fewer events are enough to know


@dataclass(frozen=True)
class Case:
    """What is sent to whom."""

    name: str = "1 kB"
    padding: int = 0
    lanes: int = 1
    tls: bool = False
    share: float = 1.0


@dataclass(frozen=True)
class Row:
    what: str
    case: str
    per_second: float
    web: float
    worker: float
    database: float
    p50: float
    p99: float
    stages: dict[str, float]  # of the worker's, where they are known
    steady: str  # how late it is at a steady rate

    def __str__(self) -> str:
        total = self.web + self.worker + self.database
        parts = "".join(f"{self.stages[stage]:7.2f}" if self.stages else f"{'':7}" for stage in PARTS)
        return (
            f"{self.what:14}{self.case:18}{self.per_second:9.0f}{self.web:10.2f}{self.worker:8.2f}{self.database:7.2f}"
            f"{total:8.2f}{self.p50:9.1f}{self.p99:9.1f} |{parts}{self.steady}"
        )


PARTS = ("claim", "talk", "record", "loop")
HEAD = (
    f"{'':14}{'':18}{'deliv/s':>9}  CPU s/1000{'':40} | of the worker's\n"
    f"{'':14}{'':18}{'':9}{'accept':>10}{'worker':>8}{'db':>7}{'total':>8}{'p50 ms':>9}{'p99 ms':>9} |"
    + "".join(f"{stage:>7}" for stage in PARTS)
)


@dataclass(frozen=True)
class Server:
    """The database server of the run."""

    dsn: str
    postmaster: psutil.Process | None

    def fresh(self, name: str) -> str:
        name = "bench_" + re.sub(r"[^a-z0-9]+", "_", name.lower())
        asyncio.run(create(self.dsn, name))
        return postgres.database(self.dsn, name)


@contextlib.contextmanager
def database() -> Iterator[Server]:
    """A private, durable server on the disk of the temporary folder."""
    home = tempfile.TemporaryDirectory(prefix="hwbench-", ignore_cleanup_errors=True)
    with home as folder, postgres.Cluster(folder, options=postgres.OPTIONS | DURABLE) as cluster:
        yield Server(cluster.dsn, postmaster_of(cluster.dsn))


@contextlib.contextmanager
def processes(commands: list[list[str]], env: dict[str, str] | None = None) -> Iterator[list[psutil.Process]]:
    started = [subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) for command in commands]
    try:
        yield [psutil.Process(one.pid) for one in started]
    finally:
        for one in started:
            one.terminate()
        for one in started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.wait(20)
            one.kill()


@contextlib.contextmanager
def hub(dsn: str, case: Case, port: int, vendor: int, ca: Path) -> Iterator[tuple[str, list[psutil.Process]]]:
    """`hirewire serve` and `hirewire work`, with one connection and rule per lane."""
    with tempfile.TemporaryDirectory() as home:
        env = {k: v for k, v in os.environ.items() if not k.startswith("HIREWIRE_")} | {
            "HIREWIRE_HOME": home, "HIREWIRE_LISTEN": f"127.0.0.1:{port}", "HIREWIRE_LOOPS": "none",
            "HIREWIRE_EGRESS": "loopback", "HIREWIRE_LOG_LEVEL": "error", "HIREWIRE_DATABASE": dsn,
            "HIREWIRE_CA_FILE": str(ca),
        }  # fmt: skip
        settings = Settings.read({name: value for name, value in env.items() if name.startswith("HIREWIRE_")})
        migrate_store(settings)
        url = f"{'https' if case.tls else 'http'}://localhost:{vendor}/in"
        token = asyncio.run(configured(settings, spread(url, case.lanes)))
        serve = [sys.executable, "-P", "-m", "hub", "serve", "--no-migrate"]
        work = [sys.executable, "-m", "bench.stages", f"{home}/stages", "work"]
        with processes([serve, work], env) as started:
            ends.wait_for_port(port)
            yield token, started


def stages(worker: psutil.Process) -> dict[str, int]:
    """The samples of each stage so far, of a process that runs under bench/stages.py."""
    words = worker.cmdline()
    if "bench.stages" not in words:
        return {}
    file = Path(words[words.index("bench.stages") + 1])
    file.unlink(missing_ok=True)
    worker.send_signal(signal.SIGUSR2)
    while not file.exists():
        time.sleep(0.01)
    return json.loads(file.read_text())


async def configured(settings: Settings, document: dict) -> str:
    """Apply the configuration as `hirewire apply` does; a token that may send events."""
    opened = open_hub(settings)
    try:
        await opened.begin()
        await opened.hub.configure.apply(DEFAULT_TENANT, document, "bench")
        _, secret = await opened.hub.access.make(DEFAULT_TENANT, "bench", ["events:write"], "bench")
        return secret
    finally:
        await opened.close()


def spread(url: str, lanes: int) -> dict:
    """The configuration of bench/end_to_end.py; with several lanes, a connection and a rule for each job."""
    whole = yaml.safe_load(configuration(url))
    if lanes == 1:
        return whole
    feed, rule = whole["connections"].pop("feed"), whole["rules"].pop("all")["rule"]
    for n in range(lanes):
        mine = {"kind": "clause", "id": "c2", "field": "job.id", "op": "eq", "value": f"job_{n}"}
        when = {"kind": "group", "id": "g1", "mode": "all", "items": [rule["when"], mine]}
        whole["connections"][f"feed{n}"] = feed
        step = {**rule["then"][0], "connection": f"feed{n}"}
        whole["rules"][f"to{n}"] = {"rule": {**rule, "when": when, "then": [step]}}
    return whole


@contextlib.contextmanager
def rival(name: str, dsn: str, port: int, vendor: int) -> Iterator[tuple[str, list[psutil.Process]]]:
    module = f"bench.rivals.{RIVALS[name]}"
    asyncio.run(importlib.import_module(module).install(dsn))
    rest = [dsn, str(port), f"http://127.0.0.1:{vendor}/in"]
    with processes([[sys.executable, "-m", module, role, *rest] for role in ("serve", "work")]) as started:
        ends.wait_for_port(port)
        yield "-", started


def measure(
    name: str, case: Case, server: Server, authority: Authority, count: int, producers: int, paced: int, steady: int
) -> Row:
    sample = report(score=91)
    body = ends.event(sample.data, sample.type, case.padding)
    warm, full = range(50), range(50, 50 + count)
    slow = range(full.stop, full.stop + paced)
    even = range(slow.stop, slow.stop + steady)
    times, port = ends.Times.of(even.stop), ends.free_port()
    certificate = authority.folder / "localhost.pem" if case.tls else None
    dsn = server.fresh(f"{name}_{case.name}")
    with ends.vendor(times, certificate) as vendor:
        system = hub(dsn, case, port, vendor, authority.path) if name == "hub" else rival(name, dsn, port, vendor)
        with system as (token, (web, worker)):
            ends.send(port, token, warm, body, times, producers=1, lanes=case.lanes)
            sampled = stages(worker)
            before = cpu(web), cpu(worker), cpu(server.postmaster)
            ends.send(port, token, full, body, times, producers=producers, lanes=case.lanes)
            after = cpu(web), cpu(worker), cpu(server.postmaster)
            samples = {stage: count - sampled.get(stage, 0) for stage, count in stages(worker).items()}
            ends.send(port, token, slow, body, times, producers=producers, rate=50.0, lanes=case.lanes)
            if even:
                ends.send(port, token, even, body, times, producers=producers, rate=STEADY, lanes=case.lanes)
    took = max(times.arrived[n] for n in full) - min(times.sent[n] for n in full)
    late = times.late(slow, times.arrived)
    accept, work, database = ((now - then) / count * 1000 for now, then in zip(after, before, strict=True))
    whole = sum(samples.values())
    parts = {stage: work * samples.get(stage, 0) / whole for stage in PARTS} if whole else {}
    told = told_steady(times, even) if even else ""
    rate = count / took
    return Row(name, case.name, rate, accept, work, database, statistics.median(late), p99(late), parts, told)


def p99(late: list[float]) -> float:
    return late[int(len(late) * 0.99)]


def told_steady(times: ends.Times, numbers: range) -> str:
    accepted, sent = times.late(numbers, times.answered), times.late(numbers, times.arrived)
    return (
        f"\n{'':14}at {STEADY}/s: accepted p50 {statistics.median(accepted):.1f}, p99 {p99(accepted):.1f} ms; "
        f"at the vendor p50 {statistics.median(sent):.1f}, p99 {p99(sent):.1f} ms"
    )


def there(name: str) -> bool:
    return name in ("hub", "by hand") or importlib.util.find_spec(name) is not None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--producers", type=int, default=1000)
    parser.add_argument("--only", default="hub,by hand,pgqueuer,procrastinate")
    parser.add_argument("--quick", action="store_true", help="a few events, to see that it runs")
    asked = parser.parse_args()
    count, paced = (60, 10) if asked.quick else (asked.events, 200)
    runs = [(name, Case()) for name in asked.only.split(",") if there(name)]
    if not asked.quick and "hub" in asked.only:
        more = (Case("20 kB", 19_000, share=0.5), Case("1 kB, 50 lanes", 0, 50, share=0.5), Case("1 kB, TLS", tls=True))
        runs += [("hub", case) for case in more]
    print(f"{count} events, {asked.producers} producers, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(HEAD, flush=True)
    with tempfile.TemporaryDirectory() as folder, database() as server:
        authority = Authority(Path(folder))
        authority.server("localhost", names=["localhost"])
        for name, case in runs:
            many = max(50, int(count * case.share) // SLOW.get(name, 1))
            steady = 5 * STEADY if case == Case() and name in ("hub", "by hand") and not asked.quick else 0
            print(measure(name, case, server, authority, many, asked.producers, paced, steady), flush=True)


if __name__ == "__main__":
    main()
