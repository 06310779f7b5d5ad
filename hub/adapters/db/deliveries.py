"""The queue, in the database: orchestration of the hot statements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, update

from hub.adapters.db import under_way
from hub.adapters.db.crossings import count
from hub.adapters.db.events import DbEvents, groups_of, keys_of
from hub.adapters.db.rule_tables import REVISION, RULE
from hub.adapters.db.statements import ATTEMPT, PLANNED, Key, unique
from hub.adapters.db.tables import metadata
from hub.domain.breaker import Trouble
from hub.domain.connections import ConnectionState
from hub.domain.deliveries import (
    CRASHED_WORKER,
    CRASHES,
    PAUSED,
    STOPPED,
    Again,
    Attempt,
    Final,
    Finish,
    Hold,
    State,
)
from hub.domain.errors import Conflict
from hub.domain.ids import ConnectionId, DeliveryId, RevisionId, RuleId, TenantId
from hub.ports.arrivals import Arrival
from hub.ports.lanes import BusyLane, Room
from hub.ports.queue import Claimed, Completion, DoneDelivery, LaneCall, Lapsed
from mappings.documents import written

_DELIVERY = metadata.tables["delivery"]
_LANE = metadata.tables["destination"]
CLOCKS_DIFFER = timedelta(minutes=1)  # by less than that, processes may differ without anybody having set a clock
_FREE: dict[str, Any] = {"held_for_stop": False, "held_for_consent": None, "held_for_border": None}
_LONGEST = 500  # characters of what a vendor named: an index entry has an end, and so has patience


class DbQueue(DbEvents):
    """The moving half of `hub.ports.store.Deliveries` on one open connection."""

    async def claim(self, lanes: Sequence[LaneCall], *, now: datetime, lease: timedelta, token: str) -> list[Claimed]:
        deliveries = await self._hot.claim(lanes, now, now + lease, token)
        if not deliveries:
            return []
        deliveries.sort(key=lambda delivery: (delivery.due_at, delivery.id))
        events = await self._hot.events(list({delivery.event for delivery in deliveries}))
        subjects = {
            (delivery.connection, subject)
            for delivery in deliveries
            if (subject := events[delivery.event].subject) is not None
        }
        refs = await self._hot.refs(sorted(subjects))
        return [
            Claimed(delivery, event, refs.get((delivery.connection, event.subject or ""), {}) if event.subject else {})
            for delivery in deliveries
            for event in [events[delivery.event]]
        ]

    async def complete(self, completions: Sequence[Completion], *, now: datetime) -> frozenset[DeliveryId]:
        if not completions:
            return frozenset()
        held = await self._hot.fence(
            [(one.delivery.id, one.delivery.run_lease, one.delivery.lease_token) for one in completions]
        )
        good: dict[DeliveryId, Completion] = {}
        attempts, lost = [], set()
        for one in completions:
            current = (one.delivery.id, one.delivery.run_lease) in held and one.delivery.id not in good
            if current:
                good[one.delivery.id] = one
            else:
                lost.add(one.delivery.id)
            attempts.append(self._attempt_row(one, None if current else "late"))
        await self._move(list(good.values()), now)
        await self._hot.insert("attempt", ATTEMPT, attempts)
        arrivals: list[Arrival] = [arrival for one in good.values() for arrival in one.arrivals]
        _, waiters = await self._store(arrivals)
        mine = [one.delivery for one in good.values() if one.delivery.okey is not None]
        ended: list[Key] = [(delivery.connection, delivery.okey or "") for delivery in mine]
        keys = keys_of(waiters)
        await self._hot.lock_keys(unique([*ended, *keys]))
        again = {(one.connection, one.okey or "", one.merge) for one in mine if one.merge is not None}
        await self._supersede(again | groups_of(waiters), now)
        await self._hot.promote(ended, now)
        await self._hot.promote(keys, None)
        abroad = [(one, one.crossing) for one in completions if one.crossing is not None]
        if abroad:  # last, and in one order: nobody waits in a ring
            await under_way.ended(self._link, [one.delivery for one, _ in abroad])
            await count(self._link, [crossing for one, crossing in abroad if one.reached], now)
        return frozenset(lost)

    async def _move(self, completions: Sequence[Completion], now: datetime) -> None:
        finished, later, held, refs = [], [], [], []
        for one in completions:
            delivery = one.delivery
            match one.next:
                case Finish(final=final):
                    finished.append((delivery.id, final.value, _fit(one.reference), _fit(one.attempt.error)))
                case Again(due_at=due_at, costs=costs):
                    later.append((delivery.id, due_at, 0 if costs else 1))
                case Hold():
                    awaits = None if one.awaits is None else one.awaits.key
                    stop = one.attempt.error in (STOPPED, PAUSED)
                    held.append((delivery.id, held_for_lane(one.attempt), stop, awaits))
            for name, external in one.refs.items():
                ref = (_fit(name) or "", _fit(external) or "")
                refs.append((delivery.connection, *ref, delivery.tenant, delivery.id, delivery.event))
        await self._hot.finish(finished, now)
        await self._hot.put_back(later)
        await self._hot.hold(held)
        for one in (one for one in completions if isinstance(one.next, Hold) and one.kept is not None):
            mine = _DELIVERY.c.id == one.delivery.id
            await self._link.rows(update(_DELIVERY).where(mine).values(held_for_border=one.kept and one.kept.key))
        await self._hot.teach(refs)

    def _attempt_row(self, one: Completion, outcome: str | None) -> tuple[object, ...]:
        delivery, attempt = one.delivery, one.attempt
        return (
            delivery.id,
            self._hot.event_key(delivery.event),
            delivery.connection,
            delivery.tenant,
            delivery.run_lease,
            attempt.number,
            self._hot.moment(attempt.started_at),
            attempt.took_ms,
            outcome or attempt.outcome,
            attempt.status,
            _fit(attempt.error),
            attempt.talk,
            None if attempt.detail is None else written(attempt.detail).decode(),
        )

    async def release(self, token: str, ids: Sequence[DeliveryId], due_at: datetime | None = None) -> int:
        return await self._hot.release(token, ids, due_at)

    async def renew(self, token: str, ids: Sequence[DeliveryId], until: datetime) -> int:
        return await self._hot.renew(token, ids, until)

    async def expire_leases(self, now: datetime, limit: int = 500) -> Lapsed:
        rows = await self._hot.expire(now, limit)
        fatal = [(id_, lane, okey) for id_, lane, okey, crashes in rows if crashes >= CRASHES]
        if fatal:
            await self._hot.finish([(id_, Final.DEAD.value, None, CRASHED_WORKER) for id_, _, _ in fatal], now)
            await self._promote([(lane, okey) for _, lane, okey in fatal if okey is not None], now)
        return Lapsed(len(rows), tuple((id_, lane) for id_, lane, _ in fatal))

    async def promote(self, limit: int = 500) -> int:
        free = await self._hot.lock_keys(await self._hot.headless(limit), wait=False)
        return await self._hot.promote(free, None)

    async def busy_lanes(self, now: datetime) -> list[BusyLane]:
        return await self._hot.busy_lanes(now)

    async def next_due(self, now: datetime) -> datetime | None:
        return await self._hot.next_due(now)

    async def hold_lane(self, connection: ConnectionId, until: datetime) -> None:
        longer = or_(_LANE.c.held_until.is_(None), _LANE.c.held_until < until)
        await self._link.rows(update(_LANE).where(_LANE.c.id == connection, longer).values(held_until=until))

    async def recall(self, now: datetime, lease: timedelta) -> int:
        return await self._hot.recall(now, now + CLOCKS_DIFFER, now + lease, now + 2 * lease + CLOCKS_DIFFER)

    async def expire_overdue(self, now: datetime, limit: int = 500) -> int:
        rows = await self._hot.overdue(now, limit)
        if rows:
            await self._hot.finish([(id_, Final.EXPIRED.value, None, "deadline") for id_, _, _ in rows], now)
            await self._promote([(lane, okey) for _, lane, okey in rows if okey is not None], now)
        return len(rows)

    async def rooms(self, lanes: Sequence[ConnectionId], now: datetime) -> dict[ConnectionId, Room]:
        if not lanes:
            return {}
        columns = (_LANE.c.id, _LANE.c.state, _LANE.c.held_until, _LANE.c.tokens, _LANE.c.tokens_at, _LANE.c.opens)
        rows = await self._link.rows(
            select(*columns).where(_LANE.c.id.in_(lanes)).order_by(_LANE.c.id).with_for_update()
        )
        leased = (_DELIVERY.c.state == int(State.LEASED), _DELIVERY.c.dest_id.in_(lanes))
        counted = select(_DELIVERY.c.dest_id, func.count()).where(*leased).group_by(_DELIVERY.c.dest_id)
        running = {row[0]: row[1] for row in await self._link.rows(counted)}
        return {
            ConnectionId(id_): Room(running.get(id_, 0), opens, tokens, tokens_at)
            for id_, state, held_until, tokens, tokens_at, opens in rows
            if state == ConnectionState.ACTIVE and (held_until is None or held_until <= now)
        }

    async def took(self, lane: ConnectionId, tokens: float | None, now: datetime, hold: datetime | None) -> None:
        values = {"tokens": tokens, "tokens_at": now} | ({} if hold is None else {"held_until": hold})
        await self._link.rows(update(_LANE).where(_LANE.c.id == lane).values(values))

    async def trouble(self, lane: ConnectionId) -> Trouble:
        columns = (_LANE.c.opens, _LANE.c.failing_since, _LANE.c.alarmed)
        row = await self._link.row(select(*columns).where(_LANE.c.id == lane).with_for_update())
        return Trouble() if row is None else Trouble(*row)

    async def set_trouble(self, lane: ConnectionId, trouble: Trouble, until: datetime | None) -> None:
        values = {
            "opens": trouble.opens,
            "failing_since": trouble.failing_since,
            "alarmed": trouble.alarmed,
        } | ({"held_until": until} if until is not None or trouble == Trouble() else {})
        await self._link.rows(update(_LANE).where(_LANE.c.id == lane).values(values))

    async def _enqueue(self, done: DoneDelivery, now: datetime, again: bool, revision: RevisionId | None) -> DeliveryId:
        """A new row that repeats an ended one; a keyed one takes its turn."""
        if not await self._keep_event(done.event):
            raise event_gone(done.id)
        state = State.READY if done.okey is None else State.WAITING
        names = PLANNED.split(", ")
        values = (
            done.event,
            done.received_at,
            done.tenant,
            done.connection,
            revision,
            done.step,
            done.okey,
            int(state),
            now,
            None,
            done.id,
            again,
            None,
        )
        row = await self._link.row(
            _DELIVERY.insert().values(dict(zip(names, values, strict=True))).returning(_DELIVERY.c.id)
        )
        assert row is not None
        if done.okey is not None:
            await self._promote([(done.connection, done.okey)])
        return DeliveryId(row[0])

    async def _unhold(self, rows: Sequence[tuple[DeliveryId, ConnectionId, str | None]]) -> None:
        """HELD rows into the queue again; a keyed one takes its place by id among those not yet leased."""
        keys = [(lane, okey) for _, lane, okey in rows if okey is not None]
        await self._hot.lock_keys(keys)
        plain = [id_ for id_, _, okey in rows if okey is None]
        keyed = {id_: (lane, okey) for id_, lane, okey in rows if okey is not None}
        change = update(_DELIVERY)
        if plain:
            ready = {"state": int(State.READY), **_FREE}
            await self._link.rows(change.where(_DELIVERY.c.id.in_(plain)).values(ready))
        if keyed:
            waiting = {"state": int(State.WAITING), **_FREE}
            await self._link.rows(change.where(_DELIVERY.c.id.in_(list(keyed))).values(waiting))
            for lane in {lane for lane, _ in keyed.values()}:
                okeys = {okey for at, okey in keyed.values() if at == lane}
                heads = (
                    _DELIVERY.c.dest_id == lane,
                    _DELIVERY.c.okey.in_(okeys),
                    _DELIVERY.c.state == int(State.READY),
                )
                await self._link.rows(change.where(*heads).values(state=int(State.WAITING)))
            await self._hot.promote(list(keyed.values()), None)

    async def hold_caused(self, tenant: TenantId, limit: int = 1000, rule: RuleId | None = None) -> int:
        return await self._hot.hold_caused(tenant, limit, rule)

    async def held_by_stop(self, tenant: TenantId, rule: RuleId | None = None) -> dict[ConnectionId, int]:
        mine = _stopped(tenant) if rule is None else (*_stopped(tenant), _of(REVISION.c.rule_id == rule))
        held = select(_DELIVERY.c.dest_id, func.count()).where(*mine).group_by(_DELIVERY.c.dest_id)
        return {ConnectionId(row[0]): row[1] for row in await self._link.rows(held)}

    async def let_go(
        self, tenant: TenantId, *, now: datetime, send: bool, limit: int = 1000, rule: RuleId | None = None
    ) -> int:
        columns = (_DELIVERY.c.id, _DELIVERY.c.dest_id, _DELIVERY.c.okey)
        paused = select(RULE.c.id).where(RULE.c.tenant_id == tenant, RULE.c.state == "paused")
        mine = ~_of(REVISION.c.rule_id.in_(paused)) if rule is None else _of(REVISION.c.rule_id == rule)
        some = select(*columns).where(*_stopped(tenant), mine).order_by(_DELIVERY.c.id).limit(limit)
        rows = await self._link.rows(some.with_for_update(skip_locked=True))
        if send:
            await self._unhold([(row[0], row[1], row[2]) for row in rows])
        else:
            reason = STOPPED if rule is None else PAUSED
            await self._hot.finish([(row[0], Final.CANCELLED.value, None, reason) for row in rows], now)
        return len(rows)


def _stopped(tenant: TenantId) -> tuple[Any, ...]:
    held = _DELIVERY.c.state == int(State.HELD)
    return _DELIVERY.c.tenant_id == tenant, held, _DELIVERY.c.held_for_stop.is_(True)


def _of(rule: ColumnElement[bool]) -> ColumnElement[bool]:
    """That a revision with this of its rule planned the delivery."""
    return _DELIVERY.c.revision_id.in_(select(REVISION.c.id).where(rule))


def event_gone(delivery: DeliveryId) -> Conflict:
    """What was sent can no longer be made again."""
    return Conflict(f"the event of delivery dlv_{delivery} is no longer kept", code="event_gone")


def held_for_lane(attempt: Attempt) -> bool:
    """Whether a held delivery waits for its connection (410, lost credentials) and not for a person."""
    return attempt.outcome == "gone" or attempt.error == "needs_reauth"


def _fit(text: str | None) -> str | None:
    """What a vendor sent, cut and freed of characters that one of the databases cannot store."""
    if text is None or (text.isprintable() and len(text) <= _LONGEST):
        return text
    return text[:_LONGEST].encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
