"""JSON documents, their bytes, and the one path language that mappings and rules share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final, cast

import msgspec

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Document = dict[str, Json]


class Missing:
    """The one value that says: there is nothing at this path (null is a value, this is not)."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()


class PathError(ValueError):
    """A path that cannot be read: the text and the place are in the message."""


def parse_path(path: str) -> tuple[str | int, ...]:
    """Split `a.b.0.c` into ("a", "b", 0, "c"); digits address list items.

    Names are 1-128 characters without dots, white space, quotes or brackets; a name that starts
    with two underscores is refused. Raises PathError.
    """
    if not path:
        raise PathError("a path may not be empty")
    steps: list[str | int] = []
    for part in path.split("."):
        if not part or len(part) > 128 or part.startswith("__"):
            raise PathError(f"not a path: {path!r} (bad step {part!r})")
        if part.isascii() and part.isdigit():
            steps.append(int(part))
        elif any(c.isspace() or c in "\"'[]{}()$*?|" for c in part):
            raise PathError(f"not a path: {path!r} (bad step {part!r})")
        else:
            steps.append(part)
    return tuple(steps)


def walk(document: object, steps: tuple[str | int, ...]) -> Json | Missing:
    """The value at the parsed path, or MISSING; never raises."""
    value = document
    for step in steps:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return MISSING
            value = value[step]
        elif isinstance(value, dict) or isinstance(value, Mapping):  # noqa: SIM101 - the first is ten times as quick
            if step not in value:
                return MISSING
            value = value[step]
        else:
            return MISSING
    return cast("Json", value)


def lookup(document: object, path: str) -> Json | Missing:
    """The value at `path` in the document, or MISSING."""
    return walk(document, parse_path(path))


def reader(path: str) -> Callable[[object], Json | Missing]:
    """A function that reads `path`; the path is parsed once. Raises PathError."""
    steps = parse_path(path)
    return lambda document: walk(document, steps)


def written(value: object, *, sort: bool = False) -> bytes:
    """JSON in UTF-8 without white space; `sort`: the names of every object in order. Whole numbers of any size are exact."""
    return msgspec.json.encode(value, order="deterministic" if sort else None)


def read(raw: bytes) -> Json:
    """The value of JSON bytes, whole numbers of any size exact. Raises ValueError."""
    try:
        return cast("Json", msgspec.json.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError):  # NaN and half characters, which Python's own writes and reads
        return cast("Json", json.loads(raw))
