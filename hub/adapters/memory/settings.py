"""What people configured, who they are and what was ordered, in memory."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import datetime

from hub.adapters.memory.audit import MemoryAudit
from hub.adapters.memory.border import MemoryBorder
from hub.adapters.memory.consents import MemoryConsents
from hub.adapters.memory.limits import MemoryLimits
from hub.adapters.memory.lookup import MemoryLookups
from hub.adapters.memory.records import MemoryRecords
from hub.adapters.memory.replays import MemoryReplays
from hub.adapters.memory.retention import MemoryRetention
from hub.adapters.memory.rules import MemoryRules, canonical
from hub.adapters.memory.runs import MemoryRuns
from hub.adapters.memory.subjects import MemorySubjects
from hub.domain.breaker import Trouble
from hub.domain.connections import Connection, ConnectionState, Lane
from hub.domain.deliveries import State
from hub.domain.errors import Conflict, NotFound
from hub.domain.ids import ConnectionId, TenantId
from hub.ports.people import ApiToken, Order
from hub.ports.store import StoredMapping
from mappings.documents import Document


class MemoryWork(
    MemoryReplays,
    MemoryRuns,
    MemoryRules,
    MemoryRetention,
    MemoryAudit,
    MemoryRecords,
    MemoryLimits,
    MemoryConsents,
    MemoryLookups,
    MemorySubjects,
    MemoryBorder,
):
    """`hub.ports.store.Work` over tables: adds Settings, People and Orders."""

    async def connections(self, tenant: TenantId) -> list[Connection]:
        found = [one for one in self._tables.connections.values() if one.tenant == tenant]
        return sorted(found, key=lambda one: one.name)

    async def connection(self, tenant: TenantId, name: str) -> Connection | None:
        return next((one for one in await self.connections(tenant) if one.name == name), None)

    async def connection_by_handle(self, handle: str) -> Connection | None:
        return next((one for one in self._tables.connections.values() if one.handle == handle), None)

    async def connection_by_id(self, connection: ConnectionId) -> Connection | None:
        return self._tables.connections.get(connection)

    async def put_connection(
        self,
        tenant: TenantId,
        name: str,
        *,
        handle: str,
        connector: str,
        config: Document,
        lane: Lane,
        secrets: bytes | None,
    ) -> Connection:
        old, config = await self.connection(tenant, name), deepcopy(config)
        if old is None:
            if await self.connection_by_handle(handle) is not None:
                raise Conflict("another connection has this handle", code="handle_taken")
            id_ = ConnectionId(self._tables.next("connection"))
            new = Connection(id_, tenant, handle, name, connector, config, lane, secrets=secrets)
        else:
            kept = old.secrets if secrets is None else secrets
            new = replace(old, connector=connector, config=config, lane=lane, secrets=kept)
        self._tables.connections.put(new.id, new)
        self._changed()
        return new

    async def set_connection_state(self, connection: ConnectionId, state: ConnectionState) -> None:
        lane = self._tables.connections.get(connection)
        if lane is None:
            raise NotFound("there is no such connection")
        self._tables.connections.put(connection, replace(lane, state=state))
        self._changed()
        if state is ConnectionState.ACTIVE:
            await self.set_trouble(connection, Trouble(), None)  # whoever switches it on again wants it tried
            held = [row for row in self._tables.live.values() if row.connection == connection]
            held = [row for row in held if row.state is State.HELD and self._tables.held_for_lane.get(row.id)]
            self.put_back(held)

    async def mappings(self, tenant: TenantId) -> list[StoredMapping]:
        found = [one for one in self._tables.mappings.values() if one.tenant == tenant]
        return sorted(found, key=lambda one: (one.name, one.version))

    async def put_mapping(self, tenant: TenantId, name: str, version: int, body: Document, now: datetime) -> None:
        old = self._tables.mappings.get((tenant, name, version))
        if old is not None and canonical(old.body) != canonical(body):
            raise Conflict(f"mapping {name}@{version} is there with another body", code="mapping_exists")
        if old is None:
            new = StoredMapping(tenant, name, version, deepcopy(body), now)
            self._tables.mappings.put((tenant, name, version), new)
        self._changed()

    async def config_version(self) -> int:
        return self._tables.counters.get("config") or 0

    async def add_token(self, token: ApiToken) -> None:
        if self._tables.tokens.get(token.id) is not None or await self.token(token.hash) is not None:
            raise Conflict("this token is there already", code="token_exists")
        self._tables.tokens.put(token.id, token)

    async def token(self, hash: bytes) -> ApiToken | None:
        return next((one for one in self._tables.tokens.values() if one.hash == hash), None)

    async def tokens(self, tenant: TenantId) -> list[ApiToken]:
        found = [one for one in self._tables.tokens.values() if one.tenant == tenant]
        return sorted(found, key=lambda one: (one.created_at, one.id))

    async def revoke_token(self, tenant: TenantId, id: str, now: datetime) -> bool:
        token = self._tables.tokens.get(id)
        if token is None or token.tenant != tenant or token.revoked_at is not None:
            return False
        self._tables.tokens.put(id, replace(token, revoked_at=now))
        return True

    async def drop_tokens_of(self, tenant: TenantId, account: str, before: datetime | None = None) -> int:
        over = [
            one
            for one in self._tables.tokens.values()
            if (one.tenant, one.account) == (tenant, account)
            and (before is None or (one.expires_at is not None and one.expires_at <= before))
        ]
        for one in over:
            self._tables.tokens.drop(one.id)
        return len(over)

    async def put_order(self, order: Order) -> None:
        self._tables.orders.put(order.id, order)

    async def order(self, id: str) -> Order | None:
        return self._tables.orders.get(id)

    async def orders_of(self, tenant: TenantId, subject: str) -> list[Order]:
        found = [one for one in self._tables.orders.values() if one.tenant == tenant and one.subject == subject]
        return sorted(found, key=lambda one: (one.created_at, one.id))
