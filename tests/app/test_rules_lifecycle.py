"""From draft to live and out again: what is in force when, who may say so, and what refuses it."""

from __future__ import annotations

import pytest

from hub.domain.errors import Conflict, Forbidden, Invalid, NotFound
from mappings.documents import Document
from tests.app.conftest import HIGH_SCORE, REFERRALS, REPORT, action, rule
from tests.support.hubs import TENANT, Bench, bench, report

NAME = "high score"


def body(least: int = 85, **more: object) -> Document:
    made = rule(REPORT, "report.overall.score", "gt", least, action("referrals", "referral.create"))["rule"]
    assert isinstance(made, dict)
    return {**made, **more}  # type: ignore[dict-item]


@pytest.fixture
async def reviewed() -> Bench:
    """A hub where rules need a second person; its connection was there before."""
    b = bench(review=True)
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"referrals": REFERRALS}})
    return b


async def acted(b: Bench, score: float, key: str) -> bool:
    [event] = await b.accept(report(score=score, key=key))
    return bool(await b.deliveries(event))


async def turn(b: Bench, state: str, **more: object) -> str:
    changed, _ = await b.hub.lifecycle.turn(TENANT, NAME, state, "ann", **more)  # type: ignore[arg-type]
    return changed.state


async def test_a_draft_changes_nothing_until_it_is_put_in_force(referring: Bench) -> None:
    drafted = await referring.hub.lifecycle.draft(TENANT, NAME, body(50), "ann", "we want more")
    assert (drafted.latest.number, drafted.latest.reason, drafted.state) == (2, "we want more", "live")
    assert not await acted(referring, 60, "1")
    assert await turn(referring, "live") == "live"
    assert await acted(referring, 60, "2")
    assert await turn(referring, "live", number=1) == "live"
    assert not await acted(referring, 60, "3")


async def test_a_rule_that_observes_records_what_it_would_have_done(referring: Bench) -> None:
    assert await turn(referring, "observe") == "observe"
    [event] = await referring.accept(report(score=91))
    assert await referring.deliveries(event) == []
    found = await referring.hub.lifecycle.rule(TENANT, NAME)
    async with referring.hub.store.look() as look:
        assert await look.observed(found.latest.id, 9) == [event]
        said = await look.evaluated(TENANT, event)
    assert said is not None
    assert [(one.verdict, one.how, one.failing) for one in said] == [(True, "observe", ())]
    assert ("high score", "fired") in referring.meter.verdicts


async def test_pausing_keeps_the_revision_and_resuming_brings_it_back(referring: Bench) -> None:
    await referring.hub.lifecycle.draft(TENANT, NAME, body(50), "ann")
    assert await turn(referring, "paused") == "paused"
    assert not await acted(referring, 91, "1")
    assert await turn(referring, "live") == "live"  # the one that was paused, not the draft
    assert not await acted(referring, 60, "2")
    assert await acted(referring, 91, "3")


async def test_the_kill_switch_stops_every_rule_and_lets_them_decide(referring: Bench) -> None:
    await referring.hub.kill_switch.stop(TENANT, "ann", "vendor is on fire")
    assert (await referring.hub.kill_switch.standing(TENANT)).stopped
    [event] = await referring.accept(report(score=91))
    assert await referring.deliveries(event) == []
    async with referring.hub.store.look() as look:
        said = await look.evaluated(TENANT, event)
    assert said is not None
    assert [(one.verdict, one.how) for one in said] == [(True, "stopped")]
    await referring.hub.kill_switch.resume(TENANT, "ann")
    assert await acted(referring, 91, "2")


async def test_a_draft_never_in_force_cannot_be_paused(referring: Bench) -> None:
    await referring.hub.lifecycle.draft(TENANT, "new", body(), "ann")
    with pytest.raises(Conflict) as caught:
        await referring.hub.lifecycle.turn(TENANT, "new", "paused", "ann")
    assert caught.value.code == "not_in_force"
    with pytest.raises(Invalid):
        await referring.hub.lifecycle.turn(TENANT, "new", "draft", "ann")
    with pytest.raises(NotFound):
        await referring.hub.lifecycle.turn(TENANT, "nothing", "live", "ann")


