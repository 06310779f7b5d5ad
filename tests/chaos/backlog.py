"""A long backlog in a lane that is switched off, and somebody who keeps an old picture of the tables open: others go on."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from hub.domain.connections import ConnectionState
from tests.chaos.books import Told, books, configure, put
from tests.chaos.stand import LONG, Stand
from tests.chaos.vendor import run_vendor
from tests.support.hubs import TENANT
from tests.support.processes import Product, product

BACKLOG = 200_000
_FROM = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) INSERT INTO delivery "
    "(dest_id, tenant_id, state, due_at, received_at, event_id, step) "
    "SELECT d.dest_id, d.tenant_id, 0, d.due_at, d.received_at, d.event_id, d.step FROM n, "
    "(SELECT * FROM delivery WHERE dest_id = $2 LIMIT 1) d",
    "postgres": "INSERT INTO delivery (dest_id, tenant_id, state, due_at, received_at, event_id, step) "
    "SELECT d.dest_id, d.tenant_id, 0, d.due_at, d.received_at, d.event_id, d.step FROM generate_series(1, $1::int) n, "
    "(SELECT * FROM delivery WHERE dest_id = $2 LIMIT 1) d",
}


async def long_backlog(stand: Stand) -> Told:
    """Claim 25 in short: deliveries beside 200,000 that wait and under a pinned snapshot; the rate of the last third."""
    events = stand.size // 2
    async with run_vendor() as good, run_vendor() as off, product(stand.room, stand.database) as made:
        await configure(made, [good.url, off.url])
        hub = made.opened.hub
        await put(made, 0, 1, candidates=1)
        await hub.switch(TENANT, "vendor1", ConnectionState.PAUSED, "chaos")
        await _pile_up(made, stand.store)
        await put(made, 1, events - 1, candidates=events)
        async with _pinned(stand):
            await made.start("work")
            at = []
            for share in range(4):
                await good.until(max(1, events * share // 3), LONG)
                at.append(time.monotonic())
        rates = [events / 3 / (after - before) for before, after in itertools.pairwise(at)]
        await made.stop(made.running[-1])
        found = await books(made, [good, off], 2 * events + BACKLOG)
        found.check()
        assert (found.delivered, found.pending) == (events, events + BACKLOG), found
        return Told(
            f"{BACKLOG} in a paused lane, a snapshot pinned: {rates[0]:.0f}/s in the first third, {rates[2]:.0f}/s in the last",
            found,
        )


async def _pile_up(made: Product, store: str) -> None:
    async with made.opened.hub.store.look() as look:
        paused = await look.connection(TENANT, "vendor1")
    assert paused is not None
    async with made.opened.hub.store._link() as link:  # type: ignore[attr-defined]
        await link.driver(_FROM[store], BACKLOG, paused.id)


@asynccontextmanager
async def _pinned(stand: Stand) -> AsyncIterator[None]:
    """Somebody reads, and does not let go of what was there then."""
    if stand.store == "sqlite":
        with contextlib.closing(
            sqlite3.connect(stand.database.removeprefix("sqlite:///"), isolation_level=None)
        ) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM destination").fetchone()
            yield
        return
    held = await asyncpg.connect(stand.database)
    try:
        async with held.transaction(isolation="repeatable_read"):
            await held.fetchval("SELECT count(*) FROM destination")
            yield
    finally:
        await held.close()
