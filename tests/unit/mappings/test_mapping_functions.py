"""Every function of the field table, by example; each example is run compiled and traced."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.documents import MISSING
from mappings.engine import MappingFailed, compile_mapping, functions

NOTHING = object()
DIMS = [{"key": "logic", "score": 81}, {"key": "communication", "score": 63}, {"key": "logic", "score": 1}, 7, None]

EXAMPLES = [
    # copy, const, coalesce
    ({"from": "a"}, {"a": {"b": [1, None]}}, {"b": [1, None]}),
    ({"from": "a"}, {"a": None}, NOTHING),
    ({"from": "a.1.b"}, {"a": [0, {"b": False}]}, False),
    ({"from": "a.7"}, {"a": [0]}, NOTHING),
    ({"fn": "const", "value": None}, {}, None),
    ({"fn": "const", "value": [1]}, {}, [1]),
    ({"fn": "coalesce", "from": ["a", "b"]}, {"b": 0}, 0),
    ({"fn": "coalesce", "from": ["a", "b"]}, {}, NOTHING),
    # text
    ({"from": "a", "as": "text"}, {"a": 5.0}, "5"),
    ({"from": "a", "as": "text"}, {"a": True}, "true"),
    ({"fn": "join", "from": "a", "separator": ", "}, {"a": ["x", "", None, 0]}, "x, 0"),
    ({"fn": "join", "from": "a", "take": "n"}, {"a": [{"n": "x"}, {}, {"n": "y"}]}, "x y"),
    ({"fn": "join", "from": ["a", "b"]}, {"b": "y"}, "y"),
    ({"fn": "concat", "from": ["a", "b"]}, {"a": "x", "b": 1}, "x1"),
    ({"fn": "join", "from": "a"}, {"a": []}, NOTHING),
    ({"fn": "template", "template": "{{{a.b}}} of {c?}!"}, {"a": {"b": 3}}, "{3} of !"),
    ({"fn": "template", "template": "{a} {b}"}, {"a": 3}, NOTHING),
    ({"fn": "lower", "from": "a"}, {"a": "Lin.Yue@Example.com"}, "lin.yue@example.com"),
    ({"fn": "upper", "from": "a"}, {"a": "cn"}, "CN"),
    ({"fn": "strip", "from": "a"}, {"a": " \n"}, NOTHING),
    ({"fn": "truncate", "from": "a", "length": 4}, {"a": "一二三四五"}, "一二三…"),
    ({"fn": "truncate", "from": "a", "length": 4}, {"a": "一二三四"}, "一二三四"),
    ({"fn": "base64", "from": "a"}, {"a": "林"}, "5p6X"),
    ({"fn": "json", "from": "a"}, {"a": {"名": [1, None]}}, '{"名":[1,null]}'),
    ({"fn": "ext_id", "from": "a"}, {"a": 12}, "12"),
    ({"fn": "localized", "from": "a", "language": "zh-CN"}, {"a": {"en": "x", "zh-CN": "甲"}}, "甲"),
    ({"fn": "localized", "from": "a", "language": "zh-CN"}, {"a": {"en": "x"}}, "x"),
    ({"fn": "localized", "from": "a", "language": "en"}, {"a": "plain"}, "plain"),
    # enum, flag, boolean
    ({"fn": "enum", "from": "a", "table": {"x": "y"}}, {"a": "x"}, "y"),
    ({"fn": "enum", "from": "a", "table": {"true": "Y", "3": "three"}}, {"a": True}, "Y"),
    ({"fn": "enum", "from": "a", "table": {"x": "y"}, "unknown": "drop"}, {"a": "z"}, NOTHING),
    ({"fn": "flag", "from": "a", "equals": "x"}, {"a": "x"}, True),
    ({"fn": "flag", "from": "a", "equals": 1}, {"a": True}, False),
    ({"fn": "flag", "from": "a", "in": ["x", "y"]}, {"a": "z"}, False),
    ({"fn": "flag", "from": "a", "at_least": 85}, {"a": 85.0}, True),
    ({"fn": "flag", "from": "a", "present": True}, {}, False),
    ({"from": "a", "as": "boolean"}, {"a": "是"}, True),
    # numbers
    ({"fn": "number", "from": "a", "divide": 20, "places": 1}, {"a": 63}, 3.2),
    ({"fn": "number", "from": "a", "divide": 20, "places": 1}, {"a": -63}, -3.2),
    ({"fn": "number", "from": "a", "places": 2}, {"a": 2.675}, 2.68),
    ({"fn": "number", "from": "a", "places": 2}, {"a": "1.005"}, 1.01),
    ({"fn": "number", "from": "a", "multiply": 0.05, "add": 1, "max": 5}, {"a": 100}, 5),
    ({"fn": "number", "from": "a", "multiply": 0.05, "min": 1}, {"a": 0}, 1),
    ({"fn": "number", "from": "a"}, {"a": 0.1}, 0.1),
    ({"from": "a", "as": "integer"}, {"a": 2.5}, 3),
    ({"fn": "sum", "from": "a", "take": "n"}, {"a": [{"n": 0.1}, {"n": 0.2}, {}]}, 0.3),
    ({"fn": "avg", "from": "a", "places": 1}, {"a": [1, 2, 2]}, 1.7),
    ({"fn": "avg", "from": ["a", "b"]}, {"a": 1, "b": 4}, 2.5),
    ({"fn": "avg", "from": "a"}, {"a": []}, NOTHING),
    ({"fn": "least", "from": "a"}, {"a": [3, 1.5]}, 1.5),
    ({"fn": "most", "from": "a"}, {"a": [3, 1.5]}, 3),
    ({"fn": "duration", "from": "a", "output": "min", "places": 1}, {"a": 93_000}, 1.6),
    ({"fn": "duration", "from": "a", "output": "clock"}, {"a": 3_723_000}, "1:02:03"),
    ({"fn": "duration", "from": "a", "output": "iso"}, {"a": 123_000}, "PT2M3S"),
    (
        {"fn": "money", "from": "a", "currency": "CNY", "minor_digits": 2},
        {"a": 123456},
        {"amount": 1234.56, "currency": "CNY"},
    ),
    (
        {"fn": "money", "from": "a", "currency_from": "c", "period": "month"},
        {"a": 20000, "c": "usd"},
        {"amount": 20000, "currency": "USD", "period": "month"},
    ),
    # dates
    ({"from": "a", "as": "datetime"}, {"a": "2026-05-04T10:00:00.500+08:00"}, "2026-05-04T02:00:00.500Z"),
    ({"fn": "datetime", "from": "a", "zone": "+08:00"}, {"a": "2026-05-04T02:00:00Z"}, "2026-05-04T10:00:00+08:00"),
    (
        {"fn": "datetime", "from": "a", "input": "%Y年%m月%d日 %H:%M", "assume": "Asia/Shanghai"},
        {"a": "2026年05月04日 10:00"},
        "2026-05-04T02:00:00Z",
    ),
    ({"fn": "datetime", "from": "a", "input": "epoch_ms"}, {"a": 1_777_860_000_000}, "2026-05-04T02:00:00Z"),
    ({"fn": "datetime", "from": "a", "output": "epoch_s"}, {"a": "2026-05-04T02:00:00Z"}, 1_777_860_000),
    ({"from": "a", "as": "datetime"}, {"a": "2026-06-30T23:59:60Z"}, "2026-06-30T23:59:59Z"),
    ({"from": "a", "as": "date"}, {"a": "2026-05-04"}, "2026-05-04"),
    ({"fn": "date", "from": "a", "zone": "Asia/Shanghai"}, {"a": "2026-05-04T20:00:00Z"}, "2026-05-05"),
    ({"fn": "date", "from": "a", "output": "%d/%m/%Y"}, {"a": "20260504"}, "04/05/2026"),
    ({"from": "a", "as": "date"}, {"a": ""}, NOTHING),
    (
        {"fn": "between", "from": ["a", "b"], "unit": "d", "places": 1},
        {"a": "2026-05-04T00:00:00Z", "b": "2026-05-05T12:00:00Z"},
        1.5,
    ),
    # lists
    ({"fn": "find", "from": "d", "by": "key", "equals": "logic", "take": "score"}, {"d": DIMS}, 81),
    ({"fn": "find", "from": "d", "by": "key", "equals": "nope"}, {"d": DIMS}, NOTHING),
    ({"fn": "find", "from": "d", "by": "key", "equals": "logic"}, {"d": {"key": "logic"}}, NOTHING),
    ({"from": {"list": "d", "by": "key", "equals": "communication", "take": "score"}}, {"d": DIMS}, 63),
    (
        {
            "fn": "number",
            "from": {"list": "d", "by": "key", "equals": "communication", "take": "score"},
            "divide": 20,
            "places": 1,
        },
        {"d": DIMS},
        3.2,
    ),
    ({"fn": "filter", "from": "d", "by": "key", "equals": "logic", "take": "score"}, {"d": DIMS}, [81, 1]),
    (
        {"fn": "filter", "from": "d", "by": "score", "in": [63, 1], "take": "key", "limit": 1},
        {"d": DIMS},
        ["communication"],
    ),
    ({"fn": "first", "from": "a"}, {"a": [None, 2, 3]}, 2),
    ({"fn": "last", "from": "a", "take": "n"}, {"a": [{"n": 1}, {"n": 2}, {}]}, 2),
    ({"fn": "count", "from": "a"}, {"a": [None, 2, 3]}, 2),
    ({"fn": "count", "from": "d", "by": "key", "equals": "logic"}, {"d": DIMS}, 2),
    ({"fn": "count", "from": "a"}, {}, NOTHING),
    ({"fn": "count", "from": "a", "default": 0}, {}, 0),
    ({"fn": "list", "from": ["a", "b"]}, {"b": 1}, [1]),
    ({"fn": "distinct", "from": "d", "take": "key"}, {"d": DIMS}, ["logic", "communication"]),
    (
        {
            "fn": "map",
            "from": "d",
            "fields": [{"to": "n.name", "from": "key"}, {"to": "s", "from": "score", "fn": "number", "divide": 10}],
        },
        {"d": DIMS},
        [
            {"n": {"name": "logic"}, "s": 8.1},
            {"n": {"name": "communication"}, "s": 6.3},
            {"n": {"name": "logic"}, "s": 0.1},
        ],
    ),
    (
        {"fn": "custom_fields", "from": "a"},
        {"a": {"x": 1, "y": {"value": "v"}, "z": {"deep": 1}, "p.q": 1, "n": None}},
        {"x": 1, "y": "v"},
    ),
    (
        {"fn": "custom_fields", "from": "a", "key": "name_key", "value": "value"},
        {"a": [{"name_key": "x", "value": ["1"]}, {"value": 3}]},
        {"x": ["1"]},
    ),
    # people
    ({"fn": "split_name", "from": "a", "part": "family"}, {"a": "欧阳若水"}, "欧阳"),
    ({"fn": "split_name", "from": "a", "part": "given"}, {"a": "林悦"}, "悦"),
    ({"fn": "split_name", "from": "a", "part": "family"}, {"a": "Yue Anna Lin"}, "Lin"),
    ({"fn": "split_name", "from": "a", "part": "given"}, {"a": "Yue Anna Lin"}, "Yue Anna"),
    ({"fn": "split_name", "from": "a", "part": "family", "order": "family_first"}, {"a": "Lin Yue"}, "Lin"),
    ({"fn": "split_name", "from": "a", "part": "family"}, {"a": "Madonna"}, NOTHING),
    ({"fn": "split_name", "from": "a", "part": "order"}, {"a": "林悦"}, "family_first"),
    ({"fn": "full_name", "from": ["f", "g"]}, {"f": "林", "g": "悦"}, "林悦"),
    ({"fn": "full_name", "from": ["f", "g"]}, {"f": "Lin", "g": "Yue"}, "Yue Lin"),
    ({"fn": "full_name", "from": ["f", "g"]}, {"f": "Lin"}, "Lin"),
    ({"fn": "phone", "from": "a"}, {"a": "138 0000-1111"}, "+8613800001111"),
    ({"fn": "phone", "from": "a"}, {"a": "86 138 0000 1111"}, "+8613800001111"),
    ({"fn": "phone", "from": "a", "country": "GB"}, {"a": "020 7946 0000"}, "+442079460000"),
    ({"fn": "phone", "from": "a", "country_from": "c"}, {"a": "(415) 555-0100", "c": "美国"}, "+14155550100"),
    ({"fn": "phone", "from": "a", "invalid": "drop"}, {"a": "ask him"}, NOTHING),
    ({"fn": "country", "from": "a"}, {"a": "中国"}, "CN"),
    ({"fn": "country", "from": "a"}, {"a": "gbr"}, "GB"),
    ({"fn": "country", "from": "a", "output": "zh-CN"}, {"a": "Germany"}, "德国"),
    # around any function
    ({"from": "a", "default": {"x": 1}}, {}, {"x": 1}),
    ({"fn": "truncate", "from": "a", "length": 2, "end": "", "as": "integer"}, {"a": "123"}, 12),
    ({"from": "a", "when": {"path": "k", "equals": "x"}}, {"a": 1, "k": "x"}, 1),
    ({"from": "a", "when": {"path": "k", "equals": "x"}}, {"a": 1, "k": "y"}, NOTHING),
    ({"from": "a", "when": {"path": "k", "present": True}, "default": 2}, {"a": 1}, NOTHING),
    ({"from": "@", "fn": "json"}, {"a": 1}, '{"a":1}'),
]

FAILURES = [
    ({"from": "a", "required": True}, {}, "required"),
    ({"fn": "enum", "from": "a", "table": {"x": "y"}}, {"a": "secret"}, "unknown_value"),
    ({"fn": "enum", "from": "a", "table": {"x": "y"}}, {"a": ["secret"]}, "type"),
    ({"fn": "number", "from": "a"}, {"a": "secret"}, "format"),
    ({"fn": "number", "from": "a"}, {"a": True}, "type"),
    ({"fn": "number", "from": "a"}, {"a": float("nan")}, "range"),
    ({"fn": "number", "from": "a"}, {"a": 10**5000}, "range"),
    ({"from": "a", "as": "text"}, {"a": 10**5000}, "too_large"),
    ({"from": "a", "as": "date"}, {"a": "2026-02-30"}, "format"),
    ({"from": "a", "as": "datetime"}, {"a": "yesterday"}, "format"),
    ({"from": "a", "as": "datetime"}, {"a": "0001-01-01T00:00:00+09:00"}, "range"),
    ({"fn": "datetime", "from": "a", "input": "epoch_s"}, {"a": 10**15}, "format"),
    ({"fn": "phone", "from": "a"}, {"a": "secret"}, "format"),
    ({"fn": "country", "from": "a"}, {"a": "Atlantis"}, "unknown_value"),
    ({"fn": "join", "from": "a"}, {"a": "text"}, "type"),
    ({"fn": "count", "from": "a"}, {"a": [0] * 10_001}, "too_large"),
    ({"fn": "ext_id", "from": "a"}, {"a": "x" * 256}, "format"),
    ({"fn": "money", "from": "a", "currency_from": "c"}, {"a": 1, "c": "¥"}, "format"),
    ({"fn": "map", "from": "a", "fields": [{"to": "x", "from": "y", "required": True}]}, {"a": [{}]}, "required"),
    ({"fn": "template", "template": "{a}"}, {"a": "x" * 1_000_001}, "too_large"),
    ({"from": {"list": "a", "by": "k", "equals": "x"}}, {"a": [0] * 10_001}, "too_large"),
]


def one(row: dict) -> dict:
    return {"name": "m", "version": 1, "fields": [{"to": "out.it", **row}]}


@pytest.mark.parametrize(("row", "document", "wanted"), EXAMPLES)
def test_example(row: dict, document: dict, wanted: object) -> None:
    mapping = compile_mapping(one(row))
    made, (trace, *_) = mapping.apply(document), mapping.trace(document)
    if wanted is NOTHING:
        assert made == {}
        assert trace.value is MISSING
    else:
        assert made == {"out": {"it": wanted}}
        assert type(made["out"]["it"]) is type(wanted)
        assert trace.value == wanted


@pytest.mark.parametrize(("row", "document", "code"), FAILURES)
def test_failure_names_field_and_code_and_never_the_value(row: dict, document: dict, code: str) -> None:
    mapping = compile_mapping(one(row))
    with pytest.raises(MappingFailed) as failed:
        mapping.apply(document)
    assert (failed.value.field, failed.value.code) == ("out.it", code)
    assert "secret" not in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None  # a log would print it, values and all
    assert mapping.trace(document)[0].note == f"failed:{code}"


def test_every_function_has_an_example_and_a_name_in_both_languages() -> None:
    shown = {str(row.get("fn", row.get("as", "copy"))) for row, _, _ in EXAMPLES}
    shown |= {"text", "integer", "boolean", "date", "datetime"}
    assert set(functions()) <= shown
    assert all(set(about["label"]) == {"en", "zh-CN"} for about in functions().values())


def test_an_unknown_word_is_kept_beside_other() -> None:
    mapping = compile_mapping(
        one({"fn": "enum", "from": "a", "table": {"x": "y"}, "unknown": "keep", "required": True})
    )
    assert mapping.apply({"a": "odd"}) == {"out": {"it": "other", "it_native": "odd"}}
    assert mapping.apply({"a": "x"}) == {"out": {"it": "y"}}
    assert [trace.to for trace in mapping.trace({"a": "odd"})] == ["out.it", "out.it_native"]


@pytest.mark.parametrize("fn", ["copy", "json"])
def test_a_nested_bomb_is_refused(fn: str) -> None:
    bomb: object = 1
    for _ in range(5000):
        bomb = [bomb]
    with pytest.raises(MappingFailed) as failed:
        compile_mapping(one({"fn": fn, "from": "a"})).apply({"a": bomb})
    assert failed.value.code == "too_deep"


def test_a_constant_is_never_shared_between_documents() -> None:
    for row in ({"fn": "const", "value": {"x": []}}, {"from": "a", "default": {"x": []}}):
        mapping = compile_mapping(one(row))
        mapping.apply({})["out"]["it"]["x"].append(1)
        assert mapping.apply({}) == {"out": {"it": {"x": []}}}


@settings(max_examples=100, deadline=None)
@given(
    st.integers(-2000, 2000) | st.decimals(-1000, 1000, places=3).map(float),
    st.sampled_from([3, 7, 8, 20, 16, 60, 0.3]),
    st.integers(0, 2),
)
def test_rounding_is_decimal_half_up_whichever_way_it_runs(value: float, divide: float, places: int) -> None:
    mapping = compile_mapping(one({"fn": "number", "from": "a", "divide": divide, "places": places}))
    exact = Decimal(repr(value)) / Decimal(repr(divide))
    wanted = float(exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP))
    assert mapping.apply({"a": value})["out"]["it"] == wanted
    assert mapping.trace({"a": value})[0].value == wanted
