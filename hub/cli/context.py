"""What every command needs: the settings, and the hub opened for one act."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hub.app.hub import Hub
from hub.bootstrap import open_hub
from hub.settings import Settings

T = TypeVar("T")


def settings() -> Settings:
    """From the environment. Raises Invalid."""
    return Settings.read(os.environ)


def surroundings() -> dict[str, str]:
    """The environment for processes that we start, without settings of ours: those are given anew."""
    return {name: value for name, value in os.environ.items() if not name.startswith("HIREWIRE_")}


def with_hub(act: Callable[[Hub], Awaitable[T]]) -> T:
    """Open the hub, do one thing with it, close it."""

    async def run() -> T:
        opened = open_hub(settings())
        try:
            return await act(opened.hub)
        finally:
            await opened.close()

    return asyncio.run(run())
