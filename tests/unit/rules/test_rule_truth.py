"""A verdict is the same by closures, by explanation and by a plain reading of what the operators mean."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.rules import AllAtOnce, compile_rule, parse
from tests.support.rule_trees import NOW, body, clause, documents, flip, naive, numbered, trees


@settings(max_examples=150, deadline=None)
@given(trees, documents)
def test_closures_explanation_and_a_plain_reading_agree(tree: Any, data: Any) -> None:
    tree = numbered(tree, [0])
    rule = compile_rule(parse(body(tree)))
    wanted = naive(tree, data)
    assert rule.decide(data, NOW) is wanted
    assert rule.explain(data, NOW).verdict is wanted

    grounds, obstacles = rule.because(data, NOW), rule.failing(data, NOW)
    assert not set(grounds) & set(obstacles)
    assert grounds if wanted is True else obstacles

    around = {"kind": "group", "id": "around", "mode": "none", "items": [tree]}
    assert compile_rule(parse(body(around))).decide(data, NOW) is flip(wanted)


WORDS = st.sampled_from(["a", "b", "c"])
TOLD_APART = st.one_of(
    WORDS.map(lambda word: clause("w", "word", "eq", word)),
    st.lists(WORDS, min_size=1, max_size=2, unique=True).map(lambda words: clause("w", "word", "in", words)),
    WORDS.map(lambda word: clause("w", "word", "ne", word)),
)
RULES = st.lists(st.tuples(st.sampled_from(["all", "any", "none"]), TOLD_APART, trees), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@given(RULES, documents, st.sampled_from([None, 5, "a", "b", "z", ["a"]]))
def test_asked_all_at_once_they_say_what_each_says_alone(parts: Any, data: Any, word: Any) -> None:
    grouped = ({"kind": "group", "id": "g", "mode": mode, "items": [tree, word_]} for mode, word_, tree in parts)
    rules = [compile_rule(parse(body(numbered(tree, [0])))) for tree in grouped]
    data = {**data, "word": word} if isinstance(data, dict) else data
    assert AllAtOnce(rules)(data, NOW) == [rule.decide(data, NOW) for rule in rules]


@pytest.mark.parametrize("data", [{}, {"score": None}, {"score": "61"}, {"score": True}, {"score": float("nan")}])
def test_not_at_least_60_does_not_fire_where_there_is_no_number(data: Any) -> None:
    when = {"kind": "group", "id": "g", "mode": "none", "items": [clause("c", "score", "ge", 60)]}
    rule = compile_rule(parse(body(when)))
    assert rule.decide(data, NOW) is None
    assert rule.failing(data, NOW) == ("c",)


@pytest.mark.parametrize(
    ("op", "wanted", "actual"),
    [
        ("ge", 80, "81"),
        ("le", 80, None),
        ("eq", 1, True),
        ("in", [0, 1], False),
        ("ne", "80", 80),
        ("has_any", [1], [True]),
        ("contains", "a", 5),
        ("contains", 5, [float("nan")]),
        ("has_all", [5], [float("nan")]),
        ("after", "2026-11-01", "2026-11-20T00:00:00Z"),
        ("before", "2026-11-20T00:00:00Z", "2026-11-01T00:00:00"),
        ("ge", "PT30M", "31"),
    ],
)
def test_nothing_is_converted(op: str, wanted: Any, actual: Any) -> None:
    assert compile_rule(parse(body(clause("c", "x", op, wanted)))).decide({"x": actual}, NOW) is None


def test_no_items_are_not_all_items() -> None:
    each = {"kind": "each", "id": "e", "field": "q", "mode": "all", "when": clause("c", "score", "ge", 60)}
    rule = compile_rule(parse(body(each)))
    assert rule.decide({"q": []}, NOW) is None
    assert rule.decide({"q": [{"score": 60}]}, NOW) is True


def test_a_day_counts_from_when_it_begins_anywhere_and_not_before() -> None:
    rule = compile_rule(parse(body(clause("c", "day", "within_last", "P7D"))))
    late = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)  # midnight has passed at UTC+14
    assert rule.decide({"day": "2026-11-25"}, late) is True
    assert rule.decide({"day": "2026-11-26"}, late) is False
    assert rule.decide({"day": "2026-11-17"}, late) is True
    assert rule.decide({"day": "2026-11-16"}, late) is False


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2026-11-24T09:30:00\ud800",
        "9999-12-31",
        "0001-01-01",
        "2026-W47-2",
        "２０２６-11-24",
        "P999999D",
        "P9999999D",
        "",
    ],
)
@pytest.mark.parametrize(
    "asked",
    [
        ("within_last", "P999999W"),
        ("within_next", "P999999W"),
        ("longer_ago", "P1D"),
        ("before", "2026-11-24T00:00:00Z"),
        ("le", "P999999D"),
    ],
)
def test_no_text_breaks_a_rule_about_time(text: str, asked: tuple[str, str]) -> None:
    rule = compile_rule(parse(body(clause("c", "x", *asked))))
    assert rule.decide({"x": text}, NOW) in (True, False, None)


def test_a_rule_without_conditions_always_fires() -> None:
    rule = compile_rule(parse({**body(None)}))
    assert rule.decide({}, NOW) is True
    assert rule.explain({}, NOW).root is None
    assert rule.because({}, NOW) == ()


def test_the_explanation_says_what_was_wanted_what_was_there_and_why() -> None:
    when = {
        "kind": "group",
        "id": "g",
        "mode": "all",
        "items": [clause("c1", "a", "ge", 80), clause("c2", "b", "ge", 80), clause("c3", "c", "ge", 80)],
    }
    root: Any = compile_rule(parse(body(when))).explain({"a": 72, "b": "81"}, NOW).root
    assert [(c.id, c.field, c.op, c.wanted, c.verdict, c.reason) for c in root.items] == [
        ("c1", "a", "ge", 80, False, "fails"),
        ("c2", "b", "ge", 80, None, "wrong_type"),
        ("c3", "c", "ge", 80, None, "missing"),
    ]
    assert repr(root.items[2].actual) == "MISSING"
