"""A mapping document, checked and taken apart into fields."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import cast

from mappings.canonical.validation import fault_in
from mappings.documents import MISSING, Document, Json, Missing, PathError
from mappings.engine.faults import MappingFault
from mappings.engine.functions.dates import check_format, zone
from mappings.engine.functions.scalars import template_pieces
from mappings.engine.sources import Source, source, steps_of

MAX_FIELDS = 500
MAX_NESTING = 3  # of `map` inside `map`
CONVERSIONS = ("text", "integer", "number", "boolean", "date", "datetime")

_SOURCE: Document = {
    "type": ["string", "object"],
    "minLength": 1,
    "maxLength": 600,
    "additionalProperties": False,
    "required": ["list", "by", "equals"],
    "properties": {
        "list": {"type": "string", "minLength": 1, "maxLength": 600},
        "by": {"type": "string", "minLength": 1, "maxLength": 600},
        "equals": {"type": ["string", "integer"], "maxLength": 500},
        "take": {"type": "string", "minLength": 1, "maxLength": 600},
    },
}
_SCALAR: Document = {"type": ["string", "number", "boolean"], "maxLength": 500}
_SCALARS: Document = {"type": "array", "minItems": 1, "maxItems": 100, "items": _SCALAR}


@dataclass(frozen=True, slots=True)
class When:
    """A gate: the field is made only where the source passes this flag."""

    source: Source
    flag: Document


@dataclass(frozen=True, slots=True)
class Field:
    """One row of the table. `params` are the function's own; `then` is a conversion after it."""

    at: str
    to: tuple[str, ...]
    fn: str
    params: Document
    sources: tuple[Source, ...]
    then: str | None = None
    default: Json | Missing = MISSING
    required: bool = False
    lenient: bool = False  # a value that cannot be read counts as absent
    when: When | None = None
    nested: tuple[Field, ...] = ()

    @property
    def target(self) -> str:
        return ".".join(self.to)


@dataclass(frozen=True, slots=True)
class Table:
    """A checked mapping document; `rest` is where untouched top-level fields of the source go, None: nowhere."""

    name: str
    version: int
    source: str | None
    target: str | None
    fields: tuple[Field, ...]
    rest: str | None


def functions() -> Document:
    """name -> {label {en, zh-CN}, from, required, properties}: what a mapping editor offers."""
    return cast("Document", json.loads(json.dumps(_functions())))


@cache
def _functions() -> Document:
    text = (files("mappings.engine") / "functions.json").read_text(encoding="utf-8")
    return cast("Document", json.loads(text)["functions"])


