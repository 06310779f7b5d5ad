"""What is held because all rules were stopped or one was paused, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from hub.adapters.memory.events import MemoryEvents, ended, promote
from hub.adapters.memory.tables import Key
from hub.domain.deliveries import PAUSED, STOPPED, Delivery, Final, State
from hub.domain.ids import ConnectionId, RuleId, TenantId


class MemoryStops(MemoryEvents):
    """The part of `hub.ports.lanes.Lanes` that the kill switch needs, over tables."""

    async def hold_caused(self, tenant: TenantId, limit: int = 1000, rule: RuleId | None = None) -> int:
        for state in (State.WAITING, State.READY):
            mine = (row for row in self._tables.live.values() if row.tenant == tenant and row.state is state)
            some = [row for row in mine if row.revision is not None and rule in (None, self._rule_of(row))][:limit]
            for row in some:
                self._tables.live.put(row.id, replace(row, state=State.HELD))
                self._tables.held_for_stop.put(row.id, True)
            if some:
                return len(some)
        return 0

    def _rule_of(self, row: Delivery) -> RuleId | None:
        revision = None if row.revision is None else self._tables.revisions.get(row.revision)
        return None if revision is None else revision.rule

    def _stopped(self, tenant: TenantId, rule: RuleId | None = None) -> list[Delivery]:
        held = (row for row in self._tables.live.values() if row.tenant == tenant and row.state is State.HELD)
        mine = (row for row in held if self._tables.held_for_stop.get(row.id) and rule in (None, self._rule_of(row)))
        return sorted(mine, key=lambda row: row.id)

    async def held_by_stop(self, tenant: TenantId, rule: RuleId | None = None) -> dict[ConnectionId, int]:
        return dict(Counter(row.connection for row in self._stopped(tenant, rule)))

    async def let_go(
        self, tenant: TenantId, *, now: datetime, send: bool, limit: int = 1000, rule: RuleId | None = None
    ) -> int:
        paused = {one.id for one in self._tables.rules.values() if one.state == "paused"} if rule is None else set()
        some = [row for row in self._stopped(tenant, rule) if self._rule_of(row) not in paused][:limit]
        if send:
            self.put_back(some)
        reason = STOPPED if rule is None else PAUSED
        for row in () if send else some:
            self._tables.live.drop(row.id)
            self._tables.done.put(row.id, ended(row, Final.CANCELLED, None, now, reason))
        return len(some)

    def put_back(self, rows: Sequence[Delivery]) -> None:
        """Make rows READY that are not in the queue now; a keyed one takes its place by id among those not yet leased."""
        live, keys = self._tables.live, dict[Key, None]()
        for row in sorted(rows, key=lambda row: row.id):
            self._tables.held_for_stop.put(row.id, False)
            self._tables.held_for_consent.put(row.id, None)
            self._tables.held_for_border.put(row.id, None)
            if row.okey is None:
                live.put(row.id, replace(row, state=State.READY))
                continue
            key = (row.connection, row.okey)
            keys[key] = None
            live.put(row.id, replace(row, state=State.WAITING))
            head = live.get(live.heads[key]) if key in live.heads else None
            if head is not None and head.state is State.READY and head.id > row.id:
                live.put(head.id, replace(head, state=State.WAITING))
        promote(self._tables, keys)
