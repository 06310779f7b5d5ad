"""What people configured, in the database."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, update

from hub.adapters.db.link import AnyRow
from hub.adapters.db.replays import DbReplays
from hub.adapters.db.tables import metadata
from hub.domain.breaker import Trouble
from hub.domain.connections import Connection, ConnectionState, Lane, Ordering, Stuck
from hub.domain.deliveries import State
from hub.domain.errors import Conflict, NotFound
from hub.domain.ids import ConnectionId, TenantId
from hub.ports.store import StoredMapping
from mappings.documents import Document

_CONNECTION = metadata.tables["connection"]
_LANE = metadata.tables["destination"]
_MAPPING = metadata.tables["mapping"]
_SETTING = metadata.tables["setting"]
_DELIVERY = metadata.tables["delivery"]

SWITCH = "rules_stopped."  # and the tenant: the setting that holds the kill switch


class DbSettings(DbReplays):
    """`hub.ports.store.Settings` on one open connection."""

    async def connections(self, tenant: TenantId) -> list[Connection]:
        wanted = _connections().where(_CONNECTION.c.tenant_id == tenant)
        found = [_connection(row) for row in await self._link.rows(wanted)]
        return sorted(found, key=lambda one: one.name)  # by code point: databases sort text each in its own way

    async def connection(self, tenant: TenantId, name: str) -> Connection | None:
        return await self._one(_CONNECTION.c.tenant_id == tenant, _CONNECTION.c.name == name)

    async def connection_by_handle(self, handle: str) -> Connection | None:
        return await self._one(_CONNECTION.c.handle == handle)

    async def connection_by_id(self, connection: ConnectionId) -> Connection | None:
        return await self._one(_CONNECTION.c.id == connection)

    async def _one(self, *conditions: Any) -> Connection | None:
        row = await self._link.row(_connections().where(*conditions))
        return None if row is None else _connection(row)

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
        await self._changed()
        old = await self.connection(tenant, name)
        limits = {
            "concurrency": lane.concurrency,
            "rate": lane.rate,
            "ordering": lane.ordering.value,
            "timeout_s": lane.timeout_s,
            "policy": _policy(lane),
        }
        values: dict[str, Any] = {"connector": connector, "config": config}
        if secrets is not None:
            values["secrets"] = secrets
        if old is None:
            if await self.connection_by_handle(handle) is not None:
                raise Conflict("another connection has this handle", code="handle_taken")
            values |= {"tenant_id": tenant, "name": name, "handle": handle}
            row = await self._link.row(_CONNECTION.insert().values(values).returning(_CONNECTION.c.id))
            assert row is not None
            id_ = ConnectionId(row[0])
            state = ConnectionState.ACTIVE.value
            await self._link.rows(_LANE.insert().values(id=id_, tenant_id=tenant, state=state, **limits))
        else:
            id_ = old.id
            await self._link.rows(update(_CONNECTION).where(_CONNECTION.c.id == id_).values(values))
            await self._link.rows(update(_LANE).where(_LANE.c.id == id_).values(limits))
        new = await self.connection_by_id(id_)
        assert new is not None
        return new

    async def set_connection_state(self, connection: ConnectionId, state: ConnectionState) -> None:
        await self._changed()
        found = await self._link.row(
            update(_LANE).where(_LANE.c.id == connection).values(state=state.value).returning(_LANE.c.id)
        )
        if state is ConnectionState.ACTIVE:  # whoever switches it on again wants it tried
            await self.set_trouble(connection, Trouble(), None)
        if found is None:
            raise NotFound("there is no such connection")
        if state is ConnectionState.ACTIVE:
            held = await self._link.rows(
                select(_DELIVERY.c.id, _DELIVERY.c.dest_id, _DELIVERY.c.okey).where(
                    _DELIVERY.c.dest_id == connection,
                    _DELIVERY.c.state == int(State.HELD),
                    _DELIVERY.c.held_for_lane.is_(True),
                )
            )
            await self._unhold([(row[0], row[1], row[2]) for row in held])

    async def mappings(self, tenant: TenantId) -> list[StoredMapping]:
        rows = await self._link.rows(_mappings().where(_MAPPING.c.tenant_id == tenant))
        return sorted((StoredMapping(*row) for row in rows), key=lambda one: (one.name, one.version))

    async def put_mapping(self, tenant: TenantId, name: str, version: int, body: Document, now: datetime) -> None:
        await self._changed()
        mine = (_MAPPING.c.tenant_id == tenant, _MAPPING.c.name == name, _MAPPING.c.version == version)
        row = await self._link.row(_mappings().where(*mine))
        if row is None:
            values = {"tenant_id": tenant, "name": name, "version": version, "body": body, "created_at": now}
            await self._link.rows(_MAPPING.insert().values(values))
        elif canonical(StoredMapping(*row).body) != canonical(body):
            raise Conflict(f"mapping {name}@{version} is there with another body", code="mapping_exists")

    async def config_version(self) -> int:
        row = await self._link.row(select(_SETTING.c.value).where(_SETTING.c.name == "config_version"))
        assert row is not None
        return int(row[0])

    async def _changed(self) -> None:
        """First of all in a change: on PostgreSQL the row's lock makes changes wait for each other."""
        mine = _SETTING.c.name == "config_version"
        await self._link.rows(update(_SETTING).where(mine).values(value=_SETTING.c.value + 1))


def canonical(body: Document) -> str:
    """Equal text for equal documents; tells `1` from `true` and from `1.0`."""
    return json.dumps(body, sort_keys=True, ensure_ascii=False)


def _connections() -> Select[Any]:
    names = ("id", "tenant_id", "handle", "name", "connector", "config", "secrets")
    lane = ("concurrency", "rate", "ordering", "timeout_s", "state", "held_until", "policy")
    columns = [*(_CONNECTION.c[name] for name in names), *(_LANE.c[name] for name in lane)]
    return select(*columns).join(_LANE, _LANE.c.id == _CONNECTION.c.id)


def _policy(lane: Lane) -> str:
    """The manners of a lane as they are stored: what is not said is the default."""
    said: Document = {"park_after": lane.park_after, "retry": {name: list(waits) for name, waits in lane.retry.items()}}
    if lane.stuck is not None:
        said["stuck"] = lane.stuck.value
    if lane.deadline_s is not None:
        said["deadline_s"] = lane.deadline_s
    if lane.needs_consent is not None:
        said["needs_consent"] = lane.needs_consent
    if lane.region is not None:
        said["region"] = lane.region
    if lane.class_4:
        said["class_4"] = True
    return json.dumps(said)


def _manners(policy: str) -> dict[str, Any]:
    manners: dict[str, Any] = json.loads(policy)
    if "stuck" in manners:
        manners["stuck"] = Stuck(manners["stuck"])
    if "retry" in manners:
        manners["retry"] = {name: tuple(waits) for name, waits in manners["retry"].items()}
    return manners


def _connection(row: AnyRow) -> Connection:
    lane = Lane(row.concurrency, row.rate, Ordering(row.ordering), row.timeout_s, **_manners(row.policy))
    return Connection(*[*row[:6], lane, ConnectionState(row.state), row.held_until, row.secrets])


def _mappings() -> Select[Any]:
    return select(*(_MAPPING.c[name] for name in ("tenant_id", "name", "version", "body", "created_at")))
