"""What every command needs: the settings, and the hub opened for one act."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hub.app.hub import Hub
from hub.bootstrap import open_hub
from hub.domain.audit import acting_from
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
            with acting_from("cli"):
                return await act(opened.hub)
        finally:
            await opened.close()

    return asyncio.run(run())


def actor() -> str:
    """Who types, for the record and for the rule that two people are needed: `cli:` and the account on this machine."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # an account without a name, as in some containers
        return f"cli:{os.getuid()}"
