"""The record's part in sending many deliveries again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from hub.domain.deliveries import Planned
from hub.domain.ids import DeliveryId, EventId, TenantId
from hub.domain.replays import DeadGroup, ReplayJob, ReplayWanted
from hub.ports.runs import Start


class Replays(Protocol):
    """Replays of many, as rows: a process that dies leaves the next one where it was."""

    async def add_replay_job(
        self, tenant: TenantId, wanted: ReplayWanted, total: int, by: str, now: datetime
    ) -> ReplayJob: ...

    async def replay_job(self, tenant: TenantId, id: int) -> ReplayJob | None:
        """Locked until the transaction ends."""

    async def replay_jobs(self, tenant: TenantId, limit: int = 50) -> list[ReplayJob]:
        """Newest first."""

    async def running_replays(self) -> list[ReplayJob]:
        """Of all tenants, oldest first."""

    async def put_replay_job(self, job: ReplayJob) -> None:
        """Replace its state, counts and cursor."""

    async def replayable(
        self, tenant: TenantId, wanted: ReplayWanted, after: DeliveryId, limit: int
    ) -> list[DeliveryId]:
        """Ended deliveries that fit and were not sent again, with an id above `after`, ascending."""

    async def count_replayable(self, tenant: TenantId, wanted: ReplayWanted) -> int: ...

    async def events_after(
        self, tenant: TenantId, wanted: ReplayWanted, after: EventId | None, limit: int
    ) -> list[EventId]:
        """Events of that type and window, ascending by id."""

    async def count_wanted(self, tenant: TenantId, wanted: ReplayWanted) -> int: ...

    async def owe(
        self, tenant: TenantId, event: EventId, planned: Sequence[Planned], now: datetime
    ) -> list[DeliveryId]:
        """Deliveries more for a stored event, except for (connection, step) pairs that it has or had already."""

    async def begin_missing(self, tenant: TenantId, event: EventId, starts: Sequence[Start], now: datetime) -> int:
        """Runs for a stored event, except of rules that have run or sent for it already; how many.

        READY at `now`; what the event was followed by since it came counts for their waits.
        """

    async def dead_groups(self, tenant: TenantId) -> list[DeadGroup]:
        """Dead letters by cause, most first."""