@cache
def envelope_schema() -> Document:
    """JSON Schema of a mapping document around its fields."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "version", "fields"],
        "properties": {
            "name": {"type": "string", "maxLength": 100, "pattern": "^[a-z][a-z0-9_.-]*$"},
            "version": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
            "title": {
                "type": "object",
                "maxProperties": 10,
                "additionalProperties": {"type": "string", "maxLength": 200},
            },
            "source": {"type": "string", "maxLength": 200},
            "target": {"type": "string", "maxLength": 200},
            "fields": {"type": "array", "minItems": 1, "maxItems": MAX_FIELDS, "items": {"type": "object"}},
            "rest": {"type": "string", "maxLength": 100, "pattern": "^[A-Za-z][A-Za-z0-9_-]*$"},
        },
    }


@cache
def field_schema(fn: str) -> Document:
    """JSON Schema of a field that uses this function."""
    about = cast("Document", _functions()[fn])
    amount, required = str(about["from"]), ["to", *cast("list[Json]", about["required"])]
    many: Document = {"type": "array", "minItems": 1, "maxItems": 50, "items": _SOURCE}
    kinds: dict[str, Document] = {
        "one": _SOURCE,
        "two": {**many, "minItems": 2, "maxItems": 2},
        "many": many,
        "either": {**_SOURCE, "type": ["string", "object", "array"], "minItems": 1, "maxItems": 50, "items": _SOURCE},
    }
    own: Document = {} if amount == "none" else {"from": kinds["either" if amount == "folded" else amount]}
    when: Document = {
        "type": "object",
        "additionalProperties": False,
        "required": ["path"],
        "minProperties": 2,
        "properties": {
            "path": {"type": "string", "minLength": 1, "maxLength": 600},
            "equals": _SCALAR,
            "in": _SCALARS,
            "present": {"const": True},
        },
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required if amount == "none" else [*required, "from"],
        "properties": {
            "to": {"type": "string", "minLength": 1, "maxLength": 600},
            "fn": {"const": fn},
            **own,
            "as": {"enum": list(CONVERSIONS)},
            "default": {},
            "required": {"type": "boolean"},
            "invalid": {"enum": ["error", "drop"]},
            "when": when,
            "note": {"type": "string", "maxLength": 500},
            **cast("Document", about["properties"]),
        },
    }


def table(document: object, root: str = "mapping") -> Table:
    """The document, checked. Raises MappingFault."""
    _check(envelope_schema(), document, root)
    doc = cast("Document", document)
    rest = None if doc.get("rest", "drop") == "drop" else str(doc["rest"])
    rows = fields(cast("list[Json]", doc["fields"]), f"{root}.fields", 0, rest)
    source_, target = (str(doc[name]) if name in doc else None for name in ("source", "target"))
    return Table(str(doc["name"]), cast("int", doc["version"]), source_, target, rows, rest)


def fields(rows: list[Json], at: str, depth: int, rest: str | None = None) -> tuple[Field, ...]:
    """The rows of a table, checked, also against each other. Raises MappingFault."""
    if depth > MAX_NESTING:
        raise MappingFault(at, "too_nested", f"tables inside tables end at {MAX_NESTING}")
    made: list[Field] = []
    for number, row in enumerate(rows):
        made.extend(_field(cast("Document", row), f"{at}.{number}", depth))
    taken: set[tuple[str, ...]] = {(rest,)} if rest else set()
    inner: set[tuple[str, ...]] = set()
    for field in made:
        if field.to in taken:
            raise MappingFault(f"{field.at}.to", "repeated_target", "another field has this target")
        above = {field.to[:size] for size in range(1, len(field.to))}
        if field.to in inner or above & taken:
            raise MappingFault(
                f"{field.at}.to", "clashing_target", "another field is inside this target, or this inside it"
            )
        taken.add(field.to)
        inner |= above
    return tuple(made)


def _check(schema: Document, document: object, at: str) -> None:
    fault = fault_in(schema, document, at)
    if fault is not None:
        raise MappingFault(fault.at, fault.code, str(fault).removeprefix(fault.at).strip())


def _field(row: Document, at: str, depth: int) -> list[Field]:
    fn = row.get("fn", "copy")
    if not isinstance(fn, str) or fn not in _functions():
        raise MappingFault(f"{at}.fn", "unknown_function", "there is no such function")
    _check(field_schema(fn), row, at)
    then = row.get("as")
    if fn == "copy" and then is not None:
        fn, then = str(then), None
    when = cast("Document | None", row.get("when"))
    field = Field(
        at=at,
        to=_target(str(row["to"]), f"{at}.to"),
        fn=fn,
        params={
            key: value for key, value in row.items() if key not in ("to", "as", "default", "required", "when", "note")
        },
        sources=tuple(_sources(row, fn, at)),
        then=None if then is None else str(then),
        default=row.get("default", MISSING),
        required=row.get("required") is True,
        lenient=row.get("invalid") == "drop",
        when=None if when is None else When(_source(when["path"], f"{at}.when.path"), _flag_of(when)),
        nested=fields(cast("list[Json]", row["fields"]), f"{at}.fields", depth + 1) if fn == "map" else (),
    )
    _check_params(field)
    if fn == "find":
        field = _replaced(field, fn="copy")
    if fn == "enum" and row.get("unknown") == "keep":
        native = _replaced(field, to=(*field.to[:-1], f"{field.to[-1]}_native"), fn="enum_native")
        return [field, _replaced(native, then=None, default=MISSING, required=False)]
    return [field]


def _replaced(field: Field, **changes: object) -> Field:
    values = {name: getattr(field, name) for name in Field.__slots__}
    return Field(**{**values, **changes})


def _flag_of(when: Document) -> Document:
    return {key: value for key, value in when.items() if key != "path"}


def _target(path: str, at: str) -> tuple[str, ...]:
    try:
        steps = steps_of(path)
    except PathError as error:
        raise MappingFault(at, "bad_path", "not a path") from error
    if not steps or len(steps) > 10 or any(isinstance(step, int) for step in steps):
        raise MappingFault(at, "bad_path", "a target is 1 to 10 names (lists are made by functions)")
    return cast("tuple[str, ...]", steps)


def _source(spec: Json, at: str) -> Source:
    try:
        made = source(spec)
    except PathError as error:
        raise MappingFault(at, "bad_path", "not a path") from error
    if len(made.steps) > 50:
        raise MappingFault(at, "bad_path", "more than 50 steps")
    return made


def _sources(row: Document, fn: str, at: str) -> list[Source]:
    if fn == "template":
        try:
            pieces = template_pieces(str(row["template"]))
        except ValueError as error:
            raise MappingFault(f"{at}.template", "bad_template", str(error)) from error
        return [_source(path, f"{at}.template") for _, path, _ in pieces if path is not None]
    if "from" not in row:
        return []
    given = row["from"]
    listed = given if isinstance(given, list) else [given]
    made = [_source(spec, f"{at}.from") for spec in listed]
    if fn == "find":
        found = source({"list": "@", "by": row["by"], "equals": row["equals"], "take": row.get("take")})
        text = f"{made[0].text}{found.text.removeprefix('@')}"
        return [Source((*made[0].steps, *found.steps), text)]
    if fn == "localized":
        wanted, other = ("en", "zh-CN") if row["language"] == "en" else ("zh-CN", "en")
        inside = (Source((*made[0].steps, name), f"{made[0].text}.{name}") for name in (wanted, other))
        return [made[0], *inside]
    extra = row.get("currency_from", row.get("country_from"))
    return made if extra is None else [*made, _source(extra, at)]


def _check_params(field: Field) -> None:
    """What a schema cannot say about parameters: paths inside items, formats, zones."""
    for name in ("by", "take", "key", "value"):
        if name in field.params and field.fn != "const":
            try:
                steps_of(str(field.params[name]))
            except PathError as error:
                raise MappingFault(f"{field.at}.{name}", "bad_path", "not a path") from error
    params = field.params
    if field.fn != "find" and "by" in params and not {"equals", "in"} & params.keys():
        raise MappingFault(f"{field.at}.equals", "missing", "`by` needs `equals` or `in`")
    if field.fn == "flag" and not {"equals", "in", "at_least", "at_most", "present"} & params.keys():
        raise MappingFault(f"{field.at}.equals", "missing", "a flag needs equals, in, at_least, at_most or present")
    if field.fn == "money" and not {"currency", "currency_from"} & params.keys():
        raise MappingFault(f"{field.at}.currency", "missing", "money needs currency or currency_from")
    if field.fn in ("date", "datetime"):
        for name, code, check in (("input", "bad_format", check_format), ("output", "bad_format", check_format)):
            try:
                check(str(field.params.get(name, "")))
            except ValueError as error:
                raise MappingFault(f"{field.at}.{name}", code, str(error)) from error
        for name in ("assume", "zone"):
            try:
                zone(str(field.params.get(name, "UTC")))
            except ValueError as error:
                raise MappingFault(f"{field.at}.{name}", "unknown_zone", str(error)) from error
