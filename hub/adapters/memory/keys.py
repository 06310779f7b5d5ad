"""The key shelf in memory, and what looking after keys needs of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime

from hub.adapters.memory.tables import Tables
from hub.domain.ids import TenantId
from hub.ports.accounts import Notice
from hub.ports.vault import (
    KeyNode,
    KeyRow,
    Rotation,
    SealedColumn,
    SealedValue,
    connection_owner,
    erasure_owner,
    subject_owner,
)

GONE = bytes(40)


class MemoryKeys:
    """`hub.ports.vault.KeyShelf` and `KeyKeeping`. Keys are no part of the store's transactions."""

    def __init__(self, tables: Tables) -> None:
        self._sealed = tables
        self._keys = tables.keys
        self._rows, self._active = tables.keys.rows, tables.keys.active
        self._epoch = 0
        self._rotations: dict[str, Rotation] = {}
        self._nodes: dict[str, KeyNode] = {}

    async def load_keys(self, tenant: TenantId) -> list[KeyRow]:
        return [row for row in self._rows.values() if row.tenant == tenant and not row.owner]

    async def add_key(self, row: KeyRow) -> KeyRow:
        return self._keys.add(row)

    async def owner_keys(self, tenant: TenantId, wanted: Collection[tuple[str, str]]) -> list[KeyRow]:
        ids = [self._active.get((tenant, owner, kind)) for owner, kind in wanted]
        return [self._rows[id] for id in ids if id is not None]

    async def keys_by_id(self, tenant: TenantId, ids: Collection[bytes]) -> list[KeyRow]:
        found = [self._rows[id] for id in ids if id in self._rows]
        return [row for row in found if row.tenant == tenant and row.owner]

    async def add_owner_keys(self, rows: Sequence[KeyRow]) -> list[KeyRow]:
        return [await self.add_key(row) for row in rows if not self._sealed.closed(row.tenant, row.owner)]

    async def key_epoch(self) -> int:
        return self._epoch

    async def key_tenants(self) -> list[TenantId]:
        return sorted({row.tenant for row in self._rows.values()})

    async def count_keys(self) -> list[tuple[int, str, str, str, str, int]]:
        kinds = Counter(
            (row.tenant, row.owner.partition(":")[0] or "class", row.data_class, row.parent, row.state)
            for row in self._rows.values()
        )
        return sorted((*kind, count) for kind, count in kinds.items())

    async def keys_under(self, tenant: TenantId | None, parents: Collection[str], limit: int) -> list[KeyRow]:
        found = [
            row
            for row in self._rows.values()
            if row.parent in parents
            and row.state != "destroyed"
            and (not row.owner if tenant is None else row.owner and row.tenant == tenant)
        ]
        return sorted(found, key=lambda row: row.id)[:limit]

    async def rewrap(self, changes: Sequence[tuple[KeyRow, KeyRow]]) -> int:
        done = 0
        for old, new in changes:
            there = self._rows[old.id]
            if there.parent == old.parent and there.state != "destroyed":
                self._rows[old.id] = replace(there, parent=new.parent, wrapped=new.wrapped)
                done += 1
        return done

    async def succeed(self, new: KeyRow) -> KeyRow:
        if new.id not in self._rows:
            before = self._active.get((new.tenant, new.owner, new.data_class))
            if before is not None:
                self._keys.put(replace(self._rows[before], state="retired"))
            self._keys.put(new)
            self._epoch += 1
        return self._rows[self._active[new.tenant, new.owner, new.data_class]]

    async def succeed_all(self, new: Sequence[KeyRow]) -> None:
        epoch = self._epoch
        for row in new:
            if (row.tenant, row.owner, row.data_class) in self._active:
                await self.succeed(row)
        self._epoch = min(self._epoch, epoch + 1)

    async def active_owners(
        self, tenant: TenantId, data_class: str, made_before: datetime, after: str, limit: int
    ) -> list[KeyRow]:
        found = [
            row
            for row in self._rows.values()
            if row.owner
            and (row.tenant, row.data_class, row.state) == (tenant, data_class, "active")
            and row.owner > after
            and (row.made_at is None or row.made_at < made_before)
        ]
        return sorted(found, key=lambda row: row.owner)[:limit]

    async def retired_keys(self, tenant: TenantId, data_class: str, *, owners: bool) -> list[KeyRow]:
        wanted = (tenant, data_class, "retired", owners)
        return [r for r in self._rows.values() if (r.tenant, r.data_class, r.state, bool(r.owner)) == wanted]

    async def destroy_keys(self, ids: Collection[bytes]) -> int:
        gone = [row for id in ids if (row := self._rows.get(id)) is not None and row.state != "destroyed"]
        for row in gone:
            self._keys.put(replace(row, state="destroyed", wrapped=GONE))
        self._epoch += 1
        return len(gone)

    async def destroy_owner(self, tenant: TenantId, owner: str) -> list[KeyRow]:
        mine = [row.id for row in self._rows.values() if row.tenant == tenant and row.owner == owner]
        await self.destroy_keys(mine)
        return [self._rows[id] for id in sorted(mine)]

    async def sealed_window(self, column: SealedColumn, after: str, limit: int) -> list[SealedValue]:
        found = sorted(_COLUMNS[column.name](self._sealed), key=lambda value: value.at)
        return [value for value in found if value.at > after][:limit]

    async def reseal(self, column: SealedColumn, changes: Sequence[tuple[str, bytes, bytes]]) -> int:
        done, there = 0, {value.at: value for value in _COLUMNS[column.name](self._sealed)}
        for at, old, new in changes:
            if at in there and there[at].envelope == old:
                _replace(self._sealed, column, there[at], new)
                done += 1
        return done

    async def rotations(self) -> list[Rotation]:
        return sorted(self._rotations.values(), key=lambda one: (-one.started_at.timestamp(), one.name))

    async def put_rotation(self, rotation: Rotation) -> None:
        self._rotations[rotation.name] = rotation

    async def put_node(self, node: KeyNode) -> None:
        self._nodes[node.id] = node

    async def nodes(self) -> list[KeyNode]:
        return sorted(self._nodes.values(), key=lambda one: one.id)

    async def drop_nodes(self, seen_before: datetime, id: str | None = None) -> None:
        for one in [*self._nodes.values()]:
            if one.seen_at < seen_before if id is None else one.id == id:
                del self._nodes[one.id]


