"""What the record lets go of when its time is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from hub.domain.ids import TenantId
from hub.domain.retention import Cuts, Kind

PROLONGED = timedelta(days=1)  # an identity that is used again lives anew; written at most so often


@dataclass(frozen=True, slots=True)
class Removed:
    """What one step removed. `after`: where the next step begins; None: there is nothing further."""

    rows: int
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Owing:
    """Live deliveries, of all and by tenant. `at_most`: not counted, known to be no more than this."""

    total: int
    by_tenant: dict[TenantId, int]
    at_most: bool = False

    def of(self, tenant: TenantId) -> int:
        """What this tenant owes."""
        return self.total if self.at_most else self.by_tenant.get(tenant, 0)


class Retention(Protocol):
    """Removal in small steps, each a transaction of its own.

    An event stays, however old, while a live or held delivery, a dead letter within its own time, a run that has not
    ended or a running replay of its tenant may need it. Deliveries and runs stay as long as their event.

    A tag change goes when a later one of its tag is over too and no event of its candidate that is kept came between
    the two; one that took the tag off also goes when no kept event came before it: nothing on is the same as taken off.

    What a candidate said of a purpose goes oldest first, when all of it is over and the last word is none that holds:
    taken back, expired before the cut, or of a candidate of whom no event is kept.
    """

    async def make_room(self, now: datetime) -> int:
        """Partitions ahead of their time where the store has them; returns how many were made."""

    async def remove(self, kind: Kind, cuts: Cuts, *, after: str = "", limit: int = 500) -> Removed:
        """Look at up to `limit` of the oldest rows beyond `after` and remove those that are over and needed by nothing.

        PostgreSQL removes attempts by whole partitions, up to a week late.
        """

    async def removable(self, kind: Kind, cuts: Cuts, tenant: TenantId | None = None, limit: int = 100_000) -> int:
        """How many a whole sweep would remove, counted up to `limit`."""

    async def oldest(self, kind: Kind) -> datetime | None:
        """About when the oldest row of this kind was made."""

    async def owing(self, enough: int, limit: int) -> Owing:
        """Live deliveries, counted up to `limit`; not counted where a glance shows that they are at most `enough`."""
