"""The work that every system in bench/peers.py does for an event, written by hand: take, check, map, sign, post.

Each rival is two processes, as the hub is: `serve` takes events by HTTP and answers when its queue has committed them,
`work` takes them from the queue. Both run on uvloop, orjson and aiohttp, like most such programs would.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import signal
import time
from collections.abc import Awaitable, Callable

import aiohttp
import orjson
from aiohttp import web

SECRET = b"0123456789abcdef01234567"
ADVICE = {"recommend": "yes", "hold": "maybe", "reject": "no"}


def holds(data: dict) -> bool:
    return data["report"]["overall"]["score"] >= 80


def mapped(data: dict) -> dict:
    candidate, report = data["candidate"], data["report"]
    return {
        "id": report["id"],
        "candidate": candidate["id"],
        "given": candidate["name"]["given"],
        "family": candidate["name"]["full"].rsplit(" ", 1)[-1],
        "email": candidate["email"].lower(),
        "phone": candidate["phone"],
        "job": data["job"]["title"],
        "job_id": data["job"]["id"],
        "score": report["overall"]["score"],
        "confidence": report["overall"]["confidence"],
        "advice": ADVICE[report["overall"]["recommendation"]],
        "communication": report["scores"]["communication"],
        "logic": report["scores"]["logic"],
        "summary": {"en": report["summary"]["en"], "zh": report["summary"]["zh-CN"]},
    }


async def post(session: aiohttp.ClientSession, url: str, key: str, event: bytes) -> None:
    """Condition, mapping, Standard Webhooks signature, POST; raises where the vendor does not say 2xx."""
    data = orjson.loads(event)["data"]
    if not holds(data):
        return
    body = orjson.dumps(mapped(data))
    stamp = str(int(time.time()))
    mac = hmac.digest(SECRET, f"{key}.{stamp}.".encode() + body, hashlib.sha256)
    headers = {
        "webhook-id": key,
        "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
        "content-type": "application/json",
    }
    async with session.post(url, data=body, headers=headers) as answer:
        await answer.read()
        answer.raise_for_status()


def session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100))


async def serve(port: int, enqueue: Callable[[bytes], Awaitable[object]]) -> None:
    """Take one event per POST; 202 when `enqueue` has committed it."""

    async def take(request: web.Request) -> web.Response:
        raw = await request.read()
        event = orjson.loads(raw)
        if not event["id"] or not event["source"] or not isinstance(event["data"], dict):
            return web.Response(status=422)
        await enqueue(raw)
        return web.Response(status=202, body=b"{}")

    app = web.Application()
    app.router.add_post("/v1/events", take)
    app.router.add_get("/health/ready", lambda _: asyncio.sleep(0, web.Response()))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await told_to_stop()
    await runner.cleanup()


async def told_to_stop() -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()
