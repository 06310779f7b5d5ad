"""The web process: the application factory that the server calls."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar

from hub.bootstrap import VERSION, open_hub, settle
from hub.settings import Settings
from hub.web.app import create_app
from hub.web.bounds import Bounds


def create() -> Litestar:
    """The application by the environment's settings; with embedded loops it delivers too."""
    settings = Settings.read(os.environ)
    opened = open_hub(settings)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await opened.begin()
        loops = asyncio.create_task(opened.run_loops()) if settings.embedded_loops else None
        settle()
        try:
            async with opened.alive():
                yield
        finally:
            if loops is not None:
                opened.hub.lanes.stop()
                await loops
            await opened.close()

    return create_app(
        opened.hub,
        opened.render_metrics,
        VERSION,
        [lifespan],
        Bounds(settings.body_s, settings.https),
        vendors_only=settings.vendors_only,
    )
