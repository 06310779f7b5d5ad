"""No rule may choose by a protected characteristic: every canonical field is walked, by path and by both its names."""

import re
from collections.abc import Iterator

import pytest

from hub.domain.errors import Invalid
from hub.domain.rules import Catalogue, parse
from hub.domain.rules.fields import Field, Fields
from mappings.canonical import events, schema, types

# What a path or a name says when it speaks of a protected characteristic. Wide on purpose: what it catches and is
# harmless is listed below by name, so that a new field is looked at by a person.
PROTECTED = re.compile(
    r"\b(sex|gender|age|aged|birth|born|birthday|birthplace|nationality|citizenship|ethnic|ethnicity|race|minority"
    r"|religion|faith|church|marital|married|marriage|spouse|pregnan\w*|child|children|maternity|health|medical|illness"
    r"|disab\w*|disease|blood|genetic\w*|biometric|photo|portrait|face|household|hukou|political|party|union|orientation"
    r"|veteran|identity|passport|ssn|street)\b"
    r"|性别|年龄|出生|生日|籍贯|国籍|民族|种族|宗教|信仰|婚|配偶|孕|生育|子女|健康|疾病|病史|残疾|血型|基因|照片|头像|户口|户籍"
    r"|政治面貌|党|工会|性取向|身份证|证件|护照|街道",
    re.IGNORECASE,
)
HARMLESS: set[str] = set()


def walked(fields: Fields, at: str = "") -> Iterator[tuple[str, Field]]:
    for path, field in fields.fields.items():
        yield at + path, field
        if field.items is not None:
            yield from walked(field.items, f"{at}{path}[].")


def every() -> Iterator[tuple[str, Field]]:
    for type, version in events():
        for path, field in walked(Catalogue.of_event(type, version)):
            yield f"{type}: {path}", field
    for name, version in types():
        if schema(name, version).get("type") == "object":
            for path, field in walked(Catalogue.from_schema(schema(name, version))):
                yield f"{name}: {path}", field


def spoken(path: str, field: Field) -> str:
    own = {language: re.split(r" [(]|（", label)[0] for language, label in field.label.items()}
    return " ".join([re.sub(r"[._\[\]]+", " ", path.partition(": ")[2]), own["en"], own["zh-CN"]])


def test_every_canonical_field_that_speaks_of_a_protected_characteristic_is_closed_to_rules() -> None:
    fields = dict(every())
    assert len(fields) > 3000
    suspects = {path: field for path, field in fields.items() if PROTECTED.search(spoken(path, field))}
    open_ = {path.partition(": ")[2] for path, field in suspects.items() if field.usable}
    assert open_ <= HARMLESS
    assert len(suspects) > 100


def test_every_field_has_names_a_class_and_operators() -> None:
    for path, field in every():
        assert all(field.label.values()), path
        assert re.search("[\u4e00-\u9fff]", field.label["zh-CN"]) or path.endswith("sha256"), path
        assert field.sensitivity in (1, 2, 3, 4), path
        assert "is_filled" in field.operators, path
        for option in field.options:
            assert re.search("[\u4e00-\u9fffA-Z]", option.label["zh-CN"]), path


def test_what_is_sensitive_and_open_is_known_by_name() -> None:
    """Sensitive personal fields that rules may read: the outcome of a check is what a rule waits for.

    Of behaviour signals a rule sees that they are there and their evidence, never a score.
    """
    found = {
        path.partition(": ")[2].removeprefix("background_check.").removeprefix("report.")
        for path, field in every()
        if field.usable and field.sensitivity == 4
    }
    assert found <= {
        "result",
        "result_native",
        "adjudication",
        "adjudication_native",
        "screenings",
        "signals",
        "screenings[].result",
        "screenings[].result_native",
        "pre_adverse_at",
        "adverse_at",
    }


@pytest.mark.parametrize("key", ["sex", "性别", "Age", "年龄", "marital_status", "婚姻状况", "photo", "健康状况"])
def test_a_customers_own_field_of_that_name_is_closed_too(key: str) -> None:
    body = {
        "schema": 1,
        "trigger": {"event": "application.received"},
        "when": {"kind": "clause", "id": "c", "field": f"candidate.custom.{key}", "op": "is_filled"},
        "then": [{"kind": "action", "id": "a", "connection": "ehr", "operation": "candidate.update"}],
    }
    with pytest.raises(Invalid) as caught:
        parse(body, Catalogue.newest("application.received"))
    assert caught.value.code == "protected_field"
