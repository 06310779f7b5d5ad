"""What goes out, and where to: addresses that must never be reached, and signatures while a secret is replaced."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from hub.ports.queue import DoneDelivery
from mappings.documents import Document
from tests.chaos.books import ALL, Told, books, owed_to, put
from tests.chaos.stand import CALM, LONG, Stand
from tests.chaos.vendor import Vendor, run_vendor
from tests.support.hubs import TENANT
from tests.support.processes import Product, product, until
from tests.support.sink import Asked, answered

OLD, NEW = "whsec_" + "b2xk" * 11 + "b2xr", "whsec_" + "bmV3" * 11 + "bmV3"
SPELLINGS = (
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "localhost", "0.0.0.0", "[::1]",
    "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[::]", "user@127.0.0.1", "127.0.0.1.",
)  # fmt: skip


@dataclass
class Canary:
    """Something on this machine that nobody may speak to."""

    port: int = 0
    connections: int = 0


@asynccontextmanager
async def canary() -> AsyncIterator[Canary]:
    """It counts who comes, on both families."""
    made = Canary()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.connections += 1
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as four:
        made.port = four.sockets[0].getsockname()[1]
        async with await asyncio.start_server(serve, "::1", made.port):
            yield made


def feeds(urls: Mapping[str, str], secret: str = OLD) -> Document:
    """A signed webhook for each address."""
    return {
        name: {"connector": "webhook", "config": {"url": url}, "secrets": {"signing_secret": secret}}
        for name, url in urls.items()
    }


async def forbidden_addresses(stand: Stand) -> Told:
    """Claim 23: this machine in fifteen spellings and two schemes, and redirects to it: nobody ever connects."""
    async with canary() as bird:
        urls = {
            f"{scheme}-{n}": f"{scheme}://{host}:{bird.port}/in"
            for scheme in ("https", "http")
            for n, host in enumerate(SPELLINGS)
        }
        room = stand.room
        settings = {"HIREWIRE_EGRESS": "public", "HIREWIRE_EGRESS_PORTS": f"443,{bird.port}"}
        async with product(room, stand.database, **settings) as made:
            await owed_to(made, feeds(urls), "event.send")
            await made.start("work")
            await put(made, 0, 1, candidates=1)
            await made.drained(LONG)
            ends = await _ends(made)
            assert set(ends) == {"dead"}, ends
            assert len(ends) == len(urls)

        async def elsewhere(vendor: Vendor, asked: Asked) -> bytes:
            status = (b"301 Moved", b"302 Found", b"307 Temporary", b"308 Permanent")[len(vendor.came) % 4]
            return answered(status, location=f"http://127.0.0.1:{bird.port}/latest/meta-data")

        async with run_vendor(manner=elsewhere) as door, product(room, stand.database, **CALM) as made:
            await owed_to(made, feeds({"door": door.url}), "event.send")
            await made.start("work")
            await put(made, 1, 4, candidates=4)
            await made.drained(LONG)
            redirected = len(door.came)
            found = await books(made, door, len(urls) + 4)
            found.check()
        assert redirected >= 4
        assert bird.connections == 0, bird
        return Told(f"{len(urls)} addresses and {redirected} redirects, 0 connections to the canary", found)


async def _ends(made: Product) -> list[str]:
    async with made.opened.hub.store.look() as look:
        return [str(row.final) for row in await look.deliveries(TENANT, ALL) if isinstance(row, DoneDelivery)]


async def secret_replaced(stand: Stand) -> Told:
    """Claim 24: a signing secret is replaced: both signatures for a while, then only the new; a replay is signed afresh."""
    seen: list[str] = []
    ages: list[float] = []

    async def manner(vendor: Vendor, asked: Asked) -> bytes:
        seen.append("".join(name for name, secret in (("o", OLD), ("n", NEW)) if _verified(secret, asked)))
        ages.append(time.time() - int(asked.headers["webhook-timestamp"]))
        return vendor.effect(asked)

    async with run_vendor(manner=manner) as vendor, product(stand.room, stand.database, **CALM) as made:
        await made.start("work")
        for turn, secret in enumerate((OLD, f"{NEW} {OLD}", NEW)):
            await owed_to(made, feeds({"feed": vendor.url}, secret), "event.send")
            await asyncio.sleep(1.5)  # a change is in force everywhere after a second
            await put(made, turn * 20, 20, candidates=20)
            await vendor.until(turn * 20 + 20, LONG)
        await made.drained(LONG)
        assert (set(seen[:20]), set(seen[20:40]), set(seen[40:])) == ({"o"}, {"on"}, {"n"}), seen
        async with made.opened.hub.store.look() as look:
            first = min(row.id for row in await look.deliveries(TENANT, ALL))
        await made.opened.hub.replay(TENANT, first, "chaos")
        await until(lambda: _count(vendor, 61), "the replay has come")
        assert seen[-1] == "n"
        assert max(ages) < 5, max(ages)
        await made.drained(LONG)
        found = await books(made, vendor, 61)
        assert (found.lost, found.pending, found.delivered) == (0, 0, 61), found
        return Told(
            "20 deliveries by the old secret, 20 by both, 20 by the new; the official verifier took all 61, a replay too"
        )


def _verified(secret: str, asked: Asked) -> bool:
    try:
        Webhook(secret).verify(asked.raw, asked.headers)
    except WebhookVerificationError:
        return False
    return True


async def _count(vendor: Vendor, count: int) -> bool:
    return len(vendor.came) >= count
