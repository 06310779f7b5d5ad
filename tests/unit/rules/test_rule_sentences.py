"""Rules and their explanations in words: English and Chinese say the same."""

from datetime import UTC, datetime
from typing import Any

import pytest

from hub.domain.errors import Invalid
from hub.domain.rules import Catalogue, compile_rule, explanation_lines, parse, sentence

NOW = datetime(2026, 11, 24, tzinfo=UTC)
REPORT = "interview.report.completed"
CATALOGUE = Catalogue.of_event(REPORT, 1)
ACTION = {"kind": "action", "id": "a1", "connection": "checkr-main", "operation": "background_check.order"}
MAIL = {
    "kind": "action",
    "id": "a2",
    "connection": "mail",
    "operation": "message.send",
    "mapping": "invite@2",
    "with": {"round": 2},
}


def clause(id: str, field: str, op: str, *value: Any) -> dict[str, Any]:
    return {"kind": "clause", "id": id, "field": field, "op": op, **({"value": value[0]} if value else {})}


def group(id: str, mode: str, *items: Any) -> dict[str, Any]:
    return {"kind": "group", "id": id, "mode": mode, "items": list(items)}


def rule(when: Any, **more: Any) -> Any:
    return parse({"schema": 1, "trigger": {"event": REPORT}, "when": when, "then": [ACTION], **more}, CATALOGUE)


COMMUNICATION = clause("c2", "report.scores.communication", "ge", 80)
RECOMMENDED = clause("c1", "report.overall.recommendation", "eq", "recommend")
SALES = clause("c3", "job.role", "in", ["sales", "retail"])
PARTS = {
    "kind": "each",
    "id": "e1",
    "field": "report.dimensions",
    "mode": "at_least",
    "count": 2,
    "when": clause("c9", "score", "ge", 60),
}


def said(when: Any, **more: Any) -> tuple[str, str]:
    body = rule(when, **more)
    return sentence(body, CATALOGUE, "en"), sentence(body, CATALOGUE, "zh-CN")


def test_a_rule_is_one_sentence() -> None:
    english, chinese = said(
        group("g", "all", RECOMMENDED, group("h", "any", COMMUNICATION, SALES)), then=[ACTION, MAIL]
    )
    assert english == (
        "When “Interview report completed” happens, if Recommendation is “Recommend” and "
        "(Communication is at least 80 or Role is one of “Sales”, “Retail”), "
        "then do background_check.order at checkr-main; then do message.send at mail (mapping invite@2), setting round."
    )
    assert chinese == (
        "当“面试报告已生成”发生时，若建议为“推荐”，且（沟通能力≥80，或岗位类别为“销售”、“门店零售”之一），"
        "则由 checkr-main 执行 background_check.order；再由 mail 执行 message.send（映射 invite@2），并设定 round。"
    )


def test_none_each_always_and_observe_have_their_words() -> None:
    assert said(group("g", "none", SALES)) == (
        (
            "When “Interview report completed” happens, if not (Role is one of “Sales”, “Retail”), "
            "then do background_check.order at checkr-main."
        ),
        "当“面试报告已生成”发生时，若并非（岗位类别为“销售”、“门店零售”之一），则由 checkr-main 执行 background_check.order。",
    )
    assert said(PARTS) == (
        (
            "When “Interview report completed” happens, if at least 2 of Dimensions meet (Score is at least 60), "
            "then do background_check.order at checkr-main."
        ),
        "当“面试报告已生成”发生时，若评价维度中至少 2 项满足（得分≥60），则由 checkr-main 执行 background_check.order。",
    )
    assert said(None, guards={"mode": "observe"}) == (
        "Observed only: when “Interview report completed” happens, always do background_check.order at checkr-main.",
        "仅观察：当“面试报告已生成”发生时，总是由 checkr-main 执行 background_check.order。",
    )


def lines(when: Any, data: Any, *, reveal: bool = True) -> tuple[list[str], list[str]]:
    explanation = compile_rule(rule(when)).explain(data, NOW)
    return (
        explanation_lines(explanation, CATALOGUE, "en", reveal=reveal),
        explanation_lines(explanation, CATALOGUE, "zh-CN", reveal=reveal),
    )


def scored(value: Any) -> dict[str, Any]:
    return {"report": {"scores": {"communication": value}}}


@pytest.mark.parametrize(
    ("data", "english", "chinese"),
    [
        (scored(72), "Communication must be at least 80, was 72", "沟通能力 应≥80，实际 72"),
        (scored(80.0), "Communication must be at least 80, was 80: met", "沟通能力 应≥80，实际 80，符合"),
        (scored(None), "Communication must be at least 80, is not known", "沟通能力 应≥80，未提供"),
        ({}, "Communication must be at least 80, is not known", "沟通能力 应≥80，未提供"),
        (scored("81"), "Communication must be at least 80, is of another type", "沟通能力 应≥80，类型不符"),
    ],
)
def test_a_line_says_what_was_wanted_and_what_was_there(data: Any, english: str, chinese: str) -> None:
    assert lines(COMMUNICATION, data) == ([english], [chinese])


def test_personal_values_are_hidden_unless_asked_for() -> None:
    assert lines(COMMUNICATION, scored(72), reveal=False) == (
        ["Communication must be at least 80, was (hidden)"],
        ["沟通能力 应≥80，实际（已隐藏）"],
    )
    country = clause("c", "job.country", "eq", "CN")
    assert lines(country, {"job": {"country": "SG"}}, reveal=False)[0] == ["Country (Job) must be “CN”, was “SG”"]


