"""Reading and judging what a caller sends, as strictly as the vendor: encodings, types, required and unknown fields."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from hub.adapters.twins.spec import EndpointSpec, Field
from mappings.documents import Document, Json

DEEPEST = 64
_FORM_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


class Refusal(Exception):
    """The vendor says no. `kind` picks the status, `field` is where it is wrong, `id` the item that stands in the way."""

    def __init__(self, kind: str, message: str, field: str = "", id: Json = None) -> None:
        super().__init__(message)
        self.kind, self.message, self.field, self.id = kind, message, field, id


def read_body(endpoint: EndpointSpec, content_type: str, raw: bytes) -> Document:
    """The body as a document. Raises Refusal (`media_type`, `bad_body`)."""
    kind = content_type.partition(";")[0].strip().lower()
    if not raw and "none" in endpoint.accepts:
        return {}
    if kind == "application/json" and "json" in endpoint.accepts:
        try:
            value = json.loads(raw, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise Refusal("bad_body", "the body is not JSON") from error
        if not isinstance(value, dict) or _too_deep(value):
            raise Refusal("bad_body", "the body is not an object, or nested too deeply")
        return value
    if kind == "application/x-www-form-urlencoded" and "form" in endpoint.accepts:
        return _form(raw)
    raise Refusal("media_type", "this content type is not accepted")


def _no_number(name: str) -> Json:
    raise ValueError(f"{name} is not JSON")


def _too_deep(value: Json) -> bool:
    level: list[Json] = [value]
    for _ in range(DEEPEST):
        level = [
            below
            for item in level
            if isinstance(item, dict | list)
            for below in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True


def _form(raw: bytes) -> Document:
    """`a=1&b[c]=2&d[][e]=3` as nested objects and lists, the way Rack does."""
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, strict_parsing=bool(raw), errors="strict")
    except ValueError as error:
        raise Refusal("bad_body", "the body is not a form") from error
    done: Document = {}
    for name, value in pairs:
        parts = _FORM_NAME.fullmatch(name)
        if parts is None:
            raise Refusal("bad_body", "a field name cannot be read", name)
        _place(done, [parts[1], *re.findall(r"\[([^\[\]]*)\]", parts[2])], value)
    return done


def _place(into: Document, steps: list[str], value: str) -> None:
    head, *rest = steps
    if not rest:
        into[head] = value
    elif rest[0] == "":
        items = into.setdefault(head, [])
        if not isinstance(items, list):
            raise Refusal("bad_body", "a field is both one and many", head)
        if len(rest) == 1:
            items.append(value)
            return
        last = items[-1] if items else None
        if not isinstance(last, dict) or rest[1] in last:
            last = {}
            items.append(last)
        _place(last, rest[1:], value)
    else:
        below = into.setdefault(head, {})
        if not isinstance(below, dict):
            raise Refusal("bad_body", "a field is both a value and an object", head)
        _place(below, rest, value)


def judge(endpoint: EndpointSpec, body: Document, known: Callable[[str, str, Json], bool], *, as_text: bool) -> None:
    """Check `body` against the endpoint's fields. `known(collection, field, value)` answers references.

    `as_text`: the body came as a form, where numbers and booleans are texts. Raises Refusal.
    """
    _object(endpoint.fields, body, "", endpoint.unknown == "refuse", known, as_text)
    if endpoint.exactly_one and sum(body.get(name) is not None for name in endpoint.exactly_one) != 1:
        raise Refusal("invalid", f"exactly one of {' and '.join(endpoint.exactly_one)} must be given")


def _object(
    fields: Mapping[str, Field],
    body: Document,
    where: str,
    strict: bool,
    known: Callable[[str, str, Json], bool],
    as_text: bool,
) -> None:
    for name, field in fields.items():
        if field.required and body.get(name) in (None, ""):
            raise Refusal("invalid", "must be present", where + name)
    for name, value in body.items():
        if name in fields:
            _value(fields[name], value, where + name, strict, known, as_text)
        elif strict:
            raise Refusal("unknown", "is not a parameter of this call", where + name)


def _value(
    field: Field, value: Json, where: str, strict: bool, known: Callable[[str, str, Json], bool], as_text: bool
) -> None:
    if value is None:
        if not field.nullable:
            raise Refusal("invalid", "may not be null", where)
        return
    if not _typed(field.type, value, as_text):
        raise Refusal("invalid", f"must be of type {field.type}", where)
    if isinstance(value, str):
        if field.pattern is not None and not re.fullmatch(field.pattern, value):
            raise Refusal("invalid", "has characters or a form that is not accepted", where)
        if field.max_length is not None and len(value) > field.max_length:
            raise Refusal("invalid", f"is longer than {field.max_length} characters", where)
        if field.one_of is not None and value not in field.one_of:
            raise Refusal("invalid", f"must be one of {', '.join(field.one_of)}", where)
    if field.ref is not None and not known(field.ref, field.ref_field, value):
        raise Refusal("no_ref", "does not exist", where)
    if isinstance(value, dict) and field.fields is not None:
        _object(field.fields, value, where + ".", strict, known, as_text)
    if isinstance(value, list) and field.items is not None:
        for index, item in enumerate(value):
            _value(field.items, item, f"{where}.{index}", strict, known, as_text)


def _typed(kind: str, value: Json, as_text: bool) -> bool:
    match kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool) or (as_text and value in ("true", "false"))
        case "integer":
            return (isinstance(value, int) and not isinstance(value, bool)) or (
                as_text and isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value) is not None
            )
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
        case _:
            return True
