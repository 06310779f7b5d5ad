"""Whether a document fits: a precise and a fast judge, one verdict."""

import copy
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.canonical import Unfit, checker, event_schema, events, fault_in, validate

REPORT = "interview.report.completed"


def report() -> dict:
    return {
        "candidate": {
            "id": "cand-1",
            "name": {"full": "林悦", "family": "林", "given": "悦", "order": "family_first", "latin": "Lin Yue"},
            "email": "lin.yue@example.com",
            "emails": ["lin.yue@example.com"],
            "phone": "+8613800001111",
            "educations": [{"school": "海滨大学", "level": "bachelor", "start": "2015-09", "end": "2019"}],
            "consents": [
                {"purpose": "ai_interview", "granted_at": "2026-05-04T09:00:00+08:00", "text_version": "consent@3"}
            ],
            "custom": {"shoe": "red", "points": 3, "list": ["a"]},
        },
        "job": {"id": "job-1", "title": "Account manager", "role": "sales"},
        "report": {
            "id": "rep-1",
            "overall": {"score": 88, "max": 100, "recommendation": "recommend", "confidence": 0.8},
            "scores": {"communication": 90, "logic": 81.5, "something_new": 3},
            "dimensions": [
                {
                    "key": "logic",
                    "label": {"en": "Logic", "zh-CN": "逻辑"},
                    "score": 81.5,
                    "max": 100,
                    "weight": 0.3,
                    "evidence": [{"question_id": "q1", "quote": "先核对合同", "start_ms": 1000}],
                }
            ],
            "answers": [{"question_id": "q1", "question": "…?", "answer": "…", "score": 80}],
            "resume_match": {"score": 77, "must_coverage": 1, "matched": ["CRM"], "missing": []},
            "red_flags": [],
            "summary": {"en": "Clear.", "zh-CN": "清楚。"},
        },
    }


def verdict(type: str, data: object) -> Unfit | None:
    try:
        validate(type, 1, data)
    except Unfit as error:
        return error
    return None


def test_a_full_report_fits() -> None:
    validate(REPORT, 1, report())
    assert checker(REPORT, 1)(report()) is None


FAULTS = [
    (("report",), None, "data.report", "missing"),
    (("report", "overall", "score"), 101, "data.report.overall.score", "range"),
    (("report", "overall", "score"), True, "data.report.overall.score", "type"),
    (("report", "overall", "recommendation"), "yes", "data.report.overall.recommendation", "enum"),
    (("report", "overall", "verdict"), "x", "data.report.overall.verdict", "unknown_field"),
    (("report", "scores", "logic"), "81", "data.report.scores.logic", "type"),
    (("report", "scores", "Logic"), 81, "data.report.scores", "bad_name"),
    (("report", "rubric"), "r" * 101, "data.report.rubric", "too_long"),
    (("report", "completed_at"), "2026-02-30T00:00:00Z", "data.report.completed_at", "format"),
    (("report", "completed_at"), "2026-02-03T00:00:00", "data.report.completed_at", "format"),
    (("candidate", "email"), "nobody", "data.candidate.email", "format"),
    (("candidate", "email"), "a@b.example\n", "data.candidate.email", "format"),
    (("candidate", "id"), "lin.yue@example.com", "data.candidate.id", "format"),
    (("candidate", "id"), "", "data.candidate.id", "format"),
    (("candidate", "email"), None, "data.candidate.email", None),
    (("candidate", "custom", "deep"), {"a": 1}, "data.candidate.custom.deep", "type"),
    (("candidate", "emails"), ["a@b.example"] * 21, "data.candidate.emails", "too_long"),
    (("candidate", "name", "full"), float("nan"), "data", "not_json"),
    (("candidate", "name", "full"), "\ud800", "data", "not_json"),
    (("candidate", "name", "full"), b"x", "data", "not_json"),
    (("candidate", "name", "full"), 10**400, "data.candidate.name.full", "type"),
]


@pytest.mark.parametrize(("path", "value", "at", "code"), FAULTS)
def test_a_fault_is_named_by_place_and_code_and_never_by_value(
    path: tuple[str, ...], value: object, at: str, code: str | None
) -> None:
    data = report()
    inside = data
    for step in path[:-1]:
        inside = inside[step]
    if value is None:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value
    for fault in (verdict(REPORT, data), checker(REPORT, 1)(data)):
        if code is None:
            assert fault is None
            continue
        assert fault is not None
        assert (fault.at, fault.code) == (at, code)
        if isinstance(value, str) and len(value) > 3:
            assert value not in str(fault)


