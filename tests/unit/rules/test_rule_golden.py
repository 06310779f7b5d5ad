"""Golden words: every form of group and list, and of dates, in English and Chinese. A change here is a change for readers."""

from datetime import UTC, datetime
from typing import Any

import pytest

from hub.domain.rules import Catalogue, compile_rule, explanation_lines, parse, sentence

REPORT = "interview.report.completed"
CATALOGUE = Catalogue.of_event(REPORT, 1)
NOW = datetime(2026, 11, 24, tzinfo=UTC)
ACTION = {"kind": "action", "id": "a1", "connection": "ats", "operation": "note.add"}


def c(id: str, field: str, op: str, *value: Any) -> dict[str, Any]:
    return {"kind": "clause", "id": id, "field": field, "op": op, **({"value": value[0]} if value else {})}


def g(id: str, mode: str, *items: Any) -> dict[str, Any]:
    return {"kind": "group", "id": id, "mode": mode, "items": list(items)}


def e(id: str, mode: str, when: Any, **more: Any) -> dict[str, Any]:
    return {"kind": "each", "id": id, "field": "report.dimensions", "mode": mode, "when": when, **more}


def rule(when: Any) -> Any:
    return parse({"schema": 1, "trigger": {"event": REPORT}, "when": when, "then": [ACTION]}, CATALOGUE)


S, P = c("s", "report.overall.score", "ge", 80), c("p", "job.role", "eq", "sales")
K = c("k", "candidate.skills", "has_any", ["sql"])
D, D2 = c("d", "score", "ge", 60), c("d2", "key", "ne", "grit")

SENTENCES: list[tuple[Any, str, str]] = [
    (g("g", "all", S, P), "Overall score is at least 80 and Role is “Sales”", "综合得分≥80，且岗位类别为“销售”"),
    (g("g", "any", S, P), "Overall score is at least 80 or Role is “Sales”", "综合得分≥80，或岗位类别为“销售”"),
    (g("g", "none", S), "not (Overall score is at least 80)", "并非（综合得分≥80）"),
    (
        g("g", "none", S, P),
        "not (Overall score is at least 80 or Role is “Sales”)",
        "并非（综合得分≥80，或岗位类别为“销售”）",
    ),
    (
        g("g", "none", g("h", "all", S, P)),
        "not (Overall score is at least 80 and Role is “Sales”)",
        "并非（综合得分≥80，且岗位类别为“销售”）",
    ),
    (
        g("g", "any", g("h", "all", S, P), K),
        "(Overall score is at least 80 and Role is “Sales”) or Skills has any of “sql”",
        "（综合得分≥80，且岗位类别为“销售”），或技能包含“sql”中任意一项",
    ),
    (
        g("g", "all", g("h", "any", S, P), g("n", "none", K)),
        "(Overall score is at least 80 or Role is “Sales”) and not (Skills has any of “sql”)",
        "（综合得分≥80，或岗位类别为“销售”），且并非（技能包含“sql”中任意一项）",
    ),
    (
        g("g", "all", S, g("h", "all", P, K)),
        "Overall score is at least 80 and (Role is “Sales” and Skills has any of “sql”)",
        "综合得分≥80，且（岗位类别为“销售”，且技能包含“sql”中任意一项）",
    ),
    (e("e", "any", D), "at least 1 of Dimensions meets (Score is at least 60)", "评价维度中至少 1 项满足（得分≥60）"),
    (e("e", "all", D), "every one of Dimensions meets (Score is at least 60)", "评价维度中每一项都满足（得分≥60）"),
    (e("e", "none", D), "none of Dimensions meets (Score is at least 60)", "评价维度中没有任何一项满足（得分≥60）"),
    (
        e("e", "at_least", D, count=1),
        "at least 1 of Dimensions meets (Score is at least 60)",
        "评价维度中至少 1 项满足（得分≥60）",
    ),
    (
        e("e", "at_least", D, count=3),
        "at least 3 of Dimensions meet (Score is at least 60)",
        "评价维度中至少 3 项满足（得分≥60）",
    ),
    (
        e("e", "all", g("i", "any", D, D2)),
        "every one of Dimensions meets (Score is at least 60 or Key is not “grit”)",
        "评价维度中每一项都满足（得分≥60，或键不为“grit”）",
    ),
    (
        g("g", "none", e("e", "any", D)),
        "not (at least 1 of Dimensions meets (Score is at least 60))",
        "并非（评价维度中至少 1 项满足（得分≥60））",
    ),
    (
        g("g", "all", S, e("e", "none", D)),
        "Overall score is at least 80 and none of Dimensions meets (Score is at least 60)",
        "综合得分≥80，且评价维度中没有任何一项满足（得分≥60）",
    ),
    (
        c("t", "report.completed_at", "within_last", "P30D"),
        "Completed (Interview report) is within the last 30 days",
        "完成时间（面试报告）在最近 30 天内",
    ),
    (
        c("t", "report.valid_until", "within_next", "P2W"),
        "Valid until is within the next 14 days",
        "有效期至在未来 14 天内",
    ),
    (
        c("t", "report.completed_at", "longer_ago", "PT36H"),
        "Completed (Interview report) is more than 1 day 12 hours ago",
        "完成时间（面试报告）距今超过 1 天 12 小时",
    ),
    (
        c("t", "candidate.available_from", "before", "2026-12-01"),
        "Available from is before 2026-12-01",
        "可到岗日期早于2026-12-01",
    ),
    (
        c("t", "candidate.available_from", "between", ["2026-12-01", "2026-12-31"]),
        "Available from is between 2026-12-01 and 2026-12-31",
        "可到岗日期介于2026-12-01与2026-12-31之间（含两端）",
    ),
]


