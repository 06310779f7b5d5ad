"""Who was sent abroad, and what is held at the border, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import datetime

from hub.adapters.memory.crossings import count, standing
from hub.adapters.memory.deliveries import MemoryDeliveries
from hub.domain.border import ANYWHERE, Crossing, Kept, Standing, Tally
from hub.domain.deliveries import Delivery, State
from hub.domain.ids import ConnectionId, TenantId
from hub.ports.border import KeptDeliveries
from mappings.documents import Document


class MemoryBorder(MemoryDeliveries):
    """`hub.ports.border.Border` over tables."""

    async def add_crossings(self, crossings: Sequence[Crossing], now: datetime) -> None:  # noqa: ARG002
        count(self._tables, crossings)

    async def tallies(self, tenant: TenantId, year: int) -> dict[str, Tally]:
        found = {key[2]: tally for key, tally in self._tables.tallies.items() if key[:2] == (tenant, year)}
        return dict(sorted(found.items()))

    async def crossed(self, tenant: TenantId, year: int, person: str) -> Mapping[str, int]:
        return {key[3]: one for key, one in self._tables.crossings.items() if key[:3] == (tenant, year, person)}

    async def at_border(self, crossing: Crossing) -> dict[str, Standing]:
        return {place: standing(self._tables, crossing, place) for place in (crossing.region, ANYWHERE)}

    async def set_out(self, crossing: Crossing, delivery: Delivery, until: datetime) -> None:
        self._tables.under_way.put((delivery.id, delivery.run_lease), (crossing, until))

    async def count_overdue(self, now: datetime, limit: int = 500) -> int:
        over = [(key, one) for key, (one, until) in self._tables.under_way.items() if until <= now][:limit]
        for key, _ in over:
            self._tables.under_way.drop(key)
        count(self._tables, [one for _, one in over])
        return len(over)

    async def forget_crossings(self, before: int, limit: int = 500) -> int:
        old = [key for key, _ in self._tables.crossings.items() if key[1] < before][:limit]
        for key in old:
            self._tables.crossings.drop(key)
        return len(old)

    async def kept_at_border(self) -> list[KeptDeliveries]:
        found = Counter((row.tenant, row.connection, kept) for row, kept in self._kept())
        return [KeptDeliveries(*key, many) for key, many in sorted(found.items())]

    async def let_across(self, tenant: TenantId, connection: ConnectionId, kept: Kept, limit: int = 1000) -> int:
        mine = [row for row, why in self._kept() if (row.tenant, row.connection, why) == (tenant, connection, kept)]
        some = sorted(mine, key=lambda row: row.id)[:limit]
        self.put_back(some)
        return len(some)

    def _kept(self) -> list[tuple[Delivery, Kept]]:
        held = (row for row in self._tables.live.values() if row.state is State.HELD)
        return [(row, kept) for row in held if (kept := self._tables.held_for_border.get(row.id)) is not None]

    async def awaiting_consent(self) -> dict[str, int]:
        held = (row for row in self._tables.live.values() if row.state is State.HELD)
        awaited = (self._tables.held_for_consent.get(row.id) for row in held)
        return dict(Counter(one.purpose for one in awaited if one is not None))

    async def border_policy(self, tenant: TenantId) -> Document | None:
        return self._tables.border_policies.get(tenant)

    async def put_border_policy(self, tenant: TenantId, body: Document) -> None:
        self._tables.border_policies.put(tenant, deepcopy(body))
        self._tables.next("config")
