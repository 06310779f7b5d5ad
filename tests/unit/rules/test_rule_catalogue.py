"""The catalogue: fields of an event with their types, and rules held against them."""

from typing import Any

import pytest

from hub.domain.errors import Invalid
from hub.domain.rules import Catalogue, parse
from mappings.canonical import events

REPORT = "interview.report.completed"

SCHEMA: dict[str, Any] = {
    "type": "object",
    "x-label": {"en": "Test taken", "zh-CN": "测试已完成"},
    "properties": {
        "name": {"type": "string", "x-label": {"en": "Name", "zh-CN": "姓名"}, "x-sensitivity": 3},
        "attempts": {"type": "integer", "minimum": 0, "maximum": 9, "x-sensitivity": 1},
        "passed": {"type": "boolean"},
        "taken_on": {"type": ["string", "null"], "format": "date"},
        "started_at": {"type": "string", "format": "date-time"},
        "took": {"type": "string", "format": "duration"},
        "grade": {
            "type": "string",
            "enum": ["gold", "silver"],
            "x-options": {"gold": {"en": "Gold", "zh-CN": "金"}, "silver": {"en": "Silver", "zh-CN": "银"}},
        },
        "tags": {"type": "array", "items": {"type": "string"}},
        "levels": {"type": "array", "items": {"enum": ["a", "b"]}},
        "parts": {
            "type": "array",
            "x-label": {"en": "Parts", "zh-CN": "部分"},
            "items": {
                "type": "object",
                "properties": {
                    "score": {"type": "number", "maximum": 100},
                    "secret": {"type": "string", "x-usable-in-rules": False},
                },
            },
        },
        "scores": {
            "type": "object",
            "x-label": {"en": "Scores", "zh-CN": "得分"},
            "propertyNames": {"pattern": "^[a-z_]+$"},
            "additionalProperties": {"type": "number", "minimum": 0, "maximum": 100, "x-unit": "points"},
        },
        "custom": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}},
        "person": {
            "type": "object",
            "x-usable-in-rules": False,
            "x-sensitivity": 4,
            "properties": {"sex": {"type": "string", "x-label": {"en": "Sex", "zh-CN": "性别"}}},
        },
    },
}
CATALOGUE = Catalogue.from_schema(SCHEMA)


def rule(field: str, op: str, *value: Any, on: str = "test.taken") -> dict[str, Any]:
    clause = {"kind": "clause", "id": "c1", "field": field, "op": op, **({"value": value[0]} if value else {})}
    return {
        "schema": 1,
        "trigger": {"event": on},
        "when": {"kind": "group", "id": "g", "mode": "all", "items": [clause]},
        "then": [{"kind": "action", "id": "a", "connection": "ehr", "operation": "candidate.update"}],
    }


def test_fields_have_type_limits_options_and_names_in_both_languages() -> None:
    types = {path: field.type.value for path, field in CATALOGUE.fields.items()}
    assert types == {
        "name": "text",
        "attempts": "integer",
        "passed": "bool",
        "taken_on": "date",
        "started_at": "datetime",
        "took": "duration",
        "grade": "option",
        "tags": "list",
        "levels": "list",
        "parts": "objects",
        "person.sex": "text",
    }
    grade, attempts, name = (CATALOGUE.fields[path] for path in ("grade", "attempts", "name"))
    assert [(option.value, option.label["zh-CN"]) for option in grade.options] == [("gold", "金"), ("silver", "银")]
    assert (attempts.low, attempts.high, attempts.sensitivity) == (0, 9, 1)
    assert (name.label["en"], name.label["zh-CN"], name.sensitivity) == ("Name", "姓名", 3)
    assert CATALOGUE.fields["passed"].sensitivity == 3, "what nobody has classed is personal"
    assert "ge" in attempts.operators
    assert "ge" not in name.operators


def test_free_keys_have_the_type_of_their_object() -> None:
    grit = CATALOGUE.find("scores.grit")
    assert grit is not None
    assert (grit.type, grit.unit, grit.high) == ("number", "points", 100)
    assert (grit.label["en"], grit.label["zh-CN"]) == ("Scores › grit", "得分 › grit")
    assert CATALOGUE.find("scores.Grit") is None
    assert CATALOGUE.find("scores.7") is None


