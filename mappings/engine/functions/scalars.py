"""Single values: text, flags, enumerations, ids."""

from __future__ import annotations

import base64
import json
import math
from typing import Final

from mappings.documents import Document, Json
from mappings.engine.faults import Unmappable
from mappings.engine.functions.kinds import Build, Call
from mappings.engine.sources import items_at, steps_of

MAX_TEXT: Final = 1_000_000  # characters a function may make
MAX_DEPTH: Final = 100
MAX_VALUES: Final = 100_000  # values inside one copied object or list


def text_of(value: Json) -> str:
    """Text as is, numbers in plain digits, true/false; anything else is a `type` fault."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if abs(value) >= 10**30:
            raise Unmappable("too_large")
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    raise Unmappable("type")


def bounded(value: Json) -> Json:
    """The value itself, if it is not nested or filled beyond bounds."""
    level, seen = [value], 0
    for _ in range(MAX_DEPTH + 1):
        below: list[Json] = []
        for item in level:
            if isinstance(item, dict):
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        seen += len(below)
        if seen > MAX_VALUES:
            raise Unmappable("too_large")
        if not below:
            return value
        level = below
    raise Unmappable("too_deep")


def capped(text: str) -> str:
    """The text, if it is not longer than MAX_TEXT."""
    if len(text) > MAX_TEXT:
        raise Unmappable("too_large")
    return text


def copied(value: Json) -> Json:
    """A copy of a constant, so that no document shares it with another."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def copy(_: Document) -> Call:
    """The value at the source; objects and lists are shared with the source document, not cloned."""
    return bounded


def const(spec: Document) -> Call:
    """The constant `value`, null included."""
    value = spec["value"]
    return lambda: copied(value)


def coalesce(_: Document) -> Call:
    """The first source that has a value."""
    return lambda *values: next((bounded(value) for value in values if value is not None), None)


def text(_: Document) -> Call:
    """The value as text."""
    return lambda value: None if value is None else text_of(value)


def join(spec: Document) -> Call:
    """Texts put together with `separator`: of several sources, or of one list. Absent and empty ones are left out."""
    separator = str(spec.get("separator", "" if spec.get("fn") == "concat" else " "))
    several = isinstance(spec["from"], list)
    take = items_at(steps_of(str(spec["take"])) if "take" in spec else ())

    def call(*values: Json) -> Json:
        if not several and values[0] is None:
            return None
        items = take(list(values) if several else values[0])
        parts = [part if isinstance(part, str) else text_of(part) for part in items if part != ""]
        return capped(separator.join(parts)) if parts else None

    return call


def template(spec: Document) -> Call:
    """A text with `{path}` placeholders; one that is absent leaves the field out, `{path?}` is then empty."""
    pieces = template_pieces(str(spec["template"]))

    def call(*values: Json) -> Json:
        given = iter(values)
        made: list[str] = []
        for literal, path, optional in pieces:
            made.append(literal)
            if path is not None:
                value = next(given)
                if value is None and not optional:
                    return None
                made.append("" if value is None else text_of(value))
        return capped("".join(made))

    return call


def template_pieces(template: str) -> list[tuple[str, str | None, bool]]:
    """(literal, path after it or None, optional) of a template; `{{` and `}}` are braces. Raises ValueError."""
    pieces: list[tuple[str, str | None, bool]] = []
    literal, at = "", 0
    while at < len(template):
        pair, char = template[at : at + 2], template[at]
        if pair in ("{{", "}}"):
            literal, at = literal + char, at + 2
        elif char == "{":
            end = template.find("}", at)
            if end < 0:
                raise ValueError("a brace is not closed")
            path = template[at + 1 : end]
            pieces.append((literal, path.removesuffix("?"), path.endswith("?")))
            literal, at = "", end + 1
        elif char == "}":
            raise ValueError("a brace is closed that was not opened")
        else:
            literal, at = literal + char, at + 1
    return [*pieces, (literal, None, False)] if literal else pieces


def enum(spec: Document) -> Call:
    """The word that `table` has for the value; `unknown`: error (default), drop, or keep as `other`."""
    table, unknown = _table(spec), spec.get("unknown", "error")

    def call(value: Json) -> Json:
        if value is None:
            return None
        key = text_of(value)
        if key in table:
            return copied(table[key])
        if unknown == "error":
            raise Unmappable("unknown_value")
        return "other" if unknown == "keep" else None

    return call


