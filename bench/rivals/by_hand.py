"""The floor: a table, one insert per event, batches of 256 by SKIP LOCKED, nothing recorded.  serve|work DSN PORT URL"""

from __future__ import annotations

import asyncio
import sys

import asyncpg
import uvloop

from bench.rivals import work


async def install(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "CREATE TABLE job (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event bytea NOT NULL)"
    )
    await connection.close()


async def serve(dsn: str, port: int) -> None:
    async with asyncpg.create_pool(dsn, min_size=4, max_size=32) as pool:
        await work.serve(port, lambda raw: pool.execute("INSERT INTO job (event) VALUES ($1)", raw))


async def deliver(dsn: str, url: str) -> None:
    connection = await asyncpg.connect(dsn)
    async with work.session() as session:
        stop = asyncio.create_task(work.told_to_stop())
        while not stop.done():
            async with connection.transaction():
                rows = await connection.fetch("SELECT id, event FROM job ORDER BY id LIMIT 256 FOR UPDATE SKIP LOCKED")
                await asyncio.gather(*(work.post(session, url, str(row["id"]), row["event"]) for row in rows))
                await connection.execute("DELETE FROM job WHERE id = ANY($1::bigint[])", [row["id"] for row in rows])
            if not rows:
                await asyncio.sleep(0.01)
    await connection.close()


if __name__ == "__main__":
    role, dsn, port, url = sys.argv[1:]
    uvloop.run(serve(dsn, int(port)) if role == "serve" else deliver(dsn, url))
