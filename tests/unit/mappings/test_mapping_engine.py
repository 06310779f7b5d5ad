"""The engine around the functions: checked documents, one result from two ways of running, lineage, no way in for code."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.documents import MISSING
from mappings.engine import FieldTrace, MappingFailed, MappingFault, compile_mapping
from mappings.engine.codegen import source_of
from mappings.engine.shape import table


def mapping_of(*fields: dict, **more: object) -> dict:
    return {"name": "m", "version": 1, "fields": list(fields), **more}


FAULTS = [
    ([], "mapping", "type"),
    ({"name": "m", "version": 1}, "mapping.fields", "missing"),
    ({"name": "M x", "version": 1, "fields": [{"to": "a", "from": "b"}]}, "mapping.name", "format"),
    (mapping_of({"to": "a", "from": "b"}, extra=1), "mapping.extra", "unknown_field"),
    (mapping_of(), "mapping.fields", "too_short"),
    (mapping_of({"to": "a", "from": "b"}, 3), "mapping.fields.1", "type"),
    (mapping_of({"to": "a"}), "mapping.fields.0.from", "missing"),
    (mapping_of({"to": "a", "from": "b", "fn": "eval"}), "mapping.fields.0.fn", "unknown_function"),
    (mapping_of({"to": "a", "from": "b", "fn": ["copy"]}), "mapping.fields.0.fn", "unknown_function"),
    (mapping_of({"to": "a", "from": "b", "table": {}}), "mapping.fields.0.table", "unknown_field"),
    (mapping_of({"to": "a", "from": "b", "fn": "enum"}), "mapping.fields.0.table", "missing"),
    (mapping_of({"to": "a", "from": "b", "fn": "enum", "table": {"x": []}}), "mapping.fields.0.table.x", "type"),
    (mapping_of({"to": "a", "from": "b..c"}), "mapping.fields.0.from", "bad_path"),
    (mapping_of({"to": "a", "from": "__class__"}), "mapping.fields.0.from", "bad_path"),
    (mapping_of({"to": "a.0", "from": "b"}), "mapping.fields.0.to", "bad_path"),
    (mapping_of({"to": "@", "from": "b"}), "mapping.fields.0.to", "bad_path"),
    (mapping_of({"to": "a", "from": "b"}, {"to": "a", "from": "c"}), "mapping.fields.1.to", "repeated_target"),
    (mapping_of({"to": "a", "from": "b"}, {"to": "a.x", "from": "c"}), "mapping.fields.1.to", "clashing_target"),
    (mapping_of({"to": "a.x", "from": "b"}, {"to": "a", "from": "c"}), "mapping.fields.1.to", "clashing_target"),
    (mapping_of({"to": "rest.x", "from": "b"}, rest="rest"), "mapping.fields.0.to", "clashing_target"),
    (mapping_of({"to": "a", "fn": "template", "template": "{b"}), "mapping.fields.0.template", "bad_template"),
    (mapping_of({"to": "a", "fn": "template", "template": "{b.__class__}"}), "mapping.fields.0.template", "bad_path"),
    (mapping_of({"to": "a", "fn": "template", "template": "{b!r}}"}), "mapping.fields.0.template", "bad_template"),
    (mapping_of({"to": "a", "from": "b", "fn": "date", "input": "%A"}), "mapping.fields.0.input", "bad_format"),
    (mapping_of({"to": "a", "from": "b", "fn": "date", "zone": "Mars/Base"}), "mapping.fields.0.zone", "unknown_zone"),
    (
        mapping_of({"to": "a", "from": "b", "fn": "date", "zone": "../etc/passwd"}),
        "mapping.fields.0.zone",
        "unknown_zone",
    ),
    (mapping_of({"to": "a", "from": "b", "fn": "count", "by": "k"}), "mapping.fields.0.equals", "missing"),
    (mapping_of({"to": "a", "from": "b", "fn": "flag"}), "mapping.fields.0.equals", "missing"),
    (mapping_of({"to": "a", "from": "b", "fn": "money"}), "mapping.fields.0.currency", "missing"),
    (mapping_of({"to": "a", "from": "b", "fn": "number", "divide": 0}), "mapping.fields.0.divide", "range"),
    (mapping_of({"to": "a", "from": "b", "when": {"path": "c"}}), "mapping.fields.0.when", "too_short"),
    (
        mapping_of({"to": "a", "from": "b", "fn": "map", "fields": [{"to": "x"}]}),
        "mapping.fields.0.fields.0.from",
        "missing",
    ),
]


@pytest.mark.parametrize(("document", "at", "code"), FAULTS)
def test_a_faulty_mapping_says_where_and_why(document: object, at: str, code: str) -> None:
    with pytest.raises(MappingFault) as fault:
        compile_mapping(document)
    assert (fault.value.at, fault.value.code) == (at, code)
    assert str(fault.value).startswith(f"{at}: ")


def test_tables_inside_tables_end_somewhere() -> None:
    field: dict = {"to": "a", "from": "b"}
    for _ in range(5):
        field = {"to": "a", "from": "b", "fn": "map", "fields": [field]}
    with pytest.raises(MappingFault) as fault:
        compile_mapping(mapping_of(field))
    assert fault.value.code == "too_nested"


def test_lineage_says_which_paths_a_target_comes_from() -> None:
    mapping = compile_mapping(
        mapping_of(
            {"to": "who.name", "fn": "full_name", "from": ["c.family", "c.given"]},
            {"to": "logic", "fn": "find", "from": "r.dims", "by": "key", "equals": "logic", "take": "score"},
            {"to": "kind", "fn": "const", "value": "x"},
            source="interview.report.completed@1",
            target="ats",
        )
    )
    assert (mapping.name, mapping.version, mapping.source, mapping.target) == (
        "m",
        1,
        "interview.report.completed@1",
        "ats",
    )
    assert mapping.sources() == {
        "who.name": ("c.family", "c.given"),
        "logic": ("r.dims[key=logic].score",),
        "kind": (),
    }


def test_rest_takes_along_what_no_field_reads() -> None:
    mapping = compile_mapping(mapping_of({"to": "a", "from": "x.y"}, rest="remote"))
    document = {"x": {"y": 1, "z": 2}, "left": [1]}
    assert mapping.apply(document) == {"a": 1, "remote": {"left": [1]}}
    assert mapping.trace(document)[-1] == FieldTrace("remote", {"left": [1]}, ("@",), "rest")
    assert mapping.apply({"x": {"y": 1}}) == {"a": 1}
    assert compile_mapping(mapping_of({"to": "a", "from": "x"}, rest="drop")).apply({"q": 1}) == {}


def test_the_preview_tells_every_field_even_where_one_fails() -> None:
    mapping = compile_mapping(
        mapping_of(
            {"to": "a", "from": "x", "as": "number"},
            {"to": "b", "from": "y", "default": 0},
            {"to": "c", "from": "z"},
            {"to": "d", "from": "x", "when": {"path": "z", "present": True}},
            {"to": "e", "from": "x"},
        )
    )
    assert [(trace.to, trace.value, trace.note) for trace in mapping.trace({"x": "junk"})] == [
        ("a", MISSING, "failed:format"),
        ("b", 0, "default"),
        ("c", MISSING, "absent"),
        ("d", MISSING, "skipped"),
        ("e", "junk", None),
    ]
    with pytest.raises(MappingFailed):
        mapping.apply({"x": "junk"})


def test_a_gate_that_is_shut_also_hides_a_failure_of_its_source() -> None:
    source = {"list": "big", "by": "k", "equals": "x"}
    mapping = compile_mapping(
        mapping_of({"to": "a", "from": source, "when": {"path": "on", "equals": True}}, {"to": "b", "from": "on"})
    )
    assert mapping.apply({"big": [0] * 10_001, "on": False}) == {"b": False}


# -- two ways of running, one result

NAMES = ["a", "b", "items", "key", "n", "name"]
PATHS = (
    st.lists(st.sampled_from([*NAMES, "0", "1"]), min_size=1, max_size=3)
    .map(".".join)
    .filter(lambda p: not p[0].isdigit())
)
SOURCES = PATHS | st.fixed_dictionaries(
    {
        "list": st.sampled_from(["items", "a.items"]),
        "by": st.sampled_from(["key", "n"]),
        "equals": st.sampled_from(["x", "y", 1, 63]),
    },
    optional={"take": PATHS},
)
PLACES = st.integers(0, 3)
NUMBERS = {
    "multiply": st.sampled_from([1, 2, -1, 0.05]),
    "divide": st.sampled_from([20, 3, 0.5]),
    "add": st.sampled_from([0, 1, -2, 0.5]),
    "min": st.just(0),
    "max": st.just(5),
    "places": PLACES,
}
PICK = {"take": st.sampled_from(["n", "key", "a.n"]), "limit": st.integers(1, 3)}
TABLE = st.dictionaries(st.sampled_from(["x", "y", "1", "true"]), st.sampled_from(["one", 2, False]), min_size=1)
FIELDS: dict[str, tuple[dict, dict]] = {
    "copy": ({"from": SOURCES}, {}),
    "const": ({"value": st.sampled_from([None, 1, "c", [1], {"k": 1}])}, {}),
    "coalesce": ({"from": st.lists(SOURCES, min_size=1, max_size=3)}, {}),
    "text": ({"from": SOURCES}, {}),
    "join": ({"from": SOURCES | st.lists(SOURCES, min_size=1, max_size=3)}, {"separator": st.just("-")}),
    "template": ({"template": st.sampled_from(["{a}", "x{{{a.b?}}}", "{items.0.key} {n}", "plain"])}, {}),
    "enum": ({"from": SOURCES, "table": TABLE}, {"unknown": st.sampled_from(["keep", "error", "drop"])}),
    "flag": ({"from": SOURCES, "equals": st.sampled_from(["x", 1, True])}, {"at_least": st.just(2)}),
    "boolean": ({"from": SOURCES}, {}),
    "lower": ({"from": SOURCES}, {}),
    "strip": ({"from": SOURCES}, {}),
    "truncate": ({"from": SOURCES, "length": st.integers(1, 3)}, {}),
    "json": ({"from": SOURCES}, {}),
    "ext_id": ({"from": SOURCES}, {}),
    "localized": ({"from": SOURCES, "language": st.sampled_from(["en", "zh-CN"])}, {}),
    "number": ({"from": SOURCES}, NUMBERS),
    "integer": ({"from": SOURCES}, {}),
    "avg": ({"from": SOURCES}, {"take": st.just("n"), "places": PLACES}),
    "sum": ({"from": st.lists(SOURCES, min_size=1, max_size=3)}, {"places": PLACES}),
    "duration": ({"from": SOURCES}, {"output": st.sampled_from(["s", "min", "clock"]), "places": PLACES}),
    "datetime": ({"from": SOURCES}, {}),
    "filter": ({"from": SOURCES, "by": st.just("key"), "equals": st.just("x")}, PICK),
    "first": ({"from": SOURCES}, PICK),
    "count": ({"from": SOURCES}, PICK),
    "list": ({"from": st.lists(SOURCES, min_size=1, max_size=2)}, {}),
    "map": (
        {
            "from": SOURCES,
            "fields": st.just([{"to": "k", "from": "key"}, {"to": "v.n", "from": "n", "fn": "number", "divide": 2}]),
        },
        {},
    ),
    "custom_fields": ({"from": SOURCES}, {}),
    "split_name": ({"from": SOURCES, "part": st.sampled_from(["family", "given"])}, {}),
    "phone": ({"from": SOURCES}, {}),
}
AROUND = {
    "as": st.sampled_from(["text", "number", "boolean"]),
    "default": st.sampled_from([0, "d", None, [1]]),
    "required": st.booleans(),
    "invalid": st.sampled_from(["error", "drop"]),
    "when": st.fixed_dictionaries({"path": PATHS, "equals": st.sampled_from(["x", 1])})
    | st.fixed_dictionaries({"path": PATHS, "present": st.just(True)}),
}


@st.composite
def mappings(draw: st.DrawFn) -> dict:
    made = []
    for number in range(draw(st.integers(1, 5))):
        fn = draw(st.sampled_from(sorted(FIELDS)))
        own, optional = FIELDS[fn]
        row = draw(st.fixed_dictionaries(own, optional=optional))
        around = draw(st.fixed_dictionaries({}, optional=AROUND)) if draw(st.booleans()) else {}
        made.append({**around, **row, "fn": fn, "to": f"{draw(st.sampled_from(['', 'o.', 'o.p.']))}t{number}"})
    return mapping_of(*made, **({"rest": "rest"} if draw(st.booleans()) else {}))


VALUES = st.recursive(
    st.sampled_from(
        [
            None,
            True,
            False,
            0,
            1,
            63,
            -5,
            2.5,
            0.1,
            "x",
            "y",
            "",
            "林悦",
            "63",
            "2026-05-04T10:00:00Z",
            10**16,
            float("nan"),
        ]
    )
    | st.integers(-1000, 1000)
    | st.floats(-100, 100),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*NAMES, "en", "zh-CN"]), inner, max_size=4)
    ),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)


def put(document: dict, to: str, value: object) -> None:
    *above, last = to.split(".")
    for name in above:
        document = document.setdefault(name, {})
    document[last] = value


@settings(max_examples=150, deadline=None)
@given(mappings(), DOCUMENTS)
def test_compiled_code_and_trace_agree(document: dict, data: dict) -> None:
    mapping = compile_mapping(document)
    traces = mapping.trace(data)
    failed = next((trace for trace in traces if (trace.note or "").startswith("failed:")), None)
    if failed is not None:
        with pytest.raises(MappingFailed) as failure:
            mapping.apply(data)
        assert failure.value.field == failed.to
        assert failed.note == f"failed:{failure.value.code}"
        return
    wanted: dict = {}
    for trace in traces:
        if trace.value is not MISSING:
            put(wanted, trace.to, trace.value)
    made = mapping._run(data)  # the fast code itself: `apply` would fall back to the slow one
    if "rest" in wanted:
        made["rest"] = wanted["rest"]
    assert same(made, wanted)
    assert same(mapping.apply(data), wanted)


def same(one: object, other: object) -> bool:
    """Equal with types: 1 is not True and not 1.0; NaN is itself."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and (one == other or one != one)


