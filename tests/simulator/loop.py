"""An event loop whose time is a number: it jumps to the next timer, and a process in it can be frozen or killed.

Everything runs in one thread, ready callbacks in the order they became ready, timers in the order of their time. No
socket, no thread, no clock of the machine: what happens depends on nothing but what is put in.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

T = TypeVar("T")
TURNS = 100_000  # a world takes about 5,000
ON_FILES = 20  # so many times as many: each statement is a turn, and whoever waits looks at the file every 5 ms
_OWNER: ContextVar[Process | None] = ContextVar("simulated_process", default=None)


class Stalled(Exception):
    """Nothing is ready and no timer is set: whoever waits waits for ever."""


class Livelock(Exception):
    """Far too much happened: something goes round in circles."""


class Process:
    """What shares the fate of one process: its tasks are marked by their context.

    Frozen, its callbacks and timers are put aside until it goes on (SIGSTOP, SIGCONT). Killed, they stay aside: nothing
    of it runs again, no `finally` either, until `bury` at the end of the world.
    """

    def __init__(self, loop: VirtualLoop, name: str) -> None:
        self.loop, self.name = loop, name
        self.alive = True
        self.frozen = False
        self.freezes = 0
        self.thawed = float("-inf")
        self._aside: list[asyncio.Handle] = []
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._context = copy_context()
        self._context.run(_OWNER.set, self)

    def spawn(self, act: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run it as a part of this process."""
        return self.loop.create_task(act, context=self._context.copy())

    def freeze(self) -> None:
        """Nothing of it runs from here on."""
        self.frozen = True
        self.freezes += 1

    def thaw(self) -> None:
        """What came up meanwhile runs now."""
        self.frozen = False
        self.thawed = self.loop.time()
        if self.alive:
            self._resume()

    def kill(self) -> None:
        """Its memory is gone. What it asked of others goes on there."""
        self.alive = False

    def bury(self) -> list[asyncio.Task[Any]]:
        """At the end: let the remains come to an end of their own, so that none is found by the collector later."""
        self.alive, self.frozen = True, False
        left = [task for task in self._tasks if not task.done()]
        for task in left:
            task.cancel()
        self._resume()
        return left

    def takes(self, handle: asyncio.Handle) -> bool:
        """Whether the handle has to wait."""
        if self.alive and not self.frozen:
            return False
        self._aside.append(handle)
        return True

    def keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks[task] = None
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)

    def _resume(self) -> None:
        aside, self._aside = self._aside, []
        self.loop._ready.extend(aside)  # type: ignore[attr-defined]


class VirtualLoop(asyncio.BaseEventLoop):
    """See the module. `faults` collects what no one caught."""

    def __init__(self) -> None:
        super().__init__()
        self._clock_resolution = 1e-9
        self._at = 0.0
        self.turns, self.most_turns = 0, TURNS
        self.faults: list[str] = []
        self.set_exception_handler(self._fault)
        self.set_task_factory(self._make)
        self._outside = Context()

    def time(self) -> float:
        return self._at

    def outside(self, act: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run it as a part of the world around, whoever asks."""
        return self.create_task(act, context=self._outside.copy())

    def _make(self, loop: Any, act: Any, context: Context | None = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(act, loop=self, context=context)
        owner = (context or copy_context()).get(_OWNER)
        if owner is not None:
            owner.keep(task)
        return task

    def _fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.faults.append(f"{context.get('message')}: {type(error).__name__}: {error}")

    def _run_once(self) -> None:
        """One turn of the loop: BaseEventLoop's own asks a selector, this one moves the time."""
        timers, ready = self._scheduled, self._ready  # type: ignore[attr-defined]
        while timers and timers[0]._cancelled:
            heapq.heappop(timers)._scheduled = False
        if not ready and not self._stopping:  # type: ignore[attr-defined]
            if not timers:
                raise Stalled
            self._at = max(self._at, timers[0]._when)
        while timers and timers[0]._when <= self._at:
            handle = heapq.heappop(timers)
            handle._scheduled = False
            if not handle._cancelled:
                ready.append(handle)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            owner = handle._context.get(_OWNER)
            if owner is not None and owner.takes(handle):
                continue
            handle._run()
        self.turns += 1
        if self.turns > self.most_turns:
            raise Livelock

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are dropped when their time comes."""

    def _write_to_self(self) -> None:
        """There is no selector to wake."""
