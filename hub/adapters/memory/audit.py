"""The audit trail in memory."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import datetime

from hub.adapters.memory.events import MemoryEvents
from hub.domain.audit import Act, Chain, Linked, extended
from hub.domain.ids import TenantId
from hub.ports.audit import EVERY, ActFilter, OwedHead
from hub.ports.signing import SigningKey


class MemoryAudit(MemoryEvents):
    """`hub.ports.audit.Acts` and `hub.ports.signing.SigningShelf` over tables."""

    async def audit(self, act: Act) -> None:
        chain, [row] = extended(await self.chain(act.tenant), [replace(act, detail=deepcopy(act.detail))])
        self._tables.acts.put((act.tenant, row.seq), row)
        self._tables.chains.put(act.tenant, chain)

    async def acts(
        self, tenant: TenantId, limit: int, *, before: int | None = None, where: ActFilter = EVERY
    ) -> list[Linked]:
        found = [row for row in self._chained(tenant) if (before is None or row.seq < before) and _fits(row.act, where)]
        return found[::-1][:limit]

    async def acts_after(self, tenant: TenantId, seq: int, limit: int) -> list[Linked]:
        return [row for row in self._chained(tenant) if row.seq > seq][:limit]

    def _chained(self, tenant: TenantId) -> list[Linked]:
        rows = (row for (owner, _), row in self._tables.acts.items() if owner == tenant)
        return sorted(rows, key=lambda row: row.seq)

    async def chain(self, tenant: TenantId) -> Chain:
        return self._tables.chains.get(tenant) or Chain(tenant)

    async def chains(self) -> list[Chain]:
        return sorted(self._tables.chains.values(), key=lambda chain: chain.tenant)

    async def mark_signed(self, tenant: TenantId, seq: int) -> None:
        chain = await self.chain(tenant)
        self._tables.chains.put(tenant, replace(chain, signed=max(seq, chain.signed)))

    async def owe_head(self, owed: OwedHead) -> None:
        if self._tables.owed_heads.get((owed.tenant, owed.seq)) is None:
            self._tables.owed_heads.put((owed.tenant, owed.seq), owed)

    async def owed_heads(self, now: datetime, limit: int) -> list[OwedHead]:
        due = [one for one in self._tables.owed_heads.values() if one.due_at <= now]
        return sorted(due, key=lambda one: (one.tenant, one.seq))[:limit]

    async def put_off_head(self, owed: OwedHead, until: datetime) -> None:
        there = self._tables.owed_heads.get((owed.tenant, owed.seq))
        if there is not None:
            self._tables.owed_heads.put((owed.tenant, owed.seq), replace(there, tries=owed.tries + 1, due_at=until))

    async def settle_head(self, owed: OwedHead) -> None:
        if self._tables.owed_heads.get((owed.tenant, owed.seq)) is not None:
            self._tables.owed_heads.drop((owed.tenant, owed.seq))

    async def prune_acts(self, tenant: TenantId, through: int) -> int:
        last = self._tables.acts.get((tenant, through))
        if last is None:
            return 0
        old = [row.seq for row in self._chained(tenant) if row.seq <= through]
        for seq in old:
            self._tables.acts.drop((tenant, seq))
        chain = await self.chain(tenant)
        self._tables.chains.put(tenant, replace(chain, floor=through, floor_hash=last.hash))
        return len(old)

    async def signing_keys(self, tenant: TenantId) -> list[SigningKey]:
        mine = [key for key in self._tables.signing_keys.values() if key.tenant == tenant]
        return sorted(mine, key=lambda key: (key.created_at, key.id))

    async def add_signing_key(self, key: SigningKey) -> None:
        self._tables.signing_keys.put(key.id, key)


def _fits(act: Act, where: ActFilter) -> bool:
    named = where.action is None or act.action == where.action
    if where.action is not None and where.action.endswith("*"):
        named = act.action.startswith(where.action[:-1])
    return (
        named
        and where.actor in (None, act.actor)
        and where.object in (None, act.object)
        and where.outcome in (None, act.outcome)
        and act.grade >= where.least
        and (where.since is None or act.at >= where.since)
        and (where.until is None or act.at < where.until)
    )
