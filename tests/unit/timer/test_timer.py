"""The timer: real short schedules, waited for by signals."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta, tzinfo

import pytest

from hub.adapters.clock import ManualClock, SystemClock
from hub.adapters.timer import Timer
from hub.domain.errors import Conflict, Invalid, Unavailable
from hub.ports.clock import Clock

SOON = 0.01


class Meter:
    """Keeps notes; the rest of the port is not the timer's."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, Mapping[str, object]]] = []
        self.noted = asyncio.Event()
        self.tasks: list[tuple[str, str, bool | None]] = []
        self.due: datetime | None = None

    def accepted(self, type: str, count: int, duplicates: int) -> None: ...
    def commit(self, size: int, seconds: float) -> None: ...
    def request(self, operation: str, status: int, seconds: float) -> None: ...
    def claim(self, seconds: float) -> None: ...
    def record(self, size: int, seconds: float) -> None: ...
    def limited(self, limit: str) -> None: ...
    def attempt(
        self, connector: str, connection: str, outcome: str, seconds: float, fields: Mapping[str, object]
    ) -> None: ...
    def delivered(self, connection: str, seconds: float) -> None: ...
    def rule(self, rule: str, verdict: str, count: int = 1) -> None: ...

    def backup_media(self, blobs: int, copied: int, compared: int) -> None:
        return None

    def backup(self, step: str, at: datetime | None) -> None:
        return None

    def task(self, name: str, outcome: str, due: datetime, leads: bool | None = None) -> None:
        self.tasks.append((name, outcome, leads))
        self.due = due

    def note(self, event: str, **fields: object) -> None:
        self.notes.append((event, fields))
        self.noted.set()


