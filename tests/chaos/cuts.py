"""Cut the power under an accepting process, or kill it on a bad disk, and see what is left of what it had acknowledged."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hub.adapters.db import migrate, open_store
from hub.ports.store import Page
from mappings.documents import Document
from tests.chaos.power import Disk
from tests.support.hubs import TENANT, bench

ROOT = Path(__file__).parents[2]
ENOUGH = 300  # acknowledged events before the cut
REFUSED = "-"


@dataclass(frozen=True)
class Cut:
    """What a power cut did."""

    acknowledged: int
    lost: int
    owing: int  # stored events without the delivery they owe
    sound: bool  # the file passes its own check
    refused: int = 0

    def __str__(self) -> str:
        return f"acknowledged {self.acknowledged}, lost {self.lost}, without their delivery {self.owing}, sound: {self.sound}"


async def power_cut(on: Disk, normal: bool = False, enough: int = ENOUGH) -> Cut:
    """One cut in the middle of accepting."""
    url = f"sqlite:///{on.at / 'hirewire.db'}"
    await asyncio.to_thread(migrate, url)
    await _configure(url)
    os.sync()  # what was there long before the cut is on the disk
    told, _ = await _accepting(url, ["normal"] if normal else [], enough, on.cut)
    on.back()
    return await _left(url, told)


async def accepting_on(url: str, enough: int, under: Sequence[str]) -> Cut:
    """Accept so many, whatever is refused meanwhile, in a process that `under` starts; then kill it."""
    await _configure(url)
    told, refused = await _accepting(url, ["stubborn"], enough, lambda: None, under)
    return replace(await _left(url, told), refused=refused)


async def _accepting(
    url: str, words: Sequence[str], enough: int, cut: Callable[[], None], under: Sequence[str] = ()
) -> tuple[set[str], int]:
    """What it acknowledged before it was killed, and how often it refused."""
    child = await asyncio.create_subprocess_exec(
        *under, sys.executable, "-m", "tests.chaos.accepting", url, *words,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    assert child.stdout is not None
    told: list[str] = []
    count = 0
    try:
        while count < enough and (line := await child.stdout.readline()):
            told.append(line.decode().strip())
            count += told[-1] != REFUSED
        assert count >= enough, "the process ended before the cut"
        cut()
    finally:
        if child.returncode is None:
            os.killpg(child.pid, signal.SIGKILL)
        rest = await child.stdout.read()
        await child.wait()
    told += rest.decode().split()
    return {key for key in told if key != REFUSED}, told.count(REFUSED)


async def _configure(url: str) -> None:
    store = open_store(url)
    step: Document = {"kind": "action", "id": "tell", "connection": "feed", "operation": "event.send"}
    rule: Document = {"rule": {"schema": 1, "trigger": {"event": "interview.report.completed"}, "then": [step]}}
    feed: Document = {"connector": "webhook", "config": {"url": "https://feed.example/in"}}
    await bench(store).configure({"connections": {"feed": feed}, "rules": {"all": rule}})
    await store.close()


async def _left(url: str, told: set[str]) -> Cut:
    store = open_store(url)
    async with store._reader.connect() as connection:
        sound = (await connection.exec_driver_sql("PRAGMA integrity_check")).scalar_one() == "ok"
    async with store.look() as look:
        events = await look.events(TENANT, Page(1_000_000))
        owed = {one.event for one in await look.deliveries(TENANT, Page(1_000_000))}
    await store.close()
    there = {one.key for one in events}
    return Cut(len(told), len(told - there), sum(one.id not in owed for one in events), sound)
