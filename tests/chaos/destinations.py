"""Vendors that are slow, endless, busy, gone or rude: each keeps its trouble to its own lane, and nothing is lost by it."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import socket
import struct
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import psutil

from hub.domain.connections import ConnectionState
from hub.ports.queue import DoneDelivery
from mappings.documents import Document
from tests.chaos.books import ALL, Told, books, configure, owed_to, put, tries
from tests.chaos.stand import CALM, LONG, Stand
from tests.chaos.vendor import BUSY, Manner, Vendor, run_vendor
from tests.support.hubs import TENANT
from tests.support.processes import Product, product, until
from tests.support.sink import Asked, answered

OPEN_S = 30.0  # how long a breaker opens the first time
EXCERPT = 4_000  # characters of an answer that are kept


def reset(asked: Asked) -> None:
    """Hang up as a crashed machine does, with RST."""
    held: socket.socket = asked.writer.get_extra_info("socket")
    held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    asked.writer.transport.abort()


async def drips(asked: Asked, start: bytes, drop: bytes, every_s: float) -> None:
    """Say `start`, then a little again and again, until the hub hangs up."""
    asked.writer.write(start)
    try:
        while not asked.reader.at_eof():
            asked.writer.write(drop)
            await asked.writer.drain()
            await asyncio.sleep(every_s)
    except ConnectionError:
        return


async def slow_loris(stand: Stand) -> Told:
    """Claim 9: headers or a body that come a byte every 200 ms end at the time-out, whatever they still say."""
    timeout = 2.0

    async def headers(_: Vendor, asked: Asked) -> None:
        await drips(asked, b"HTTP/1.1 200 OK\r\nx-slow: ", b"y", 0.2)

    async def body(_: Vendor, asked: Asked) -> None:
        await drips(asked, b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n", b"y", 0.2)

    async with (
        run_vendor(manner=headers) as one, run_vendor(manner=body) as two, run_vendor() as good,
        product(stand.room, stand.database, **CALM) as made,  # a try must not outlive its lease
    ):  # fmt: skip
        await configure(made, [one.url, two.url, good.url], timeout_s=timeout, retry={"default": [0.1]})
        await put(made, 0, 2, candidates=2)
        await made.start("work")
        await made.drained(LONG)
        took = [ms / 1000 for rows in (await tries(made)).values() for _, _, error, ms in rows if error == "timeout"]
        assert len(took) == 8, took
        assert all(timeout * 0.9 <= one <= timeout * 1.1 + 0.3 for one in took), took
        found = await books(made, [one, two, good], 6)
        found.check()
        return Told(f"8 tries at a time-out of {timeout:g} s ended after {min(took):.2f} to {max(took):.2f} s", found)


async def endless(stand: Stand) -> Told:
    """Claim 10: a body without end, a gzip bomb of 200 MB, a header of 2 MB: memory stays, what is kept stays small."""
    bomb = gzip.compress(bytes(200_000_000), 1)

    async def no_end(vendor: Vendor, asked: Asked) -> None:
        vendor.effect(asked)
        await drips(
            asked, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"8000\r\n%s\r\n" % (b"x" * 32768), 0
        )

    async def bombs(vendor: Vendor, asked: Asked) -> bytes:
        vendor.effect(asked)
        return answered(b"200 OK", bomb, content_encoding="gzip")

    async def long_header(vendor: Vendor, asked: Asked) -> bytes:
        vendor.effect(asked)
        return answered(b"200 OK", b"{}", x_long="y" * 2_000_000)

    async with AsyncExitStack() as stack:
        vendors = [await stack.enter_async_context(run_vendor(manner=one)) for one in (no_end, bombs, long_header)]
        made = await stack.enter_async_context(product(stand.room, stand.database, **CALM))
        good = await stack.enter_async_context(run_vendor())
        feeds: Document = {
            f"feed{n}": {
                "connector": "webhook", "config": {"url": one.url},
                "lane": {"timeout_s": 3, "retry": {"default": [0.1]}, "concurrency": 9},
            } for n, one in enumerate([good, *vendors])
        }  # fmt: skip
        await owed_to(made, feeds, "event.send")
        worker = psutil.Process((await made.start("work")).pid)
        await put(made, 0, 1, candidates=1)
        await made.drained(LONG)  # each was met once: caches are warm
        before = worker.memory_info().rss
        await put(made, 1, 1, candidates=1)  # one more unreadable answer would open the breaker, which is another claim
        most = await _peak(made, worker)
        grown = (most - before) / 1e6
        assert grown < 16, f"{grown:.1f} MB"
        kept = await _longest_talk(made)
        assert kept < 4 * EXCERPT, kept
        found = await books(made, [good, *vendors], 8)
        found.check(8)
        return Told(
            f"memory of the worker grew by {grown:.1f} MB; of an answer at most {kept} characters are kept", found, 8
        )


async def _peak(made: Product, worker: psutil.Process) -> int:
    """The most memory that the worker took until everything had ended."""
    most = 0
    while await made.left():
        most = max(most, worker.memory_info().rss)
        await asyncio.sleep(0.02)
    return max(most, worker.memory_info().rss)


async def _longest_talk(made: Product) -> int:
    hub, longest = made.opened.hub, 0
    async with hub.store.look() as look:
        rows = await look.deliveries(TENANT, ALL)
    for row in rows:
        for view in await hub.queries.attempts(TENANT, row.id):
            for line in view.talk if isinstance(view.talk, list) else ():
                answer = line.get("answer") if isinstance(line, dict) else None
                longest = max(longest, len(str(answer["body"])) if isinstance(answer, dict) else 0)
    return longest


async def retry_after(stand: Stand) -> Told:
    """Claim 11: 429 with Retry-After in seconds, as a date, as nonsense, and far too long: the lane waits, no try is lost."""
    wait = 3
    words = {
        "seconds": lambda: str(wait),
        "date": lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=wait + 1), usegmt=True),
        "nonsense": lambda: "soon; maybe",
        "a century": lambda: "999999999",
    }

    def limited(kind: str) -> Manner:
        async def manner(vendor: Vendor, asked: Asked) -> bytes:
            first = len(vendor.came) == 1
            return answered(b"429 Slow down", retry_after=words[kind]()) if first else vendor.effect(asked)

        return manner

    async with AsyncExitStack() as stack:
        vendors = {kind: await stack.enter_async_context(run_vendor(manner=limited(kind))) for kind in words}
        made = await stack.enter_async_context(product(stand.room, stand.database, **CALM))
        await configure(made, [one.url for one in vendors.values()], concurrency=1)
        await put(made, 0, 4, candidates=4)
        await made.start("work")
        await until(lambda: _left_is(made, 4), "only the lane that was put off for a century waits")
        gaps = {kind: one.came[1] - one.came[0] for kind, one in vendors.items() if len(one.came) > 1}
        assert all(wait - 0.1 <= gaps[kind] < wait + 3 for kind in ("seconds", "date")), gaps
        assert gaps["nonsense"] < 2, gaps
        async with made.opened.hub.store.look() as look:
            held = {lane.connection: lane.held_until for lane in await look.lanes() if lane.held_until}
            rows = await look.deliveries(TENANT, ALL)
        [until_] = [moment for moment in held.values() if moment > datetime.now(UTC) + timedelta(hours=1)]
        assert until_ < datetime.now(UTC) + timedelta(hours=24, minutes=1)
        costs = sorted(row.attempts for row in rows if isinstance(row, DoneDelivery))
        assert costs == [1] * 11 + [2], costs  # only nonsense counts as a try
        found = await books(made, list(vendors.values()), 16)
        found.check()
        seen = ", ".join(f"{kind} {gap:.1f} s" for kind, gap in gaps.items())
        return Told(
            f"quiet after it for: {seen}; a century becomes 24 h; tries spent {sum(costs) - 12}, all on nonsense", found
        )


async def _left_is(made: Product, count: int) -> bool:
    return await made.left() == count


async def storm(stand: Stand) -> Told:
    """Claim 12 and security fault 17: nothing but 503 for a while; few requests are wasted, then it starts slowly."""
    events, concurrency, lasts = 200, 16, 12.0
    healthy = asyncio.Event()

    async def busy(vendor: Vendor, asked: Asked) -> bytes:
        await asyncio.sleep(0.002)
        return vendor.effect(asked) if healthy.is_set() else BUSY

    async with run_vendor(manner=busy) as vendor, product(stand.room, stand.database, **CALM) as made:
        await configure(made, [vendor.url], concurrency=concurrency)
        await put(made, 0, events, candidates=events)
        await made.start("work")
        await until(lambda: _opened(made), "the breaker is open")
        await asyncio.sleep(lasts)
        wasted, last = len(vendor.came), vendor.came[-1]
        healthy.set()
        await vendor.until(1, LONG)
        quiet = vendor.came[wasted] - last
        await vendor.until(events, LONG)
        await made.drained(LONG)
        bound = 2 * concurrency + 10
        assert wasted <= bound, wasted
        assert quiet >= OPEN_S * 0.9, quiet
        found = await books(made, vendor, events)
        found.check()
        return Told(
            f"{wasted} requests wasted (bound {bound}), then {quiet:.1f} s of quiet, one probe, all through "
            f"{max(vendor.at.values()) - min(vendor.at.values()):.1f} s after it", found,
        )  # fmt: skip


async def _opened(made: Product) -> bool:
    async with made.opened.hub.store.look() as look:
        return any(lane.opens for lane in await look.lanes())


async def refuses(stand: Stand) -> Told:
    """Security fault 8: no connection at all: tries follow the schedule, the fifth opens the breaker, a probe delivers."""
    schedule = [0.2, 0.5, 1.0, 1.5, 2.0, 2.0]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    async with product(stand.room, stand.database, **CALM) as made:
        await configure(made, [f"http://127.0.0.1:{port}"], retry={"default": schedule})
        await put(made, 0, 1, candidates=1)
        await made.start("work")
        await until(lambda: _opened(made), "the breaker is open")
        async with made.opened.hub.store.look() as look:
            [row] = await look.deliveries(TENANT, ALL)
            began = sorted(one.started_at for one in await look.attempts(TENANT, row.id))
        gaps = [(after - before).total_seconds() for before, after in itertools.pairwise(began)]
        assert len(began) == 5, began
        late = 0.8  # the poll, and a busy machine
        assert all(0.8 * want <= gap <= 1.2 * want + late for want, gap in zip(schedule, gaps, strict=False)), gaps
        vendor = Vendor(0.002)
        server = await asyncio.start_server(vendor._serve, "127.0.0.1", port)
        opened = time.monotonic()
        await vendor.until(1, LONG)
        took = time.monotonic() - opened
        await made.drained(LONG)
        server.close()
        found = await books(made, vendor, 1)
        found.check()
        seen = ", ".join(f"{gap:.2f}" for gap in gaps)
        return Told(f"waits of {seen} s for {schedule[:4]}; open after 5 tries, delivered {took:.0f} s later", found)


async def gone(stand: Stand) -> Told:
    """Claim 13: 410 switches the connection off and holds what is owed; after it is switched on again all arrives."""
    events = 60
    back = asyncio.Event()

    async def manner(vendor: Vendor, asked: Asked) -> bytes:
        return vendor.effect(asked) if back.is_set() else answered(b"410 Gone")

    async with run_vendor(manner=manner) as vendor, product(stand.room, stand.database, **CALM) as made:
        await configure(made, [vendor.url])
        hub = made.opened.hub
        await put(made, 0, events, candidates=events)
        await made.start("work")
        await until(lambda: _is_off(made), "the connection is off")
        await asyncio.sleep(1.0)  # what was under way ends
        asked = len(vendor.came)
        await put(made, events, events, candidates=events)
        await asyncio.sleep(1.0)
        assert len(vendor.came) == asked <= 16, vendor.came
        assert await made.left() == 2 * events
        metrics = (await made.opened.render_metrics())[0].decode()
        [alarm] = [
            line for line in metrics.splitlines() if line.startswith("hirewire_lane_state") and "disabled" in line
        ]
        assert alarm.endswith(" 1.0"), alarm
        back.set()
        await hub.switch(TENANT, "vendor0", ConnectionState.ACTIVE, "chaos")
        await vendor.until(2 * events, LONG)
        await made.drained(LONG)
        found = await books(made, vendor, 2 * events)
        found.check()
        return Told(
            f"410 after {asked} requests, then none; {2 * events} held, the state that alerts watch is set", found
        )


async def _is_off(made: Product) -> bool:
    async with made.opened.hub.store.look() as look:
        one = await look.connection(TENANT, "vendor0")
        return one is not None and one.state is ConnectionState.DISABLED


async def answers_too_late(stand: Stand) -> Told:
    """Security faults 10 and 11: the work is done, but the answer comes after the time-out, or RST instead of it."""

    async def late(vendor: Vendor, asked: Asked) -> bytes | None:
        said = vendor.effect(asked)
        if vendor.asked[asked.key] == 1:
            await asked.reader.read()  # until the hub gives up
            return None
        return said

    async def torn(vendor: Vendor, asked: Asked) -> bytes | None:
        said = vendor.effect(asked)
        if vendor.asked[asked.key] == 1:
            reset(asked)
            return None
        return said

    events = 4  # one more unheard answer would open the breaker, which is another claim
    async with (
        run_vendor(manner=late) as slow, run_vendor(manner=torn) as rude,
        product(stand.room, stand.database, **CALM) as made,
    ):  # fmt: skip
        await configure(made, [slow.url, rude.url], timeout_s=8.0)
        await put(made, 0, events, candidates=events)
        await made.start("work")
        await made.drained(LONG)
        found = await books(made, [slow, rude], 2 * events)
        found.check(2 * events)
        assert found.repeats == 2 * events
        return Told("every first answer too late or torn off: each tried again under its key", found, 2 * events)


async def cut_lines(stand: Stand) -> Told:
    """Security fault 15, by cut connections: three in ten are torn, half of them after the work is done."""
    events = stand.size // 20

    async def manner(vendor: Vendor, asked: Asked) -> bytes | None:
        await asyncio.sleep(0.002)
        fate = vendor.chance.random()
        if fate < 0.15:
            reset(asked)
            return None
        said = vendor.effect(asked)
        if fate < 0.3:
            reset(asked)
            return None
        return said

    async with run_vendor(manner=manner) as vendor, product(stand.room, stand.database, **CALM) as made:
        await configure(made, [vendor.url], ordering="key")
        await put(made, 0, events, candidates=events // 10)
        await made.start("work")
        await vendor.until(events, LONG)
        await made.drained(LONG)
        found, bound = await books(made, vendor, events), len(vendor.came) - events
        found.check(bound)
        return Told(f"{len(vendor.came)} requests, 30 % of their connections torn", found, bound)
