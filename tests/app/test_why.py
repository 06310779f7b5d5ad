"""Why did it happen, and why did nothing: every reason that there is, in both languages."""

from __future__ import annotations

import pytest

from hub.app.fieldbook import Fieldbook
from hub.app.rules.why import CandidateWhy, EventWhy
from hub.app.rules.why_words import candidate_lines, event_lines
from hub.domain.connections import ConnectionState
from hub.domain.deliveries import RetryPolicy
from hub.domain.errors import NotFound
from hub.domain.ids import EventId
from mappings.documents import Document
from tests.app.conftest import CHECKS, HIGH_SCORE, ORDER_CHECK, REFERRALS, REPORT, action, rule
from tests.support.hubs import CATALOG, TENANT, Bench, bench, report

FIELDS = Fieldbook(CATALOG)
CREATED = b'{"id":"ref_9","status":"submitted"}'
CLEAR: Document = rule(
    "background_check.completed", "background_check.result", "eq", "clear", action("referrals", "referral.create")
)


def reasons(why: EventWhy) -> dict[str, str]:
    return {one.rule: one.reason for one in why.findings}


async def why(b: Bench, event: EventId) -> EventWhy:
    return await b.hub.why.event(TENANT, event)


async def test_a_rule_that_acted_shows_what_became_of_it(referring: Bench) -> None:
    referring.vendor.answers(201, CREATED)
    [event] = await referring.accept(report())
    await referring.deliver()
    found = await why(referring, event)
    assert reasons(found) == {"high score": "acted"}
    assert event_lines(found, FIELDS, "en")[1:] == [
        "  high score (revision 1): acted",
        "    dlv_1 referrals: referral.create was delivered",
    ]
    assert event_lines(found, FIELDS, "zh-CN")[1:] == [
        "  high score（第 1 版）：已执行",
        "    dlv_1 referrals: referral.create 已送达",
    ]


async def test_a_condition_that_is_not_met_is_named_with_what_was_wanted_and_found(referring: Bench) -> None:
    [event] = await referring.accept(report(score=72))
    found = await why(referring, event)
    assert reasons(found) == {"high score": "not_met"}
    hidden = event_lines(found, FIELDS, "en")
    assert hidden[1] == "  high score (revision 1): did not act: its conditions were not met"
    assert "must be more than 85, was (hidden)" in hidden[2]
    assert "must be more than 85, was 72" in event_lines(found, FIELDS, "en", reveal=True)[2]
    assert event_lines(found, FIELDS, "zh-CN", reveal=True)[1:] == [
        "  high score（第 1 版）：未执行：条件不满足",
        f"    {hidden_name(found)} 应>85，实际 72",
    ]


def hidden_name(found: EventWhy) -> str:
    line = event_lines(found, FIELDS, "zh-CN")[2].strip()
    return line.partition(" 应")[0]


async def test_only_what_stands_in_the_way_is_told(b: Bench) -> None:
    both = rule(REPORT, "report.overall.score", "gt", 50, action("referrals", "referral.create"))
    stored = both["rule"]
    assert isinstance(stored, dict)
    stored["when"] = {
        "kind": "group",
        "id": "g",
        "mode": "all",
        "items": [
            {"kind": "clause", "id": "met", "field": "report.overall.score", "op": "gt", "value": 50},
            {"kind": "clause", "id": "no", "field": "report.overall.recommendation", "op": "eq", "value": "reject"},
            {"kind": "clause", "id": "unknown", "field": "job.department", "op": "eq", "value": "x"},
        ],
    }
    await b.configure({"connections": {"referrals": REFERRALS}, "rules": {"both": both}})
    [event] = await b.accept(report(score=91))
    found = await why(b, event)
    lines = event_lines(found, FIELDS, "en", reveal=True)[2:]
    assert len(lines) == 2
    assert all("50" not in line for line in lines)
    async with b.hub.store.look() as look:
        said = await look.evaluated(TENANT, event)
    assert said is not None
    assert said[0].failing == ("no", "unknown")


async def test_paused_and_drafted_rules_are_named_as_the_reason(referring: Bench) -> None:
    life = referring.hub.lifecycle
    stored = HIGH_SCORE["rule"]
    assert isinstance(stored, dict)
    await life.draft(TENANT, "draft", stored, "ann")
    await life.turn(TENANT, "high score", "paused", "ann")
    [event] = await referring.accept(report(score=91))
    [low] = await referring.accept(report(score=1, key="low"))
    found = await why(referring, event)
    assert reasons(found) == {"draft": "draft", "high score": "paused"}
    assert "    It would act on this event." in event_lines(found, FIELDS, "en")
    assert "    即使生效，也不会对此事件执行：" in event_lines(await why(referring, low), FIELDS, "zh-CN")