def enum_native(spec: Document) -> Call:
    """The value itself where `table` has no word for it (the second half of `unknown: keep`)."""
    table = _table(spec)

    def call(value: Json) -> Json:
        if value is None or text_of(value) in table:
            return None
        return text_of(value)[:200]

    return call


def _table(spec: Document) -> dict[str, Json]:
    table = spec["table"]
    assert isinstance(table, dict)
    return table


def flag(spec: Document) -> Call:
    """True or false: `equals`, `in`, `at_least`, `at_most` (a number) or `present`."""
    if spec.get("present"):
        return lambda value: value is not None
    wanted = spec["in"] if "in" in spec else [spec.get("equals")]
    assert isinstance(wanted, list)
    least, most = spec.get("at_least"), spec.get("at_most")

    def call(value: Json) -> Json:
        if value is None:
            return None
        if least is None and most is None:
            return any(same(value, option) for option in wanted)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Unmappable("type")
        return (not isinstance(least, int | float) or value >= least) and (
            not isinstance(most, int | float) or value <= most
        )

    return call


def same(one: Json, other: Json) -> bool:
    """Equal as JSON scalars: true is not 1, text is not a number, 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return not isinstance(one, list | dict) and one == other


def boolean(_: Document) -> Call:
    """true/false, also from the words yes/no, y/n, 1/0, 是/否."""
    words = dict.fromkeys(("true", "yes", "y", "1", "是"), True) | dict.fromkeys(("false", "no", "n", "0", "否"), False)

    def call(value: Json) -> Json:
        if value is None or isinstance(value, bool):
            return value
        word = text_of(value).strip().lower()
        if word not in words:
            raise Unmappable("format")
        return words[word]

    return call


def lower(_: Document) -> Call:
    """Lower case."""
    return lambda value: None if value is None else text_of(value).lower()


def upper(_: Document) -> Call:
    """Upper case."""
    return lambda value: None if value is None else text_of(value).upper()


def strip(_: Document) -> Call:
    """Without white space around it; nothing if nothing is left."""
    return lambda value: None if value is None else text_of(value).strip() or None


def truncate(spec: Document) -> Call:
    """At most `length` characters, `end` (default …) included where something was cut."""
    length, end = int(str(spec["length"])), str(spec.get("end", "…"))
    end = end[:length]

    def call(value: Json) -> Json:
        if value is None:
            return None
        full = text_of(value)
        return full if len(full) <= length else full[: length - len(end)] + end

    return call


def base64_text(_: Document) -> Call:
    """Base64 (RFC 4648 section 4) of the text in UTF-8."""
    return lambda value: None if value is None else base64.b64encode(capped(text_of(value)).encode()).decode()


def json_text(_: Document) -> Call:
    """The value as JSON text, compact, not escaped beyond need."""

    def call(value: Json) -> Json:
        if value is None:
            return None
        return capped(json.dumps(bounded(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False))

    return call


def ext_id(_: Document) -> Call:
    """An id as text of 1 to 255 characters, whether it came as text or as a whole number."""

    def call(value: Json) -> Json:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise Unmappable("type")
        name = text_of(value)
        if not 1 <= len(name) <= 255:
            raise Unmappable("format")
        return name

    return call


def localized(_: Document) -> Call:
    """The text in `language` (en or zh-CN) of {en, zh-CN}, else in the other language; a plain text is itself."""

    def call(whole: Json, wanted: Json, other: Json) -> Json:
        if whole is None or isinstance(whole, str):
            return whole
        if not isinstance(whole, dict):
            raise Unmappable("type")
        chosen = other if wanted is None else wanted
        return None if chosen is None else text_of(chosen)

    return call


SCALARS: Final[dict[str, Build]] = {
    "copy": copy,
    "const": const,
    "coalesce": coalesce,
    "text": text,
    "concat": join,
    "join": join,
    "template": template,
    "enum": enum,
    "enum_native": enum_native,
    "flag": flag,
    "boolean": boolean,
    "lower": lower,
    "upper": upper,
    "strip": strip,
    "truncate": truncate,
    "base64": base64_text,
    "json": json_text,
    "ext_id": ext_id,
    "localized": localized,
}
