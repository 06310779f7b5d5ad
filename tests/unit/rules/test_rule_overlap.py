"""Overlap: rules that cannot meet are never said to, those that can are never denied it, and a witness is a witness."""

from typing import Any

import pytest
from hypothesis import example, given, settings

from hub.domain.rules import Catalogue, compile_rule, overlap_line, overlaps, parse
from tests.support.rule_trees import NOW, body, clause, documents, numbered, trees

REPORT = "interview.report.completed"


def made(when: Any, **more: Any) -> Any:
    return compile_rule(parse({**body(when), **more}))


def group(mode: str, *items: Any) -> dict[str, Any]:
    return {"kind": "group", "id": "x", "mode": mode, "items": list(items)}


def c(field: str, op: str, *value: Any) -> dict[str, Any]:
    return clause("x", field, op, *value)


def each(mode: str, when: Any, count: int | None = None, field: str = "list") -> dict[str, Any]:
    more = {} if count is None else {"count": count}
    return {"kind": "each", "id": "x", "field": field, "mode": mode, "when": when, **more}


def found(one: Any, other: Any) -> Any:
    rules = [made(None if tree is None else numbered(tree, [0])) for tree in (one, other)]
    listed = overlaps(rules[0], {"other": rules[1]})
    assert bool(overlaps(rules[1], {"other": rules[0]})) is bool(listed)
    return listed[0] if listed else None


APART = [
    (c("a", "ge", 80), c("a", "lt", 80)),
    (c("a", "ge", 80), c("a", "le", 79.5)),
    (c("a", "gt", 80), c("a", "eq", 80)),
    (c("a", "between", [1, 5]), c("a", "between", [6, 9])),
    (c("a", "eq", "x"), c("a", "eq", "y")),
    (c("a", "in", ["x", "y"]), c("a", "not_in", ["x", "y", "z"])),
    (c("a", "eq", True), c("a", "eq", 1)),
    (c("a", "eq", True), c("a", "ne", True)),
    (c("a", "is_empty"), c("a", "is_filled")),
    (c("a", "is_empty"), c("a", "ge", 0)),
    (c("a", "is_empty"), c("a", "starts_with", "x")),
    (c("a", "starts_with", "ab"), c("a", "starts_with", "b")),
    (c("a", "starts_with", "ab"), c("a", "eq", "b")),
    (c("a", "has_all", ["x", "y"]), group("none", c("a", "contains", "y"))),
    (c("a", "has_any", ["x"]), group("none", c("a", "has_any", ["x", "z"]))),
    (c("a", "before", "2026-01-01"), c("a", "after", "2026-02-01")),
    (c("a", "before", "2026-01-01"), c("a", "eq", "2026-03-01")),
    (c("a", "after", "2026-01-01T00:00:00Z"), c("a", "before", "2026-01-01T08:00:00+08:00")),
    (c("a", "within_last", "P30D"), c("a", "longer_ago", "P60D")),
    (c("a", "within_last", "P7D"), group("none", c("a", "is_filled"))),
    (c("a", "le", "PT30M"), c("a", "ge", "PT1H")),
    (group("all", c("a", "ge", 60), c("b", "eq", "x")), group("any", c("a", "lt", 60), c("b", "eq", "y"))),
    (group("none", c("a", "lt", 80)), c("a", "lt", 70)),
    (group("none", c("a", "between", [10, 20])), group("all", c("a", "ge", 12), c("a", "le", 18))),
    (each("all", c("a", "ge", 60)), each("any", c("a", "lt", 60))),
    (each("none", c("a", "ge", 60)), each("at_least", c("a", "gt", 70), 2)),
    (each("all", c("a", "eq", "x")), each("all", c("a", "eq", "y"))),
    (group("none", each("any", c("a", "ge", 60))), each("any", c("a", "eq", 61))),
    (group("all", c("a", "ge", 80), c("a", "lt", 70)), None),
]
TOGETHER = [
    (c("a", "ge", 80), c("a", "le", 80)),
    (c("a", "ge", 80), c("b", "lt", 10)),
    (c("a", "gt", 80), c("a", "lt", 81)),
    (c("a", "in", ["x", "y"]), c("a", "in", ["y", "z"])),
    (c("a", "ne", "x"), c("a", "starts_with", "x")),
    (c("a", "not_in", ["x", "xx"]), c("a", "is_filled")),
    (c("a", "is_empty"), c("b", "ge", 1)),
    (c("a", "is_filled"), c("a", "ne", False)),
    (c("a", "contains", "x"), c("a", "has_all", ["y"])),
    (c("a", "not_contains", "x"), c("a", "has_any", ["x", "z"])),
    (c("a", "before", "2026-03-01"), c("a", "after", "2026-02-01")),
    (c("a", "between", ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]), c("a", "after", "2026-01-15T00:00:00Z")),
    (c("a", "within_last", "P30D"), c("a", "longer_ago", "P7D")),
    (c("a", "within_next", "P3D"), c("a", "is_filled")),
    (c("a", "le", "PT30M"), c("a", "ge", "PT5M")),
    (group("none", c("a", "between", [10, 20])), c("a", "ge", 12)),
    (each("all", c("a", "ge", 60)), each("any", c("b", "lt", 60), field="other")),
    (each("at_least", c("a", "ge", 60), 2), c("b", "eq", True)),
    (each("none", c("a", "ge", 60)), c("b", "eq", True)),
    (each("all", c("a", "ge", 60)), each("none", c("a", "ge", 90))),
    (None, c("a", "ge", 80)),
    (group("any", c("a", "eq", 1), c("a", "eq", 2)), group("any", c("a", "eq", 3), c("a", "eq", 2))),
]


