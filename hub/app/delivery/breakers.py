"""The breakers of one worker's lanes: it hears how tries go, and tells the others through the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hub.domain.breaker import BreakerPolicy, Heard, Trouble, Window, failing, opened
from hub.domain.connections import Connection, ConnectionState
from hub.domain.ids import ConnectionId
from hub.ports.clock import Clock
from hub.ports.lanes import BusyLane
from hub.ports.meter import Meter
from hub.ports.store import Work

PROBE_MARGIN = timedelta(seconds=10)  # beyond the time-out: a probe that never reports back is given up


@dataclass(slots=True)
class Breakers:
    """Opens a lane's breaker for all workers, lets one probe through when its time is over, and starts slowly again."""

    clock: Clock
    meter: Meter
    policy: BreakerPolicy = field(default_factory=BreakerPolicy)
    _windows: dict[ConnectionId, Window] = field(default_factory=dict)
    _troubled: set[ConnectionId] = field(default_factory=set)
    _probing: set[ConnectionId] = field(default_factory=set)
    _ramp: dict[ConnectionId, int] = field(default_factory=dict)

    def wants(self, lane: BusyLane, connection: Connection, running: int) -> int:
        """How many more deliveries this worker wants to start."""
        if lane.opens or lane.failing:
            self._troubled.add(lane.connection)
        if lane.opens:
            return 0 if running else 1
        return self.limit(connection) - running

    def limit(self, connection: Connection) -> int:
        """How many may be under way: all that the lane allows, fewer while it starts slowly."""
        return min(self._ramp.get(connection.id, connection.lane.concurrency), connection.lane.concurrency)

    def probe(self, connection: Connection, now: datetime) -> datetime:
        """A probe has been claimed; until when nobody else may send one."""
        self._probing.add(connection.id)
        return now + timedelta(seconds=connection.lane.timeout_s) + PROBE_MARGIN

    async def hear(self, work: Work, connection: Connection, heard: Sequence[Heard], now: datetime) -> None:
        """Take in how tries at one destination went, in the transaction that records them."""
        lane, moment = connection.id, self.clock.monotonic()
        window = self._windows.setdefault(lane, Window(self.policy))
        struck = window.add(heard, moment)
        probed = lane in self._probing
        self._probing.discard(lane)
        if struck or Heard.WELL not in heard:
            await self._badly(work, connection, struck, probed, now)
        else:
            await self._well(work, connection)

    async def _well(self, work: Work, connection: Connection) -> None:
        lane = connection.id
        if lane in self._ramp:
            self._ramp[lane] *= 2
            if self._ramp[lane] >= connection.lane.concurrency:
                del self._ramp[lane]
        if lane not in self._troubled:
            return
        self._troubled.discard(lane)
        trouble = await work.trouble(lane)
        await work.set_trouble(lane, Trouble(), None)
        if trouble.opens:
            self._ramp[lane] = 1
            self.meter.note("breaker.closed", connection=connection.name)

    async def _badly(self, work: Work, connection: Connection, struck: bool, probed: bool, now: datetime) -> None:
        lane = connection.id
        self._troubled.add(lane)
        before = await work.trouble(lane)
        trouble, alarm = failing(before, self.policy, now)
        until = None
        if probed or (struck and not before.opens):  # what was still under way when it opened does not count again
            self._ramp.pop(lane, None)
            trouble, wait = opened(trouble, self.policy)
            until = now + wait
            self.meter.note("breaker.opened", connection=connection.name, seconds=round(wait.total_seconds()))
        if trouble != before:
            await work.set_trouble(lane, trouble, until)
        if alarm is not None:
            self.meter.note("destination.failing", connection=connection.name, percent=alarm)
        if alarm == 100:
            await work.set_connection_state(lane, ConnectionState.DISABLED)
            self.meter.note("destination.disabled", connection=connection.name, why="failing")
