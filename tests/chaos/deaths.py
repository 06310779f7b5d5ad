"""Processes that are killed, frozen, stopped and cut off: what was accepted arrives all the same, and once."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

from hub.ports.queue import DoneDelivery
from tests.chaos.books import ALL, Skipped, Told, books, configure, posted, put
from tests.chaos.stand import CALM, LONG, REPLICAS, Stand
from tests.chaos.vendor import Vendor, run_vendor
from tests.support.hubs import TENANT
from tests.support.processes import IN_FLIGHT, LEASE_S, Product, producer, product, until


async def kills(stand: Stand) -> Told:
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
        return Told(f"{blows} kills of {REPLICAS} workers over {events} deliveries, 10 % failing", found, bound)


async def killed_while_accepting(stand: Stand) -> Told:
    """Claim 2: kill -9 of `serve` while it accepts; clients that heard nothing send again, one event each."""
    events, turns = 240, 3
    async with run_vendor() as vendor, product(stand.room, stand.database, **CALM) as made:
        await configure(made, [vendor.url])
        await made.start("work")
        async with producer(made, at_once=32) as client:
            for turn in range(turns):
                serve = await made.start("serve")
                told = [posted(n) for n in range(turn * events, (turn + 1) * events)]
                sending = [asyncio.create_task(client.send(event)) for event in told]
                while len(client.answered) < turn * events + events // 3:
                    await asyncio.wait([one for one in sending if not one.done()], return_when=asyncio.FIRST_COMPLETED)
                await made.kill(serve)
                heard = sum(await asyncio.gather(*sending))
                assert heard < events, "the kill came too late to prove anything"
                serve = await made.start("serve")
                await asyncio.gather(*(client.insist(event) for event in told))
                await made.stop(serve)
            assert len(set(client.answered.values())) == turns * events
        await vendor.until(turns * events)
        await made.drained(LONG)
        found = await books(made, vendor, turns * events)
        found.check()
        return Told(f"{turns} kills of `serve` under load, all sent again, ids the same as before", found)


async def killed_after_the_answer(stand: Stand) -> Told:
    """Claim 3: kill -9 of `serve` right after its 202; the worker that runs beside it delivers."""
    async with run_vendor() as vendor, product(stand.room, stand.database, **CALM) as made:
        await configure(made, [vendor.url])
        await made.start("work")
        took = []
        for number in range(3):
            serve = await made.start("serve")
            async with producer(made) as client:
                assert await client.send(posted(number))
                await made.kill(serve)
            began = time.monotonic()
            await vendor.until(number + 1)
            took.append(time.monotonic() - began)
        await made.drained(LONG)
        found = await books(made, vendor, 3)
        found.check()
        assert max(took) < 5.0, took
        return Told(f"3 kills right after the answer, delivered within {max(took):.2f} s", found)


async def database_restarts(stand: Stand) -> Told:
    """Claims 4 and 5: the database server is restarted, torn down, and every connection to it ended, under traffic."""
    if stand.blow is None:
        raise Skipped("SQLite has no server to restart (power cuts stand for it)")
    events, hows = stand.size // 4, ["fast", "immediate", "terminate", "immediate", "fast"]
    async with run_vendor() as vendor, product(stand.room, stand.database) as made:
        await configure(made, [vendor.url])
        await made.start("serve")
        await made.start("work")
        async with producer(made, at_once=16) as client:
            share = events // len(hows)
            for turn, how in enumerate(hows):
                told = [posted(n) for n in range(turn * share, turn * share + share)]
                sending = asyncio.gather(*(client.insist(event, LONG) for event in told))
                await vendor.until(turn * share + share // 4, LONG)
                await stand.blow(how)
                await sending
        await vendor.until(share * len(hows), LONG)
        await made.drained(LONG)
        found, bound = await books(made, vendor, share * len(hows)), len(hows) * IN_FLIGHT
        found.check(bound)
        return Told(f"{', '.join(hows)} under traffic", found, bound)


async def database_gone(stand: Stand) -> Told:
    """Security fault 25: the database is gone for a while; 503 with Retry-After, nothing crashes, all goes on after it."""
    if stand.blow is None:
        raise Skipped("SQLite has no server to stop")
    away_s, events = 10.0, 100
    async with run_vendor() as vendor, product(stand.room, stand.database, **CALM) as made:
        await configure(made, [vendor.url])
        serve, worker = await made.start("serve"), await made.start("work")
        async with producer(made, at_once=8) as client:
            await stand.blow("stop")
            refused = [await client.post(posted(0)) for _ in range(3)]
            await asyncio.sleep(away_s)
            assert {status for status, _ in refused} == {503}, refused
            sending = asyncio.gather(*(client.insist(posted(n), LONG) for n in range(events)))
            await stand.blow("start")
            began = time.monotonic()
            await vendor.until(1, LONG)
            took = time.monotonic() - began
            await sending
        await vendor.until(events, LONG)
        await made.drained(LONG)
        assert serve.returncode is None
        assert worker.returncode is None
        found = await books(made, vendor, events)
        found.check()
        return Told(f"gone for {away_s:g} s: 503 meanwhile, first delivery {took:.1f} s after its return", found)


async def asked_to_stop(stand: Stand) -> Told:
    """Claim 6: SIGTERM under load; nothing new is sent, nothing stays leased, exit code 0."""
    events = stand.size // 4
    async with run_vendor(0.01) as vendor, product(stand.room, stand.database, **CALM) as made:
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
        found.check()
        return Told(f"4 times SIGTERM under load, at most {max(took):.1f} s to stop, exit code 0", found)


async def frozen_past_its_lease(stand: Stand) -> Told:
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
        found, late = await books(made, vendor, events), await _late(made)
        found.check(IN_FLIGHT)
        return Told(f"one worker frozen for more than a lease, {late} tries on record as late", found, IN_FLIGHT)


async def _late(made: Product) -> int:
    count = 0
    async with made.opened.hub.store.look() as look:
        for row in await look.deliveries(TENANT, ALL):
            if isinstance(row, DoneDelivery) and row.attempts > 1:
                count += sum(one.outcome == "late" for one in await look.attempts(TENANT, row.id))
    return count


async def one_hangs(stand: Stand) -> Told:
    """Claim 8: a destination that accepts and never answers keeps its own lane's places and nobody else's."""
    events, concurrency = stand.size // 4, 12
    home = stand.room
    calm = await _pace(stand, home, 0, events, concurrency, hanging=False)
    hung = await _pace(stand, home, events, events, concurrency, hanging=True)
    assert hung[1] <= concurrency, hung
    return Told(
        f"the other lane took {calm[0]:.2f} s for {events} beside a healthy vendor and {hung[0]:.2f} s beside a hanging "
        f"one (bench/lanes.py measures latency); at most {hung[1]} requests hung (limit {concurrency})"
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
        return time.monotonic() - began, bad.most


async def _has(vendor: Vendor, events: int) -> bool:
    return len(vendor.tries) >= events


async def told_a_hundred_times(stand: Stand) -> Told:
    """Claim 14: 100 posts of one event at once are one event; other content under its name is refused."""
    async with run_vendor() as vendor, product(stand.room, stand.database, **CALM) as made:
        await configure(made, [vendor.url])
        await made.start("serve")
        await made.start("work")
        for number in range(5):
            event = posted(number)
            async with producer(made, at_once=100) as client:
                answers = await asyncio.gather(*(client.post(event) for _ in range(100)))
                status, problem = await client.post({**event, "data": posted(99)["data"]})
            assert {code for code, _ in answers} == {202}
            assert len({body for _, body in answers}) == 1
            assert (status, b"key_reused" in problem) == (422, True)
        await vendor.until(5)
        await made.drained(LONG)
        found = await books(made, vendor, 5)
        found.check()
        return Told("5 times 100 posts at once, each with the same bytes in all answers", found)


async def replayed_twice(stand: Stand) -> Told:
    """Claim 15: each replay of what was delivered is delivered exactly once more."""
    events = 20
    async with run_vendor() as vendor, product(stand.room, stand.database, **CALM) as made:
        await configure(made, [vendor.url])
        await put(made, 0, events, candidates=events)
        await made.start("work")
        await vendor.until(events)
        await made.drained(LONG)
        hub = made.opened.hub
        async with hub.store.look() as look:
            rows = await look.deliveries(TENANT, ALL)
        for turn in (1, 2):
            for row in rows:
                await hub.replay(TENANT, row.id, "chaos")
            await vendor.until(events * (turn + 1))
            await made.drained(LONG)
        assert vendor.repeats == 0
        assert set(vendor.candidates.values()) == {3}
        return Told(
            f"{events} deliveries replayed twice: {vendor.requests} requests under as many keys, 3 of each, repeats 0"
        )
