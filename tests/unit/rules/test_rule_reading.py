"""The stored form: what is read comes back the same, and what is wrong is named with its place."""

from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.errors import Invalid
from hub.domain.rules import RunMode, compile_rule, dump, parse


def clause(id: str, field: str = "report.overall.score", op: str = "ge", value: Any = 80) -> dict[str, Any]:
    return {"kind": "clause", "id": id, "field": field, "op": op, "value": value}


def group(id: str, *items: Any, mode: str = "all") -> dict[str, Any]:
    return {"kind": "group", "id": id, "mode": mode, "items": list(items)}


def each(id: str, when: Any, mode: str = "any", **more: Any) -> dict[str, Any]:
    return {"kind": "each", "id": id, "field": "report.dimensions", "mode": mode, "when": when, **more}


ACTION = {"kind": "action", "id": "a1", "connection": "checkr-main", "operation": "background_check.order"}


def rule(when: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "trigger": {"event": "interview.report.completed"},
        "when": clause("c1") if when is None else when,
        "then": [ACTION],
        **more,
    }


WHOLE = {
    "schema": 1,
    "trigger": {"event": "interview.report.completed"},
    "when": group(
        "g1",
        clause("c1", "report.overall.recommendation", "eq", "recommend"),
        group("g2", clause("c2", op="between", value=[60, 80.5]), {**clause("c3", op="is_filled")}, mode="none"),
        each("e1", clause("c4", "score"), mode="at_least", count=2),
        mode="any",
    ),
    "then": [
        {**ACTION, "mapping": "checkr-order@7", "with": {"package": "standard", "nested": {"a": [1, None]}}},
        {**ACTION, "id": "a2", "connection": "feishu"},
    ],
    "guards": {"mode": "observe"},
    "cases": [
        {"event": "evt_123", "expect": "fire"},
        {"event": "evt_456", "expect": "no", "because": "c2"},
    ],
}
WHOLE["when"]["items"][1]["items"][1].pop("value")


def test_what_is_read_comes_back_the_same() -> None:
    read = parse(WHOLE)
    assert dump(read) == WHOLE
    assert parse(dump(read)) == read
    assert read.guards.mode is RunMode.OBSERVE
    assert [(step.id, step.connection, step.mapping) for step in read.then] == [
        ("a1", "checkr-main", "checkr-order@7"),
        ("a2", "feishu", None),
    ]
    compiled = compile_rule(read)
    assert (compiled.on, compiled.steps) == ("interview.report.completed", read.then)


def test_a_rule_may_have_no_condition() -> None:
    body = {key: value for key, value in rule().items() if key != "when"}
    assert dump(parse(body)) == {**body, "guards": {"mode": "live"}}


def deep(levels: int) -> dict[str, Any]:
    node = clause("c")
    for level in range(levels):
        node = group(f"g{level}", node) if level % 2 else each(f"e{level}", node)
    return node


def test_limits_are_met_exactly() -> None:
    parse(rule(deep(5)))
    parse(rule(group("g", *(clause(f"c{n}") for n in range(100)))))
    parse(rule(clause("c", op="in", value=list(range(1000)))))


def nest(value: Any, levels: int) -> Any:
    for _ in range(levels):
        value = {"a": value}
    return value


