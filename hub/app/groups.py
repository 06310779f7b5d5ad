"""Group commit: many callers, one transaction; each is answered when it is durable."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from hub.domain.errors import Unavailable

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class GroupCommit(Generic[T, R]):
    """Collects items for at most `linger_s` or until `size` are there, then commits them in one call.

    While one commit runs the next group fills, so under load groups grow by themselves. More than `limit` items
    waiting: Unavailable, before anything is promised. A failed commit fails all callers of its group.
    `enough`: whether so many need not wait for more; nobody waits where the last one came alone.
    """

    commit: Callable[[Sequence[T]], Awaitable[Sequence[R]]]
    size: int = 64
    linger_s: float = 0.002
    limit: int = 20_000
    refused: Callable[[], None] = lambda: None
    enough: Callable[[int], bool] = lambda waiting: False
    _waiting: list[tuple[T, asyncio.Future[R]]] = field(default_factory=list)
    _full: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _last: int = 1  # items of the last group

    @property
    def waiting(self) -> int:
        """Items not yet handed to a commit."""
        return len(self._waiting)

    async def put(self, items: Sequence[T]) -> list[R]:
        """Commit `items` (kept together and in order) with whatever else comes; the answers in the same order."""
        if len(self._waiting) + len(items) > self.limit:
            self.refused()
            raise Unavailable("too much is waiting to be stored", code="overloaded", after=1.0)
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in items]
        self._waiting.extend(zip(items, futures, strict=True))
        if self._complete():
            self._full.set()
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._run())
        return [await futures[0]] if len(futures) == 1 else list(await asyncio.gather(*futures))

    async def _run(self) -> None:
        while self._waiting:
            if not self._complete():
                self._full.clear()
                try:
                    await asyncio.wait_for(self._full.wait(), self.linger_s)
                except TimeoutError:
                    pass
            group, self._waiting = self._waiting[: self.size], self._waiting[self.size :]
            self._last = len(group)
            await self._flush(group)

    def _complete(self) -> bool:
        return self._last == 1 or len(self._waiting) >= self.size or self.enough(len(self._waiting))

    async def _flush(self, group: list[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            answers = await self.commit([item for item, _ in group])
        except Exception as error:  # every caller of the group must hear of it, whatever it is
            for _, future in group:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(group, answers, strict=True):
            if not future.done():
                future.set_result(answer)
