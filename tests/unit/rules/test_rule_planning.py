"""From an event to decisions: who fires, in which order, on what grounds."""

from datetime import UTC, datetime
from typing import Any

from hub.domain.events import Event
from hub.domain.ids import DEFAULT_TENANT, EventId, RevisionId, RuleId
from hub.domain.rules import LiveRule, RuleIndex, RunMode, compile_rule, parse, plan

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def live(number: int, when: Any, *, on: str = "interview.completed", mode: str = "live", steps: int = 1) -> LiveRule:
    then = [
        {"kind": "action", "id": f"a{n}", "connection": "ehr", "operation": "candidate.update"} for n in range(steps)
    ]
    body = {"schema": 1, "trigger": {"event": on}, "when": when, "then": then, "guards": {"mode": mode}}
    return LiveRule(RuleId(number), RevisionId(number * 10), f"rule {number}", compile_rule(parse(body)))


def clause(id: str, op: str, value: Any) -> dict[str, Any]:
    return {"kind": "clause", "id": id, "field": "score", "op": op, "value": value}


def event(data: Any, type: str = "interview.completed") -> Event:
    return Event(EventId("evt_" + "0" * 32), DEFAULT_TENANT, type, 1, "test", "k", None, data, NOW, NOW)


AT_LEAST_80 = clause("c1", "ge", 80)
NOT_85 = {"kind": "group", "id": "g", "mode": "none", "items": [clause("c2", "eq", 85)]}
BOTH = {"kind": "group", "id": "top", "mode": "all", "items": [AT_LEAST_80, NOT_85]}
EITHER = {"kind": "group", "id": "top", "mode": "any", "items": [AT_LEAST_80, clause("c3", "lt", 10)]}


def test_decisions_follow_the_order_of_rules_and_steps_and_carry_their_grounds() -> None:
    rules = [live(1, BOTH, steps=2), live(2, clause("c", "lt", 80)), live(3, EITHER), live(4, None)]
    found = [(d.rule, d.revision, d.step.id, d.because) for d in plan(event({"score": 90}), rules, NOW)]
    assert found == [
        (1, 10, "a0", ("c1", "c2")),
        (1, 10, "a1", ("c1", "c2")),
        (3, 30, "a0", ("c1",)),
        (4, 40, "a0", ()),
    ]


def test_what_stands_in_the_way_under_none_is_what_is_true() -> None:
    assert live(1, BOTH).compiled.failing({"score": 85}, NOW) == ("c2",)
    assert live(1, BOTH).compiled.failing({"score": 70}, NOW) == ("c1",)
    assert live(1, BOTH).compiled.failing({}, NOW) == ("c1", "c2")


def test_a_rule_that_is_not_certain_does_nothing() -> None:
    assert list(plan(event({}), [live(1, BOTH)], NOW)) == []
    assert list(plan(event({"score": "90"}), [live(1, BOTH)], NOW)) == []


def test_rules_hear_only_their_own_event() -> None:
    mine, other = live(1, AT_LEAST_80), live(2, AT_LEAST_80, on="offer.created")
    index = RuleIndex([mine, other])
    assert [rule.rule for rule in index.on("offer.created")] == [2]
    assert index.on("job.opened") == ()
    for rules in (index, [mine, other]):
        assert [d.rule for d in plan(event({"score": 90}), rules, NOW)] == [1]


def test_an_observed_rule_decides_only_for_who_asks_for_it() -> None:
    rules = [live(1, AT_LEAST_80, mode="observe"), live(2, AT_LEAST_80)]
    assert [d.rule for d in plan(event({"score": 90}), rules, NOW)] == [2]
    assert [d.rule for d in plan(event({"score": 90}), rules, NOW, mode=RunMode.OBSERVE)] == [1]