GOOD = [
    ("name", "starts_with", "L"),
    ("attempts", "in", [1, 2]),
    ("attempts", "ge", 2.5),
    ("passed", "eq", True),
    ("taken_on", "between", ["2026-01-01", "2026-02-01"]),
    ("taken_on", "within_last", "P90D"),
    ("started_at", "after", "2026-01-01T00:00:00+08:00"),
    ("took", "le", "PT45M"),
    ("grade", "ne", "gold"),
    ("tags", "has_any", ["a", "b"]),
    ("levels", "contains", "a"),
    ("parts", "is_filled"),
    ("scores.grit", "ge", 100),
    ("custom.badge", "eq", 7),
    ("custom.badge", "contains", "x"),
]


@pytest.mark.parametrize("asked", GOOD, ids=lambda asked: f"{asked[0]}-{asked[1]}")
def test_what_the_field_can_answer_is_taken(asked: tuple[Any, ...]) -> None:
    parse(rule(*asked), CATALOGUE)


BAD = [
    (("nam", "eq", "x"), "unknown_field"),
    (("person", "is_filled"), "unknown_field"),
    (("person.sex", "eq", "f"), "protected_field"),
    (("person.sex", "is_filled"), "protected_field"),
    (("custom.sex", "eq", "f"), "protected_field"),
    (("custom.性别", "eq", "女"), "protected_field"),
    (("name", "ge", 1), "wrong_operator"),
    (("passed", "in", [True]), "wrong_operator"),
    (("parts", "contains", "x"), "wrong_operator"),
    (("name", "eq", 1), "wrong_type"),
    (("attempts", "eq", 2.5), "wrong_type"),
    (("attempts", "ge", "PT1H"), "wrong_type"),
    (("taken_on", "after", "2026-01-01T00:00:00Z"), "wrong_type"),
    (("started_at", "before", "2026-01-01"), "wrong_type"),
    (("took", "le", 45), "wrong_type"),
    (("tags", "has_any", [1]), "wrong_type"),
    (("grade", "eq", "Gold"), "unknown_option"),
    (("levels", "has_all", ["a", "z"]), "unknown_option"),
    (("scores.grit", "gt", 100), "impossible_range"),
    (("scores.grit", "lt", 0), "impossible_range"),
    (("scores.grit", "eq", 101), "impossible_range"),
    (("scores.grit", "between", [101, 200]), "impossible_range"),
    (("attempts", "in", [3, 12]), "impossible_range"),
]


@pytest.mark.parametrize(("asked", "code"), BAD, ids=lambda v: v if isinstance(v, str) else f"{v[0]}-{v[1]}")
def test_what_it_cannot_answer_is_refused_at_the_clause(asked: tuple[Any, ...], code: str) -> None:
    with pytest.raises(Invalid, match="c1") as caught:
        parse(rule(*asked), CATALOGUE)
    assert (caught.value.code, caught.value.at) == (code, "when.items.0")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [(("nam", "eq", "x"), "name"), (("grade", "eq", "银"), "silver"), (("grade", "eq", "gld"), "gold")],
)
def test_what_was_perhaps_meant_is_said(asked: tuple[Any, ...], meant: str) -> None:
    with pytest.raises(Invalid, match=f"did you mean {meant}"):
        parse(rule(*asked), CATALOGUE)


def test_protected_fields_are_never_suggested() -> None:
    with pytest.raises(Invalid) as caught:
        parse(rule("person.sexx", "eq", "x"), CATALOGUE)
    assert "did you mean" not in str(caught.value)


def each(field: str, inner: str, op: str, value: Any) -> dict[str, Any]:
    clause = {"kind": "clause", "id": "c1", "field": inner, "op": op, "value": value}
    return {
        **rule("x", "is_filled"),
        "when": {"kind": "each", "id": "e1", "field": field, "mode": "all", "when": clause},
    }


