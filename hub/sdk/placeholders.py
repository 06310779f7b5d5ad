"""Texts with placeholders: `{doc.candidate.email}`, `{doc.phone?}`, `{doc.package | default:config.package | upper}`.

A text that is one placeholder keeps the value's type; any other text is joined. `?` means: leave out when null or
missing. An object or list in which every placeholder was left out is left out itself, so that an optional phone
number leaves no empty shell. Nothing here can loop, call or compare: conditions belong to code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from hub.domain.errors import Invalid
from hub.sdk.filters import FILTERS
from mappings.documents import Json, Missing, PathError, parse_path, walk

Scope = Mapping[str, object]
ROOTS: Final = frozenset(
    {"config", "doc", "ext", "cursor", "order", "pkg", "hook", "query", "key", "event", "now", "found"}
)


class Omit:
    """The one value that says: leave this out."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "OMIT"


OMIT: Final = Omit()

_TOKEN = re.compile(r"\{([^{}]*)\}")
_ARGUMENT = re.compile(r"^'([^']*)'$")


@dataclass(frozen=True, slots=True)
class Step:
    """One filter of a placeholder; `argument` is a literal, or a path where `path` is set."""

    name: str
    argument: str | int | None = None
    path: tuple[str | int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One `{...}`. `text` names all the places it may come from, for messages."""

    text: str
    root: str
    path: tuple[str | int, ...]
    optional: bool
    steps: tuple[Step, ...]

    def value(self, scope: Scope) -> Json | Omit:
        """The value in this scope. Raises Invalid (`missing`, `bad_value`) that names the placeholder, never the value."""
        value: Json | Missing = walk(scope, self.path)
        for step in self.steps:
            if step.name == "default":
                if isinstance(value, Missing) or value is None:
                    value = step.argument if step.path is None else walk(scope, step.path)
            elif not isinstance(value, Missing) and value is not None:
                try:
                    value = FILTERS[step.name](value, None if step.argument is None else str(step.argument))
                except (ValueError, TypeError) as error:
                    raise Invalid(f"{self.text} does not fit {step.name}", code="bad_value", at=self.text) from error
        if isinstance(value, Missing) or value is None:
            if self.optional:
                return OMIT
            raise Invalid(f"{self.text} is needed and not there", code="missing", at=self.text)
        return value


@lru_cache(maxsize=4096)
def parse(text: str) -> tuple[str | Placeholder, ...]:
    """The literal parts and placeholders of a text. Raises PathError."""
    parts: list[str | Placeholder] = []
    at = 0
    for token in _TOKEN.finditer(text):
        if token.start() > at:
            parts.append(text[at : token.start()])
        parts.append(_placeholder(token[1]))
        at = token.end()
    if at < len(text):
        parts.append(text[at:])
    if any("{" in part or "}" in part for part in parts if isinstance(part, str)):
        raise PathError(f"unbalanced braces in {text!r}")
    return tuple(parts)


def _placeholder(inner: str) -> Placeholder:
    head, *tail = (part.strip() for part in inner.split("|"))
    optional = head.endswith("?")
    path = parse_path(head.removesuffix("?"))
    if path[0] not in ROOTS:
        raise PathError(f"unknown root in {{{inner}}}")
    steps = tuple(_step(part) for part in tail)
    others = [".".join(map(str, step.path)) for step in steps if step.path is not None]
    text = " or ".join((head.removesuffix("?"), *others))
    return Placeholder(text, str(path[0]), path, optional, steps)


def _step(text: str) -> Step:
    name, colon, argument = text.partition(":")
    if name not in FILTERS and name != "default":
        raise PathError(f"unknown filter {name!r}")
    if name != "default":
        return Step(name, argument or None)
    if not colon:
        raise PathError("default needs an argument")
    quoted = _ARGUMENT.match(argument)
    if quoted:
        return Step(name, quoted[1])
    if argument.isascii() and argument.isdecimal():
        return Step(name, int(argument))
    path = parse_path(argument)
    if path[0] not in ROOTS:
        raise PathError(f"default names neither a root nor a quoted text: {text!r}")
    return Step(name, None, path)


@dataclass(frozen=True, slots=True)
class Template:
    """A JSON value with placeholders, compiled. `dynamic`: there is a placeholder somewhere in it."""

    fill: Callable[[Scope], Json | Omit]
    dynamic: bool


def template(value: Json, *, in_path: bool = False) -> Template:
    """Compile any JSON value whose texts may hold placeholders. Raises PathError.

    `in_path`: values are percent-encoded as one path segment each, and may not be empty, `.` or `..`.
    """
    match value:
        case str():
            return _text(value, in_path)
        case dict():
            return _object({name: template(below) for name, below in value.items()})
        case list():
            return _list([template(below) for below in value])
        case _:
            return Template(lambda _: value, dynamic=False)


def fill(value: Json, scope: Scope) -> Json:
    """`value` with its placeholders filled from `scope`; None where all of it was left out. Raises Invalid, PathError."""
    filled = template(value).fill(scope)
    return None if isinstance(filled, Omit) else filled


def placeholders(value: Json) -> Iterator[Placeholder]:
    """Every placeholder in a JSON value. Raises PathError."""
    match value:
        case str():
            yield from (part for part in parse(value) if isinstance(part, Placeholder))
        case dict():
            for below in value.values():
                yield from placeholders(below)
        case list():
            for below in value:
                yield from placeholders(below)


@lru_cache(maxsize=4096)
def _text(text: str, in_path: bool) -> Template:
    parts = parse(text)
    if not any(isinstance(part, Placeholder) for part in parts):
        literal = "".join(str(part) for part in parts)
        return Template(lambda _: literal, dynamic=False)
    if len(parts) == 1 and isinstance(parts[0], Placeholder) and not in_path:
        return Template(parts[0].value, dynamic=True)

    def joined(scope: Scope) -> Json | Omit:
        texts: list[str] = []
        for part in parts:
            if isinstance(part, str):
                texts.append(part)
                continue
            value = part.value(scope)
            if isinstance(value, Omit):
                return OMIT
            texts.append(_segment(part, value) if in_path else _shown(part, value))
        return "".join(texts)

    return Template(joined, dynamic=True)


def _shown(part: Placeholder, value: Json) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case _:
            raise Invalid(f"{part.text} is not a text", code="bad_value", at=part.text)


def _segment(part: Placeholder, value: Json) -> str:
    text = _shown(part, value)
    if text in ("", ".", ".."):
        raise Invalid(f"{part.text} cannot stand in an address", code="bad_value", at=part.text)
    return quote(text, safe="")


def _object(fields: dict[str, Template]) -> Template:
    dynamic = any(field.dynamic for field in fields.values())

    def filled(scope: Scope) -> Json | Omit:
        out: dict[str, Json] = {}
        alive = not dynamic
        for name, field in fields.items():
            value = field.fill(scope)
            if not isinstance(value, Omit):
                out[name] = value
                alive = alive or field.dynamic
        return out if alive else OMIT

    return Template(filled, dynamic)


def _list(items: list[Template]) -> Template:
    dynamic = any(item.dynamic for item in items)

    def filled(scope: Scope) -> Json | Omit:
        out = [value for value in (item.fill(scope) for item in items) if not isinstance(value, Omit)]
        return out if out or not dynamic else OMIT

    return Template(filled, dynamic)
