"""The delivery loop: claim from the lanes that have room, carry out, record in batches."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hub.app.delivery.breakers import Breakers
from hub.app.delivery.sharing import counted_at, fair_shares, lent, startable
from hub.app.delivery.suspects import WAIT, Suspects
from hub.app.groups import GroupCommit
from hub.app.library import Library
from hub.domain.breaker import Heard
from hub.domain.connections import Connection, ConnectionState
from hub.domain.deliveries import CRASHED_WORKER, Again, Delivery, Hold
from hub.domain.errors import Unavailable
from hub.domain.ids import ConnectionId, DeliveryId, TenantId
from hub.ports.clock import Clock, Ids
from hub.ports.lanes import BusyLane
from hub.ports.meter import Meter
from hub.ports.queue import Claimed, Completion, LaneCall
from hub.ports.store import Store, Work

CURSOR_MARGIN = timedelta(seconds=5)  # how far behind the last claimed due time a lane is still looked at
REFILL = 0.25  # the share of a lane's concurrency that must be free before more is claimed for it
FULL_SWEEP_S = 5.0  # how often the cursor is put aside, so that nothing due earlier is overlooked


@dataclass(frozen=True, slots=True)
class LoopLimits:
    """`in_flight` bounds what is started and not yet recorded: it is also the bound on duplicates after a crash."""

    in_flight: int = 400
    batch: int = 256
    lease: timedelta = timedelta(seconds=60)
    poll_s: float = 0.25
    renew_s: float = 15.0


@dataclass(slots=True)
class LaneLoop:
    """One process's delivery loop over all lanes. `run` until `stop`; what was started is finished or given back."""

    store: Store
    library: Library
    deliver: Callable[[Claimed], Awaitable[Completion]]
    clock: Clock
    ids: Ids
    meter: Meter
    breakers: Breakers
    limits: LoopLimits = LoopLimits()
    _token: str = ""
    _running: dict[DeliveryId, asyncio.Task[None]] = field(default_factory=dict)
    _busy: dict[ConnectionId, int] = field(default_factory=dict)
    _cursor: dict[ConnectionId, datetime] = field(default_factory=dict)
    _turn: int = 0
    _swept: float = float("-inf")
    _stopping: bool = False
    _suspects: Suspects = field(default_factory=Suspects)
    _suspected: dict[DeliveryId, Delivery] = field(default_factory=dict)  # those that are under way
    _likely: bool = True  # whether there is reason to think that there is work
    _tenants: frozenset[TenantId] = frozenset()  # who had something due when last somebody had
    _records: GroupCommit[Completion, bool] = field(init=False)

    def __post_init__(self) -> None:
        self._token = self.ids.token()
        self._records = GroupCommit(self._record, size=256, linger_s=0.005, enough=self._all_ended)

    async def run(self) -> None:
        """Deliver until stopped. A store that is away is waited for; nothing is lost meanwhile."""
        renewing = asyncio.get_running_loop().create_task(self._renew())
        try:
            while not self._stopping:
                try:
                    if not await self.turn() and not self._stopping:
                        self._likely = await self.store.wait(self.limits.poll_s)
                except Unavailable as error:
                    self.meter.note("store.unavailable", code=error.code)
                    await self.clock.sleep(self.limits.poll_s)
                except Exception as error:  # whatever it is, a hub that accepts must go on delivering
                    self.meter.note("loop.failed", error=type(error).__name__)
                    await self.clock.sleep(self.limits.poll_s)
        finally:
            try:
                await self._drain()
            finally:
                renewing.cancel()  # not before: what is still under way must stay ours

    async def recall(self) -> None:
        """At the start of a process: what was left by processes whose clock was ahead must not wait until it has come."""
        async with self.store.work() as work:
            recalled = await work.recall(self.clock.now(), self.limits.lease)
        if recalled:
            self.meter.note("deliveries.recalled", count=recalled)

    async def turn(self) -> bool:
        """Claim once and start what was claimed; whether anything was."""
        now = self.clock.now()
        await self._sweep(now)
        free = self.limits.in_flight - len(self._running)
        if free <= 0 or (self._running and self._suspects.quiet(now)):
            await self.store.wait(self.limits.poll_s)
            return False
        self._turn += 1
        # A look is cheaper than a transaction that may write, but one more where there is work.
        if not (self._likely and self._tenants):
            async with self.store.look() as look:
                busy = await look.busy_lanes(now)
            self._tenants = _tenants(busy) or self._tenants
            if not self._calls(busy, await self._connections(self._tenants), free):
                return False
        by_id = await self._connections(self._tenants)
        began = self.clock.monotonic()
        async with self.store.work() as work:
            busy = await work.busy_lanes(now)
            calls = self._calls([lane for lane in busy if lane.tenant in self._tenants], by_id, free)
            claimed = await self._claim(work, calls, by_id, now) if calls else []
        before, self._tenants = self._tenants, _tenants(busy) or self._tenants
        self._likely = bool(claimed) or not before.issuperset(
            self._tenants
        )  # somebody new: the next turn is theirs, too
        if claimed:
            self.meter.claim(self.clock.monotonic() - began)
        for one in claimed:
            self._start(one)
        return self._likely

    async def _connections(self, tenants: Collection[TenantId]) -> Mapping[ConnectionId, Connection]:
        """Those of all these tenants."""
        books = [(await self.library.book(tenant)).by_id for tenant in tenants]
        return books[0] if len(books) == 1 else {id_: one for book in books for id_, one in book.items()}

    async def _claim(
        self, work: Work, calls: Sequence[LaneCall], by_id: Mapping[ConnectionId, Connection], now: datetime
    ) -> list[Claimed]:
        """Lanes with limits that all workers share are claimed under their lock, as far as the limits let them."""
        shared = [call.connection for call in calls if by_id[call.connection].lane.strict or call.probe]
        rooms = await work.rooms(shared, now)
        left = {lane: startable(by_id[lane].lane, room, now) for lane, room in rooms.items()}
        calls = [
            replace(call, cap=min(call.cap, left.get(call.connection, (0, None))[0]))
            if call.connection in shared
            else call
            for call in calls
        ]
        calls = [call for call in calls if call.cap > 0]
        claimed = await work.claim(calls, now=now, lease=self.limits.lease, token=self._token)
        if any(one.delivery.crashes for one in claimed):
            claimed, aside = self._suspects.admit(claimed, self._suspected.values(), now, busy=bool(self._running))
            await work.release(self._token, [one.delivery.id for one in aside], now + WAIT)
        count = Counter(one.delivery.connection for one in claimed)
        for lane, (_, tokens) in left.items():
            if count[lane]:
                hold = self.breakers.probe(by_id[lane], now) if rooms[lane].opens else None
                left_over = None if tokens is None else tokens - count[lane]
                await work.took(lane, left_over, counted_at(rooms[lane], now), hold)
        return claimed

    def _all_ended(self, waiting: int) -> bool:
        """Nothing more can come: a lane with few places would wait for nobody, again and again."""
        return waiting >= len(self._running)

    @property
    def in_flight(self) -> int:
        """Deliveries that were started and are not recorded yet."""
        return len(self._running)

    async def idle(self) -> None:
        """Until nothing that this loop started is still running (for tests and the simulator)."""
        while self._running:
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    def stop(self) -> None:
        """Claim no more; `run` returns when what was started is recorded."""
        self._stopping = True
        self.store.ring(here=True)

    async def _sweep(self, now: datetime) -> None:
        if self.clock.monotonic() - self._swept < FULL_SWEEP_S:
            return
        self._swept = self.clock.monotonic()
        self._cursor.clear()
        async with self.store.work() as work:
            if self._running:  # after a freeze our own leases may be over and not yet taken: they are still ours
                await work.renew(self._token, list(self._running), now + self.limits.lease)
            lapsed = await work.expire_leases(now)
            overdue = await work.expire_overdue(now)
            await work.promote()
        if lapsed.count:
            self.meter.note("leases.expired", count=lapsed.count)
        if lapsed.dead:
            by_id = await self._connections(self._tenants)
            for id_, lane in lapsed.dead:
                name = by_id[lane].name if lane in by_id else ""
                self.meter.gave_up(name, CRASHED_WORKER, f"dlv_{id_}")
        if overdue:
            self.meter.note("deliveries.expired", count=overdue)

    def _calls(self, busy: Sequence[BusyLane], by_id: Mapping[ConnectionId, Connection], free: int) -> list[LaneCall]:
        """How much to claim from which lane, where `free` deliveries more may be under way."""
        wanted: list[tuple[BusyLane, int]] = []
        for lane in busy:
            connection = by_id.get(lane.connection)
            if connection is None:
                self.library.forget()
                continue
            running, limit = self._busy.get(connection.id, 0), self.breakers.limit(connection)
            if running and limit - running < limit * REFILL:
                continue  # one claim for many is cheap, many claims for one each are not
            wanted.append((lane, self.breakers.wants(lane, connection, running)))
        held = [self._busy.get(lane.connection, 0) for lane, _ in wanted]
        wants, room = lent([want for _, want in wanted], held, free)
        shares = fair_shares(
            [(lane.tenant, want) for (lane, _), want in zip(wanted, wants, strict=True)],
            min(self.limits.batch, room),
            self._turn,
        )
        return [
            LaneCall(lane.connection, share, self._cursor.get(lane.connection), probe=lane.opens > 0)
            for (lane, _), share in zip(wanted, shares, strict=True)
            if share > 0
        ]

    def _start(self, claimed: Claimed) -> None:
        delivery = claimed.delivery
        self._busy[delivery.connection] = self._busy.get(delivery.connection, 0) + 1
        self._cursor[delivery.connection] = delivery.due_at - CURSOR_MARGIN
        before = self._running.get(delivery.id)
        task = asyncio.get_running_loop().create_task(self._carry(claimed, before))
        self._running[delivery.id] = task
        if delivery.crashes:
            self._suspected[delivery.id] = delivery

    async def _carry(self, claimed: Claimed, before: asyncio.Task[None] | None) -> None:
        """`before`: an earlier try of ours that lost its lease (to a freeze, say) and is still talking to the vendor."""
        delivery = claimed.delivery
        try:
            if before is not None:
                await asyncio.wait([before])
            if delivery.lease_until is not None and delivery.lease_until <= self.clock.now():
                self.meter.note("lease.over_before_start", delivery=f"dlv_{delivery.id}")
                await self._give_up(delivery)
                return  # a freeze or a slow claim ate the lease: another worker may have it by now
            completion = await self.deliver(claimed)
            await self._keep(completion)
        finally:
            if self._running.get(delivery.id) is asyncio.current_task():
                del self._running[delivery.id]
                self._suspected.pop(delivery.id, None)
            self._busy[delivery.connection] -= 1
            self.store.ring(here=True)  # there is room again, which is no news to others

    async def _give_up(self, delivery: Delivery) -> None:
        """Nothing was done with it; unless somebody took it over, that is said, else it would count as a crash."""
        if self._running.get(delivery.id) is not asyncio.current_task():
            return
        with suppress(Unavailable):
            async with self.store.work() as work:
                await work.release(self._token, [delivery.id])

    async def _keep(self, completion: Completion) -> None:
        """Record, trying again while the store is away; past the lease another worker has it and the fence holds."""
        until = self.clock.monotonic() + self.limits.lease.total_seconds()
        while True:
            try:
                await self._records.put([completion])
                return
            except Unavailable as error:
                if self.clock.monotonic() > until:
                    self.meter.note("completion.abandoned", delivery=f"dlv_{completion.delivery.id}", code=error.code)
                    return
                await self.clock.sleep(self.limits.poll_s)

    async def _record(self, completions: Sequence[Completion]) -> Sequence[bool]:
        now, began = self.clock.now(), self.clock.monotonic()
        async with self.store.work() as work:
            stale = await work.complete(completions, now=now)
            await self._hear(work, completions, now)
            for completion in completions:
                if isinstance(completion.next, Again) and not completion.next.costs:
                    await work.hold_lane(completion.delivery.connection, completion.next.due_at)
            for connection, state in disables(completions):
                await work.set_connection_state(connection, state)
        self.meter.record(len(completions), self.clock.monotonic() - began)
        for id_ in stale:
            self.meter.note("completion.stale", delivery=f"dlv_{id_}")
        return [completion.delivery.id not in stale for completion in completions]

    async def _hear(self, work: Work, completions: Sequence[Completion], now: datetime) -> None:
        told: dict[ConnectionId, list[Heard]] = {}
        for one in completions:
            if one.heard is not None:
                told.setdefault(one.delivery.connection, []).append(one.heard)
        by_id = await self._connections({one.delivery.tenant for one in completions}) if told else {}
        for lane, heard in sorted(told.items()):
            if lane in by_id:
                await self.breakers.hear(work, by_id[lane], heard, now)

    async def _renew(self) -> None:
        while True:
            await self.clock.sleep(self.limits.renew_s)
            running = list(self._running)
            if not running:
                continue
            try:
                async with self.store.work() as work:
                    await work.renew(self._token, running, self.clock.now() + self.limits.lease)
            except Exception as error:  # the next turn tries again; without renewal the fence protects
                self.meter.note("lease.renewal_failed", error=type(error).__name__)

    async def _drain(self) -> None:
        if self._running:
            await asyncio.wait(list(self._running.values()), timeout=self.limits.lease.total_seconds())
        for task in self._running.values():
            task.cancel()
        left = list(self._running)
        if left:
            async with self.store.work() as work:
                await work.release(self._token, left)


def _tenants(busy: Sequence[BusyLane]) -> frozenset[TenantId]:
    return frozenset(lane.tenant for lane in busy)


def disables(completions: Sequence[Completion]) -> frozenset[tuple[ConnectionId, ConnectionState]]:
    """Connections that must be switched off because of what their vendor answered."""
    found = set()
    for completion in completions:
        if isinstance(completion.next, Hold):
            if completion.attempt.outcome == "gone":
                found.add((completion.delivery.connection, ConnectionState.DISABLED))
            elif completion.attempt.error == "needs_reauth":
                found.add((completion.delivery.connection, ConnectionState.NEEDS_REAUTH))
    return frozenset(found)
