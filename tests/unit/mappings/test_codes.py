"""The shared vocabularies: unique codes, both languages, in step with the canonical schemas."""

import pytest

from mappings.canonical import schema
from mappings.codes import VOCABULARIES, calling_code, country_code, country_name, surnames, vocabulary


@pytest.mark.parametrize("name", VOCABULARIES)
def test_every_entry_has_a_code_of_its_own_and_two_names(name: str) -> None:
    entries = vocabulary(name)
    codes = [entry["code"] for entry in entries]
    assert len(set(codes)) == len(codes) > 3
    assert all(entry["en"] and entry["zh-CN"] for entry in entries)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("employment_types", schema("job")["properties"]["employment_type"]["x-options"]),
        ("stage_kinds", schema("stage")["properties"]["kind"]["x-options"]),
        ("degree_levels", schema("education")["properties"]["level"]["x-options"]),
    ],
)
def test_vocabularies_say_what_the_schemas_say(name: str, options: dict) -> None:
    assert {entry["code"]: {"en": entry["en"], "zh-CN": entry["zh-CN"]} for entry in vocabulary(name)} == options


def test_countries_are_found_by_code_and_by_name() -> None:
    for entry in vocabulary("countries"):
        assert {country_code(entry[key]) for key in ("code", "alpha3", "en", "zh-CN")} == {entry["code"]}
        assert country_name(entry["code"], "en") == entry["en"]
        assert (calling_code(entry["code"]) or "").isdigit()
    assert country_code("united  KINGDOM") == country_code("英国") == country_code("UK") == "GB"
    assert country_code("Atlantis") is country_name("XX", "en") is calling_code("XX") is None


def test_surnames_are_two_characters() -> None:
    assert {"欧阳", "司马"} <= surnames()
    assert {len(name) for name in surnames()} == {2}


def test_an_unknown_vocabulary_is_said_to_be_unknown() -> None:
    with pytest.raises(LookupError):
        vocabulary("../surnames")