class Leads:
    """Roles as the store keeps them."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[str, datetime]] = {}
        self.asked = asyncio.Event()
        self.away = False

    async def lead(self, role: str, owner: str, *, now: datetime, until: datetime) -> bool:
        self.asked.set()
        if self.away:
            raise Unavailable("the database is away", code="store_away")
        holder, end = self.held.get(role, (owner, now))
        if holder != owner and end > now:
            return False
        self.held[role] = (owner, until)
        return True


class Count:
    """A job that counts its runs and can be waited for."""

    def __init__(self) -> None:
        self.runs = 0
        self._more = asyncio.Condition()

    async def __call__(self) -> None:
        async with self._more:
            self.runs += 1
            self._more.notify_all()

    async def reaches(self, runs: int) -> None:
        async with self._more:
            await self._more.wait_for(lambda: self.runs >= runs)


Make = Callable[..., Timer]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made: list[Timer] = []

    def timer(
        leads: Leads | None = None, meter: Meter | None = None, clock: Clock | None = None, owner: str = "a"
    ) -> Timer:
        made.append(Timer(leads or Leads(), meter or Meter(), clock or SystemClock(), owner=owner))
        return made[-1]

    yield timer
    for one in made:
        await one.stop(grace_s=0)


async def test_a_job_runs_again_and_again(make: Make) -> None:
    timer, job = make(), Count()
    timer.every(SOON, "sweep", job)
    timer.start()
    await job.reaches(3)


async def test_a_job_may_run_at_once_and_be_added_later(make: Make) -> None:
    timer, job, later = make(), Count(), Count()
    timer.every(3600, "sweep", job, at_once=True)
    timer.start()
    timer.start()
    await job.reaches(1)
    timer.every(3600, "later", later, at_once=True)
    await later.reaches(1)
    assert (job.runs, later.runs) == (1, 1)


async def test_an_error_is_noted_and_stops_neither_the_job_nor_the_others(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "hirewire.timer")
    meter = Meter()
    timer, good, tries = make(meter=meter), Count(), Count()

    async def bad() -> None:
        await tries()
        raise Unavailable("the database is away", code="store_away") if tries.runs % 2 else ValueError("canary-51")

    timer.every(SOON, "bad", bad)
    timer.every(SOON, "good", good)
    timer.start()
    await tries.reaches(4)
    await good.reaches(good.runs + 2)
    assert ("job.failed", {"job": "bad", "code": "store_away"}) in meter.notes
    assert ("job.failed", {"job": "bad", "error": "ValueError"}) in meter.notes
    assert "canary" not in repr(meter.notes)
    assert {record.name for record in caplog.records} == {"hirewire.timer"}


async def test_a_slow_job_never_overlaps_itself_and_the_skipping_is_noted(make: Make) -> None:
    meter, go = Meter(), asyncio.Event()
    timer, inside = make(meter=meter), Count()

    async def slow() -> None:
        await inside()
        await go.wait()

    timer.every(SOON, "slow", slow)
    timer.start()
    await inside.reaches(1)
    await meter.noted.wait()
    assert meter.notes[0] == ("job.skipped", {"job": "slow"})
    assert inside.runs == 1
    go.set()
    await inside.reaches(2)


async def test_a_shared_job_runs_in_one_process_and_the_other_follows(make: Make) -> None:
    leads, clock = Leads(), ManualClock()
    jobs = {"a": Count(), "b": Count()}
    timers = {owner: make(leads, clock=clock, owner=owner) for owner in jobs}
    for owner, timer in timers.items():
        timer.every(SOON, "sweep", jobs[owner], shared=True)
    timers["a"].start()
    await jobs["a"].reaches(1)
    timers["b"].start()
    for _ in range(5):  # b keeps asking, and is told no
        leads.asked.clear()
        await leads.asked.wait()
    await jobs["a"].reaches(4)
    assert jobs["b"].runs == 0
    await timers["a"].stop()  # gives the role back: b need not wait for the lease's end
    await jobs["b"].reaches(2)
    assert leads.held["timer.sweep"][0] == "b"


async def test_runs_are_told_with_their_outcome_leadership_and_next_due_time(make: Make) -> None:
    leads, clock, job = Leads(), ManualClock(), Count()
    meters = {"a": Meter(), "b": Meter()}
    for owner, meter in meters.items():
        timer = make(leads, meter, clock, owner)
        timer.every(SOON, "shared", job, shared=True)
        timer.start()
        await job.reaches(1)
    leads.asked.clear()
    await job.reaches(job.runs + 2)
    assert meters["a"].tasks[:2] == [("shared", "planned", False), ("shared", "ok", True)]
    assert ("shared", "ok", True) not in meters["b"].tasks
    assert meters["a"].due is not None
    assert clock.now() < meters["a"].due < clock.now() + timedelta(seconds=1)


async def test_the_role_of_a_dead_process_is_taken_after_its_lease(make: Make) -> None:
    leads, clock, job = Leads(), ManualClock(), Count()
    leads.held["timer.sweep"] = ("dead", clock.now() + timedelta(seconds=30))
    timer = make(leads, clock=clock)
    timer.every(SOON, "sweep", job, shared=True)
    timer.start()
    await leads.asked.wait()
    assert job.runs == 0
    clock.advance(31)
    await job.reaches(1)


async def test_a_long_shared_job_keeps_its_role(make: Make) -> None:
    leads, clock, go = Leads(), ManualClock(), asyncio.Event()
    timer, inside = make(leads, clock=clock), Count()

    async def long() -> None:
        await inside()
        await go.wait()

    timer.every(3600, "long", long, shared=True, at_once=True)
    timer.start()
    await inside.reaches(1)
    for _ in range(5):
        await clock.until_asleep()
        leads.asked.clear()
        clock.advance(2400)
        await leads.asked.wait()
        assert leads.held["timer.long"][1] > clock.now() + timedelta(seconds=3600)
    go.set()


async def test_a_long_job_that_lost_its_role_says_so(make: Make) -> None:
    leads, clock, meter, go = Leads(), ManualClock(), Meter(), asyncio.Event()
    timer, inside = make(leads, meter, clock), Count()

    async def long() -> None:
        await inside()
        await go.wait()

    timer.every(3600, "long", long, shared=True, at_once=True)
    timer.start()
    await inside.reaches(1)
    await clock.until_asleep()
    leads.away = True
    clock.advance(2400)
    await meter.noted.wait()
    meter.noted.clear()
    leads.away = False
    leads.held["timer.long"] = ("b", clock.now() + timedelta(days=1))
    await clock.until_asleep()
    clock.advance(2400)
    await meter.noted.wait()
    assert [event for event, _ in meter.notes] == ["job.role_not_renewed", "job.role_lost"]
    go.set()


async def test_a_store_that_is_away_is_noted_and_asked_again(make: Make) -> None:
    leads, meter, job = Leads(), Meter(), Count()
    leads.away = True
    timer = make(leads, meter)
    timer.every(SOON, "sweep", job, shared=True)
    timer.start()
    await meter.noted.wait()
    assert meter.notes[0] == ("job.failed", {"job": "sweep", "code": "store_away"})
    assert job.runs == 0
    leads.away = False
    await job.reaches(1)
    leads.away = True
    await timer.stop()  # cannot give the role back: it runs out by itself
    assert meter.notes[-1] == ("job.role_kept", {"job": "sweep", "code": "store_away"})


async def test_stopping_lets_a_running_job_finish(make: Make) -> None:
    timer, go, inside, done = make(), asyncio.Event(), Count(), Count()

    async def slow() -> None:
        await inside()
        await go.wait()
        await done()

    timer.every(SOON, "slow", slow)
    timer.start()
    await inside.reaches(1)
    stopping = asyncio.create_task(timer.stop())
    await asyncio.sleep(0)
    go.set()
    await stopping
    assert (inside.runs, done.runs) == (1, 1)


async def test_stopping_cancels_what_does_not_finish_and_nothing_runs_after_it(make: Make) -> None:
    timer, inside, ended = make(), Count(), asyncio.Event()

    async def stuck() -> None:
        await inside()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    timer.every(SOON, "stuck", stuck)
    timer.start()
    await inside.reaches(1)
    await timer.stop(grace_s=0)
    await ended.wait()
    await timer.stop()
    assert inside.runs == 1
    assert len(asyncio.all_tasks()) == 1


async def test_a_stopped_timer_starts_again(make: Make) -> None:
    timer, job = make(), Count()
    timer.every(SOON, "sweep", job)
    for _ in range(2):
        timer.start()
        await job.reaches(job.runs + 1)
        await timer.stop()


@pytest.mark.parametrize("hours", [-1, 1, 24 * 365 * 5])
async def test_a_wall_clock_that_jumps_neither_stops_jobs_nor_runs_them_early(
    make: Make, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """The fault is put where it happens, in what the scheduler reads as the wall clock."""
    off = timedelta()

    class Jumping(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + off

    for module in ("apscheduler.schedulers.base", "apscheduler.triggers.interval", "hub.adapters.timer"):
        monkeypatch.setattr(importlib.import_module(module), "datetime", Jumping)
    timer, quick, slow = make(), Count(), Count()
    timer.every(SOON, "quick", quick)
    timer.every(1800, "slow", slow)
    timer.start()
    await quick.reaches(2)
    off = timedelta(hours=hours)
    await quick.reaches(quick.runs + 3)
    assert slow.runs == 0
    off = timedelta()
    await quick.reaches(quick.runs + 3)
    assert slow.runs == 0


async def nothing() -> None: ...


@pytest.mark.parametrize(("seconds", "jitter"), [(0, 0.1), (-1, 0.1), (float("nan"), 0.1), (1, -0.1), (1, 1.1)])
async def test_a_period_that_makes_no_sense_is_refused(make: Make, seconds: float, jitter: float) -> None:
    with pytest.raises(Invalid) as caught:
        make().every(seconds, "sweep", nothing, jitter=jitter)
    assert caught.value.code == "bad_period"


async def test_two_jobs_of_one_name_are_refused(make: Make) -> None:
    timer = make()
    timer.every(1, "sweep", nothing)
    with pytest.raises(Conflict) as caught:
        timer.every(1, "sweep", nothing)
    assert caught.value.code == "job_exists"