# -- no way in for code

NASTY = st.sampled_from(
    ["'", '"', "\\", "\n", "k0", "__import__('os')", "}", "{", "#", "\u2028", "lambda:0", ")", "import os"]
)
WORDS = st.lists(NASTY | st.text(max_size=4), min_size=1, max_size=4).map("".join)


@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS, WORDS)
def test_no_text_of_a_mapping_becomes_code(path: str, word: str, target: str) -> None:
    rows = [
        {"to": target, "from": path},
        {"to": "b", "fn": "enum", "from": f"x.{path}", "table": {word: word}},
        {"to": "c", "fn": "template", "template": f"{word} {{{path}}} {{x}}"},
        {"to": "d", "from": {"list": path, "by": path, "equals": word, "take": path}},
        {"to": "e", "fn": "flag", "from": path, "equals": word, "default": word},
        {"to": "f", "fn": "map", "from": path, "fields": [{"to": target, "from": path}]},
    ]
    for row in rows:
        try:
            fields = table(mapping_of(row)).fields
        except MappingFault:
            continue
        source = source_of(fields)
        names = set(re.findall(r"[A-Za-z_]\w*", source))
        ours = {"def", "run", "if", "is", "None", "else", "not", "return", "get", "__class__", "and", "or", "in"}
        assert {name for name in names if not re.fullmatch(r"[vkdor]\d*", name)} <= ours | {
            "len",
            "count",
            "lower",
            "upper",
            "raise",
        }
        assert source.isascii()
        assert not {"'", '"', "\\", "#"} & set(source)
        assert compile_mapping(mapping_of(row)).apply({}) == ({"e": word} if row["to"] == "e" else {})


def test_odd_names_are_read_as_names() -> None:
    document = mapping_of(
        {"to": "a-b.if", "from": "x;y.def"}, {"to": "t", "fn": "template", "template": "'{x;y.def}\\n"}
    )
    assert compile_mapping(document).apply({"x;y": {"def": 1}}) == {"a-b": {"if": 1}, "t": "'1\\n"}