@pytest.mark.parametrize("pair", APART, ids=[str(n) for n in range(len(APART))])
def test_rules_that_cannot_fire_together_are_not_named(pair: Any) -> None:
    assert found(*pair) is None


@pytest.mark.parametrize("pair", TOGETHER, ids=[str(n) for n in range(len(TOGETHER))])
def test_rules_that_can_are_named_with_an_event_on_which_both_fire(pair: Any) -> None:
    assert found(*pair).witness(NOW) is not None


@settings(max_examples=150, deadline=None)
@given(trees, trees, documents)
@example(c("a", "ge", 1), c("a", "le", 1), {"a": 1})
def test_an_event_on_which_both_fire_is_never_denied(one: Any, other: Any, data: Any) -> None:
    one, other = numbered(one, [0]), numbered(other, [0])
    for wrap in (lambda tree: tree, lambda tree: {**group("none", tree), "id": "around"}):
        first, second = made(wrap(one)), made(wrap(other))
        listed = overlaps(first, {"second": second})
        if first.decide(data, NOW) is True and second.decide(data, NOW) is True:
            assert listed
        for overlap in listed:
            witness = overlap.witness(NOW)
            assert witness is None or (first.decide(witness, NOW) is True and second.decide(witness, NOW) is True)
        if first.decide(data, NOW) is True:
            assert overlaps(first, {"itself": first}), "a rule that fires overlaps with itself"


def test_a_tree_with_too_many_branches_is_taken_as_possible_and_stays_bounded() -> None:
    wide = [group("any", *[c(f"f{n}{m}", "ge", m) for m in range(9)]) for n in range(11)]
    rule = made(numbered(group("all", *wide, c("a", "ge", 80)), [0]))
    assert len(rule.region) <= 64
    assert overlaps(rule, {"far": made(c("a", "lt", 80)), "near": made(c("a", "lt", 81))})[0].rule == "near"
    assert len(overlaps(rule, {"far": made(c("a", "lt", 80))})) == 0


def act(connection: str, operation: str, id: str = "s") -> dict[str, Any]:
    return {"kind": "action", "id": id, "connection": connection, "operation": operation}


def test_what_both_would_do_twice_is_named_in_both_languages() -> None:
    both = [act("ats", "offer.create", "s1"), act("feed", "event.send", "s2")]
    new = made(c("a", "ge", 80), then=both)
    others = {
        "R-1": made(c("a", "ge", 90), then=[act("ats", "offer.create")]),
        "R-2": made(c("a", "lt", 80), then=both),
        "R-3": made(c("a", "ge", 90), then=[act("feed", "event.send")]),
        "R-4": made(c("a", "ge", 90), then=[act("mail", "message.send")]),
        "R-5": made(c("a", "ge", 90), then=both, trigger={"event": "offer.created"}),
    }
    listed = overlaps(new, others, {("ats", "offer.create")})
    assert [(o.rule, o.shared, o.twice) for o in listed] == [
        ("R-1", (("ats", "offer.create"),), (("ats", "offer.create"),)),
        ("R-3", (("feed", "event.send"),), ()),
        ("R-4", (), ()),
    ]
    assert [overlap_line(o, "en") for o in listed] == [
        "May fire together with the rule “R-1”: offer.create at ats would be done twice.",
        "May fire together with the rule “R-3”; both do event.send at feed.",
        "May fire together with the rule “R-4”.",
    ]
    assert [overlap_line(o, "zh-CN") for o in listed] == [
        "可能与规则“R-1”同时触发：ats 的 offer.create 将被执行两次。",
        "可能与规则“R-3”同时触发；两者都会执行 feed 的 event.send。",
        "可能与规则“R-4”同时触发。",
    ]


def test_the_witness_speaks_in_the_options_of_the_event() -> None:
    catalogue = Catalogue.of_event(REPORT, 1)
    rules = [
        made(c(field, op, value), trigger={"event": REPORT})
        for field, op, value in (("job.role", "ne", "sales"), ("report.overall.score", "gt", 84))
    ]
    (overlap,) = overlaps(rules[0], {"r": rules[1]})
    assert overlap.witness(NOW, catalogue) == {"job": {"role": "engineering"}, "report": {"overall": {"score": 85}}}
