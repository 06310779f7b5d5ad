"""Events per second and CPU per delivery, end to end, against a hand-written floor on the same database.

    python bench/end_to_end.py [--events 3000] [--stores sqlite,postgres]

Hub: CloudEvents by HTTP (batches of 100) -> rule -> mapping -> Standard Webhooks POST to a local sink -> recorded, with
`hirewire serve` and `hirewire work` as processes of their own. Floor: one loop that takes the same number of rows from a
table of the same database in batches of 256, signs each, posts it by the same HTTP client and deletes it; no API, no rule,
no mapping, no attempt record, no encryption. CPU is process CPU time, so it does not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import multiprocessing
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil
import yaml
from sqlalchemy import text

from hub.adapters.db import engines
from hub.adapters.db.urls import parse
from tests.support import postgres
from tests.support.hubs import report

BATCH = 100
TIMEOUT_S = 180.0


@dataclass(frozen=True)
class Row:
    """One line of the table. CPU in microseconds per delivery."""

    what: str
    store: str
    per_second: float
    web: float
    worker: float
    database: float

    @property
    def total(self) -> float:
        return self.web + self.worker + self.database


def sink(port: int, count: multiprocessing.Value) -> None:  # type: ignore[valid-type]
    """Answers 200 to every POST on keep-alive connections and counts them."""

    class Answer(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport, self.buffer = transport, b""

        def data_received(self, data: bytes) -> None:
            self.buffer += data
            while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
                head = self.buffer[:end].lower()
                at = head.find(b"content-length:")
                size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
                if len(self.buffer) < end + 4 + size:
                    return
                self.buffer = self.buffer[end + 4 + size :]
                count.value += 1  # type: ignore[attr-defined]
                self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")  # type: ignore[attr-defined]

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(run())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def sinking() -> Iterator[tuple[str, object]]:
    count, port = multiprocessing.Value("q", 0), free_port()
    process = multiprocessing.Process(target=sink, args=(port, count), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{port}/in", count
    finally:
        process.terminate()
        process.join()


def cpu(process: psutil.Process | None) -> float:
    """User and system seconds of a process and all its living descendants."""
    if process is None:
        return 0.0
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            total += times.user + times.system
    return total


def configuration(url: str) -> str:
    fields = [
        {"to": "id", "from": "report.id"},
        {"to": "candidate", "from": "candidate.id"},
        {"to": "given", "from": "candidate.name.given"},
        {"to": "family", "fn": "split_name", "part": "family", "from": "candidate.name.full"},
        {"to": "email", "fn": "lower", "from": "candidate.email"},
        {"to": "phone", "from": "candidate.phone"},
        {"to": "job", "from": "job.title"},
        {"to": "job_id", "from": "job.id"},
        {"to": "score", "from": "report.overall.score"},
        {"to": "confidence", "from": "report.overall.confidence"},
        {"to": "advice", "fn": "enum", "from": "report.overall.recommendation",
         "table": {"recommend": "yes", "hold": "maybe", "reject": "no"}, "unknown": "keep"},
        {"to": "communication", "from": "report.scores.communication"},
        {"to": "logic", "from": "report.scores.logic"},
        {"to": "summary.en", "from": "report.summary.en"},
        {"to": "summary.zh", "from": "report.summary.zh-CN"},
    ]  # fmt: skip
    rule = {
        "schema": 1,
        "trigger": {"event": "interview.report.completed"},
        "when": {"kind": "clause", "id": "c1", "field": "report.overall.score", "op": "ge", "value": 80},
        "then": [{"kind": "action", "id": "a1", "connection": "feed", "operation": "event.send", "mapping": "bench@1"}],
    }
    return yaml.safe_dump(
        {
            "hirewire": 1,
            "connections": {"feed": {"connector": "webhook", "config": {"url": url}, "lane": {"concurrency": 100}}},
            "mappings": [{"name": "bench", "version": 1, "fields": fields}],
            "rules": {"all": {"rule": rule}},
        }
    )


def events(count: int) -> list[dict[str, object]]:
    told = report(score=91)
    return [
        {
            "specversion": "1.0", "id": f"r-{n}", "source": "/bench", "type": told.type, "subject": f"cand_{n}",
            "data": told.data,
        }
        for n in range(count)
    ]  # fmt: skip


def hirewire(*words: str, env: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "hub", *words], env=env, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


async def post_all(url: str, token: str, told: list[dict[str, object]]) -> None:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/cloudevents-batch+json"}
    async with aiohttp.ClientSession() as session:
        waiting = [json.dumps(told[n : n + BATCH]).encode() for n in range(0, len(told), BATCH)]

        async def client() -> None:
            while waiting:
                async with session.post(f"{url}/v1/events", data=waiting.pop(), headers=headers) as answer:
                    assert answer.status == 202, await answer.text()

        await asyncio.gather(*(client() for _ in range(4)))


def wait_until(done: object, count: int) -> None:
    end = time.monotonic() + TIMEOUT_S
    while done.value < count:  # type: ignore[attr-defined]
        if time.monotonic() > end:
            raise SystemExit(f"only {done.value} of {count} arrived")  # type: ignore[attr-defined]
        time.sleep(0.01)


def through_the_hub(store: str, database: str | None, postmaster: psutil.Process | None, count: int) -> Row:
    with tempfile.TemporaryDirectory() as home, sinking() as (url, arrived):
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
            told = events(count)
            asyncio.run(ready(f"http://127.0.0.1:{port}"))
            web, worker = (psutil.Process(p.pid) for p in started)
            before, began = (cpu(web), cpu(worker), cpu(postmaster)), time.monotonic()
            asyncio.run(post_all(f"http://127.0.0.1:{port}", token, told))
            wait_until(arrived, count)
            took = time.monotonic() - began
            spent = [
                (now - then) / count * 1e6
                for now, then in zip((cpu(web), cpu(worker), cpu(postmaster)), before, strict=True)
            ]
        finally:
            for process in started:
                process.terminate()
            for process in started:
                process.wait(60)
    return Row("hub", store, count / took, *spent)


async def ready(url: str) -> None:
    end = time.monotonic() + 30
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < end:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{url}/health/ready") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.05)
    raise SystemExit("the API did not become ready")


def by_hand(store: str, database: str, postmaster: psutil.Process | None, count: int) -> Row:
    with sinking() as (url, arrived):
        me = psutil.Process()
        before, began = (cpu_of(me), cpu(postmaster)), time.monotonic()
        asyncio.run(floor(database, url, count))
        wait_until(arrived, count)
        took = time.monotonic() - began
        spent = [(now - then) / count * 1e6 for now, then in zip((cpu_of(me), cpu(postmaster)), before, strict=True)]
    return Row("by hand", store, count / took, 0.0, *spent)


def cpu_of(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


async def floor(database: str, url: str, count: int) -> None:
    address = parse(database)  # the floor talks to the database as the hub does, through the same driver
    sqlite = address.drivername.startswith("sqlite")
    engine = engines.sqlite(address, engines.WRITE) if sqlite else engines.postgres(address)
    body = json.dumps(report(score=91).data).encode()
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE bench_queue (id INTEGER PRIMARY KEY, body TEXT, taken INTEGER)"))
        rows = [{"id": n, "body": body.decode()} for n in range(count)]
        await connection.execute(text("INSERT INTO bench_queue (id, body, taken) VALUES (:id, :body, 0)"), rows)
    secret = os.urandom(24)
    claim = text(
        "UPDATE bench_queue SET taken = 1 WHERE id IN (SELECT id FROM bench_queue WHERE taken = 0 ORDER BY id LIMIT 256) "
        "RETURNING id, body"
    )
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as session:

        async def send(id_: int, payload: bytes) -> None:
            stamp = str(int(time.time()))
            mac = hmac.new(secret, f"{id_}.{stamp}.".encode() + payload, hashlib.sha256).digest()
            headers = {
                "webhook-id": str(id_), "webhook-timestamp": stamp, "content-type": "application/json",
                "webhook-signature": "v1," + base64.b64encode(mac).decode(),
            }  # fmt: skip
            async with session.post(url, data=payload, headers=headers) as answer:
                await answer.read()

        while True:
            async with engine.begin() as connection:
                claimed = (await connection.execute(claim)).all()
            if not claimed:
                break
            await asyncio.gather(*(send(id_, payload.encode()) for id_, payload in claimed))
            async with engine.begin() as connection:
                await connection.execute(
                    text("DELETE FROM bench_queue WHERE id = :id"), [{"id": id_} for id_, _ in claimed]
                )
    await engine.dispose()


def run(stores: list[str], count: int) -> list[Row]:
    rows = []
    if "sqlite" in stores:
        rows.append(through_the_hub("sqlite", None, None, count))
        with tempfile.TemporaryDirectory() as home:
            rows.append(by_hand("sqlite", f"sqlite:///{home}/floor.db", None, count))
    if "postgres" in stores:
        with postgres.server() as dsn:
            postmaster = postmaster_of(dsn)
            asyncio.run(create(dsn, "bench_hub"))
            asyncio.run(create(dsn, "bench_floor"))
            rows.append(through_the_hub("postgres", postgres.database(dsn, "bench_hub"), postmaster, count))
            rows.append(by_hand("postgres", postgres.database(dsn, "bench_floor"), postmaster, count))
    return rows


async def create(dsn: str, name: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(dsn)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()


def postmaster_of(dsn: str) -> psutil.Process | None:
    """The server's first process, found as the parent of the backend that answers us."""

    async def parent() -> psutil.Process | None:
        import asyncpg

        connection = await asyncpg.connect(dsn)
        try:
            pid = int(await connection.fetchval("SELECT pg_backend_pid()"))
            return psutil.Process(pid).parent()
        finally:
            await connection.close()

    return asyncio.run(parent())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=3000)
    parser.add_argument("--stores", default="sqlite,postgres")
    asked = parser.parse_args()
    print(f"{asked.events} events, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{'':10}{'store':10}{'events/s':>10}{'web us':>10}{'worker us':>11}{'db us':>9}{'total us':>10}")
    for row in run(asked.stores.split(","), asked.events):
        print(
            f"{row.what:10}{row.store:10}{row.per_second:10.0f}{row.web:10.0f}{row.worker:11.0f}{row.database:9.0f}{row.total:10.0f}"
        )


if __name__ == "__main__":
    main()