def _bodies(tables: Tables) -> list[SealedValue]:
    return [SealedValue(e.id, e.tenant, e.id, subject_owner(e.subject), e.body) for e in tables.events.values()]


def _talks(tables: Tables) -> list[SealedValue]:
    found = []
    for delivery, attempts in tables.attempts.items():
        for one in attempts:
            ended = tables.done.get(delivery) or tables.live.get(delivery)
            event = None if ended is None else tables.events.get(ended.event)
            if one.talk is not None and event is not None:
                row = f"{delivery}:{one.number}"
                found.append(SealedValue(row, event.tenant, row, subject_owner(event.subject), one.talk))
    return found


def _orders(tables: Tables) -> list[SealedValue]:
    return [SealedValue(o.id, o.tenant, o.id, subject_owner(o.subject), o.body) for o in tables.orders.values()]


def _evidence(tables: Tables) -> list[SealedValue]:
    return [
        SealedValue(one.id, one.tenant, one.id, subject_owner(one.subject), one.evidence)
        for one in tables.consents.values()
        if one.evidence is not None
    ]


def _secrets(tables: Tables) -> list[SealedValue]:
    return [
        SealedValue(c.handle, c.tenant, c.handle, connection_owner(c.handle), c.secrets)
        for c in tables.connections.values()
        if c.secrets is not None
    ]


def _records(name: str, column: str) -> Callable[[Tables], list[SealedValue]]:
    def found(tables: Tables) -> list[SealedValue]:
        return [
            SealedValue(f"{tenant}/{id}", tenant, id, None, value)
            for (kind, tenant, id), record in tables.records.items()
            if kind == name and (value := getattr(record, column)) is not None
        ]

    return found


def _notices(tables: Tables) -> list[SealedValue]:
    return [
        SealedValue(one.id, one.tenant, one.id, erasure_owner(one.erasure), one.sealed)
        for one in tables.records.values()
        if isinstance(one, Notice) and one.sealed is not None
    ]


def _signing(tables: Tables) -> list[SealedValue]:
    return [SealedValue(f"{k.tenant}/{k.id}", k.tenant, k.id, None, k.sealed) for k in tables.signing_keys.values()]


_KINDS = {
    "person": "Person",
    "factor": "Factor",
    "ticket": "Ticket",
    "approval": "Approval",
    "sign_in_provider": "Provider",
    "outside_identity": "Identity",
    "legal_hold": "LegalHold",
    "erasure": "Erasure",
    "erasure_notice": "Notice",
}
_COLUMNS: dict[str, Callable[[Tables], list[SealedValue]]] = {
    "event_body.body": _bodies,
    "attempt.talk": _talks,
    "assessment_order.body": _orders,
    "consent.evidence": _evidence,
    "connection.secrets": _secrets,
    "signing_key.sealed": _signing,
    "person.secret": _records("Person", "secret"),
    **{f"{table}.sealed": _records(kind, "sealed") for table, kind in _KINDS.items()},
    "erasure_notice.sealed": _notices,
}


def _replace(tables: Tables, column: SealedColumn, value: SealedValue, new: bytes) -> None:
    tables.journal.begin()
    match column.table:
        case "event_body":
            for id, event in list(tables.events.items()):
                if id == value.at:
                    tables.events.put(id, replace(event, body=new))
        case "attempt":
            for delivery, attempts in list(tables.attempts.items()):
                changed = tuple(replace(a, talk=new) if a.talk == value.envelope else a for a in attempts)
                if changed != attempts:
                    tables.attempts.put(delivery, changed)
        case "assessment_order":
            for order_id, order in list(tables.orders.items()):
                if order_id == value.at:
                    tables.orders.put(order_id, replace(order, body=new))
        case "consent":
            said = tables.consents.get(value.at)
            if said is not None:
                tables.consents.put(said.id, replace(said, evidence=new))
        case "signing_key":
            for key_id, key in list(tables.signing_keys.items()):
                if key_id == value.row:
                    tables.signing_keys.put(key_id, replace(key, sealed=new))
        case table if table in _KINDS:
            at = (_KINDS[table], value.tenant, value.row)
            record = tables.records.get(at)
            if record is not None:
                tables.records.put(at, replace(record, **{column.column: new}))  # type: ignore[arg-type]
        case _:
            for connection_id, connection in list(tables.connections.items()):
                if connection.handle == value.at:
                    tables.connections.put(connection_id, replace(connection, secrets=new))
    tables.journal.commit()
