"""The schema files: valid, closed, bounded, labelled in both languages, and honest about what rules may see."""

import json
from collections.abc import Iterator
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator

from mappings import canonical
from mappings.canonical import UnknownType, event_schema, events, schema, types

NEVER_IN_RULES = {
    "sex",
    "age",
    "birth_date",
    "birthplace",
    "nationality",
    "ethnic_group",
    "political_status",
    "marital_status",
    "health",
    "photo",
}
ALL = [*(("type", *named) for named in types()), *(("event", *named) for named in events())]


def read(kind: str, name: str, version: int) -> dict:
    return schema(name, version) if kind == "type" else event_schema(name, version)


def places(node: dict, at: str = "") -> Iterator[tuple[str, dict]]:
    yield at, node
    for name, below in node.get("properties", {}).items():
        yield from places(below, f"{at}.{name}")
    if isinstance(node.get("items"), dict):
        yield from places(node["items"], f"{at}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from places(node["additionalProperties"], f"{at}.*")


@pytest.mark.parametrize(("kind", "name", "version"), ALL)
def test_every_place_is_closed_bounded_and_named_in_both_languages(kind: str, name: str, version: int) -> None:
    whole = read(kind, name, version)
    Draft202012Validator.check_schema(whole)
    assert "$ref" not in json.dumps(whole)
    for at, node in places(whole):
        assert node["x-label"]["en"] == node["title"], at
        assert node["x-label"]["zh-CN"], at
        match node["type"]:
            case "object":
                assert node["additionalProperties"] is False or "maxProperties" in node, at
                assert set(node.get("required", ())) <= set(node.get("properties", ())), at
            case "array":
                assert node["maxItems"], at
            case "string":
                assert "maxLength" in node or "enum" in node, at
            case "number" | "integer" if "enum" not in node:
                assert {"minimum", "maximum"} <= node.keys(), at
        if node["type"] not in ("object", "array"):
            assert node["x-sensitivity"] in (1, 2, 3, 4), at
        if "enum" in node:
            assert set(node["x-options"]) == set(node["enum"]), at
            assert all(set(option) == {"en", "zh-CN"} for option in node["x-options"].values()), at


@pytest.mark.parametrize(("kind", "name", "version"), ALL)
def test_other_always_has_a_place_for_the_source_s_own_word(kind: str, name: str, version: int) -> None:
    for at, node in places(read(kind, name, version)):
        for field, below in node.get("properties", {}).items():
            if "other" in below.get("enum", ()) and field not in ("sex", "type", "purpose", "highest_level"):
                assert f"{field}_native" in node["properties"], f"{at}.{field}"


def test_what_says_who_somebody_is_by_birth_or_body_is_never_for_rules() -> None:
    seen = set()
    for kind, name, version in ALL:
        for at, node in places(read(kind, name, version)):
            field = at.rpartition(".")[2]
            if field in NEVER_IN_RULES:
                seen.add(field)
                assert node["x-usable-in-rules"] is False, (name, at)
                assert node["x-sensitivity"] == 4, (name, at)
    assert seen == NEVER_IN_RULES


def test_no_schema_is_nested_as_deeply_as_the_guard_allows() -> None:
    for kind, name, version in ALL:
        deepest = max(at.count(".") + at.count("[]") for at, _ in places(read(kind, name, version)))
        assert deepest < canonical.MAX_DEPTH / 5


def test_the_events_of_the_whole_chain_are_there() -> None:
    assert {
        "application.received",
        "application.screened",
        "interview.ordered",
        "interview.completed",
        "interview.report.completed",
        "background_check.completed",
        "background_check.on_hold",
        "background_check.updated",
        "application.stage_changed",
        "application.hired",
        "referral.updated",
        "offer.created",
        "offer.accepted",
        "offer.declined",
        "hook.received",
    } <= {name for name, _ in events()}


def test_references_name_files_that_are_there() -> None:
    folder = files("mappings.canonical")
    names = {entry.name for entry in folder.iterdir()}
    for entry in [*folder.iterdir(), *(folder / "events").iterdir()]:
        if entry.name.endswith(".json"):
            text = entry.read_text(encoding="utf-8")
            wanted = {part.split('"')[0] for part in text.split('"$ref": "')[1:]}
            assert wanted <= names, entry.name


def test_a_schema_handed_out_may_be_changed_without_harm() -> None:
    schema("candidate")["properties"].clear()
    event_schema("offer.created", 1)["properties"].clear()
    assert "name" in schema("candidate")["properties"]
    assert "offer" in event_schema("offer.created", 1)["properties"]


@pytest.mark.parametrize(("name", "version"), [("nothing", 1), ("candidate", 2), ("../faults", 1), ("", 1)])
def test_an_unknown_type_or_version_is_said_to_be_unknown(name: str, version: int) -> None:
    with pytest.raises(UnknownType):
        schema(name, version)
    with pytest.raises(UnknownType):
        event_schema(name, version)
    with pytest.raises(UnknownType):
        canonical.checker(name, version)
    with pytest.raises(UnknownType):
        canonical.validate(name, version, {})


def test_a_label_beside_a_reference_wins_over_the_one_inside() -> None:
    assert schema("candidate")["properties"]["expected_pay"]["x-label"]["zh-CN"] == "期望薪资"
