"""Deliveries as people look at them: lists over live rows and history, attempts, replay, counts."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from hub.adapters.db.deliveries import DbQueue
from hub.adapters.db.link import AnyRow
from hub.adapters.db.statements import DELIVERY
from hub.adapters.db.tables import metadata
from hub.domain.connections import ConnectionState
from hub.domain.deliveries import Attempt, Delivery, Final, State
from hub.domain.errors import Conflict, Invalid, NotFound
from hub.domain.ids import ConnectionId, DeliveryId, EventId, RevisionId, TenantId
from hub.ports.lanes import Pace
from hub.ports.queue import DoneDelivery
from hub.ports.store import LaneStats, Page

_EVENT = metadata.tables["event"]
_LIVE = metadata.tables["delivery"]
_DONE = metadata.tables["delivery_done"]
_ATTEMPT = metadata.tables["attempt"]
_LANE = metadata.tables["destination"]
_CONNECTION = metadata.tables["connection"]
_LIVE_COLUMNS = tuple(_LIVE.c[name] for name in DELIVERY.split(", "))
_DONE_NAMES = (
    "delivery_id, event_id, tenant_id, dest_id, revision_id, step, okey, final, attempts, reference, "
    "received_at, finished_at, replay_of, again, error"
)
_DONE_COLUMNS = tuple(_DONE.c[name] for name in _DONE_NAMES.split(", "))
STATES = {state.name.lower(): state for state in State}
FINALS = {final.value: final for final in Final}


class DbDeliveries(DbQueue):
    """`hub.ports.store.Deliveries` on one open connection."""

    async def delivery(self, tenant: TenantId, delivery: DeliveryId) -> Delivery | DoneDelivery | None:
        live = await self._link.row(select(*_LIVE_COLUMNS).where(_LIVE.c.id == delivery, _LIVE.c.tenant_id == tenant))
        if live is not None:
            return _live(live)
        done = await self._link.row(
            select(*_DONE_COLUMNS).where(_DONE.c.delivery_id == delivery, _DONE.c.tenant_id == tenant)
        )
        return None if done is None else _done(done)

    async def deliveries(
        self,
        tenant: TenantId,
        page: Page,
        *,
        event: EventId | None = None,
        connection: ConnectionId | None = None,
        state: str | None = None,
    ) -> list[Delivery | DoneDelivery]:
        before = row_number(page)
        if state is not None and state not in STATES and state not in FINALS:
            raise Invalid("no such state of a delivery", code="unknown_state", at="state")
        rows: list[Delivery | DoneDelivery] = []

        def narrowed(wanted: Select[Any], table: Any, id_: Any) -> Select[Any]:
            wanted = wanted.where(table.c.tenant_id == tenant)
            wanted = wanted if before is None else wanted.where(id_ < before)
            wanted = wanted if event is None else wanted.where(table.c.event_id == event)
            wanted = wanted if connection is None else wanted.where(table.c.dest_id == connection)
            return wanted.order_by(id_.desc()).limit(page.limit)

        if state is None or state in STATES:
            live = narrowed(select(*_LIVE_COLUMNS), _LIVE, _LIVE.c.id)
            live = live if state is None else live.where(_LIVE.c.state == int(STATES[state]))
            rows += [_live(row) for row in await self._link.rows(live)]
        if state is None or state in FINALS:
            done = narrowed(select(*_DONE_COLUMNS), _DONE, _DONE.c.delivery_id)
            done = done if state is None else done.where(_DONE.c.final == state)
            rows += [_done(row) for row in await self._link.rows(done)]
        return sorted(rows, key=lambda row: row.id, reverse=True)[: page.limit]

    async def attempts(self, tenant: TenantId, delivery: DeliveryId) -> list[Attempt]:
        columns = ("delivery_id", "number", "started_at", "took_ms", "outcome", "status", "error", "talk", "detail")
        rows = await self._link.rows(
            select(*(_ATTEMPT.c[name] for name in columns))
            .where(_ATTEMPT.c.delivery_id == delivery, _ATTEMPT.c.tenant_id == tenant)
            .order_by(_ATTEMPT.c.id)
        )
        return [_attempt(row) for row in rows]

    async def replay(
        self,
        tenant: TenantId,
        delivery: DeliveryId,
        *,
        now: datetime,
        again: bool,
        revision: RevisionId | None = None,
    ) -> DeliveryId:
        known = await self.delivery(tenant, delivery)
        match known:
            case None:
                raise NotFound(f"there is no delivery dlv_{delivery}")
            case DoneDelivery():
                return await self._enqueue(known, now, again, revision or known.revision)
            case Delivery(state=State.HELD):
                held = _LIVE.c.id == delivery, _LIVE.c.state == int(State.HELD)
                values = {"attempt": 0, "deferrals": 0, "due_at": now, "revision_id": revision or known.revision}
                fresh = _LIVE.update().where(*held).values(values).returning(_LIVE.c.id)
                if await self._link.row(fresh) is not None:
                    await self._unhold([(known.id, known.connection, known.okey)])
                    return known.id
        raise Conflict(f"delivery dlv_{delivery} is still under way", code="under_way")

    async def discard(self, tenant: TenantId, delivery: DeliveryId, *, now: datetime) -> None:
        known = await self.delivery(tenant, delivery)
        if known is None:
            raise NotFound(f"there is no delivery dlv_{delivery}")
        held = _LIVE.c.id == delivery, _LIVE.c.state == int(State.HELD)
        if await self._link.row(select(_LIVE.c.id).where(*held).with_for_update()) is None:
            raise Conflict(f"delivery dlv_{delivery} is not held", code="not_held")
        await self._hot.finish([(delivery, Final.CANCELLED.value, None, None)], now)

    async def lanes(self, tenant: TenantId | None = None) -> list[LaneStats]:
        counts = await self._link.rows(
            select(_LIVE.c.dest_id, _LIVE.c.state, func.count()).group_by(_LIVE.c.dest_id, _LIVE.c.state)
        )
        by_lane = {(row[0], row[1]): row[2] for row in counts}
        oldest = (
            select(_LIVE.c.due_at)
            .where(_LIVE.c.state == 0, _LIVE.c.dest_id == _LANE.c.id)
            .order_by(_LIVE.c.due_at)
            .limit(1)
            .scalar_subquery()
        )
        wanted = (
            select(_LANE.c.id, _CONNECTION.c.name, _LANE.c.state, oldest, _LANE.c.held_until, _LANE.c.opens)
            .join(_CONNECTION, _CONNECTION.c.id == _LANE.c.id)
            .order_by(_LANE.c.id)
        )
        rows = await self._link.rows(wanted if tenant is None else wanted.where(_LANE.c.tenant_id == tenant))
        return [
            LaneStats(
                connection=ConnectionId(row[0]),
                name=row[1],
                state=ConnectionState(row[2]),
                ready=by_lane.get((row[0], State.READY), 0),
                leased=by_lane.get((row[0], State.LEASED), 0),
                waiting=by_lane.get((row[0], State.WAITING), 0),
                held=by_lane.get((row[0], State.HELD), 0),
                oldest_due=row[3],
                held_until=row[4],
                opens=row[5],
            )
            for row in rows
        ]

    async def pace(self, since: datetime) -> dict[ConnectionId, Pace]:
        recent = select(func.count()).where(_ATTEMPT.c.dest_id == _LANE.c.id, _ATTEMPT.c.started_at >= since)
        good = recent.where(_ATTEMPT.c.outcome == "delivered").scalar_subquery()
        bad = recent.where(_ATTEMPT.c.outcome.not_in(("delivered", "late"))).scalar_subquery()
        rows = await self._link.rows(select(_LANE.c.id, good, bad))  # sub-queries: one index range per lane
        return {ConnectionId(row[0]): Pace(row[1], row[2]) for row in rows}

    async def totals(self, tenant: TenantId) -> dict[str, int]:
        totals = dict.fromkeys([*STATES, *FINALS, "events"], 0)
        live = select(_LIVE.c.state, func.count()).where(_LIVE.c.tenant_id == tenant).group_by(_LIVE.c.state)
        done = select(_DONE.c.final, func.count()).where(_DONE.c.tenant_id == tenant).group_by(_DONE.c.final)
        events = select(func.count()).select_from(_EVENT).where(_EVENT.c.tenant_id == tenant)
        totals |= {State(row[0]).name.lower(): row[1] for row in await self._link.rows(live)}
        totals |= {row[0]: row[1] for row in await self._link.rows(done)}
        totals["events"] = (await self._link.rows(events))[0][0]
        return totals


def row_number(page: Page) -> int | None:
    """`page.before` as a row number. Raises Invalid."""
    if page.before is None:
        return None
    if not (page.before.isascii() and page.before.isdigit()) or len(page.before) > 18:
        raise Invalid("a page of this list starts before a number", code="bad_page", at="before")
    return int(page.before)


def _attempt(row: AnyRow) -> Attempt:
    return Attempt(*[*row[:8], None if row[8] is None else json.loads(row[8])])


def _live(row: AnyRow) -> Delivery:
    return Delivery(*[*row[:7], State(row[7]), *row[8:]])


def _done(row: AnyRow) -> DoneDelivery:
    return DoneDelivery(*[*row[:7], Final(row[7]), *row[8:]])
