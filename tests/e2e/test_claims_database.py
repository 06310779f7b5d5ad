"""What the product promises when the database goes away under it, with real processes on a cluster of their own."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from hub.adapters.db.schema import migrate
from tests.support.postgres import Cluster
from tests.support.processes import IN_FLIGHT, Product, cloud_event, producer, product
from tests.support.sink import Sink, run_sink

EVENTS = 900
BLOWS = ("fast", "immediate", "terminate")


@dataclass
class Fragile:
    """An installation and the server it stands on."""

    product: Product
    cluster: Cluster
    sink: Sink

    async def blow(self, how: str) -> None:
        """Restart the server, or end every connection that the product has open."""
        if how == "terminate":
            engine = create_async_engine(self.cluster.dsn.replace("postgresql://", "postgresql+asyncpg://"))
            async with engine.connect() as connection:
                ended = await connection.scalar(
                    text("select count(pg_terminate_backend(pid)) from pg_stat_activity where pid <> pg_backend_pid()")
                )
            await engine.dispose()
            assert ended
        else:
            await asyncio.to_thread(self.cluster.restart, how)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server that this test alone uses, and may stop."""
    with tempfile.TemporaryDirectory(prefix="hwpg-", ignore_cleanup_errors=True) as folder, Cluster(folder) as started:
        yield started


@pytest.fixture
async def fragile(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Fragile]:
    """`serve` and `work` on that server, and a vendor."""
    await asyncio.to_thread(migrate, cluster.dsn)
    async with run_sink(0.005) as sink, product(tmp_path, cluster.dsn) as installed:
        await installed.configure(sink.url)
        await installed.start("serve")
        await installed.start("work")
        yield Fragile(installed, cluster, sink)


async def test_a_database_that_goes_away_and_comes_back_loses_nothing(fragile: Fragile) -> None:
    """Restarts (orderly and torn) and cut connections under traffic: every acknowledged event arrives, no lane is stuck."""
    made, sink = fragile.product, fragile.sink
    async with producer(made, at_once=16) as client:
        for number, how in enumerate(BLOWS):
            events = [cloud_event(n) for n in range(number * 300, number * 300 + 300)]
            sending = asyncio.gather(*(client.insist(event) for event in events))
            await sink.until(number * 300 + 60)
            await fragile.blow(how)
            await sending
            await sink.until(number * 300 + 300)
    await made.drained()
    assert set(sink.candidates) == {f"cand_{n}" for n in range(EVENTS)}
    assert len(client.answered) == EVENTS == len(set(client.answered.values()))
    assert sink.doubled == 0
    assert sink.repeats <= len(BLOWS) * IN_FLIGHT
