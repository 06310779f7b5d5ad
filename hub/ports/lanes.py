"""What the workers of a lane tell each other through the record, and what the kill switch holds of all lanes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from hub.domain.breaker import Trouble
from hub.domain.ids import ConnectionId, RuleId, TenantId


@dataclass(frozen=True, slots=True)
class BusyLane:
    """A lane with something due. `opens`: its breaker let go after so many openings and one probe is wanted;
    `failing`: nothing has gone well since the first failure.
    """

    connection: ConnectionId
    tenant: TenantId
    opens: int = 0
    failing: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """What a lane is doing over all workers. `tokens` were left at `tokens_at` (None: it never had a rate)."""

    leased: int
    opens: int
    tokens: float | None
    tokens_at: datetime | None


@dataclass(frozen=True, slots=True)
class Pace:
    """How many tries of one lane went through and how many did not."""

    delivered: int = 0
    failed: int = 0


class Lanes(Protocol):
    """Which lanes want to be claimed, and their limits and breakers over all workers."""

    async def pace(self, since: datetime) -> dict[ConnectionId, Pace]:
        """Tries that began at `since` or later, of every lane; late ones are left out."""

    async def rooms(self, lanes: Sequence[ConnectionId], now: datetime) -> dict[ConnectionId, Room]:
        """The room of each of these lanes that may be claimed, locked until the transaction ends: limits hold exactly."""

    async def took(self, lane: ConnectionId, tokens: float | None, now: datetime, hold: datetime | None) -> None:
        """After a claim: the tokens left; `hold`: nobody else may claim before (a probe is under way)."""

    async def trouble(self, lane: ConnectionId) -> Trouble:
        """What is kept of a lane that fails, locked."""

    async def set_trouble(self, lane: ConnectionId, trouble: Trouble, until: datetime | None) -> None:
        """Keep it; with `until` nothing is claimed before that, and with no trouble left the lane is open again."""

    async def busy_lanes(self, now: datetime) -> list[BusyLane]:
        """Lanes with something due now that may be claimed."""

    async def hold_lane(self, connection: ConnectionId, until: datetime) -> None:
        """Retry-After or breaker: claim nothing from the lane before `until` (never shortens)."""

    async def recall(self, now: datetime, lease: timedelta) -> int:
        """Bring back what lies in the future because a clock has been set back: what was accepted later than `now`
        waits as long as it had to then, but from now on; a lease that is longer than any may be ends at `now` + `lease`.
        """

    async def hold_caused(self, tenant: TenantId, limit: int = 1000, rule: RuleId | None = None) -> int:
        """HELD for the kill switch: some of what rules planned and nobody has leased; how many. Until 0: all of it.

        `rule`: only what this one planned.
        """

    async def held_by_stop(self, tenant: TenantId, rule: RuleId | None = None) -> dict[ConnectionId, int]:
        """How many deliveries of each connection are held because all rules were stopped or theirs was paused."""

    async def let_go(
        self, tenant: TenantId, *, now: datetime, send: bool, limit: int = 1000, rule: RuleId | None = None
    ) -> int:
        """Some of what is held so, oldest first: to be sent after all, or CANCELLED; how many. Until 0: all.

        `rule`: only what this one planned; without it, what rules planned that are paused now stays held.
        """
