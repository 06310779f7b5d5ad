"""The queue and its history, in memory."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hub.adapters.memory.crossings import count
from hub.adapters.memory.events import ended, promote, supersede
from hub.adapters.memory.stops import MemoryStops
from hub.adapters.memory.tables import Key, LaneRow
from hub.domain.breaker import Trouble
from hub.domain.connections import Connection, ConnectionState
from hub.domain.deliveries import (
    CRASHED_WORKER,
    CRASHES,
    PAUSED,
    STOPPED,
    Again,
    Attempt,
    Delivery,
    Final,
    Finish,
    Hold,
    State,
)
from hub.domain.errors import Conflict, Invalid, NotFound
from hub.domain.events import Cause
from hub.domain.ids import ConnectionId, DeliveryId, EventId, RevisionId, TenantId
from hub.ports.arrivals import Arrival
from hub.ports.lanes import BusyLane, Pace, Room
from hub.ports.queue import Claimed, Completion, DoneDelivery, LaneCall, Lapsed
from hub.ports.store import LaneStats, Page

STATES = {state.name.lower(): state for state in State}
FINALS = {final.value: final for final in Final}


class MemoryDeliveries(MemoryStops):
    """`hub.ports.store.Deliveries` over tables."""

    async def claim(self, lanes: Sequence[LaneCall], *, now: datetime, lease: timedelta, token: str) -> list[Claimed]:
        live, claimed = self._tables.live, []
        for call in lanes:
            if not self._open(call.connection, now):
                continue
            rows = live.ready.get(call.connection, [])
            start = 0 if call.since is None else bisect_left(rows, (call.since, DeliveryId(0)))
            for due_at, id_ in rows[start : start + call.cap]:
                if due_at > now:
                    break
                old = live.get(id_)
                assert old is not None
                leased = replace(
                    old,
                    state=State.LEASED,
                    attempt=old.attempt + 1,
                    run_lease=old.run_lease + 1,
                    lease_until=now + lease,
                    lease_token=token,
                )
                live.put(id_, leased)
                claimed.append(leased)
        claimed.sort(key=lambda one: (one.due_at, one.id))
        return [self._with_event(one) for one in claimed]

    def _open(self, connection: ConnectionId, now: datetime) -> bool:
        lane = self._tables.connections.get(connection)
        return (
            lane is not None
            and lane.state is ConnectionState.ACTIVE
            and (lane.held_until is None or lane.held_until <= now)
        )

    def _with_event(self, delivery: Delivery) -> Claimed:
        event = self._tables.events.get(delivery.event)
        assert event is not None
        newest: dict[str, tuple[DeliveryId, str]] = {}
        mine = self._tables.refs.of_subject.get((delivery.connection, event.subject), ()) if event.subject else ()
        for key in mine:
            cause = self._tables.refs.get(key)
            if cause is not None and cause.delivery is not None:
                newest[key[2]] = max(newest.get(key[2], (DeliveryId(0), "")), (cause.delivery, key[3]))
        return Claimed(delivery, event, {object_: external for object_, (_, external) in newest.items()})

    async def complete(self, completions: Sequence[Completion], *, now: datetime) -> frozenset[DeliveryId]:
        lost: set[DeliveryId] = set()
        arrivals: list[Arrival] = []
        keys: dict[Key, None] = {}
        for completion in completions:
            row = self._tables.live.get(completion.delivery.id)
            attempt = completion.attempt
            if row is None or not _held_by(row, completion.delivery):
                lost.add(completion.delivery.id)
                attempt = replace(attempt, outcome="late")
            else:
                self._apply(row, completion, now)
                arrivals += completion.arrivals
                if row.okey is not None:
                    keys[(row.connection, row.okey)] = None
            before = self._tables.attempts.get(attempt.delivery) or ()
            self._tables.attempts.put(attempt.delivery, (*before, attempt))
        await self.accept(arrivals)
        supersede(self._tables, keys, now)
        promote(self._tables, keys, now)
        abroad = [(one, one.crossing) for one in completions if one.crossing is not None]
        for one, _ in abroad:
            self._tables.under_way.drop((one.delivery.id, one.delivery.run_lease))
        count(self._tables, [crossing for one, crossing in abroad if one.reached])
        return frozenset(lost)

    def _apply(self, row: Delivery, completion: Completion, now: datetime) -> None:
        tables = self._tables
        free = replace(row, crashes=0, lease_until=None, lease_token=None)
        match completion.next:
            case Finish(final=final):
                tables.live.drop(row.id)
                tables.done.put(row.id, ended(row, final, completion.reference, now, completion.attempt.error))
            case Again(due_at=due_at, costs=True):
                tables.live.put(row.id, replace(free, state=State.READY, due_at=due_at))
            case Again(due_at=due_at):
                tables.live.put(
                    row.id,
                    replace(
                        free, state=State.READY, due_at=due_at, attempt=row.attempt - 1, deferrals=row.deferrals + 1
                    ),
                )
            case Hold():
                tables.live.put(row.id, replace(free, state=State.HELD))
                stop = completion.attempt.error in (STOPPED, PAUSED)
                lane, consent, border = held_for_lane(completion.attempt), completion.awaits, completion.kept
                tables.hold(row.id, lane=lane, stop=stop, consent=consent, border=border)
        event = tables.events.get(row.event)
        subject = (event.subject if event is not None else None) or ""
        for object_, external in completion.refs.items():
            ref = (row.connection, subject, object_, external)
            known = tables.refs.get(ref)
            if known is None or (known.delivery or 0) <= row.id:
                tables.refs.put(ref, Cause(row.event, row.id))

    async def release(self, token: str, ids: Sequence[DeliveryId], due_at: datetime | None = None) -> int:
        rows = self._leased(token, ids)
        for row in rows:
            free = replace(row, state=State.READY, attempt=row.attempt - 1, lease_until=None, lease_token=None)
            self._tables.live.put(row.id, replace(free, due_at=due_at or row.due_at))
        return len(rows)

    async def renew(self, token: str, ids: Sequence[DeliveryId], until: datetime) -> int:
        rows = self._leased(token, ids)
        for row in rows:
            self._tables.live.put(row.id, replace(row, lease_until=until))
        return len(rows)

    def _leased(self, token: str, ids: Sequence[DeliveryId]) -> list[Delivery]:
        rows = [row for id_ in dict.fromkeys(ids) if (row := self._tables.live.get(id_)) is not None]
        return [row for row in rows if row.state is State.LEASED and row.lease_token == token]

    async def expire_leases(self, now: datetime, limit: int = 500) -> Lapsed:
        live = self._tables.live
        over = [row for row in live.values() if row.lease_until is not None and row.lease_until <= now][:limit]
        dead = [row for row in over if row.crashes + 1 >= CRASHES]
        for row in over:
            free = replace(row, state=State.READY, crashes=row.crashes + 1, lease_until=None, lease_token=None)
            live.put(row.id, free)
        for row in dead:
            live.drop(row.id)
            self._tables.done.put(row.id, ended(row, Final.DEAD, None, now, CRASHED_WORKER))
        promote(self._tables, {(row.connection, row.okey): None for row in dead if row.okey is not None}, now)
        return Lapsed(len(over), tuple((row.id, row.connection) for row in dead))

    async def recall(self, now: datetime, lease: timedelta) -> int:
        live, differ = self._tables.live, timedelta(minutes=1)
        early = [row for row in live.values() if row.received_at > now + differ and row.due_at > now]
        for row in early:
            live.put(row.id, replace(row, due_at=now + (row.due_at - row.received_at)))
        longest = now + 2 * lease + differ
        long = [row for row in live.values() if row.lease_until is not None and row.lease_until > longest]
        for row in long:
            live.put(row.id, replace(row, lease_until=now + lease))
        return len(early) + len(long)

    async def promote(self, limit: int = 500) -> int:
        live = self._tables.live
        keys = [key for key in live.waiting if key not in live.heads]
        return promote(self._tables, dict.fromkeys(keys[:limit]))

    async def expire_overdue(self, now: datetime, limit: int = 500) -> int:
        rows = [row for row in self._tables.live.values() if row.expires_at is not None and row.expires_at <= now]
        over = sorted((row for row in rows if row.state is not State.LEASED), key=lambda row: row.id)[:limit]
        for row in over:
            self._tables.live.drop(row.id)
            self._tables.done.put(row.id, ended(row, Final.EXPIRED, None, now, "deadline"))
        promote(self._tables, {(row.connection, row.okey): None for row in over if row.okey is not None}, now)
        return len(over)

    async def rooms(self, lanes: Sequence[ConnectionId], now: datetime) -> dict[ConnectionId, Room]:
        leased = Counter(row.connection for row in self._tables.live.values() if row.state is State.LEASED)
        rows = {lane: self._tables.lanes.get(lane) or LaneRow() for lane in lanes if self._open(lane, now)}
        return {lane: Room(leased[lane], row.trouble.opens, row.tokens, row.tokens_at) for lane, row in rows.items()}

    async def took(self, lane: ConnectionId, tokens: float | None, now: datetime, hold: datetime | None) -> None:
        row = self._tables.lanes.get(lane) or LaneRow()
        self._tables.lanes.put(lane, replace(row, tokens=tokens, tokens_at=now))
        if hold is not None:
            self._hold(lane, hold)

    async def trouble(self, lane: ConnectionId) -> Trouble:
        return (self._tables.lanes.get(lane) or LaneRow()).trouble

    async def set_trouble(self, lane: ConnectionId, trouble: Trouble, until: datetime | None) -> None:
        self._tables.lanes.put(lane, replace(self._tables.lanes.get(lane) or LaneRow(), trouble=trouble))
        if until is not None or trouble == Trouble():
            self._hold(lane, until)

    def _hold(self, lane: ConnectionId, until: datetime | None) -> None:
        connection = self._tables.connections.get(lane)
        if connection is not None:
            self._tables.connections.put(lane, replace(connection, held_until=until))

    async def busy_lanes(self, now: datetime) -> list[BusyLane]:
        ready = self._tables.live.ready
        busy = sorted(lane for lane, rows in ready.items() if rows[0][0] <= now and self._open(lane, now))
        return [self._busy(lane) for lane in busy]

    def _busy(self, lane: ConnectionId) -> BusyLane:
        connection, trouble = self._tables.connections.get(lane), (self._tables.lanes.get(lane) or LaneRow()).trouble
        assert connection is not None
        return BusyLane(lane, connection.tenant, trouble.opens, trouble.failing_since is not None)

    async def next_due(self, now: datetime) -> datetime | None:
        found = []
        for rows in self._tables.live.ready.values():
            place = bisect_left(rows, (now + timedelta(microseconds=1), DeliveryId(0)))
            found += [rows[place][0]] if place < len(rows) else []
        return min(found, default=None)

    async def hold_lane(self, connection: ConnectionId, until: datetime) -> None:
        lane = self._tables.connections.get(connection)
        if lane is not None and (lane.held_until is None or lane.held_until < until):
            self._tables.connections.put(connection, replace(lane, held_until=until))

    async def delivery(self, tenant: TenantId, delivery: DeliveryId) -> Delivery | DoneDelivery | None:
        found = self._tables.live.get(delivery) or self._tables.done.get(delivery)
        return found if found is not None and found.tenant == tenant else None

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
        if state is None or state in STATES:
            rows += [row for row in self._tables.live.values() if state is None or row.state is STATES[state]]
        if state is None or state in FINALS:
            rows += [row for row in self._tables.done.values() if state is None or row.final is FINALS[state]]
        found = [
            row
            for row in rows
            if row.tenant == tenant
            and (before is None or row.id < before)
            and (event is None or row.event == event)
            and (connection is None or row.connection == connection)
        ]
        return sorted(found, key=lambda row: row.id, reverse=True)[: page.limit]

    async def attempts(self, tenant: TenantId, delivery: DeliveryId) -> list[Attempt]:
        known = await self.delivery(tenant, delivery)
        return [] if known is None else list(self._tables.attempts.get(delivery) or ())

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
            case Delivery(state=State.HELD):
                fresh = replace(
                    known, attempt=0, deferrals=0, crashes=0, due_at=now, revision=revision or known.revision
                )
            case Delivery():
                raise Conflict(f"delivery dlv_{delivery} is still under way", code="under_way")
            case DoneDelivery():
                if self._tables.events.get(known.event) is None:
                    raise Conflict(f"the event of delivery dlv_{delivery} is no longer kept", code="event_gone")
                fresh = Delivery(
                    id=DeliveryId(self._tables.next("delivery")),
                    event=known.event,
                    tenant=tenant,
                    connection=known.connection,
                    revision=revision or known.revision,
                    step=known.step,
                    okey=known.okey,
                    state=State.READY,
                    attempt=0,
                    deferrals=0,
                    run_lease=0,
                    due_at=now,
                    received_at=known.received_at,
                    replay_of=known.id,
                    again=again,
                )
        self.put_back([fresh])
        return fresh.id

    async def discard(self, tenant: TenantId, delivery: DeliveryId, *, now: datetime) -> None:
        row = self._tables.live.get(delivery)
        if (row is None and await self.delivery(tenant, delivery) is None) or (
            row is not None and row.tenant != tenant
        ):
            raise NotFound(f"there is no delivery dlv_{delivery}")
        if row is None or row.state is not State.HELD:
            raise Conflict(f"delivery dlv_{delivery} is not held", code="not_held")
        self._tables.live.drop(row.id)
        self._tables.done.put(row.id, ended(row, Final.CANCELLED, None, now))

    async def lanes(self, tenant: TenantId | None = None) -> list[LaneStats]:
        counts = Counter((row.connection, row.state) for row in self._tables.live.values())
        lanes = [lane for lane in self._tables.connections.values() if tenant is None or lane.tenant == tenant]
        return [self._stats(lane, counts) for lane in lanes]

    async def pace(self, since: datetime) -> dict[ConnectionId, Pace]:
        tables, counts = self._tables, Counter[tuple[ConnectionId, bool]]()
        for id_, attempts in tables.attempts.items():
            row = tables.live.get(id_) or tables.done.get(id_)
            for attempt in attempts:
                if row is not None and attempt.started_at >= since and attempt.outcome != "late":
                    counts[row.connection, attempt.outcome == "delivered"] += 1
        return {lane: Pace(counts[lane, True], counts[lane, False]) for lane, _ in tables.connections.items()}

    def _stats(self, lane: Connection, counts: Counter[tuple[ConnectionId, State]]) -> LaneStats:
        ready = self._tables.live.ready.get(lane.id)
        return LaneStats(
            connection=lane.id,
            name=lane.name,
            state=lane.state,
            ready=counts[lane.id, State.READY],
            leased=counts[lane.id, State.LEASED],
            waiting=counts[lane.id, State.WAITING],
            held=counts[lane.id, State.HELD],
            oldest_due=ready[0][0] if ready else None,
            held_until=lane.held_until,
            opens=(self._tables.lanes.get(lane.id) or LaneRow()).trouble.opens,
        )

    async def totals(self, tenant: TenantId) -> dict[str, int]:
        totals = dict.fromkeys([*STATES, *FINALS], 0)
        totals["events"] = sum(event.tenant == tenant for event in self._tables.events.values())
        for row in self._tables.live.values():
            totals[row.state.name.lower()] += row.tenant == tenant
        for done in self._tables.done.values():
            totals[done.final.value] += done.tenant == tenant
        return totals


def held_for_lane(attempt: Attempt) -> bool:
    """Whether a held delivery waits for its connection (410, lost credentials) and not for a person."""
    return attempt.outcome == "gone" or attempt.error == "needs_reauth"


def row_number(page: Page) -> int | None:
    """`page.before` as a row number. Raises Invalid."""
    if page.before is None:
        return None
    if not (page.before.isascii() and page.before.isdigit()) or len(page.before) > 18:
        raise Invalid("a page of this list starts before a number", code="bad_page", at="before")
    return int(page.before)


def _held_by(row: Delivery, claimed: Delivery) -> bool:
    return row.state is State.LEASED and row.run_lease == claimed.run_lease and row.lease_token == claimed.lease_token
