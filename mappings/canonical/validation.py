"""The judgement on a document: precise with `jsonschema`, fast with `jsonschema-rs`, the same from both."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import Any, cast

import jsonschema_rs
import orjson
from jsonschema import (  # type: ignore[import-untyped]  # it ships no types
    Draft202012Validator,
    FormatChecker,
    ValidationError,
    validators,
)

from mappings.canonical.faults import Finding, Unfit, code_of, first, place
from mappings.canonical.files import shared_event_schema
from mappings.documents import Document, Json

MAX_DEPTH = 100
_ROOT = "data"
_MOST_FINDINGS = 1000  # a document with more faults than this is judged by the first thousand

Checker = Callable[[object], Unfit | None]


def validate(type: str, version: int, data: object) -> None:
    """Raise Unfit for the first fault of an event's data, by place. Raises UnknownType."""
    fault = fault_in(shared_event_schema(type, version), data)
    if fault is not None:
        raise fault


def fault_in(schema: Document, data: object, root: str = _ROOT) -> Unfit | None:
    """The first fault of `data` under any JSON Schema 2020-12 whose references stay inside it; `root` names the whole.

    Judges manifests, settings and mapping documents too. Schemas are remembered by identity: pass the same object again.
    """
    guard = _odd(data, root)
    if guard is not None:
        return guard
    found: list[Finding] = []
    wanted: dict[Finding, str | None] = {}
    for error in _precise(_Key(schema)).iter_errors(data):
        for finding in _findings(error):
            found.append(finding)
            wanted.setdefault(finding, _wanted(error))
        if len(found) >= _MOST_FINDINGS:
            break
    if not found:
        return None
    worst = first(found)
    return Unfit(place(root, worst[0]), worst[1], wanted[worst])


@cache
def checker(type: str, version: int) -> Checker:
    """A compiled function for the data path: None for a fitting document, else the same fault as `validate`.

    Raises UnknownType. A fitting document costs a few microseconds; the words are looked for only when it does not fit.
    """
    schema = shared_event_schema(type, version)
    compiled = jsonschema_rs.Draft202012Validator(cast("dict[str, Any]", schema), validate_formats=True)
    is_valid = compiled.is_valid

    def check(data: object) -> Unfit | None:
        try:
            if is_valid(data):
                orjson.dumps(data)  # it refuses half of a surrogate pair, which the validator lets pass
                return None
        except (ValueError, TypeError, OverflowError, RecursionError):
            return _odd(data, _ROOT) or Unfit(_ROOT, "not_json")
        return _odd(data, _ROOT) or _fault_of(compiled, data)

    return check


def _fault_of(compiled: jsonschema_rs.Draft202012Validator, data: object) -> Unfit | None:
    found: list[Finding] = []
    for error in compiled.iter_errors(data):
        path = tuple(error.instance_path)
        keyword = str(error.schema_path[-1]) if error.schema_path else ""
        if "propertyNames" in error.schema_path:
            found.append((path, "bad_name"))
        elif keyword == "required":
            found.append(((*path, str(error.kind.as_dict()["property"])), "missing"))
        elif keyword == "additionalProperties":
            found.extend(((*path, str(name)), "unknown_field") for name in error.kind.as_dict()["unexpected"])
        else:
            found.append((path, code_of(keyword)))
        if len(found) >= _MOST_FINDINGS:
            break
    if not found:
        return None
    worst = first(found)
    return Unfit(place(_ROOT, worst[0]), worst[1])


def _findings(error: ValidationError) -> Iterator[Finding]:
    path = tuple(error.absolute_path)
    keyword = str(error.validator)
    if "propertyNames" in error.absolute_schema_path:
        yield path, "bad_name"
    elif keyword == "required":
        required, instance = cast("list[str]", error.validator_value), cast("dict[str, Json]", error.instance)
        # the library makes one error per missing name and says which only in its message
        yield from (((*path, name), "missing") for name in required if name not in instance)
    elif keyword == "additionalProperties":
        schema, instance = cast("Document", error.schema), cast("dict[str, Json]", error.instance)
        known = cast("dict[str, Json]", schema.get("properties", {}))
        patterns = cast("dict[str, Json]", schema.get("patternProperties", {}))
        unknown = (name for name in instance if name not in known and not any(re.search(p, name) for p in patterns))
        yield from (((*path, name), "unknown_field") for name in unknown)
    else:
        yield path, code_of(keyword)


def _wanted(error: ValidationError) -> str | None:
    """The schema's own demand in few words; it comes from us, never from the document."""
    value = error.validator_value
    match error.validator:
        case "type":
            return " or ".join(value) if isinstance(value, list) else str(value)
        case "enum":
            return ", ".join(str(option) for option in cast("list[object]", value)[:20])
        case "minimum" | "maximum" | "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties" | "format":
            return f"{error.validator} {value}"
        case _:
            return None


def _odd(data: object, root: str) -> Unfit | None:
    """What neither library should be asked about: nesting beyond MAX_DEPTH, and values that JSON does not have."""
    level: list[object] = [data]
    for _ in range(MAX_DEPTH + 1):
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                if not all(isinstance(name, str) and _is_text(name) for name in value):
                    return Unfit(root, "not_json")
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
            elif isinstance(value, float) and not (-1.8e308 < value < 1.8e308):
                return Unfit(root, "not_json")
            elif isinstance(value, str):
                if not _is_text(value):
                    return Unfit(root, "not_json")
            elif not isinstance(value, int | float | None):
                return Unfit(root, "not_json")
        if not below:
            return None
        level = below
    return Unfit(root, "too_deep")


def _is_text(value: str) -> bool:
    """False for half of a surrogate pair: Python can hold it, UTF-8 cannot."""
    try:
        value.isascii() or value.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Key:
    """Makes a shared schema usable as a cache key by its identity."""

    __slots__ = ("schema",)

    def __init__(self, schema: Document) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.schema is self.schema


@lru_cache(maxsize=512)
def _precise(key: _Key) -> Draft202012Validator:
    return _validator_class()(key.schema, format_checker=_formats())


@cache
def _validator_class() -> Any:
    """2020-12 whose `$` means the end as in ECMA-262 (Python's also matches before a last line feed)."""

    def pattern(_: object, wanted: str, instance: object, __: object) -> Iterator[ValidationError]:
        if isinstance(instance, str) and not re.search(re.sub(r"(?<!\\)\$$", r"\\Z", wanted), instance):
            yield ValidationError("pattern")

    return validators.extend(Draft202012Validator, {"pattern": pattern})


@cache
def _formats() -> FormatChecker:
    """Formats as the fast library judges them: one definition of a date for both."""
    checks = FormatChecker(formats=())
    for name in ("date", "date-time"):
        fast = jsonschema_rs.Draft202012Validator({"type": "string", "format": name}, validate_formats=True)

        def holds(value: object, fast: jsonschema_rs.Draft202012Validator = fast) -> bool:
            return not isinstance(value, str) or fast.is_valid(value)

        checks.checks(name)(holds)
    return checks