def test_items_of_a_list_have_their_own_fields() -> None:
    parse(each("parts", "score", "ge", 60), CATALOGUE)
    for wrong, code, at in [
        (each("tags", "score", "ge", 60), "wrong_type", "when"),
        (each("parts", "name", "eq", "x"), "unknown_field", "when.when"),
        (each("parts", "secret", "eq", "x"), "protected_field", "when.when"),
        (each("parts", "score", "gt", 100), "impossible_range", "when.when"),
    ]:
        with pytest.raises(Invalid) as caught:
            parse(wrong, CATALOGUE)
        assert (caught.value.code, caught.value.at) == (code, at)


@pytest.mark.parametrize(("type", "version"), events())
def test_every_canonical_event_has_a_catalogue_that_names_each_field_once(type: str, version: int) -> None:
    catalogue = Catalogue.of_event(type, version)
    assert catalogue.event == type
    for language in ("en", "zh-CN"):
        names = [field.label[language] for field in catalogue.fields.values()]
        assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("name", ["sex", "age", "birth_date", "birthplace", "marital_status", "health", "photo"])
def test_no_rule_may_look_at_what_discriminates(name: str) -> None:
    catalogue = Catalogue.of_event(REPORT, 1)
    for path in (f"candidate.person.{name}", f"candidate.custom.{name}"):
        with pytest.raises(Invalid) as caught:
            parse(rule(path, "is_filled", on=REPORT), catalogue)
        assert caught.value.code == "protected_field"


def test_a_catalogue_judges_only_rules_on_its_own_event() -> None:
    catalogue = Catalogue.of_event(REPORT, 1)
    with pytest.raises(Invalid) as caught:
        parse(rule("report.overall.score", "ge", 80, on="offer.created"), catalogue)
    assert caught.value.code == "wrong_event"


def test_an_unknown_event_is_named() -> None:
    with pytest.raises(Invalid) as caught:
        Catalogue.of_event("moon.landed", 1)
    assert caught.value.code == "unknown_event"


ADDED = {
    "custom.turnaround": {
        "type": "integer",
        "minimum": 0,
        "x-unit": "days",
        "x-label": {"en": "Turnaround", "zh-CN": "处理用时"},
        "x-sensitivity": 2,
    },
    "custom.grade": {
        "type": "string",
        "enum": ["a", "b"],
        "x-options": {"a": {"en": "Good", "zh-CN": "好"}, "b": {"en": "Fair", "zh-CN": "中"}},
        "x-label": {"en": "Grade", "zh-CN": "评级"},
        "x-sensitivity": 2,
    },
    "custom.g": {"type": "string", "x-label": {"en": "Gender", "zh-CN": "性别"}, "x-sensitivity": 4},
}
VENDOR = {"en": "Acme", "zh-CN": "顶峰"}


def test_a_connector_adds_fields_with_names_limits_units_and_options() -> None:
    wider = CATALOGUE.adding(ADDED, VENDOR)
    turnaround, grade = wider.fields["custom.turnaround"], wider.fields["custom.grade"]
    assert (turnaround.type, turnaround.unit, turnaround.low, turnaround.sensitivity) == ("integer", "days", 0, 2)
    assert (turnaround.label["en"], turnaround.label["zh-CN"]) == ("Turnaround (Acme)", "处理用时（顶峰）")
    assert [option.value for option in grade.options] == ["a", "b"]
    for asked, code in [
        (("custom.turnaround", "eq", "3"), "wrong_type"),
        (("custom.turnaround", "lt", 0), "impossible_range"),
        (("custom.grade", "eq", "z"), "unknown_option"),
        (("custom.g", "eq", "f"), "protected_field"),
    ]:
        with pytest.raises(Invalid) as caught:
            parse(rule(*asked), wider)
        assert caught.value.code == code
    parse(rule("custom.turnaround", "le", 3), wider)
    parse(rule("custom.turnaround", "eq", "anything"), CATALOGUE)


@pytest.mark.parametrize("path", ["turnaround", "name.first", "person.shoe_size"])
def test_fields_are_added_only_where_the_event_takes_them(path: str) -> None:
    with pytest.raises(Invalid) as caught:
        CATALOGUE.adding({path: ADDED["custom.turnaround"]}, VENDOR)
    assert caught.value.code == "unknown_field"


def test_what_is_canonical_stays_as_it_is() -> None:
    assert CATALOGUE.adding({"name": {"type": "integer"}}, VENDOR).fields["name"].type == "text"
