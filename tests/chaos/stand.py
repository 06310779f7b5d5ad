"""Where a claim is tried: a fresh database of one kind, and folders for installations on it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from hub.adapters.db import migrate
from tests.chaos.books import Told

REPLICAS = 3
LONG = 300.0
CALM = {"HIREWIRE_LEASE": "15"}  # where nobody dies: a busy machine may stall a process for seconds
_migrating = asyncio.Lock()  # Alembic keeps its context in a module


async def migrated(url: str) -> None:
    """The schema is there."""
    async with _migrating:
        await asyncio.to_thread(migrate, url)


@dataclass
class Stand:
    """`blow` restarts or cuts the database server, where there is one."""

    folder: Path
    store: str
    database: str
    blow: Callable[[str], Awaitable[None]] | None
    chance: random.Random
    size: int

    @property
    def room(self) -> Path:
        """A folder that nobody used yet."""
        made = self.folder / f"home-{len(list(self.folder.glob('home-*')))}"
        made.mkdir()
        return made


@dataclass(frozen=True)
class Claim:
    """One row of the table. `quiet`: mostly waiting, so that several may run at once. `stores`: where it means anything."""

    name: str
    act: Callable[[Stand], Awaitable[Told]]
    quiet: bool = False
    stores: tuple[str, ...] = ("sqlite", "postgres")

    @property
    def numbers(self) -> set[str]:
        """What `--claims` may call it."""
        return set(self.name.split()[0].split("+"))
