"""The claims of the product under attack, with real processes. Each says what it tried and how the books stand after it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from hub.ports.store import DoneDelivery, Page
from tests.chaos.books import books, configure, put
from tests.chaos.vendor import Vendor, run_vendor
from tests.support.hubs import TENANT
from tests.support.processes import IN_FLIGHT, LEASE_S, Product, cloud_event, producer, product, until

REPLICAS = 3
LONG = 240.0


@dataclass
class Stand:
    """Where a claim is tried."""

    folder: Path
    database: str
    blow: Callable[[str], Awaitable[None]] | None  # restarts the database server, where there is one
    chance: random.Random
    size: int

    @property
    def room(self) -> Path:
        """A folder that nobody used yet."""
        made = self.folder / f"home-{len(list(self.folder.glob('home-*')))}"
        made.mkdir()
        return made


async def kills(stand: Stand) -> str:
    """Claims 1 and 17: kill -9 of random workers while candidates' reports are delivered in order."""
    events, blows = stand.size, 12
    bound = blows * IN_FLIGHT
    async with run_vendor(failing=0.1) as vendor, product(stand.room, stand.database) as made:
        await configure(made, [vendor.url], ordering="key")
        await put(made, 0, events, candidates=max(20, events // 20))
        workers = [await made.start("work") for _ in range(REPLICAS)]
        for blow in range(blows):
            await vendor.until(events * (blow + 1) // (blows + 2), LONG)
            await asyncio.sleep(stand.chance.random() * 0.3)
            victim = stand.chance.randrange(REPLICAS)
            await made.kill(workers[victim])
            workers[victim] = await made.start("work")
        await made.drained(LONG)
        found = await books(made, vendor, events)
        found.check(bound)
        return f"{blows} kills of {REPLICAS} workers over {events} deliveries, 10 % failing: {found} (bound {bound})"


async def killed_after_the_answer(stand: Stand) -> str:
    """Claim 3: kill -9 of `serve` right after its 202; the worker that runs beside it delivers."""
    async with run_vendor() as vendor, product(stand.room, stand.database) as made:
        await configure(made, [vendor.url])
        await made.start("work")
        took = []
        for number in range(5):
            serve = await made.start("serve")
            async with producer(made) as client:
                event = cloud_event(number)
                event["data"]["job"] = {"id": "job", "title": str(number)}
                assert await client.send(event)
                await made.kill(serve)
            began = time.monotonic()
            await vendor.until(number + 1)
            took.append(time.monotonic() - began)
        await made.drained()
        found = await books(made, vendor, 5)
        found.check(0)
        assert max(took) < 5.0, took
        return f"5 kills right after the answer, delivered within {max(took):.2f} s: {found}"


async def database_restarts(stand: Stand) -> str:
    """Claim 4: the database server is restarted, torn down and cut off under traffic."""
    if stand.blow is None:
        return "not tried: SQLite has no server to restart (power cuts stand for it)"
    events, hows = stand.size // 4, ["fast", "immediate", "terminate", "immediate", "fast"]
    async with run_vendor() as vendor, product(stand.room, stand.database) as made:
        await configure(made, [vendor.url])
        await made.start("serve")
        await made.start("work")
        async with producer(made, at_once=16) as client:
            share = events // len(hows)
            for turn, how in enumerate(hows):
                told = [cloud_event(n) for n in range(turn * share, turn * share + share)]
                for number, event in enumerate(told, start=turn * share):
                    event["data"]["job"] = {"id": "job", "title": str(number)}
                sending = asyncio.gather(*(client.insist(event, LONG) for event in told))
                await vendor.until(turn * share + share // 4, LONG)
                await stand.blow(how)
                await sending
        await vendor.until(share * len(hows), LONG)
        await made.drained(LONG)
        found = await books(made, vendor, share * len(hows))
        found.check(len(hows) * IN_FLIGHT)
        return f"{', '.join(hows)} under traffic: {found} (bound {len(hows) * IN_FLIGHT})"


async def asked_to_stop(stand: Stand) -> str:
    """Claim 6: SIGTERM under load; nothing new is sent, nothing stays leased, exit code 0."""
    events = stand.size // 2
    async with run_vendor(0.01) as vendor, product(stand.room, stand.database) as made:
        await configure(made, [vendor.url])
        await put(made, 0, events, candidates=events)
        worker = await made.start("work")
        took = []
        for turn in range(4):
            await vendor.until(events * (turn + 1) // 6)
            began = time.monotonic()
            code = await made.stop(worker)
            took.append(time.monotonic() - began)
            assert code == 0, made.logs()
            async with made.opened.hub.store.look() as look:
                assert sum(lane.leased for lane in await look.lanes()) == 0
            sent = vendor.requests
            await asyncio.sleep(0.3)
            assert vendor.requests == sent
            worker = await made.start("work")
        await made.drained(LONG)
        found = await books(made, vendor, events)
        found.check(0)
        return f"4 times SIGTERM under load, at most {max(took):.1f} s to stop: {found}"


async def frozen_past_its_lease(stand: Stand) -> str:
    """Claim 7: SIGSTOP until the lease is over and another worker has delivered, then SIGCONT: it changes nothing."""
    events = stand.size // 4
    async with run_vendor(0.02) as vendor, product(stand.room, stand.database) as made:
        await configure(made, [vendor.url], ordering="key")
        await put(made, 0, events, candidates=events // 4)
        frozen = await made.start("work")
        await vendor.until(events // 10, LONG)
        os.kill(frozen.pid, signal.SIGSTOP)
        try:
            await made.start("work")
            await asyncio.sleep(LEASE_S * 1.5)
            await vendor.until(events * 3 // 4, LONG)
        finally:
            os.kill(frozen.pid, signal.SIGCONT)
        await made.drained(LONG)
        await asyncio.sleep(0.5)  # what it still wants to record
        found = await books(made, vendor, events)
        found.check(IN_FLIGHT)
        late = await _late(made)
        return f"one worker frozen for more than a lease, {late} tries on record as late: {found} (bound {IN_FLIGHT})"


async def _late(made: Product) -> int:
    count = 0
    async with made.opened.hub.store.look() as look:
        for row in await look.deliveries(TENANT, Page(1_000_000)):
            if isinstance(row, DoneDelivery) and row.attempts > 1:
                count += sum(one.outcome == "late" for one in await look.attempts(TENANT, row.id))
    return count


async def one_hangs(stand: Stand) -> str:
    """Claim 8: a destination that accepts and never answers keeps its own lane's places and nobody else's."""
    events, concurrency = stand.size // 4, 12
    home = stand.room
    calm = await _pace(stand, home, 0, events, concurrency, hanging=False)
    hung = await _pace(stand, home, events, events, concurrency, hanging=True)
    assert hung[1] <= concurrency, hung
    return (
        f"the other lane took {calm[0]:.2f} s for {events} beside a healthy vendor and {hung[0]:.2f} s beside a hanging "
        f"one ({100 * (hung[0] / calm[0] - 1):+.0f} %); at most {hung[1]} requests hung (limit {concurrency})"
    )


async def _pace(
    stand: Stand, home: Path, start: int, events: int, concurrency: int, hanging: bool
) -> tuple[float, int]:
    """Seconds for the good lane, and how many requests hung at most."""
    async with run_vendor() as good, run_vendor(hanging=hanging) as bad, product(home, stand.database) as made:
        await configure(made, [good.url, bad.url], concurrency=concurrency)
        await made.start("work")
        await put(made, start, events, candidates=events)
        began = time.monotonic()
        await until(lambda: _has(good, events), "the good lane is through", LONG)
        return time.monotonic() - began, bad.most_hung


async def _has(vendor: Vendor, events: int) -> bool:
    return len(vendor.tries) >= events


async def told_a_hundred_times(stand: Stand) -> str:
    """Claim 14: 100 posts of one event at once are one event; other content under its name is refused."""
    async with run_vendor() as vendor, product(stand.room, stand.database) as made:
        await configure(made, [vendor.url])
        await made.start("serve")
        await made.start("work")
        for number in range(5):
            event = cloud_event(number)
            event["data"]["job"] = {"id": "job", "title": str(number)}
            async with producer(made, at_once=100) as client:
                answers = await asyncio.gather(*(client.post(event) for _ in range(100)))
                status, problem = await client.post(
                    {**event, "data": {**event["data"], "job": {"id": "x", "title": "0"}}}
                )
            assert {code for code, _ in answers} == {202}
            assert len({body for _, body in answers}) == 1
            assert (status, b"key_reused" in problem) == (422, True)
        await vendor.until(5)
        await made.drained()
        found = await books(made, vendor, 5)
        found.check(0)
        return f"5 times 100 posts at once, each with the same bytes in all answers: {found}"


async def replayed_twice(stand: Stand) -> str:
    """Claim 15: each replay of what was delivered is delivered exactly once more."""
    events = 20
    async with run_vendor() as vendor, product(stand.room, stand.database) as made:
        await configure(made, [vendor.url])
        await put(made, 0, events, candidates=events)
        await made.start("work")
        await vendor.until(events)
        await made.drained()
        hub = made.opened.hub
        async with hub.store.look() as look:
            rows = await look.deliveries(TENANT, Page(1000))
        for turn in (1, 2):
            for row in rows:
                await hub.replay(TENANT, row.id, "chaos")
            await vendor.until(events * (turn + 1))
            await made.drained()
        assert vendor.repeats == 0
        assert set(vendor.candidates.values()) == {3}
        return (
            f"{events} deliveries replayed twice: {vendor.requests} requests under as many keys, 3 of each, repeats 0"
        )


CLAIMS: dict[str, Callable[[Stand], Awaitable[str]]] = {
    "1+17 kill -9": kills,
    "3 killed after the answer": killed_after_the_answer,
    "4 database restarts": database_restarts,
    "6 asked to stop": asked_to_stop,
    "7 frozen": frozen_past_its_lease,
    "8 one hangs": one_hangs,
    "14 told a hundred times": told_a_hundred_times,
    "15 replayed twice": replayed_twice,
}
