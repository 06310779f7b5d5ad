"""What a lane promises of how much and in which order, with three replicas and one of them killed."""

from __future__ import annotations

import asyncio
import time

from tests.chaos.books import Told, books, configure, owed_to, put
from tests.chaos.stand import CALM, LONG, REPLICAS, Stand
from tests.chaos.vendor import BUSY, Vendor, run_vendor
from tests.support.processes import product
from tests.support.sink import Asked


async def coalesce(stand: Stand) -> Told:
    """Claim 18: 100 states of one candidate during an outage: the newest arrives, the others are on record as superseded."""
    back = asyncio.Event()

    async def manner(vendor: Vendor, asked: Asked) -> bytes:
        return vendor.effect(asked) if back.is_set() else BUSY

    async with run_vendor(manner=manner) as vendor, product(stand.room, stand.database, **CALM) as made:
        lane = {"ordering": "key", "on_failure": "coalesce", "retry": {"default": [3.0, 3.0, 3.0]}}
        await owed_to(
            made, {"feed": {"connector": "webhook", "config": {"url": vendor.url}, "lane": lane}}, "event.send"
        )
        await made.start("work")
        await put(made, 0, 1, candidates=1)
        while not vendor.came:
            await asyncio.sleep(0.02)
        await put(made, 1, 99, candidates=1)
        back.set()
        await vendor.until(1, LONG)
        await made.drained(LONG)
        found = await books(made, vendor, 100)
        found.check()
        assert (found.delivered, found.settled, list(vendor.at)) == (1, 99, [99]), (found, vendor.at)
        return Told("100 states of one candidate, the first met an outage: number 99 arrived", found)


async def rate(stand: Stand) -> Told:
    """Claim 19: 10 a second over three workers: never more than the burst and 10 a second, and all of it is used."""
    each, seconds, first = 10, 15, 50
    events = each + each * seconds
    async with run_vendor() as vendor, product(stand.room, stand.database, **CALM) as made:
        await configure(made, [vendor.url], rate=float(each), concurrency=50)
        for _ in range(REPLICAS):
            await made.start("work")
        await put(made, 0, first, candidates=first)  # until all three are there
        await made.drained(LONG)
        began = time.monotonic()  # nothing that follows can have been claimed before
        await put(made, first, events, candidates=events)
        await vendor.until(first + events, LONG)
        came = vendor.came[first:]
        over = max(n + 1 - each - each * (at - began) for n, at in enumerate(came))
        assert over <= 0, over
        used = events / (each + each * (came[-1] - began))
        assert used >= 0.5, used  # the claim is 0.95, which a busy machine wakes too late for: see the figure
        await made.drained(LONG)
        found = await books(made, vendor, first + events)
        found.check()
        return Told(
            f"{events} requests in {came[-1] - began:.1f} s by {REPLICAS} workers: {100 * used:.0f} % of what is allowed",
            found,
        )


async def concurrency(stand: Stand) -> Told:
    """Claim 20: two at once over three workers, while they are killed one after the other."""
    events, blows = 60, 3
    async with run_vendor(0.2) as vendor, product(stand.room, stand.database) as made:
        await configure(made, [vendor.url], concurrency=2)
        await put(made, 0, events, candidates=events)
        workers = [await made.start("work") for _ in range(REPLICAS)]
        for blow in range(blows):
            await vendor.until(events * (blow + 1) // 6, LONG)
            await made.kill(workers[blow])
            workers[blow] = await made.start("work")
        await vendor.until(events, LONG)
        await made.drained(LONG)
        assert vendor.most <= 2, vendor.most
        found, bound = await books(made, vendor, events), 2 * blows
        found.check(bound)
        return Told(
            f"at most {vendor.most} requests at once over {REPLICAS} workers, {blows} of them killed", found, bound
        )
