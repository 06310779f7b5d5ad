"""Several workers on one database move the same runs: no step twice, no cap exceeded, no event overlooked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest

from hub.adapters.clock import ManualClock
from hub.app.incoming import Incoming
from hub.domain.runs import RunState
from hub.ports.store import Store
from tests.support.hubs import START, TENANT, Bench, bench, report

SINK = {"connector": "referral", "config": {"base_url": "https://r.example"}, "secrets": {"api_token": "t"}}
WAIT = {"kind": "wait", "id": "w", "for": "background_check.completed", "timeout": "P14D"}
TOLD = "application.stage_changed"
EMIT = {"kind": "emit", "id": "e", "event": TOLD, "with": {"application": {"id": "app_1"}}}
CALL = {"kind": "action", "id": "offer", "connection": "sink", "operation": "referral.create"}


def rule(*then: object, on: str = "interview.report.completed", **guards: object) -> dict[str, object]:
    return {"rule": {"schema": 1, "trigger": {"event": on}, "then": list(then), "guards": guards}}


def check(candidate: str) -> Incoming:
    told = report(candidate=candidate).data
    found = {"id": "chk_1", "status": "completed", "result": "clear"}
    data = {"background_check": found, "candidate": told["candidate"]}
    return Incoming("background_check.completed", 1, "/checks", candidate, data, subject=candidate)


async def crowd(another: Callable[[], Store], size: int, rules: dict[str, object]) -> list[Bench]:
    """So many workers on one database, by one clock."""
    clock = ManualClock(START)
    workers = [bench(another(), clock=clock, seed=n) for n in range(size)]
    await workers[0].hub.vault.prepare(TENANT)
    await workers[0].configure({"connections": {"sink": SINK}, "rules": rules})  # type: ignore[dict-item]
    return workers


async def advance(workers: list[Bench]) -> None:
    """All at once, until nothing is due."""

    async def work(one: Bench) -> None:
        while await one.hub.advance():
            await asyncio.sleep(0)

    await asyncio.gather(*(work(one) for one in workers))


async def test_the_rate_cap_is_exact_and_once_is_once(open_another: Callable[[], Store]) -> None:
    workers = await crowd(open_another, 3, {"r": rule(CALL, max_per_hour=7, once_per=["candidate"])})
    incoming = [report(key=f"{n}-{again}", candidate=f"cand_{n}") for n in range(15) for again in range(3)]
    await workers[0].accept(*incoming)
    await advance(workers)
    runs = await workers[0].hub.runs.every(TENANT, limit=200)
    assert Counter(view.run.state for view in runs) == {RunState.DONE: 7, RunState.HELD: 8, RunState.SKIPPED: 30}
    assert len(await workers[0].deliveries()) == 7


async def test_rules_that_tell_each_other_things_under_several_workers(open_another: Callable[[], Store]) -> None:
    told = {**WAIT, "for": TOLD}
    rules: dict[str, object] = {
        "a": rule(EMIT, WAIT, CALL),
        "b": rule(told, {**CALL, "id": "told"}),
        "c": rule(CALL, on=TOLD),
    }
    workers = await crowd(open_another, 3, rules)
    await workers[0].accept(*[report(key=f"r{n}", candidate=f"cand_{n}") for n in range(12)])
    await asyncio.gather(advance(workers), workers[1].accept(*[check(f"cand_{n}") for n in range(12)]))
    for _ in range(8):
        workers[0].clock.advance(2.0)
        await advance(workers)
    steps = Counter(delivery.step.partition(".")[2] for delivery in await workers[0].deliveries())
    assert steps == {"offer": 24, "told": 12}


@pytest.mark.parametrize("store_kind", ["postgres"], indirect=False)
async def test_an_event_accepted_while_the_wait_is_written_is_found(open_another: Callable[[], Store]) -> None:
    """Neither transaction sees the other: looking again finds the event."""
    one, other = await crowd(open_another, 2, {"r": rule(WAIT, CALL)})
    await one.accept(report())
    book = await other.hub.library.book(TENANT)
    await other.hub.vault.prepare(TENANT)
    await other.hub.ingest.prepare.keys(TENANT, [check("cand_1")])
    arrival = other.hub.ingest.prepare(TENANT, check("cand_1"), book)
    assert arrival.wakes
    async with other.hub.store.work() as work:
        await work.accept([arrival])
        await one.advance()
    assert await one.deliveries() == []
    one.clock.advance(2.0)
    await one.advance()
    assert [delivery.step.partition(".")[2] for delivery in await one.deliveries()] == ["offer"]