async def test_observed_and_stopped_rules_say_so(referring: Bench) -> None:
    await referring.hub.lifecycle.turn(TENANT, "high score", "observe", "ann")
    [observed] = await referring.accept(report(score=91, key="1"))
    await referring.hub.lifecycle.turn(TENANT, "high score", "live", "ann")
    await referring.hub.kill_switch.stop(TENANT, "ann")
    [stopped] = await referring.accept(report(score=91, key="2"))
    assert reasons(await why(referring, observed)) == {"high score": "observed"}
    found = await why(referring, stopped)
    assert reasons(found) == {"high score": "stopped"}
    assert event_lines(found, FIELDS, "zh-CN")[1:] == [
        "  全部规则目前已停用。",
        "  high score（第 1 版）：本会执行；当时全部规则已停用",
    ]


async def test_the_revision_that_answered_is_explained_not_the_one_of_today(referring: Bench) -> None:
    [event] = await referring.accept(report(score=72))
    stored = HIGH_SCORE["rule"]
    assert isinstance(stored, dict)
    changed: Document = {**stored, "when": {**stored["when"], "value": 10}}  # type: ignore[dict-item]
    await referring.hub.lifecycle.draft(TENANT, "high score", changed, "ann")
    await referring.hub.lifecycle.turn(TENANT, "high score", "live", "ann", number=2)
    found = await why(referring, event)
    assert [(one.revision.number, one.reason) for one in found.findings] == [(1, "not_met")]


async def test_a_rule_made_later_was_not_in_force(referring: Bench) -> None:
    [event] = await referring.accept(report(score=91))
    await referring.configure({"connections": {"checks": CHECKS}, "rules": {"check": ORDER_CHECK}})
    found = await why(referring, event)
    assert reasons(found)["check"] == "not_in_force"


async def test_no_rule_for_this_type(b: Bench) -> None:
    [event] = await b.accept(report())
    found = await why(b, event)
    assert event_lines(found, FIELDS, "en")[1:] == ["  No rule waits for this type of event."]
    assert event_lines(found, FIELDS, "zh-CN")[1:] == ["  没有规则等待此类事件。"]


async def test_deliveries_that_are_not_through_say_where_they_stand() -> None:
    b = bench(retry=RetryPolicy(delays_s=(60,)))
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"referrals": REFERRALS}, "rules": {"high score": HIGH_SCORE}})
    b.vendor.answers(503)
    [event] = await b.accept(report())
    await b.deliver()
    [effect] = (await why(b, event)).findings[0].effects
    assert (effect.state, effect.attempts, effect.error) == ("ready", 1, "http_503")
    assert event_lines(await why(b, event), FIELDS, "en")[-1].endswith("waits to be sent after 1 try: http_503")
    b.clock.advance(120)
    await b.deliver()
    assert "failed for good after 2 tries: http_503" in event_lines(await why(b, event), FIELDS, "en")[-1]
    assert "最终失败（已尝试 2 次）：http_503" in event_lines(await why(b, event), FIELDS, "zh-CN")[-1]


async def test_a_delivery_without_consent_is_held_and_a_paused_connection_is_named(b: Bench) -> None:
    await b.configure({"connections": {"checks": CHECKS}, "rules": {"check": ORDER_CHECK}})
    [event] = await b.accept(report(consents=()))
    await b.deliver()
    found = await why(b, event)
    assert found.findings[0].effects[0].state == "held"
    assert "is held until the candidate agrees: needs_consent:background_check" in event_lines(found, FIELDS, "en")[-1]
    [lane] = (await b.hub.library.book(TENANT)).by_id.values()
    async with b.hub.store.work() as work:
        await work.set_connection_state(lane.id, ConnectionState.PAUSED)
    b.hub.library.forget()
    assert event_lines(await why(b, event), FIELDS, "en")[-1].endswith("; the connection is paused")


async def test_a_candidate_shows_every_event_and_the_rules_for_which_nothing_came(referring: Bench) -> None:
    await referring.configure({"rules": {"clear": CLEAR}})
    first, second = await referring.accept(report(score=72, key="1"), report(score=91, key="2"))
    found = await referring.hub.why.candidate(TENANT, "cand_1")
    assert isinstance(found, CandidateWhy)
    assert [one.event.id for one in found.events] == [second, first]
    assert [(one.rule, one.reason) for one in found.waiting] == [("clear", "no_event")]
    lines = candidate_lines(found, FIELDS, "en")
    assert lines[-1] == "clear (revision 1): waits: no such event came (background_check.completed)"
    assert (
        candidate_lines(found, FIELDS, "zh-CN")[-1]
        == "clear（第 1 版）：仍在等待：尚未收到此类事件（background_check.completed）"
    )
    with pytest.raises(NotFound):
        await referring.hub.why.candidate(TENANT, "cand_none")


async def test_an_event_that_is_not_there(b: Bench) -> None:
    with pytest.raises(NotFound):
        await why(b, EventId("evt_" + "0" * 32))