WRONG: list[tuple[dict[str, Any], str, str | None]] = [
    (rule(deep(6)), "too_deep", "when.items.0.when.items.0.when.items.0"),
    (rule(group("g", *(clause(f"c{n}") for n in range(101)))), "too_many_clauses", "when.items.100"),
    (rule(clause("c", op="in", value=list(range(1001)))), "too_many_values", "when"),
    (rule(group("g", clause("c"), clause("c"))), "duplicate_id", "when.items.1"),
    (rule(clause("a1")), "duplicate_id", "then.0"),
    (rule(clause("@hook")), "bad_id", "when"),
    (rule(group("g")), "empty_group", "when"),
    (rule(group("g", clause("c"), mode="not")), "wrong_value", "when"),
    (rule({"kind": "cel", "id": "x"}), "unknown_kind", "when"),
    (rule([]), "wrong_shape", "when"),
    (rule(group("g", clause("c1"), clause("c2", op="matches"))), "unknown_operator", "when.items.1"),
    (rule({**clause("c"), "note": "x"}), "unknown_key", "when"),
    (rule({"kind": "clause", "id": "c", "field": "a", "op": "ge"}), "missing_key", "when"),
    (rule(clause("c", "a b")), "bad_path", "when"),
    (rule(clause("c", "a.__class__")), "bad_path", "when"),
    (rule(clause("c", value="80")), "wrong_value", "when"),
    (rule(clause("c", value=True)), "wrong_value", "when"),
    (rule(clause("c", value=float("nan"))), "wrong_value", "when"),
    (rule(clause("c", value=10**400)), "wrong_value", "when"),
    (rule(clause("c", op="between", value=[80, 60])), "impossible_range", "when"),
    (rule(clause("c", op="between", value=[1, "2026-11-20"])), "wrong_value", "when"),
    (rule(clause("c", op="between", value=[1, 10**400])), "wrong_value", "when"),
    (rule(clause("c", op="in", value=[])), "wrong_value", "when"),
    (rule(clause("c", op="in", value=["a", 1])), "wrong_value", "when"),
    (rule(clause("c", op="eq", value=None)), "wrong_value", "when"),
    (rule(clause("c", op="is_empty", value=1)), "wrong_value", "when"),
    (rule(clause("c", op="within_last", value="P1M")), "wrong_value", "when"),
    (rule(clause("c", op="within_last", value="PT")), "wrong_value", "when"),
    (rule(clause("c", op="after", value="2026-11-20T09:00:00")), "wrong_value", "when"),
    (rule(clause("c", op="starts_with", value=1)), "wrong_value", "when"),
    (rule(each("e", clause("c"), mode="at_least")), "wrong_value", "when"),
    (rule(each("e", clause("c"), mode="any", count=2)), "wrong_value", "when"),
    (rule(each("e", clause("c"), mode="at_least", count=0)), "wrong_value", "when"),
    (rule(each("e", clause("c"), mode="at_least", count=True)), "wrong_value", "when"),
    (rule(schema=2), "unsupported_schema", "schema"),
    (rule(schema=True), "unsupported_schema", "schema"),
    (rule(then=[]), "wrong_value", "then"),
    (rule(then=[{**ACTION, "mapping": "checkr-order"}]), "wrong_shape", "then.0"),
    (rule(then=[{**ACTION, "with": []}]), "wrong_shape", "then.0"),
    (rule(then=[{**ACTION, "with": {"a": "x" * 20_000}}]), "too_large", "then.0"),
    (rule(then=[{**ACTION, "with": nest({}, 10)}]), "too_large", "then.0"),
    (rule(then=[{**ACTION, "with": nest({}, 5000)}]), "too_large", "then.0"),
    (rule(nest({}, 5000)), "unknown_kind", "when"),
    (rule(then=[{**ACTION, "to": "hr_owner"}]), "unknown_key", "then.0"),
    (rule(then=[ACTION, {"kind": "call", "id": "x"}]), "unknown_kind", "then.1"),
    (rule(guards={"mode": "dry"}), "wrong_value", "guards.mode"),
    (rule(guards={"limit": 1}), "unknown_key", "guards"),
    (rule(cases=[{"event": "evt_1", "expect": "maybe"}]), "wrong_value", "cases.0"),
    (rule(cases=[{"event": "evt_1", "expect": "no", "because": "c9"}]), "unknown_id", "cases.0"),
    (rule(trigger={"event": 5}), "wrong_shape", "trigger.event"),
    (rule(trigger={}), "missing_key", "trigger"),
    (rule(extra=1), "unknown_key", None),
    ({"schema": 1}, "missing_key", "then"),
]


@pytest.mark.parametrize(("body", "code", "at"), WRONG, ids=[f"{n}-{code}" for n, (_, code, _) in enumerate(WRONG)])
def test_what_is_wrong_is_named_with_its_place(body: dict[str, Any], code: str, at: str | None) -> None:
    with pytest.raises(Invalid) as caught:
        parse(body)
    assert (caught.value.code, caught.value.at) == (code, at)


def test_the_message_names_the_clause_and_not_its_value() -> None:
    with pytest.raises(Invalid) as caught:
        parse(rule(group("g", clause("c1"), clause("c7", value="lin.yue@example.com"))))
    assert "c7" in str(caught.value)
    assert "lin.yue" not in str(caught.value)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path] + [place for key, value in inside for place in places(value, (*path, key))]


anything = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["kind", "id", "items", "value", "mode", "x"]), inner, max_size=3),
    ),
    max_leaves=5,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(places(WHOLE)[1:]), anything)
def test_whatever_stands_anywhere_is_read_or_refused_and_never_breaks(place: tuple[Any, ...], value: Any) -> None:
    body: Any = deepcopy(WHOLE)
    node = body
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value
    with suppress(Invalid):
        compile_rule(parse(body))
