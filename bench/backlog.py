"""What a claim costs while a long backlog waits: 256 rows from 18 lanes, on both stores.

    python bench/backlog.py [--rows 50000,1000000]

Median of 15 claims, each given back again; the lane cursor is left out, as after a sweep. What should not change with the
backlog is the figure: the plan behind it is held by tests/contract/store/test_store_plans.py.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import timedelta

import uvloop

from bench.end_to_end import create
from hub.adapters import db
from hub.adapters.db import open_store
from hub.ports.queue import LaneCall
from tests.contract.store.test_store_plans import NOW, _backlog
from tests.support import postgres


async def claims(url: str, rows: int) -> tuple[float, float]:
    """Median milliseconds of a claim, and of the look for busy lanes."""
    store = open_store(url)
    try:
        await _backlog(store, rows)
        async with store._link() as link:
            await link.driver("ANALYZE delivery")
        claiming, looking = [], []
        for _ in range(15):
            began = time.perf_counter()
            async with store.look() as look:
                busy = await look.busy_lanes(NOW)
            looked = time.perf_counter()
            calls = [LaneCall(lane.connection, 256 // len(busy)) for lane in busy]
            async with store.work() as work:
                taken = await work._hot.claim(calls, NOW, NOW + timedelta(seconds=60), "bench")  # type: ignore[attr-defined]
            claiming.append(time.perf_counter() - looked)
            looking.append(looked - began)
            assert len(taken) == 256 // len(busy) * len(busy)
            async with store.work() as work:
                await work.release("bench", [one.id for one in taken])
        return statistics.median(claiming) * 1000, statistics.median(looking) * 1000
    finally:
        await store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", default="50000,1000000")
    print(f"{'store':10}{'backlog':>10}{'claim ms':>10}{'look ms':>10}")
    sizes = [int(size) for size in parser.parse_args().rows.split(",")]
    with postgres.server() as dsn:
        for rows in sizes:
            asyncio.run(create(dsn, f"backlog_{rows}"))
            show("postgres", postgres.database(dsn, f"backlog_{rows}"), rows)
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            show("sqlite", f"sqlite:///{folder}/backlog.db", rows)


def show(name: str, url: str, rows: int) -> None:
    db.migrate(url)
    claim, look = uvloop.run(claims(url, rows))
    print(f"{name:10}{rows:10}{claim:10.2f}{look:10.2f}", flush=True)


if __name__ == "__main__":
    main()
