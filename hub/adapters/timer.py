"""Recurring jobs: APScheduler wakes them, the store says which process may run the shared ones."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from apscheduler.events import EVENT_JOB_MAX_INSTANCES
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from hub.domain.errors import Conflict, HubError, Invalid
from hub.ports.clock import Clock
from hub.ports.meter import Meter

Work = Callable[[], Awaitable[None]]

SHORTEST_LEASE_S = 30.0
_JUMP = timedelta(seconds=1)
_log = logging.getLogger("hirewire.timer")


class Leads(Protocol):
    """The part of `hub.ports.store.Store` that hands out roles."""

    async def lead(self, role: str, owner: str, *, now: datetime, until: datetime) -> bool: ...


@dataclass(frozen=True, slots=True)
class _Job:
    name: str
    seconds: float
    jitter: float
    shared: bool
    at_once: bool
    work: Work
    shortest_lease_s: float

    @property
    def role(self) -> str:
        return f"timer.{self.name}"

    @property
    def lease_s(self) -> float:
        """Two ticks: the leader stays leader while it ticks, another process follows soon after it died."""
        return max(2 * self.seconds, self.shortest_lease_s)


class _Scheduler(AsyncIOScheduler):  # type: ignore[misc]
    """APScheduler plans by the wall clock; here its plans move along when somebody sets that clock.

    Else a clock set back by an hour would stop every job for an hour, and one set forward would run them early.
    """

    _seen: tuple[datetime, float] | None = None

    def _process_jobs(self) -> Any:
        wall, steady = datetime.now(UTC), time.monotonic()  # noqa: TID251 - the clock that APScheduler itself asks
        seen, self._seen = self._seen, (wall, steady)
        if seen is not None:
            jump = (wall - seen[0]) - timedelta(seconds=steady - seen[1])
            if abs(jump) > _JUMP:
                for job in self.get_jobs():
                    self.modify_job(job.id, next_run_time=job.next_run_time + jump)
        return super()._process_jobs()


class Timer:
    """Wakes jobs. What a job finds to do stands in rows, so a tick that was missed or came twice loses nothing.

    A job never overlaps itself, ticks missed while the process slept become one, and a job's error is noted and
    never stops the timer.
    """

    def __init__(
        self, store: Leads, meter: Meter, clock: Clock, *, owner: str, lease_s: float = SHORTEST_LEASE_S
    ) -> None:
        """`lease_s`: how long, at least, a shared job stays with a process that says no more."""
        self._store, self._meter, self._clock, self._owner = store, meter, clock, owner
        self._lease_s = lease_s
        self._jobs: dict[str, _Job] = {}
        self._scheduler: Any = None
        self._running: set[asyncio.Task[Any]] = set()
        self._leading: set[str] = set()

    def every(
        self,
        seconds: float,
        name: str,
        work: Work,
        *,
        shared: bool = False,
        at_once: bool = False,
        jitter: float = 0.1,
    ) -> None:
        """Run `work` every so many seconds, spread by +- half of `jitter` (a share of the period).

        `shared`: in one process of all that share the store. `at_once`: the first time at the start, not a period later.
        Raises Invalid, Conflict (code `job_exists`).
        """
        if not (seconds > 0 and 0 <= jitter <= 1):
            raise Invalid(f"job {name} needs a period above 0 and a jitter within 0 and 1", code="bad_period")
        if name in self._jobs:
            raise Conflict(f"there is a job {name} already", code="job_exists")
        self._jobs[name] = job = _Job(name, seconds, jitter, shared, at_once, work, self._lease_s)
        if self._scheduler is not None:
            self._schedule(job)

    def start(self) -> None:
        """Begin to tick on the running loop; a second start changes nothing."""
        if self._scheduler is not None:
            return
        self._scheduler = _Scheduler(timezone=UTC)
        self._scheduler.add_listener(self._skipped, EVENT_JOB_MAX_INSTANCES)
        for job in self._jobs.values():
            self._schedule(job)
        self._scheduler.start()

    async def stop(self, grace_s: float = 10.0) -> None:
        """Tick no more, wait for running jobs for `grace_s`, cancel what is left, give shared roles back."""
        if self._scheduler is None:
            return
        scheduler, self._scheduler = self._scheduler, None
        scheduler.pause()
        await self._settle(grace_s)
        scheduler.shutdown(wait=False)  # cancels; it takes effect at the loop's next turn
        await asyncio.sleep(0)
        await self._settle(grace_s)
        for name in sorted(self._leading):
            try:
                await self._take(self._jobs[name], lease_s=0.0)
            except HubError as error:
                self._meter.note("job.role_kept", job=name, code=error.code)
        self._leading.clear()

    async def _settle(self, seconds: float) -> None:
        if self._running:
            await asyncio.wait(set(self._running), timeout=seconds)

    def _schedule(self, job: _Job) -> None:
        shortest = job.seconds * (1 - job.jitter / 2)
        trigger = IntervalTrigger(seconds=shortest, jitter=job.seconds * job.jitter, timezone=UTC)
        # A fresh trigger first fires a period after now, so a period before that is now by the scheduler's own clock.
        first = {"next_run_time": trigger.start_date - trigger.interval} if job.at_once else {}
        options = {"id": job.name, "coalesce": True, "max_instances": 1, "misfire_grace_time": None, **first}
        self._scheduler.add_job(self._run, trigger, args=(job,), **options)
        self._tell(job, "planned")

    async def _run(self, job: _Job) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            if not job.shared:
                await job.work()
                self._tell(job, "ok")
            elif await self._take(job):
                await self._lead_through(job)
                self._tell(job, "ok")
            else:
                self._tell(job, "led_elsewhere")
        except HubError as error:
            self._meter.note("job.failed", job=job.name, code=error.code)
            self._tell(job, "failed")
        except Exception as error:
            self._meter.note("job.failed", job=job.name, error=type(error).__name__)
            self._tell(job, "failed")
            _log.exception("job failed")
        finally:
            self._running.discard(task)

    async def _take(self, job: _Job, lease_s: float | None = None) -> bool:
        now = self._clock.now()
        until = now + timedelta(seconds=job.lease_s if lease_s is None else lease_s)
        led = await self._store.lead(job.role, self._owner, now=now, until=until)
        if led:
            self._leading.add(job.name)
        else:
            self._leading.discard(job.name)
        return led

    async def _lead_through(self, job: _Job) -> None:
        """Run the work and keep the role while it takes."""
        renewal = asyncio.create_task(self._renew(job))
        try:
            await job.work()
        finally:
            renewal.cancel()

    async def _renew(self, job: _Job) -> None:
        while True:
            await self._clock.sleep(job.lease_s / 3)
            try:
                if not await self._take(job):
                    self._meter.note("job.role_lost", job=job.name, code="role_lost")
                    return
            except HubError as error:
                self._meter.note("job.role_not_renewed", job=job.name, code=error.code)

    def _skipped(self, event: Any) -> None:
        self._meter.note("job.skipped", job=event.job_id)
        self._tell(self._jobs[event.job_id], "skipped")

    def _tell(self, job: _Job, outcome: str) -> None:
        due = self._clock.now() + timedelta(seconds=job.seconds * (1 + job.jitter / 2))
        self._meter.task(job.name, outcome, due, job.name in self._leading if job.shared else None)