def test_a_field_name_that_could_be_personal_data_is_not_repeated() -> None:
    data = report()
    data["candidate"]["lin yue <lin.yue@example.com>"] = 1
    fault = checker(REPORT, 1)(data)
    assert fault == verdict(REPORT, data)
    assert fault is not None
    assert (fault.at, fault.code) == ("data.candidate.?", "unknown_field")


@pytest.mark.parametrize("inside", ["list", "object"])
def test_a_nested_bomb_is_refused_not_followed(inside: str) -> None:
    bomb: object = 1
    for _ in range(5000):
        bomb = [bomb] if inside == "list" else {"a": bomb}
    data = report()
    data["candidate"]["custom"] = {"x": bomb}
    for fault in (verdict(REPORT, data), checker(REPORT, 1)(data)):
        assert fault is not None
        assert fault.code == "too_deep"


def test_a_vendor_s_answer_may_carry_the_context_of_its_cause_or_nothing_of_it() -> None:
    data = report()
    check = {"status": "completed", "result": "other", "result_native": "eligible"}
    for body in ({"background_check": check}, {"background_check": check, **data}):
        for type in ("background_check.completed", "background_check.on_hold", "background_check.updated"):
            validate(type, 1, body)


def test_a_stored_webhook_fits() -> None:
    validate(
        "hook.received", 1, {"headers": {"x-sig": "ab"}, "body": "e30=", "received_at": "2026-05-04T09:00:00.123Z"}
    )


def test_any_schema_can_be_asked_also_with_patterns_and_inner_references() -> None:
    wanted = {
        "$defs": {"n": {"type": "integer"}},
        "type": "object",
        "patternProperties": {"^x-": {}},
        "properties": {"a": {"$ref": "#/$defs/n"}},
        "additionalProperties": False,
    }
    assert fault_in(wanted, {"a": 1, "x-b": 2}) is None
    fault = fault_in(wanted, {"a": 1, "b": 2}, "manifest")
    assert fault is not None
    assert (fault.at, fault.code) == ("manifest.b", "unknown_field")


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=True)
    | st.text(max_size=12)
    | st.sampled_from(
        ["2026-05-04T09:00:00Z", "2026-13-04", "2026-05-04", "recommend", "other", "a@b.c", "", "\ud800"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def every_place(value: object, path: tuple = ()) -> list[tuple]:
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * (path != ()) + [found for step, inner in below for found in every_place(inner, (*path, step))]


PLACES = every_place(report())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_both_judges_agree_on_spoilt_documents(data: st.DataObject) -> None:
    document = copy.deepcopy(report())
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(PLACES))
        inside = document
        try:
            for step in path[:-1]:
                inside = inside[step]
            act = data.draw(st.sampled_from(["replace", "delete", "add"]))
            if act == "replace":
                inside[path[-1]] = data.draw(JUNK)
            elif act == "delete":
                del inside[path[-1]]
            elif isinstance(inside, dict):
                inside[data.draw(st.text(max_size=6))] = data.draw(JUNK)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    assert checker(REPORT, 1)(document) == verdict(REPORT, document)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(events()), JUNK)
def test_both_judges_agree_on_junk(event: tuple[str, int], junk: object) -> None:
    assert checker(*event)(junk) == verdict(event[0], junk)


def value_for(node: dict) -> st.SearchStrategy:
    """Documents that mostly fit, made from the schema itself."""
    if "enum" in node:
        return st.sampled_from(node["enum"])
    match node["type"]:
        case "object" if "properties" in node:
            fields = {name: value_for(inner) for name, inner in node["properties"].items()}
            required = {name: fields[name] for name in node.get("required", ())}
            chosen = st.sets(st.sampled_from(sorted(fields)), max_size=4)
            return chosen.flatmap(
                lambda names: st.fixed_dictionaries({**required, **{name: fields[name] for name in names}})
            )
        case "object":
            return st.dictionaries(st.sampled_from(["a", "b"]), st.text(max_size=5), max_size=2)
        case "array":
            return st.lists(value_for(node["items"]), max_size=2)
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(int(node["minimum"]), int(node["maximum"]))
        case "number":
            return st.floats(node["minimum"], node["maximum"]) | st.integers(int(node["minimum"]), int(node["maximum"]))
        case _:
            return st.sampled_from(
                [
                    "a",
                    "a@b.c",
                    "+8613800001111",
                    "2026-05-04",
                    "2026-05-04T09:00:00Z",
                    "CN",
                    "CNY",
                    "https://a.example",
                    "é…",
                ]
            )


@cache
def documents_of(type: str, version: int) -> st.SearchStrategy:
    return value_for(event_schema(type, version))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_both_judges_agree_on_documents_made_from_the_schema(data: st.DataObject) -> None:
    type, version = data.draw(st.sampled_from(events()))
    document = data.draw(documents_of(type, version))
    assert checker(type, version)(document) == verdict(type, document)
