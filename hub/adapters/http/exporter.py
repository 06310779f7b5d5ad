"""A worker's own `/metrics`, for a scraper on the same machine or network."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from hub.domain.errors import HubError, Unavailable

Render = Callable[[], Awaitable[tuple[bytes, str]]]


@asynccontextmanager
async def serve_metrics(
    listen: tuple[str, int], render: Render, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve GET /metrics while the block runs; yields the port (0 in `listen` picks a free one)."""

    async def answer(_: web.Request) -> web.Response:
        try:
            body, content_type = await render()
        except HubError:
            raise web.HTTPServiceUnavailable from None
        return web.Response(body=body, headers={"Content-Type": content_type})

    app = web.Application()
    app.router.add_get("/metrics", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, *listen, ssl_context=tls)
        try:
            await site.start()
        except OSError as error:
            raise Unavailable(f"cannot listen on {listen[0]}:{listen[1]} for metrics", code="cannot_listen") from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
