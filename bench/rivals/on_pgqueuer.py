"""The same on PgQueuer, by its public API.  serve|work DSN PORT URL"""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import timedelta

import asyncpg
import uvloop
from pgqueuer import AsyncpgDriver, AsyncpgPoolDriver, Job, PgQueuer, Queries

from bench.rivals import work


async def install(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await Queries(AsyncpgDriver(connection)).install()
    await connection.close()


async def serve(dsn: str, port: int) -> None:
    async with asyncpg.create_pool(dsn, min_size=4, max_size=32) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        await work.serve(port, lambda raw: queries.enqueue("send", raw))


async def deliver(dsn: str, url: str) -> None:
    async with asyncpg.create_pool(dsn, min_size=2, max_size=8) as pool, work.session() as session:
        pgq = PgQueuer(AsyncpgPoolDriver(pool))

        @pgq.entrypoint("send")
        async def send(job: Job) -> None:
            await work.post(session, url, str(job.id), job.payload or b"")

        running = asyncio.create_task(
            pgq.run(dequeue_timeout=timedelta(seconds=1), batch_size=100, max_concurrent_tasks=400)
        )
        await work.told_to_stop()
        pgq.shutdown.set()
        await running


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    role, dsn, port, url = sys.argv[1:]
    uvloop.run(serve(dsn, int(port)) if role == "serve" else deliver(dsn, url))