@pytest.mark.parametrize("op", ["eq", "contains", "is_empty"])
def test_no_hidden_value_is_in_any_line(op: str) -> None:
    asked = clause("c", "candidate.headline", op, *([] if op == "is_empty" else ["Cook"]))
    for language in lines(asked, {"candidate": {"headline": "Lin Yue, seller"}}, reveal=False):
        assert "Lin Yue" not in " ".join(language)


def test_a_field_that_no_catalogue_knows_is_named_by_its_path_and_hidden() -> None:
    explanation = compile_rule(rule(COMMUNICATION)).explain(scored(72), NOW)
    unknown = Catalogue.from_schema({"type": "object", "properties": {}})
    assert explanation_lines(explanation, unknown, "en") == [
        "report.scores.communication must be at least 80, was (hidden)"
    ]


def test_one_is_enough_stands_under_a_heading() -> None:
    both = group("b", "all", COMMUNICATION, clause("c4", "report.scores.logic", "ge", 80))
    english, chinese = lines(group("g", "any", SALES, both), {"job": {"role": "other"}, **scored(72)})
    assert english == [
        "One of these must be so",
        "  Role must be one of “Sales”, “Retail”, was “Other”",
        "  All of these must be so",
        "    Communication must be at least 80, was 72",
        "    Logical reasoning must be at least 80, is not known",
    ]
    assert [len(line) - len(line.lstrip()) for line in chinese] == [0, 2, 2, 4, 4]


def test_what_must_not_be_is_put_the_other_way_round() -> None:
    tags = clause("c5", "candidate.tags", "has_any", ["on_leave"])
    assert lines(group("g", "none", COMMUNICATION, tags), {**scored(85), "candidate": {"tags": ["new"]}}) == (
        [
            "Communication must be less than 80, was 85",
            "Tags must not have any of “on_leave”, was “new”: met",
        ],
        ["沟通能力 应<80，实际 85", "标签 不应包含“on_leave”中任意一项，实际“new”，符合"],
    )
    both = group("b", "all", COMMUNICATION, RECOMMENDED)
    data = {"report": {"scores": {"communication": 85}, "overall": {"recommendation": "hold"}}}
    assert lines(group("g", "none", both), data)[0] == [
        "One of these must be so: met",
        "  Communication must be less than 80, was 85",
        "  Recommendation must not be “Recommend”, was “Hold”: met",
    ]


def test_a_list_says_how_many_did() -> None:
    data = {"report": {"dimensions": [{"score": 70}, {"score": 50}, {}]}}
    assert lines(PARTS, data) == (
        ["At least 2 of Dimensions must meet (Score is at least 60), 1 of 3 did, 1 not known"],
        ["评价维度中应有至少 2 项满足（得分≥60），实际 3 项中有 1 项满足，1 项未知"],
    )
    assert lines(PARTS, {})[1] == ["评价维度中应有至少 2 项满足（得分≥60），未提供"]


@pytest.mark.parametrize(
    ("asked", "english", "chinese"),
    [
        (("report.completed_at", "within_last", "P1DT2H"), "within the last 1 day 2 hours", "在最近 1 天 2 小时内"),
        (("report.overall.score", "between", [60, 80.5]), "between 60 and 80.5", "介于60与80.5之间（含两端）"),
        (("candidate.years_of_experience", "gt", 3), "more than 3 years", ">3 年"),
        (("candidate.skills", "is_filled"), "is filled in", "已填写"),
        (("job.role", "not_in", ["sales"]), "Role is not “Sales”", "不为“销售”"),
    ],
)
def test_operators_units_and_durations_read_well(asked: tuple[Any, ...], english: str, chinese: str) -> None:
    in_english, in_chinese = said(clause("c", *asked))
    assert english in in_english
    assert chinese in in_chinese


def test_every_operator_has_words_in_both_languages() -> None:
    catalogue = Catalogue.from_schema({"type": "object", "additionalProperties": False, "properties": {}})
    values: dict[str, Any] = {"in": ["a"], "not_in": ["a"], "has_any": ["a"], "has_all": ["a"], "between": [1, 2]}
    values |= dict.fromkeys(["lt", "le", "gt", "ge"], 1) | dict.fromkeys(["before", "after"], "2026-11-20")
    values |= dict.fromkeys(["within_last", "within_next", "longer_ago"], "PT5M") | dict.fromkeys(
        ["eq", "ne", "contains", "not_contains", "starts_with"], "a"
    )
    heard = set()
    for op in [*values, "is_filled", "is_empty"]:
        asked = clause("c", "x", op, *([values[op]] if op in values else []))
        body = parse({"schema": 1, "trigger": {"event": "test.taken"}, "when": asked, "then": [ACTION]})
        for language in ("en", "zh-CN"):
            heard.add(sentence(body, catalogue, language))
            heard.update(explanation_lines(compile_rule(body).explain({}, NOW), catalogue, language))
    assert not [words for words in heard if "{}" in words]
    assert len(heard) > 60


def test_a_rule_without_conditions_says_so() -> None:
    assert lines(None, {}) == (["The rule has no conditions."], ["该规则没有条件。"])


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        sentence(rule(COMMUNICATION), CATALOGUE, "fr")
    assert caught.value.code == "unknown_language"