@pytest.mark.parametrize(("when", "english", "chinese"), SENTENCES, ids=[str(n) for n in range(len(SENTENCES))])
def test_every_form_reads_as_it_should(when: Any, english: str, chinese: str) -> None:
    body = rule(when)
    for language, told in (
        ("en", f"When “Interview report completed” happens, if {english}, then do note.add at ats."),
        ("zh-CN", f"当“面试报告已生成”发生时，若{chinese}，则由 ats 执行 note.add。"),
    ):
        assert sentence(body, CATALOGUE, language) == told
        assert sentence(rule(when), CATALOGUE, language) == told, "the same words every time"


EXPLAINED: list[tuple[Any, Any, str, str]] = [
    (
        e("e", "none", D),
        {"report": {"dimensions": [{"score": 70}, {"score": 50}]}},
        "None of Dimensions may meet (Score is at least 60), 1 of 2 did",
        "评价维度中不应有任何一项满足（得分≥60），实际 2 项中有 1 项满足",
    ),
    (
        e("e", "none", D),
        {"report": {"dimensions": [{"score": 50}]}},
        "None of Dimensions may meet (Score is at least 60), 0 of 1 did: met",
        "评价维度中不应有任何一项满足（得分≥60），实际 1 项中有 0 项满足，符合",
    ),
    (
        e("e", "all", D),
        {"report": {"dimensions": []}},
        "Every one of Dimensions must meet (Score is at least 60), there are none",
        "评价维度中每一项都应满足（得分≥60），列表为空",
    ),
    (
        e("e", "any", D),
        {"report": {"dimensions": "x"}},
        "At least 1 of Dimensions must meet (Score is at least 60), is of another type",
        "评价维度中应有至少 1 项满足（得分≥60），类型不符",
    ),
    (
        e("e", "any", D),
        {},
        "At least 1 of Dimensions must meet (Score is at least 60), is not known",
        "评价维度中应有至少 1 项满足（得分≥60），未提供",
    ),
    (
        g("g", "none", e("e", "any", D)),
        {"report": {"dimensions": [{"score": 70}]}},
        "It must not be that at least 1 of Dimensions meets (Score is at least 60), 1 of 1 did",
        "不应出现：评价维度中至少 1 项满足（得分≥60），实际 1 项中有 1 项满足",
    ),
    (
        g("g", "none", e("e", "none", D)),
        {"report": {"dimensions": [{"score": 70}]}},
        "It must not be that none of Dimensions meets (Score is at least 60), 1 of 1 did: met",
        "不应出现：评价维度中没有任何一项满足（得分≥60），实际 1 项中有 1 项满足，符合",
    ),
    (
        c("t", "report.valid_until", "within_next", "P2W"),
        {"report": {"valid_until": "2026-11-26T00:00:00Z"}},
        "Valid until must be within the next 14 days, was 2026-11-26T00:00:00Z: met",
        "有效期至 应在未来 14 天内，实际 2026-11-26T00:00:00Z，符合",
    ),
    (
        c("t", "report.completed_at", "longer_ago", "P30D"),
        {"report": {"completed_at": "2026-11-20T00:00:00Z"}},
        "Completed (Interview report) must be more than 30 days ago, was 2026-11-20T00:00:00Z",
        "完成时间（面试报告） 应距今超过 30 天，实际 2026-11-20T00:00:00Z",
    ),
    (
        g("g", "none", c("t", "report.completed_at", "longer_ago", "P30D")),
        {"report": {"completed_at": "2026-11-20T00:00:00Z"}},
        "Completed (Interview report) must not be more than 30 days ago, was 2026-11-20T00:00:00Z: met",
        "完成时间（面试报告） 不应距今超过 30 天，实际 2026-11-20T00:00:00Z，符合",
    ),
]


@pytest.mark.parametrize(("when", "data", "english", "chinese"), EXPLAINED, ids=[str(n) for n in range(len(EXPLAINED))])
def test_every_answer_reads_as_it_should(when: Any, data: Any, english: str, chinese: str) -> None:
    explanation = compile_rule(rule(when)).explain(data, NOW)
    assert explanation_lines(explanation, CATALOGUE, "en") == [english]
    assert explanation_lines(explanation, CATALOGUE, "zh-CN") == [chinese]
