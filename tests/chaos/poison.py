"""An event that kills whichever worker touches it: set aside after three deaths, while everybody else goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

from hub.domain.deliveries import CRASHED_WORKER, CRASHES, Final
from hub.ports.queue import DoneDelivery
from tests.chaos.books import ALL, Told, books, configure, put
from tests.chaos.stand import LONG, Stand
from tests.chaos.vendor import Vendor, run_vendor
from tests.support.hubs import TENANT
from tests.support.processes import IN_FLIGHT, Product, product, until
from tests.support.sink import Asked

POISON = 40  # the number of the report that kills


async def kills_its_worker(stand: Stand) -> Told:
    """Security fault 36: two lanes, two workers that are started again whenever they die, one deadly report."""
    events = stand.size // 4
    async with (
        run_vendor(manner=_deadly) as deadly,
        run_vendor() as other,
        product(stand.room, stand.database) as made,
    ):
        await configure(made, [deadly.url, other.url], ordering="key")
        await put(made, 0, events, candidates=events // 4)
        keepers = [asyncio.create_task(_kept_alive(made)) for _ in range(2)]
        began = time.monotonic()
        try:
            await until(lambda: _set_aside(made), "the deadly one is set aside", LONG)
            aside = time.monotonic() - began
            await put(made, events, events, candidates=events // 4)
            began = time.monotonic()
            await made.drained(LONG)
            flowed = time.monotonic() - began
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
        deaths = deadly.deaths
        found, bound = await books(made, [deadly, other], 4 * events), deaths * IN_FLIGHT
        found.check(bound)
        assert (found.dead, deaths) == (1, CRASHES), (found, deaths)
        assert flowed < 60.0, flowed
        return Told(f"{deaths} deaths, set aside after {aside:.1f} s, all others delivered", found, bound)


async def _deadly(vendor: Vendor, asked: Asked) -> bytes | None:
    if int(asked.body["job"]["title"]) != POISON:
        await asyncio.sleep(vendor.pause_s)
        return vendor.effect(asked)
    vendor.deaths += 1
    os.kill(_owner(asked.writer.get_extra_info("peername")[1]), signal.SIGKILL)
    return None


def _owner(port: int) -> int:
    """The process that holds this end of a connection."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    inode = next(line.split()[9] for line in lines if line.split()[1] == f"0100007F:{port:04X}")
    for handle in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if os.readlink(handle) == f"socket:[{inode}]":
                return int(handle.parts[2])
    raise AssertionError(f"nobody holds port {port}")


async def _kept_alive(made: Product) -> None:
    """As a service manager does it."""
    while True:
        worker = await made.start("work")
        await worker.wait()


async def _set_aside(made: Product) -> bool:
    async with made.opened.hub.store.look() as look:
        dead = await look.deliveries(TENANT, ALL, state="dead")
    return any(isinstance(row, DoneDelivery) and (row.final, row.error) == (Final.DEAD, CRASHED_WORKER) for row in dead)
