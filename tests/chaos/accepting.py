"""A process that accepts events into a SQLite file as fast as it can, and says which ones it has acknowledged.

Run as `python -m tests.chaos.accepting URL [normal] [stubborn]`. `normal`: the file is opened as it must not be.
`stubborn`: what is refused is said (`-`) and sent again, as a client does; otherwise the first refusal is the end.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys

from sqlalchemy import event

from hub.adapters.db import open_store
from hub.domain.errors import Unavailable
from tests.support.hubs import TENANT, bench, report

AT_ONCE = 32


async def accept(url: str, normal: bool, stubborn: bool) -> None:
    """Until the store fails for good or the process is killed."""
    store = open_store(url)
    if normal:

        @event.listens_for(store._writer.sync_engine, "connect")
        def weaken(connection: object, _record: object) -> None:
            connection.cursor().execute("PRAGMA synchronous = NORMAL")  # type: ignore[attr-defined]

    b = bench(store)
    while True:
        try:
            await b.hub.vault.prepare(TENANT)
            break
        except Unavailable:
            if not stubborn:
                raise
    numbers = itertools.count()

    async def told(number: int) -> bool:
        try:
            await b.hub.ingest(TENANT, [report(key=f"r-{number}", candidate=f"cand_{number % 50}")])
        except Unavailable:
            return False
        os.write(1, f"r-{number}\n".encode())
        return True

    async def one_after_another() -> None:
        for number in numbers:
            while not await told(number):
                if not stubborn:
                    return
                os.write(1, b"-\n")

    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))


if __name__ == "__main__":
    asyncio.run(accept(sys.argv[1], "normal" in sys.argv[2:], "stubborn" in sys.argv[2:]))