@pytest.mark.parametrize(
    ("name", "changed", "code", "at"),
    [
        (NAME, {"trigger": {"event": "no.such"}}, "unknown_type", "rule.trigger.event"),
        (NAME, {"then": [action("nobody", "x.y")]}, "unknown_connection", "rule.then.0.connection"),
        (NAME, {"more": 1}, "unknown_key", None),
        (NAME, {"more": "a\0b"}, "unfit_text", "rule.more"),
        ("a/b", {}, "bad_name", "name"),
        ("", {}, "bad_name", "name"),
        (" x", {}, "bad_name", "name"),
        ("x" * 101, {}, "bad_name", "name"),
    ],
)
async def test_a_draft_that_cannot_work_is_refused(
    referring: Bench, name: str, changed: Document, code: str, at: str | None
) -> None:
    with pytest.raises(Invalid) as caught:
        await referring.hub.lifecycle.draft(TENANT, name, body(**changed), "ann")
    assert caught.value.code == code
    assert at is None or caught.value.at == at


async def test_an_old_revision_comes_back_as_a_draft(referring: Bench) -> None:
    await referring.hub.lifecycle.draft(TENANT, NAME, body(50), "ann")
    restored = await referring.hub.lifecycle.restore(TENANT, NAME, 1, "bob", "was better")
    assert (restored.latest.number, restored.latest.body) == (3, body(85))
    history = await referring.hub.lifecycle.history(TENANT, NAME)
    assert [(one.revision.number, one.revision.created_by, one.in_force) for one in history] == [
        (3, "bob", False),
        (2, "ann", False),
        (1, "test", True),
    ]
    with pytest.raises(NotFound):
        await referring.hub.lifecycle.restore(TENANT, NAME, 9, "bob")


async def test_cases_that_do_not_hold_refuse_going_live(referring: Bench) -> None:
    [high] = await referring.accept(report(score=91, key="high"))
    [low] = await referring.accept(report(score=20, key="low"))
    cases = [{"event": high, "expect": "fire"}, {"event": low, "expect": "no", "because": "c1"}]
    await referring.hub.lifecycle.draft(TENANT, NAME, body(85, cases=cases), "ann")
    _, results = await referring.hub.lifecycle.turn(TENANT, NAME, "live", "ann")
    assert [one.held for one in results] == [True, True]
    await referring.hub.lifecycle.draft(TENANT, NAME, body(95, cases=cases), "ann")
    with pytest.raises(Conflict) as caught:
        await referring.hub.lifecycle.turn(TENANT, NAME, "live", "ann")
    assert (caught.value.code, caught.value.at) == ("case_failed", "cases.0")
    assert await acted(referring, 91, "still-old")
    gone = [{"event": f"evt_{'0' * 32}", "expect": "fire"}]
    await referring.hub.lifecycle.draft(TENANT, NAME, body(95, cases=gone), "ann")
    _, results = await referring.hub.lifecycle.turn(TENANT, NAME, "live", "ann")
    assert [one.ran for one in results] == [False]


async def test_apply_runs_the_cases_too(referring: Bench) -> None:
    [high] = await referring.accept(report(score=91))
    cases = [{"event": high, "expect": "no"}]
    with pytest.raises(Conflict) as caught:
        await referring.configure({"rules": {NAME: {"rule": body(85, cases=cases)}}})
    assert (caught.value.code, caught.value.at) == ("case_failed", f"rules.{NAME}.rule.cases.0")


async def tried(b: Bench, name: str = NAME) -> None:
    job = await b.hub.backtests.start(TENANT, name, "ann", owner="ann")
    assert (await b.hub.backtests.run(job, "ann")).state == "done"


async def test_where_review_is_required_two_people_and_a_backtest_bring_a_rule_into_force(reviewed: Bench) -> None:
    life = reviewed.hub.lifecycle
    await life.draft(TENANT, NAME, body(), "ann")
    for state in ("observe", "live"):
        with pytest.raises(Conflict) as caught:
            await life.turn(TENANT, NAME, state, "ann")
        assert caught.value.code == "not_approved"
    with pytest.raises(Conflict):
        await life.approve(TENANT, NAME, "bob")
    await life.submit(TENANT, NAME, "ann")
    with pytest.raises(Forbidden) as own:
        await life.approve(TENANT, NAME, "ann")
    assert own.value.code == "own_change"
    with pytest.raises(Conflict) as newer:
        await life.approve(TENANT, NAME, "bob", number=7)
    assert newer.value.code == "newer_revision"
    await life.approve(TENANT, NAME, "bob", "looks right", number=1)
    with pytest.raises(Conflict) as untried:
        await life.turn(TENANT, NAME, "live", "ann")
    assert untried.value.code == "not_backtested"
    await tried(reviewed)
    await life.turn(TENANT, NAME, "live", "ann")
    assert await acted(reviewed, 91, "1")
    [one] = await life.history(TENANT, NAME)
    assert (one.review, [(act.act, act.actor) for act in one.acts]) == (
        "approved",
        [("submit", "ann"), ("approve", "bob")],
    )


