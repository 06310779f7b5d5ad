"""What the product promises of rules that wait when its worker is killed: nobody is forgotten, nobody served twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub.app.incoming import Incoming
from hub.domain.runs import RunState
from hub.ports.store import Page
from tests.support.hubs import TENANT, report
from tests.support.processes import Product, product, until
from tests.support.sink import Sink, run_sink

PEOPLE = 80
EARLY, WOKEN = range(20), range(20, 40)  # their checks are there before a worker looks, and after it was killed


def call(id_: str) -> dict[str, Any]:
    return {"kind": "action", "id": id_, "connection": "sink", "operation": "referral.create"}


RULE: dict[str, Any] = {
    "schema": 1,
    "trigger": {"event": "interview.report.completed"},
    "then": [
        call("order"),
        {"kind": "wait", "id": "w", "for": "background_check.completed", "timeout": "PT3S", "on_timeout": [call("late")]},
        call("offer"),
    ],
    "guards": {"once_per": ["candidate"]},
}  # fmt: skip


def checks(people: range) -> list[Incoming]:
    """The answers of the background check, with the context that a real one brings along."""
    told = [report(candidate=f"cand_{n}").data for n in people]
    return [
        Incoming(
            "background_check.completed",
            1,
            "/checks",
            f"chk-{n}",
            {**data, "background_check": {"id": f"chk_{n}", "status": "completed", "result": "clear"}},
            subject=f"cand_{n}",
        )
        for n, data in zip(people, told, strict=True)
    ]


@pytest.fixture(params=["sqlite", "postgres"])
async def made(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Product, Sink]]:
    database = str(request.getfixturevalue(f"{request.param}_database"))
    async with run_sink(0.002) as sink, product(tmp_path, database) as installed:
        await installed.configure(sink.url)
        rules = {"every report": {"rule": RULE}}
        await installed.opened.hub.configure.apply(TENANT, {"hirewire": 1, "rules": rules}, "test")  # type: ignore[dict-item]
        yield installed, sink


async def ended(made: Product) -> bool:
    async with made.opened.hub.store.look() as look:
        return len(await look.runs(TENANT, limit=500, states=[RunState.DONE])) == PEOPLE


async def test_a_worker_killed_while_runs_wait(made: tuple[Product, Sink]) -> None:
    """After kill -9 every run still ends, by its event or by its time, and each step was owed once."""
    installed, sink = made
    await installed.put(0, PEOPLE)
    await installed.opened.hub.ingest(TENANT, checks(EARLY))
    worker = await installed.start("work")
    await sink.until(PEOPLE // 2)
    await installed.kill(worker)
    await installed.opened.hub.ingest(TENANT, checks(WOKEN))
    await installed.start("work")
    await until(lambda: ended(installed), "every run has ended")
    await sink.until(2 * PEOPLE)
    await installed.drained()
    async with installed.opened.hub.store.look() as look:
        owed = await look.deliveries(TENANT, Page(1000))
        subjects = {event.id: event.subject for event in await look.events(TENANT, Page(1000))}
    steps = Counter((subjects[one.event], one.step.partition(".")[2]) for one in owed)
    assert set(steps.values()) == {1}
    people = [f"cand_{n}" for n in range(PEOPLE)]
    assert all(steps[who, "order"] == 1 and steps[who, "offer"] + steps[who, "late"] == 1 for who in people)
    assert all(steps[f"cand_{n}", "offer"] for n in EARLY)
    assert all(steps[f"cand_{n}", "late"] for n in range(WOKEN.stop, PEOPLE))
    assert len(sink.tries) == 2 * PEOPLE
    assert sink.confused == []
