"""A backtest against what really happened: the same rule, tried afterwards, says what its runs did at the time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub.domain.runs import RunState
from mappings.documents import Document
from tests.app.conftest import REFERRALS, REPORT
from tests.app.test_runs import BRANCH, CLEAR, SINK, WAIT, call, checked, tag
from tests.support.hubs import TENANT, Bench, bench, report

GATE = {"kind": "gate", "id": "g", "approvers": "hr_owner"}


def stored(*then: Any, guards: Document | None = None, when: Any = None) -> Document:
    rule: Document = {"schema": 1, "trigger": {"event": REPORT}, "then": list(then)}
    return {**rule, **({"guards": guards} if guards else {}), **({"when": when} if when else {})}


async def hub_with(rule: Document) -> Bench:
    b = bench()
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"sink": SINK, "referrals": REFERRALS}, "rules": {"r": {"rule": rule}}})
    return b


async def tell(b: Bench, *incoming: Any, **span: float) -> None:
    """Events, then time: runs move as they do in a living hub."""
    for one in incoming:
        await b.accept(one)
        await b.advance()
    for _ in range(8):
        b.clock.advance(timedelta(**span).total_seconds() / 8)
        await b.advance()


async def tried(b: Bench, **more: Any) -> Document:
    job = await b.hub.backtests.start(TENANT, "r", "ann", owner="ann", **more)
    done = await b.hub.backtests.run(job, "ann")
    assert done.state == "done", done
    assert done.result is not None
    return done.result


async def really(b: Bench) -> tuple[dict[str, int], list[str]]:
    """How runs ended, and the operations that were planned."""
    ends: dict[str, int] = {}
    for view in await b.hub.runs.every(TENANT):
        ends[str(view.run.state)] = ends.get(str(view.run.state), 0) + 1
    return ends, [one.step.partition(".")[2] for one in await b.deliveries()]


def counts(result: Document) -> int:
    actions = result["actions"]
    assert isinstance(actions, list)
    return sum(one["count"] for one in actions if isinstance(one, dict))  # type: ignore[misc]


LATE = {**WAIT, "on_timeout": [tag("late"), call("chase")]}
ORDER = {**WAIT, "same": "order"}
HELD = {**WAIT, "on_timeout": "notify"}
DELAY = {"kind": "delay", "id": "d", "for": "P1D", "until": "business_hours"}


@pytest.mark.parametrize(
    "then",
    [
        (call("order"), WAIT, BRANCH, call("end")),
        (call("order"), LATE, call("end")),
        (call("order"), ORDER, call("end")),
        (HELD, call("end")),
        (DELAY, WAIT, call("end")),
        (WAIT, call("one"), {**WAIT, "id": "again"}, call("two")),
        (call("first"), GATE, call("after")),
        ({"kind": "branch", "id": "b", "when": {**CLEAR, "field": "report.overall.score", "op": "gt", "value": 80},
          "then": [call("high")], "else": [call("low"), call("more")]},),
    ],
)  # fmt: skip
async def test_a_backtest_says_what_the_runs_really_did(then: Any) -> None:
    b = await hub_with(stored(*then))
    await tell(b, report(candidate="cand_1"), report(key="2", candidate="cand_2", score=50), days=2)
    await tell(
        b, report(key="3", candidate="cand_3"), checked(), checked("consider", key="c2", candidate="cand_2"), days=1
    )
    await tell(b, checked(key="c3"), days=20)
    await tell(b, report(key="4", candidate="cand_4"), hours=1)
    ends, planned = await really(b)
    result = await tried(b)
    assert (result["ends"], counts(result)) == (ends, len(planned))
    assert (result["touched"], result["candidates"]) == (4, 4)


@pytest.mark.parametrize(
    ("guards", "why", "kept"),
    [
        ({"once_per": ["candidate"]}, "once_per", 3),
        ({"once_per": ["candidate", "job"]}, "once_per", 3),
        ({"max_per_hour": 2}, "rate_cap", 2),
    ],
)
async def test_guards_keep_back_what_they_kept_back_then(guards: Document, why: str, kept: int) -> None:
    b = await hub_with(stored(call("a"), guards=guards))
    for key, candidate in (("1", "cand_1"), ("2", "cand_1"), ("3", "cand_2"), ("4", "cand_1")):
        await tell(b, report(key=key, candidate=candidate), minutes=10)
    await tell(b, hours=2)
    await tell(b, report(key="5", candidate="cand_2"), hours=2)
    result = await tried(b)
    ends, planned = await really(b)
    kept_back = result["kept_back"]
    assert isinstance(kept_back, dict)
    assert kept_back[why] == kept == ends.get(RunState.SKIPPED, 0) + ends.get(RunState.HELD, 0)
    assert (counts(result), result["touched"], result["fires"]) == (len(planned), len(planned), 5)


async def test_business_hours_move_the_busiest_hour() -> None:
    b = await hub_with(stored(call("a", hours="business")))
    b.clock.advance(timedelta(days=5, hours=2).total_seconds())  # Saturday evening in Shanghai
    await b.accept(*[report(key=str(n), candidate=f"cand_{n}") for n in range(3)])
    b.clock.advance(timedelta(days=3).total_seconds())
    [action] = (await tried(b))["actions"]  # type: ignore[misc]
    assert action == {  # the Monday after, at nine
        "connection": "sink", "operation": "referral.create", "count": 3, "peak_per_hour": 3,
        "peak_hour": "2026-03-09T01:00:00+00:00",
    }  # fmt: skip


async def test_what_only_observes_sends_nothing() -> None:
    b = await hub_with(stored(call("a"), guards={"mode": "observe"}))
    await tell(b, report(), hours=1)
    result = await tried(b)
    assert (result["mode"], result["fires"], result["actions"]) == ("observe", 1, [])


async def test_words_on_candidates_count_as_of_then() -> None:
    asked = {"kind": "clause", "id": "t", "field": "candidate.tags", "op": "contains", "value": "seen"}
    b = await hub_with(stored({"kind": "tag", "id": "t", "tag": "seen"}))
    for key in ("1", "2", "3"):
        await tell(b, report(key=key), hours=1)
    await b.hub.lifecycle.draft(TENANT, "r", stored(call("a"), when={**asked, "id": "c"}), "ann")
    result = await tried(b)
    assert (result["fires"], result["no_longer"]) == (2, 1)  # not the one that put the word there


async def test_names_are_told_to_who_may_read_them() -> None:
    b = await hub_with(stored(call("a")))
    await tell(b, report(candidate="cand_1"), report(key="2", candidate="cand_2"), hours=1)
    job = await b.hub.backtests.start(TENANT, "r", "ann", owner="ann")
    done = await b.hub.backtests.run(job, "ann")
    assert done.result is not None
    assert done.result["who"]["fires"] == ["cand_2", "cand_1"]  # type: ignore[index,call-overload]
    assert "Ada" not in repr(done.result)
    assert await b.hub.backtests.names(done) == {"cand_1": "Ada Sample", "cand_2": "Ada Sample"}
