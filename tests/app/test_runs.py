"""Rules whose steps take time: waits, branches, gates, guards - on the in-memory store, by a clock that tests move."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hub.app.incoming import Incoming
from hub.app.runs import RunView
from hub.domain.approvers import Approver
from hub.domain.errors import Conflict, Forbidden, Invalid
from hub.domain.events import Cause
from hub.domain.ids import EventId
from hub.domain.runs import RunState
from hub.ports.store import Page
from tests.support.hubs import START, TENANT, Bench, bench, report

CLEAR: dict[str, Any] = {
    "kind": "clause", "id": "clear", "field": "background_check.result", "op": "eq", "value": "clear"
}  # fmt: skip
SINK = {"connector": "referral", "config": {"base_url": "https://r.example"}, "secrets": {"api_token": "t"}}
WAIT = {"kind": "wait", "id": "check", "for": "background_check.completed", "timeout": "P14D"}


def call(id_: str, **more: Any) -> dict[str, Any]:
    return {"kind": "action", "id": id_, "connection": "sink", "operation": "referral.create", **more}


def tag(word: str) -> dict[str, Any]:
    return {"kind": "tag", "id": f"t-{word}", "tag": word}


def checked(
    result: str = "clear", *, key: str = "check-1", candidate: str = "cand_1", cause: Cause | None = None
) -> Incoming:
    return Incoming(
        "background_check.completed",
        1,
        "/checks",
        key,
        {"background_check": {"id": "chk_1", "status": "completed", "result": result}, "candidate": {"id": candidate}},
        subject=candidate,
        cause=cause,
    )


async def hub_with(*then: Any, guards: dict[str, Any] | None = None, b: Bench | None = None, **more: Any) -> Bench:
    b = b or bench()
    rule = {"schema": 1, "trigger": {"event": "interview.report.completed"}, "then": list(then)}
    if guards is not None:
        rule["guards"] = guards
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"sink": SINK}, "rules": {"r": {"rule": rule}}, **more})  # type: ignore[dict-item]
    return b


async def accept(b: Bench, *incoming: Incoming) -> list[EventId]:
    ids = await b.accept(*incoming)
    await b.advance()
    return ids


async def later(b: Bench, **span: float) -> None:
    b.clock.advance(timedelta(**span).total_seconds())
    await b.advance()


async def only(b: Bench) -> RunView:
    [run] = await b.hub.runs.every(TENANT)
    return run


async def steps(b: Bench) -> list[str]:
    return [d.step.partition(".")[2] for d in await b.deliveries()]


async def tags(b: Bench, candidate: str = "cand_1") -> list[str]:
    async with b.hub.store.look() as look:
        return [one.tag for one in await look.tags(TENANT, candidate)]


BRANCH = {"kind": "branch", "id": "b", "when": CLEAR, "then": [call("offer")], "else": [tag("review")]}


@pytest.mark.parametrize(
    ("result", "owed", "tagged"), [("clear", ["order", "offer", "end"], []), ("consider", ["order", "end"], ["review"])]
)
async def test_a_wait_ends_with_its_event_and_the_branch_asks_that_event(
    result: str, owed: list[str], tagged: list[str]
) -> None:
    b = await hub_with(call("order"), WAIT, BRANCH, call("end"))
    [first] = await accept(b, report())
    assert await steps(b) == ["order"]
    run = (await only(b)).run
    assert (run.state, run.step, run.awaits) == (RunState.WAITING, "check", "background_check.completed")
    assert run.until == START + timedelta(days=14)
    await later(b, days=3)
    assert await steps(b) == ["order"]
    await accept(b, checked(candidate="cand_2", key="of another"))
    [check] = await accept(b, checked(result))
    assert await steps(b) == owed
    assert await tags(b) == tagged
    assert [d.event for d in await b.deliveries()] == [first, *[check] * (len(owed) - 1)]
    assert (await only(b)).run.state is RunState.DONE


async def test_time_is_up_after_fourteen_days_and_not_before() -> None:
    late = {**WAIT, "on_timeout": [tag("no-answer")]}
    b = await hub_with(late, call("offer"))
    await accept(b, report())
    await later(b, days=13, hours=23, minutes=59)
    assert (await only(b)).run.state is RunState.WAITING
    await later(b, minutes=1)
    run = (await only(b)).run
    assert (run.state, run.reason) == (RunState.DONE, "timed_out")
    assert await tags(b) == ["no-answer"]
    await accept(b, checked())
    assert await steps(b) == []  # too late


async def test_an_event_that_came_before_the_wait_is_not_missed() -> None:
    b = await hub_with({"kind": "delay", "id": "d", "for": "PT1H"}, WAIT, call("offer"))
    await accept(b, report())
    await accept(b, checked())
    await later(b, hours=1)
    assert await steps(b) == ["offer"]


async def test_an_event_from_before_the_run_is_not_taken_for_an_answer() -> None:
    b = await hub_with(WAIT, call("offer"))
    await accept(b, checked())
    await later(b, seconds=1)
    await accept(b, report())
    assert await steps(b) == []


async def test_two_waits_for_one_type_want_two_events() -> None:
    b = await hub_with(WAIT, call("one"), {**WAIT, "id": "again"}, call("two"))
    await accept(b, report())
    await accept(b, checked())
    assert await steps(b) == ["one"]
    await accept(b, checked(key="check-2"))
    assert await steps(b) == ["one", "two"]


async def test_same_order_takes_the_answer_to_its_own_delivery_alone() -> None:
    b = await hub_with(call("order"), {**WAIT, "same": "order"}, call("offer"))
    [first] = await accept(b, report())
    [mine] = await b.deliveries()
    await accept(b, checked(key="somebody else's"))
    assert await steps(b) == ["order"]
    await accept(b, checked(cause=Cause(first, mine.id)))
    assert await steps(b) == ["order", "offer"]


async def test_notify_holds_the_run_until_a_person_releases_it() -> None:
    b = await hub_with({**WAIT, "timeout": "P1D", "on_timeout": "notify"}, call("offer"))
    await accept(b, report())
    await later(b, days=1)
    run = (await only(b)).run
    assert (run.state, run.reason) == (RunState.HELD, "timed_out")
    await b.hub.runs.decide(TENANT, run.id, "release", Approver("hr", frozenset({"hr_owner"})))
    await b.advance()
    assert await steps(b) == ["offer"]


@pytest.mark.parametrize(
    ("act", "owed", "state"),
    [("approve", ["offer"], "done"), ("reject", ["thanks"], "done"), ("cancel", [], "cancelled")],
)
async def test_a_gate_waits_for_a_person(act: str, owed: list[str], state: str) -> None:
    gate = {"kind": "gate", "id": "g", "approvers": "hr_owner", "rejected": [call("thanks")]}
    b = await hub_with(gate, call("offer"))
    await accept(b, report())
    await later(b, days=100)
    view = await only(b)
    assert (view.run.state, view.approvers) == (RunState.GATE, ("hr_owner",))
    await b.hub.runs.decide(TENANT, view.run.id, act, Approver("tok_1", frozenset({"hr_owner"})), "spoken to the team")
    await b.advance()
    assert await steps(b) == owed
    assert (await only(b)).run.state == state
    async with b.hub.store.look() as look:
        [entry] = [e for e in [row.act for row in await look.acts(TENANT, 50)] if e.action == f"run.{act}"]
    assert (entry.actor, entry.detail["why"]) == ("tok_1", "spoken to the team")
    with pytest.raises(Conflict):
        await b.hub.runs.decide(TENANT, view.run.id, act, Approver("tok_1", frozenset({"hr_owner"})))


@pytest.mark.parametrize(
    ("approvers", "subject", "may"),
    [
        ("hr_owner", Approver("tok_1", frozenset({"hr_owner"})), True),
        ("role:hr_owner", Approver("tok_1", frozenset({"hr_owner"})), True),
        (["finance", "user:tok_1"], Approver("tok_1"), True),
        (["finance", "hr_owner"], Approver("tok_2", frozenset({"hr_owner"})), True),
        ("user:tok_1", Approver("tok_2", frozenset({"tok_1", "user:tok_1"})), False),
        ("hr_owner", Approver("hr_owner", frozenset({"hr"})), False),
        ("hr_owner", Approver("cli:root", operator=True), True),
    ],
)
async def test_a_gate_is_answered_by_those_whom_it_asks(approvers: Any, subject: Approver, may: bool) -> None:
    b = await hub_with({"kind": "gate", "id": "g", "approvers": approvers}, call("offer"))
    await accept(b, report())
    run = (await only(b)).run.id
    for act in () if may else ("approve", "reject"):
        with pytest.raises(Forbidden) as caught:
            await b.hub.runs.decide(TENANT, run, act, subject)
        assert caught.value.code == "not_an_approver"
    await b.hub.runs.decide(TENANT, run, "approve" if may else "cancel", subject)
    await b.advance()
    assert await steps(b) == (["offer"] if may else [])


async def test_who_may_answer_is_a_question_that_can_be_put_elsewhere() -> None:
    b = await hub_with({"kind": "gate", "id": "g", "approvers": "hr_owner"}, call("offer"))
    await accept(b, report())
    elsewhere = replace(b.hub.runs, may_approve=lambda subject, gate: subject.id == "cfo" and gate.id == "g")
    run = (await only(b)).run.id
    with pytest.raises(Forbidden):
        await elsewhere.decide(TENANT, run, "approve", Approver("tok_1", frozenset({"hr_owner"})))
    assert (await elsewhere.decide(TENANT, run, "approve", Approver("cfo"))).run.state is RunState.READY


async def test_a_gate_has_a_deadline() -> None:
    b = await hub_with({"kind": "gate", "id": "g", "approvers": "hr", "timeout": "P3D"}, call("offer"))
    await accept(b, report())
    await later(b, days=3)
    run = (await only(b)).run
    assert (run.state, run.reason) == (RunState.STOPPED, "timed_out")


async def test_once_per_candidate_and_job() -> None:
    b = await hub_with(call("offer"), guards={"once_per": ["candidate", "job"]})
    await accept(b, report(), report(key="again"), report(key="other", candidate="cand_2"))
    assert len(await b.deliveries()) == 2
    states = [view.run.state for view in await b.hub.runs.every(TENANT)]
    assert sorted(states) == ["done", "done", "skipped"]


async def test_the_rate_cap_holds_and_a_person_releases_or_discards() -> None:
    b = await hub_with(call("offer"), guards={"max_per_hour": 2, "once_per": ["candidate"]})
    await accept(b, *[report(key=f"r{n}", candidate=f"cand_{n}") for n in range(4)])
    assert len(await b.deliveries()) == 2
    held = await b.hub.runs.every(TENANT, states=[RunState.HELD])
    assert [view.run.reason for view in held] == ["rate_cap"] * 2
    await b.hub.runs.decide(TENANT, held[0].run.id, "release", Approver("hr", frozenset({"hr_owner"})))
    await b.hub.runs.decide(TENANT, held[1].run.id, "discard", Approver("hr", frozenset({"hr_owner"})))
    await b.advance()
    assert len(await b.deliveries()) == 3
    await later(b, hours=2)
    await accept(b, report(key="more", candidate=str(held[1].run.subject)))  # discarded: it may still come
    assert len(await b.deliveries()) == 4


async def test_a_rule_that_tells_what_makes_it_fire_is_stopped_after_eight() -> None:
    emit = {"kind": "emit", "id": "e", "event": "interview.report.completed"}
    b = await hub_with(emit, call("offer"))
    await accept(b, report())
    [held] = await b.hub.runs.every(TENANT, states=[RunState.HELD])
    assert held.run.reason == "loop"
    async with b.hub.store.look() as look:
        events = await look.events(TENANT, Page(50))
    assert sorted(event.depth for event in events) == list(range(9))
    assert len(await b.deliveries()) == 8


async def test_a_plain_rule_is_held_too_where_the_chain_is_too_long() -> None:
    b = await hub_with(call("offer"))
    deep = report()
    await accept(b, Incoming(**{**{f: getattr(deep, f) for f in deep.__slots__}, "depth": 8}))
    view = await only(b)
    assert (view.run.state, view.run.reason, await steps(b)) == (RunState.HELD, "loop", [])
    await b.hub.runs.decide(TENANT, view.run.id, "release", Approver("hr", frozenset({"hr_owner"})))
    await b.advance()
    assert await steps(b) == ["offer"]


async def test_an_emitted_event_has_its_cause_and_wakes_who_waits_for_it() -> None:
    emit = {
        "kind": "emit",
        "id": "e",
        "event": "application.stage_changed",
        "with": {"application": {"id": "app_1", "stage": {"kind": "offer"}}},
    }
    b = await hub_with(emit, call("offer"))
    waiting = {"kind": "wait", "id": "w", "for": "application.stage_changed", "timeout": "P1D"}
    trigger = {"event": "interview.report.completed"}
    await b.configure({"rules": {"a": {"rule": {"schema": 1, "trigger": trigger, "then": [waiting, call("told")]}}}})
    [first] = await accept(b, report())
    async with b.hub.store.look() as look:
        [told] = await look.events(TENANT, Page(), type="application.stage_changed")
    assert (told.cause, told.depth) == (Cause(first), 1)
    assert sorted(await steps(b)) == ["offer", "told"]


async def test_an_event_that_does_not_fit_fails_its_run_and_no_other() -> None:
    bad = {"kind": "emit", "id": "e", "event": "application.stage_changed", "with": {"application": "no object"}}
    b = await hub_with(call("before"), bad, call("after"))
    await b.configure(
        {
            "rules": {
                "a": {"rule": {"schema": 1, "trigger": {"event": "interview.report.completed"}, "then": [tag("fine")]}}
            }
        }
    )
    await accept(b, report())
    runs = {view.rule: view.run for view in await b.hub.runs.every(TENANT)}
    assert (runs["r"].state, runs["a"].state) == (RunState.FAILED, RunState.DONE)
    assert runs["r"].reason is not None
    assert "application" in runs["r"].reason


async def test_a_paused_rule_stands_still_and_goes_on_where_it_was() -> None:
    b = await hub_with(WAIT, call("offer"))
    await accept(b, report())
    rule = (await b.hub.configure.export(TENANT))["rules"]
    assert isinstance(rule, dict)
    await b.configure({"rules": {"r": {**rule["r"], "state": "paused"}}})  # type: ignore[dict-item]
    await accept(b, checked())
    assert await steps(b) == []
    await b.configure({"rules": {"r": {**rule["r"], "state": "live"}}})  # type: ignore[dict-item]
    await b.advance()
    assert await steps(b) == ["offer"]


async def test_a_plain_rule_leaves_no_run() -> None:
    b = await hub_with(call("offer"), {"kind": "message", "id": "m", "connection": "mail"}, connections={
        "sink": SINK,
        "mail": {"connector": "email", "config": {"host": "mail.example", "sender": "hr@example.com"}},
    })  # fmt: skip
    await b.accept(report())
    assert await steps(b) == ["offer", "m"]
    assert await b.hub.runs.every(TENANT) == []


@pytest.mark.parametrize(
    ("step", "at"),
    [
        ({**WAIT, "for": "moon.landed"}, "rules.r.rule.then.0.for"),
        ({**BRANCH, "when": {**CLEAR, "field": "report.nothing"}}, "rules.r.rule.then.0.when"),
        ({**BRANCH, "then": [call("x", connection="none")]}, "rules.r.rule.then.0.then.0.connection"),
        ({"kind": "emit", "id": "e", "event": "moon.landed"}, "rules.r.rule.then.0.event"),
        ({**WAIT, "timeout": "P2Y"}, "rules.r.rule.then.0"),
        ({"kind": "gate", "id": "g", "approvers": "hr", "on_timeout": "notify"}, "rules.r.rule.then.0"),
    ],
)
async def test_a_step_that_cannot_be_taken_is_refused_with_its_place(step: dict[str, Any], at: str) -> None:
    with pytest.raises(Invalid) as caught:
        await hub_with(step)
    assert caught.value.at == at


async def test_runs_are_counted_as_they_begin_and_end() -> None:
    b = await hub_with({"kind": "gate", "id": "g", "approvers": "hr_owner"}, guards={"once_per": ["candidate"]})
    await accept(b, report())
    await accept(b, report(key="2"))
    run = next(view.run.id for view in await b.hub.runs.every(TENANT) if view.run.state is RunState.GATE)
    await b.hub.runs.decide(TENANT, run, "cancel", Approver("hr"))
    assert b.meter.run_counts == [("r", "started"), ("r", "started"), ("r", "skipped"), ("r", "cancelled")]
