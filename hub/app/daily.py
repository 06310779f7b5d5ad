"""Work that is due once a day over all processes and restarts: when it was last done is a row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from hub.ports.clock import Clock, Ids
from hub.ports.store import Store

DAY = timedelta(hours=23)  # a job that is asked every few minutes stays at about the same time of day
AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Daily:
    """Runs a work if it was not done for a day. One that failed is tried again in an hour."""

    store: Store
    clock: Clock
    ids: Ids

    async def __call__(self, name: str, work: Callable[[], Awaitable[object]]) -> bool:
        """Whether it was due. Raises what the work raises."""
        owner, role = self.ids.token(8), f"daily.{name}"
        now = self.clock.now()
        if not await self.store.lead(role, owner, now=now, until=now + DAY):
            return False
        try:
            await work()
        except BaseException:
            now = self.clock.now()
            await self.store.lead(role, owner, now=now, until=now + AGAIN)
            raise
        return True
