"""The web process: the application factory that the server calls."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from litestar import Litestar

from hub.bootstrap import VERSION, open_hub, settle
from hub.bootstrap.listeners import WatchRevocations, own_revocations
from hub.settings import Settings
from hub.web.app import create_app
from hub.web.bounds import Bounds


def create() -> Litestar:
    """The application by the environment's settings; with embedded loops it delivers too."""
    settings = Settings.read(os.environ)
    opened, revocations = open_hub(settings), own_revocations(settings)
    watch = None if revocations is None else WatchRevocations(opened, revocations)
    bounds = Bounds(settings.body_s, settings.https)
    if watch is not None:
        bounds = replace(bounds, shut=watch.shut)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await opened.begin()
        watching = None if watch is None else asyncio.create_task(watch.run())
        loops = asyncio.create_task(opened.run_loops()) if settings.embedded_loops else None
        settle()
        try:
            async with opened.alive():
                yield
        finally:
            if watching is not None:
                watching.cancel()
            if loops is not None:
                opened.hub.lanes.stop()
                await loops
            await opened.close()

    return create_app(
        opened.hub,
        opened.render_metrics,
        VERSION,
        [lifespan],
        bounds,
        vendors_only=settings.vendors_only,
    )