async def test_a_change_after_the_approval_needs_a_new_one_and_going_back_does_not(reviewed: Bench) -> None:
    life = reviewed.hub.lifecycle
    await life.draft(TENANT, NAME, body(), "ann")
    await life.submit(TENANT, NAME, "ann")
    await life.approve(TENANT, NAME, "bob")
    await tried(reviewed)
    await life.turn(TENANT, NAME, "live", "ann")
    await life.draft(TENANT, NAME, body(10), "bob")
    with pytest.raises(Conflict):
        await life.turn(TENANT, NAME, "live", "bob")
    await life.turn(TENANT, NAME, "paused", "bob")
    changed, _ = await life.turn(TENANT, NAME, "live", "bob")
    assert changed.live is not None
    assert changed.live.number == 1
    await life.submit(TENANT, NAME, "bob")
    returned = await life.send_back(TENANT, NAME, "ann", "too low")
    assert returned.latest.number == 2
    with pytest.raises(Conflict):
        await life.approve(TENANT, NAME, "ann")


async def test_apply_proposes_where_review_is_required(reviewed: Bench) -> None:
    document: Document = {"hirewire": 1, "rules": {NAME: HIGH_SCORE}}
    [change] = await reviewed.hub.configure.plan(TENANT, document)
    assert change.lines[-1].startswith("* waits for review")
    await reviewed.hub.configure.apply(TENANT, document, "ci")
    await reviewed.hub.configure.apply(TENANT, document, "ci")  # a second time asks for nothing more
    assert not await acted(reviewed, 91, "1")
    [one] = await reviewed.hub.lifecycle.history(TENANT, NAME)
    assert (one.review, len(one.acts)) == ("in_review", 1)
    with pytest.raises(Forbidden):
        await reviewed.hub.lifecycle.approve(TENANT, NAME, "ci")
    await reviewed.hub.lifecycle.approve(TENANT, NAME, "bob")
    await tried(reviewed)
    await reviewed.hub.configure.apply(TENANT, document, "ci")
    assert await acted(reviewed, 91, "2")
    assert await reviewed.hub.configure.plan(TENANT, document) == []
    await reviewed.hub.configure.apply(
        TENANT, {"hirewire": 1, "rules": {NAME: {**HIGH_SCORE, "state": "paused"}}}, "ci"
    )
    assert not await acted(reviewed, 91, "3")


async def test_an_export_says_what_is_in_force_not_what_is_drafted(referring: Bench) -> None:
    await referring.hub.lifecycle.draft(TENANT, NAME, body(1), "ann")
    exported = await referring.hub.configure.export(TENANT)
    assert exported["rules"][NAME]["rule"] == body(85)  # type: ignore[index,call-overload]
    assert await referring.hub.configure.plan(TENANT, exported) == []
    await turn(referring, "observe")
    observed = await referring.hub.configure.export(TENANT)
    assert observed["rules"][NAME]["state"] == "observe"  # type: ignore[index,call-overload]
    assert await referring.hub.configure.plan(TENANT, observed) == []


async def test_every_act_is_on_the_record(referring: Bench) -> None:
    life = referring.hub.lifecycle
    await life.draft(TENANT, NAME, body(50), "ann", "why not")
    await life.submit(TENANT, NAME, "ann")
    await life.approve(TENANT, NAME, "bob")
    await life.turn(TENANT, NAME, "observe", "ann", number=2)
    await referring.hub.kill_switch.stop(TENANT, "bob")
    async with referring.hub.store.look() as look:
        entries = [row.act for row in await look.acts(TENANT, 5)]
    assert [(e.actor, e.action, e.object) for e in reversed(entries)] == [
        ("ann", "rule.draft", NAME),
        ("ann", "rule.submit", NAME),
        ("bob", "rule.approve", NAME),
        ("ann", "rule.observe", NAME),
        ("bob", "rules.stop", "rules"),
    ]
    assert entries[-1].detail == {"revision": 2, "reason": "why not"}
