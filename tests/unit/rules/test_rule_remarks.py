"""Remarks: what can never hold, is never reached or says nothing; and nothing is said that is not so."""

from typing import Any

import pytest
from hypothesis import given, settings

from hub.domain.rules import Catalogue, compile_rule, parse, remark_line, remarks
from hub.domain.rules.tree import Clause, Group, nodes
from tests.support.rule_trees import NOW, body, clause, documents, numbered, trees

REPORT = "interview.report.completed"
CATALOGUE = Catalogue.of_event(REPORT, 1)


def c(id: str, field: str, op: str, *value: Any) -> dict[str, Any]:
    return clause(id, field, op, *value)


def group(id: str, mode: str, *items: Any) -> dict[str, Any]:
    return {"kind": "group", "id": id, "mode": mode, "items": list(items)}


def each(id: str, mode: str, when: Any) -> dict[str, Any]:
    return {"kind": "each", "id": id, "field": "report.dimensions", "mode": mode, "when": when}


SCORE = "report.overall.score"
ROLE = "job.role"
GOOD = c("c1", SCORE, "ge", 80)
SEEN: list[tuple[Any, list[tuple[str, str, tuple[str, ...]]]]] = [
    (GOOD, []),
    (group("g", "all", GOOD, c("c2", ROLE, "eq", "sales")), []),
    (group("g", "all", GOOD, c("c2", SCORE, "lt", 70)), [("never", "g", ("c1", "c2"))]),
    (group("g", "all", GOOD, group("n", "none", c("c2", SCORE, "ge", 60))), [("never", "g", ("c1", "c2"))]),
    (group("g", "all", GOOD, group("a", "any", c("c2", SCORE, "lt", 70), c("c3", SCORE, "lt", 60))), [("never", "g", ())]),
    (group("g", "all", GOOD, c("c2", SCORE, "ge", 60)), [("redundant", "c2", ())]),
    (group("g", "all", c("c2", SCORE, "ge", 60), GOOD), [("redundant", "c2", ())]),
    (group("g", "all", GOOD, c("c2", SCORE, "ge", 80)), [("redundant", "c2", ())]),
    (group("g", "all", GOOD, c("c2", SCORE, "is_filled")), [("redundant", "c2", ())]),
    (group("g", "all", c("c1", ROLE, "eq", "sales"), c("c2", ROLE, "ne", "retail")), [("redundant", "c2", ())]),
    (group("g", "all", GOOD, group("a", "any", c("c2", SCORE, "lt", 70), c("c3", ROLE, "eq", "sales"))),
     [("unreachable", "c2", ())]),
    (group("g", "none", c("c1", SCORE, "ge", 80), c("c2", SCORE, "ge", 90)), [("redundant", "c2", ())]),
    (group("g", "any", GOOD, c("c2", SCORE, "lt", 80)), [("always", "g", ())]),
    (group("g", "any", GOOD, c("c2", SCORE, "is_empty")), []),
    (group("g", "all", GOOD, c("c2", ROLE, "is_empty")), []),
    (c("c1", SCORE, "ge", 0), [("always", "c1", ())]),
    (c("c1", "report.overall.recommendation", "in", ["recommend", "hold", "reject"]), [("always", "c1", ())]),
    (group("g", "any", c("c1", "job.headcount", "gt", 2), c("c2", "job.headcount", "lt", 3)), [("always", "g", ())]),
    (group("g", "all", c("c1", "job.headcount", "gt", 2), c("c2", "job.headcount", "lt", 3)), [("never", "g", ())]),
    (each("e", "any", group("g", "all", c("c1", "score", "ge", 80), c("c2", "score", "lt", 60))),
     [("never", "e", ()), ("never", "g", ("c1", "c2"))]),
    (each("e", "all", group("g", "all", c("c1", "score", "ge", 80), c("c2", "score", "ge", 60))), [("redundant", "c2", ())]),
]  # fmt: skip


@pytest.mark.parametrize(("when", "said"), SEEN, ids=[str(n) for n in range(len(SEEN))])
def test_what_is_odd_is_said(when: Any, said: Any) -> None:
    rule = parse({**body(when), "trigger": {"event": REPORT}}, CATALOGUE)
    assert [(r.oddity, r.id, r.because) for r in remarks(rule.when, CATALOGUE)] == said


def test_a_rule_without_conditions_is_not_odd() -> None:
    assert remarks(None) == ()


def test_remarks_have_words_in_both_languages() -> None:
    rule = parse(body(group("g", "all", GOOD, c("c2", SCORE, "lt", 70))))
    (remark,) = remarks(rule.when)
    assert remark_line(remark, "en") == "g can never hold: the rule will never fire. c1 and c2 exclude each other."
    assert remark_line(remark, "zh-CN") == "g 不可能成立：该规则永远不会触发。c1 与 c2 互相排斥。"


def without(node: Any, id: str) -> Any:
    """The tree without a clause of a group that has others."""
    if "items" in node:
        return {**node, "items": [without(item, id) for item in node["items"] if item["id"] != id]}
    return node


@settings(max_examples=150, deadline=None)
@given(trees, trees, documents)
def test_no_remark_is_wrong(one: Any, other: Any, data: Any) -> None:
    tree = numbered({"kind": "group", "id": "x", "mode": "all", "items": [one, other]}, [0])
    rule = compile_rule(parse(body(tree)))
    verdict = rule.decide(data, NOW)
    by_id = {node.id: node for node in nodes(rule.body.when)}
    lone = {
        item.id for node in by_id.values() if isinstance(node, Group) and len(node.items) == 1 for item in node.items
    }
    for remark in remarks(rule.body.when):
        if remark.oddity == "never" and remark.id == rule.body.when.id:  # type: ignore[union-attr]
            assert verdict is not True
        if remark.oddity == "redundant" and isinstance(by_id[remark.id], Clause) and remark.id not in lone:
            rest = compile_rule(parse(body(without(tree, remark.id))))
            if not inside_each(tree, remark.id):
                assert rest.decide(data, NOW) is not True or verdict is True
        if remark.oddity == "unreachable" and not inside_each(tree, remark.id):
            rest = compile_rule(parse(body(without(tree, remark.id))))
            assert (rest.decide(data, NOW) is True) is (verdict is True)


def inside_each(node: Any, id: str, within: bool = False) -> bool:
    within = within or node["kind"] == "each"
    below = [*node.get("items", []), *([node["when"]] if "when" in node else [])]
    return (within and node["id"] == id) or any(inside_each(item, id, within) for item in below)
