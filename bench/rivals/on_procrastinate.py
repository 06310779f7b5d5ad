"""The same on procrastinate, by its public API.  serve|work DSN PORT URL"""

from __future__ import annotations

import asyncio
import logging
import sys

import procrastinate
import uvloop

from bench.rivals import work


def application(dsn: str) -> procrastinate.App:
    return procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=dsn, min_size=4, max_size=32))


async def install(dsn: str) -> None:
    app = application(dsn)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


async def run(role: str, dsn: str, port: int, url: str) -> None:
    app = application(dsn)
    async with app.open_async(), work.session() as session:

        @app.task(name="send", pass_context=True)
        async def send(context: procrastinate.JobContext, event: str) -> None:
            await work.post(session, url, str(context.job.id), event.encode())

        if role == "serve":
            await work.serve(port, lambda raw: send.defer_async(event=raw.decode()))
            return
        running = asyncio.create_task(
            app.run_worker_async(concurrency=100, delete_jobs="always", install_signal_handlers=False)
        )
        await work.told_to_stop()
        running.cancel()
        await asyncio.wait([running])


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    role, dsn, port, url = sys.argv[1:]
    uvloop.run(run(role, dsn, int(port), url))
