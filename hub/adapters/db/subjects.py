"""What the erasure of a person needs of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update

from hub.adapters.db.account_tables import TABLES
from hub.adapters.db.deliveries import DbQueue
from hub.adapters.db.records import _record
from hub.adapters.db.run_tables import ONCE, RUN, TAG, TAG_CHANGE
from hub.adapters.db.tables import metadata
from hub.domain.deliveries import HOOK_STEP, Final, State
from hub.domain.ids import ConnectionId, EventId, TenantId
from hub.domain.runs import LIVE, RunState
from hub.domain.subjects import CLOSED_CODE, ERASED_MARK, TELLING, UNDER_WAY
from hub.ports.accounts import Erasure, Notice
from hub.ports.subjects import ErasureStats, Held

_EVENT, _LIVE, _DONE = (metadata.tables[name] for name in ("event", "delivery", "delivery_done"))
_BODY, _REF, _ORDER = (metadata.tables[name] for name in ("event_body", "ref", "assessment_order"))
_CONNECTION = metadata.tables["connection"]
_OBSERVATION = metadata.tables["observation"]
_ERASURE, _NOTICE = TABLES[Erasure], TABLES[Notice]
_MARK = (
    "INSERT INTO ref (connection_id, subject, object, external_id, tenant_id, delivery_id, event_id) "
    "VALUES ($1, '', $2, $3, $4, 0, $5) ON CONFLICT DO NOTHING"
)
_EARLY = [state for state in UNDER_WAY if state != TELLING]


class DbSubjects(DbQueue):
    """`hub.ports.subjects.Subjects` on one open connection."""

    async def holders(self, tenant: TenantId, subject: str) -> Held:
        mine = select(_EVENT.c.id).where(_EVENT.c.tenant_id == tenant, _EVENT.c.subject == subject)
        told = _DONE.c.event_id.in_(mine), _DONE.c.attempts > 0, _DONE.c.step != HOOK_STEP
        tried = _LIVE.c.event_id.in_(mine), _LIVE.c.attempt > 0, _LIVE.c.step != HOOK_STEP
        sources = select(func.distinct(_EVENT.c.source)).where(
            _EVENT.c.tenant_id == tenant, _EVENT.c.subject == subject
        )
        names = [row[0].removeprefix("/connections/") for row in await self._link.rows(sources)]
        known = {row[0] for row in await self._link.rows(select(_DONE.c.dest_id).where(*told).distinct())}
        for asked in (
            select(_LIVE.c.dest_id).where(*tried).distinct(),
            select(_ORDER.c.connection_id).where(_ORDER.c.tenant_id == tenant, _ORDER.c.subject == subject).distinct(),
            select(_CONNECTION.c.id).where(_CONNECTION.c.tenant_id == tenant, _CONNECTION.c.name.in_(names)),
        ):
            known |= {row[0] for row in await self._link.rows(asked)}
        found: dict[ConnectionId, dict[str, list[str]]] = {ConnectionId(id_): {} for id_ in sorted(known)}
        for lane, object_, external in await self._link.rows(await self._refs(tenant, subject)):
            ids = found.setdefault(ConnectionId(lane), {})
            if object_:
                ids.setdefault(object_, []).append(external)
        return found

    async def _refs(self, tenant: TenantId, subject: str) -> Any:
        lanes = select(_CONNECTION.c.id).where(_CONNECTION.c.tenant_id == tenant)
        columns = (_REF.c.connection_id, _REF.c.object, _REF.c.external_id)
        mine = (_REF.c.connection_id.in_(lanes), _REF.c.subject == subject)
        return select(*columns).where(*mine).order_by(_REF.c.connection_id, _REF.c.object, _REF.c.delivery_id.desc())

    async def stop_subject(self, tenant: TenantId, subject: str, now: datetime, limit: int = 500) -> tuple[int, int]:
        runs = RUN.c.tenant_id == tenant, RUN.c.subject == subject, RUN.c.state.in_([one.value for one in LIVE])
        over: dict[str, Any] = {"state": RunState.CANCELLED.value, "changed_at": now}
        over |= dict.fromkeys(("due_at", "step", "awaits", "until"))
        await self._link.rows(update(RUN).where(*runs).values(over))
        mine = _EVENT.c.tenant_id == tenant, _EVENT.c.subject == subject
        live = select(_LIVE.c.id, _LIVE.c.dest_id, _LIVE.c.okey).join(_EVENT, _EVENT.c.id == _LIVE.c.event_id)
        free = live.where(*mine, _LIVE.c.state != int(State.LEASED)).order_by(_LIVE.c.id).limit(limit)
        rows = await self._link.rows(free.with_for_update(of=_LIVE, skip_locked=True))
        waiting = await self._hot.lock_keys(sorted({(lane, okey) for _, lane, okey in rows if okey is not None}))
        await self._hot.finish([(row[0], Final.CANCELLED.value, None, CLOSED_CODE) for row in rows], now)
        await self._hot.promote(waiting, None)
        counted = select(func.count()).select_from(_LIVE).join(_EVENT, _EVENT.c.id == _LIVE.c.event_id).where(*mine)
        [(left,)] = await self._link.rows(counted)
        return len(rows), int(left)

    async def clear_subject(self, tenant: TenantId, subject: str) -> dict[str, int]:
        events = select(_EVENT.c.id).where(_EVENT.c.tenant_id == tenant, _EVENT.c.subject == subject)
        lanes = select(_CONNECTION.c.id).where(_CONNECTION.c.tenant_id == tenant)
        runs = select(RUN.c.id).where(RUN.c.tenant_id == tenant, RUN.c.subject == subject)
        said, delivered = _BODY.c.verdicts.is_not(None), _DONE.c.final == Final.DELIVERED.value
        wanted = {
            "look_ups": delete(_REF).where(_REF.c.connection_id.in_(lanes), _REF.c.subject == subject),
            "tags": delete(TAG).where(TAG.c.tenant_id == tenant, TAG.c.subject == subject),
            "tag_changes": delete(TAG_CHANGE).where(TAG_CHANGE.c.tenant_id == tenant, TAG_CHANGE.c.subject == subject),
            "orders": delete(_ORDER).where(_ORDER.c.tenant_id == tenant, _ORDER.c.subject == subject),
            "once": delete(ONCE).where(ONCE.c.run_id.in_(runs)),
            "observations": delete(_OBSERVATION).where(_OBSERVATION.c.event_id.in_(events)),
            "verdicts": update(_BODY).where(_BODY.c.event_id.in_(events), said).values(verdicts=None),
            "references": update(_DONE)
            .where(_DONE.c.event_id.in_(events), delivered, _DONE.c.reference.is_not(None))
            .values(reference=None),
        }
        return {name: len(await self._link.rows(one.returning(one.table.c[0]))) for name, one in wanted.items()}

    async def add_marks(self, tenant: TenantId, event: EventId, marks: Mapping[ConnectionId, Sequence[str]]) -> None:
        for connection, some in marks.items():
            for mark in some:
                await self._link.driver(_MARK, connection, ERASED_MARK, mark, tenant, self._hot.event_key(event))

    async def replace_body(self, event: EventId, body: bytes) -> None:
        await self._link.rows(update(_BODY).where(_BODY.c.event_id == event).values(body=body))

    async def erasures_under_way(self, *, telling: bool, after: str = "", limit: int = 50) -> list[Erasure]:
        mine = _ERASURE.c.state.in_([TELLING] if telling else _EARLY), _ERASURE.c.id > after
        asked = select(_ERASURE).where(*mine).order_by(_ERASURE.c.id).limit(limit)
        return [_record(Erasure, row) for row in await self._link.rows(asked)]

    async def erasure_stats(self) -> ErasureStats:
        running = select(_ERASURE.c.approved_at).where(_ERASURE.c.state.in_(_EARLY))
        open_ = select(_NOTICE.c.created_at).where(_NOTICE.c.state == "open")
        return ErasureStats(_column(await self._link.rows(running)), _column(await self._link.rows(open_)))


def _column(rows: Sequence[Any]) -> list[datetime]:
    return [row[0] for row in rows]
