"""Backtests: the same answer as asking event by event, as a job that can be watched, cancelled and taken over."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from hub.app.rules import backtests
from hub.domain.errors import Conflict, Invalid, NotFound
from hub.domain.ids import EventId
from mappings.documents import Document
from tests.app.conftest import REPORT, action, rule
from tests.support.hubs import START, TENANT, Bench, report

NAME = "high score"


def both(least: int) -> Document:
    body = rule(REPORT, "report.overall.score", "gt", least, action("referrals", "referral.create"))["rule"]
    assert isinstance(body, dict)
    score = body["when"]
    recommended: Document = {
        "kind": "clause",
        "id": "c2",
        "field": "report.overall.recommendation",
        "op": "eq",
        "value": "recommend",
    }
    filled: Document = {"kind": "clause", "id": "c3", "field": "job.id", "op": "eq", "value": "job_1"}
    return {**body, "when": {"kind": "group", "id": "g", "mode": "all", "items": [score, recommended, filled]}}


async def history(b: Bench, count: int = 40) -> list[EventId]:
    """Reports an hour apart; every fourth is a reject; scores 50 to 89."""
    found = []
    for number in range(count):
        b.clock.advance(3600)
        advice = "reject" if number % 4 == 0 else "recommend"
        found += await b.accept(report(key=f"r{number}", score=50 + number, recommendation=advice))
    b.clock.advance(1)
    return found


async def run(b: Bench, **more: object) -> Document:
    job = await b.hub.backtests.start(TENANT, NAME, "ann", owner="ann", **more)  # type: ignore[arg-type]
    done = await b.hub.backtests.run(job, "ann")
    assert done.state == "done"
    assert done.result is not None
    return done.result


async def test_a_backtest_counts_what_would_have_happened(referring: Bench) -> None:
    events = await history(referring)
    await referring.hub.lifecycle.draft(TENANT, NAME, both(70), "ann")
    result = await run(referring)
    wanted = [n for n in range(40) if 50 + n > 70 and n % 4]
    live = [n for n in range(40) if 50 + n > 85]
    assert (result["events"], result["fires"], result["live_fires"]) == (40, len(wanted), len(live))
    assert result["compared_with"] == 1
    assert result["newly"] == len(set(wanted) - set(live))
    assert result["no_longer"] == len(set(live) - set(wanted))
    low, rejected = [n for n in range(40) if 50 + n <= 70], [n for n in range(40) if n % 4 == 0]
    assert result["clauses"] == [
        {"id": "c1", "false": len(low), "unknown": 0, "alone": len(set(low) - set(rejected))},
        {"id": "c2", "false": len(rejected), "unknown": 0, "alone": len(set(rejected) - set(low))},
        {"id": "c3", "false": 0, "unknown": 0, "alone": 0},
    ]
    [action_] = result["actions"]  # type: ignore[misc]
    assert action_["connection"] == "referrals"  # type: ignore[index,call-overload]
    assert action_["peak_per_hour"] == 1  # type: ignore[index,call-overload]
    samples = result["samples"]
    assert isinstance(samples, dict)
    assert samples["fires"] == [events[n] for n in reversed(wanted)][:20]
    assert samples["no_longer"] == [events[n] for n in reversed(live) if n not in wanted]


async def test_the_window_is_the_days_before(referring: Bench) -> None:
    await history(referring, 40)
    assert (await run(referring, days=1))["events"] == 24
    assert (await run(referring, days=90))["events"] == 40
    assert (await run(referring, number=1))["fires"] == 4


async def test_a_rule_without_anything_in_force_is_compared_with_nothing(referring: Bench) -> None:
    await history(referring, 10)
    await referring.hub.lifecycle.turn(TENANT, NAME, "paused", "ann")
    await referring.hub.lifecycle.draft(TENANT, NAME, both(55), "ann")
    result = await run(referring)
    assert (result["compared_with"], result["live_fires"], result["newly"]) == (None, None, result["fires"])


async def test_peaks_are_counted_by_the_hour(referring: Bench) -> None:
    await referring.accept(*[report(key=f"x{n}", score=90) for n in range(7)])
    await history(referring, 2)
    [action_] = (await run(referring))["actions"]  # type: ignore[misc]
    assert (action_["count"], action_["peak_per_hour"]) == (7, 7)  # type: ignore[index,call-overload]
    assert action_["peak_hour"] == START.isoformat()  # type: ignore[index,call-overload]


async def test_a_waiting_job_is_worked_off_by_whoever_wakes(referring: Bench) -> None:
    await history(referring, 5)
    job = await referring.hub.backtests.start(TENANT, NAME, "ann")
    assert (job.state, job.total) == ("queued", None)
    await referring.hub.backtests.work_off("worker")
    done = await referring.hub.backtests.one(TENANT, job.id)
    assert (done.state, done.seen, done.created_by) == ("done", 5, "ann")
    assert [one.id for one in await referring.hub.backtests.of_rule(TENANT, NAME)] == [job.id]


async def test_a_job_whose_worker_was_lost_is_taken_over(referring: Bench) -> None:
    await history(referring, 5)
    job = await referring.hub.backtests.start(TENANT, NAME, "ann", owner="gone")
    await referring.hub.backtests.work_off("worker")
    assert (await referring.hub.backtests.one(TENANT, job.id)).state == "running"
    referring.clock.advance(backtests.LEASE.total_seconds() + 1)
    await referring.hub.backtests.work_off("worker")
    assert (await referring.hub.backtests.one(TENANT, job.id)).state == "done"


async def test_a_cancelled_job_stops(referring: Bench) -> None:
    await history(referring, 5)
    tests = referring.hub.backtests
    job = await tests.start(TENANT, NAME, "ann", owner="ann")
    assert (await tests.cancel(TENANT, job.id)).state == "cancelled"
    assert (await tests.run(job, "ann")).state == "cancelled"
    with pytest.raises(Conflict) as caught:
        await tests.cancel(TENANT, job.id)
    assert caught.value.code == "not_open"


async def test_a_job_is_cancelled_while_it_runs(referring: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtests, "BATCH", 2)
    monkeypatch.setattr(backtests, "KEEP_S", 0.0)
    await history(referring, 12)
    tests = referring.hub.backtests
    job = await tests.start(TENANT, NAME, "ann", owner="ann")
    seen: list[int] = []
    cancelling: list[asyncio.Task[object]] = []

    def tell(done: int, total: int) -> None:
        seen.append(done)
        assert total == 12
        if done == 4:
            cancelling.append(asyncio.create_task(tests.cancel(TENANT, job.id)))

    ended = await tests.run(job, "ann", tell)
    await asyncio.gather(*cancelling)
    assert ended.state == "cancelled"
    assert max(seen) < 12


async def test_a_process_that_stops_gives_its_job_back(referring: Bench) -> None:
    await history(referring, 5)
    tests = referring.hub.backtests
    job = await tests.start(TENANT, NAME, "ann", owner="ann")
    tests.stop()
    assert (await tests.run(job, "ann")).state == "running"
    async with referring.hub.store.look() as look:
        assert await look.backtest_waits(referring.clock.now())


async def test_what_cannot_be_started(referring: Bench) -> None:
    tests = referring.hub.backtests
    for days in (0, 4000):
        with pytest.raises(Invalid):
            await tests.start(TENANT, NAME, "ann", days=days)
    with pytest.raises(NotFound):
        await tests.start(TENANT, "nothing", "ann")
    with pytest.raises(NotFound):
        await tests.start(TENANT, NAME, "ann", number=7)
    with pytest.raises(NotFound):
        await tests.one(TENANT, "bkt_x")
    with pytest.raises(NotFound):
        await tests.of_rule(TENANT, "nothing")
    assert timedelta(seconds=backtests.KEEP_S) < backtests.LEASE
