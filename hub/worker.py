"""The delivering process: lanes and the timer, until a signal says stop; what was started is finished first."""

from __future__ import annotations

import asyncio
import signal

from hub.bootstrap import metrics_server, open_hub, settle
from hub.settings import Settings


async def work(settings: Settings) -> None:
    """Deliver until SIGTERM or SIGINT. A second signal is not waited for: the lease gives the rest to others."""
    opened = open_hub(settings)
    settle()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, opened.hub.lanes.stop)
    await opened.begin()
    async with metrics_server(settings, opened), opened.alive():
        await opened.run_loops()
    await opened.close()
