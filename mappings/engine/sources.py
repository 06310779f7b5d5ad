"""Where a field reads from: paths, and items of lists found by a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from mappings.documents import MISSING, Json, Missing, PathError, parse_path, walk
from mappings.engine.faults import Unmappable

MAX_ITEMS = 10_000  # of a list that a mapping looks through

Steps = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Find:
    """A step into a list: its first object whose value at `by` is `equals` (text or whole number, same type)."""

    by: Steps
    equals: str | int


@dataclass(frozen=True, slots=True)
class Source:
    """One place to read. `text` is how people write it."""

    steps: tuple[str | int | Find, ...]
    text: str


def steps_of(path: str) -> Steps:
    """The steps of a path; `@` alone is the whole document (or the item, inside a list). Raises PathError."""
    return () if path == "@" else parse_path(path)


def source(spec: Json) -> Source:
    """`a.b`, or `{list, by, equals, take}`: the item of a list where `by` equals, then `take` in it. Raises PathError."""
    if isinstance(spec, str):
        return Source(steps_of(spec), spec)
    if not isinstance(spec, dict):
        raise PathError("a source is a path or {list, by, equals, take}")
    items, by, equals, take = (spec.get(name) for name in ("list", "by", "equals", "take"))
    found = Find(steps_of(str(by)), equals if isinstance(equals, int) else str(equals))
    tail = steps_of(take) if isinstance(take, str) else ()
    text = f"{items}[{by}={equals}]" + (f".{take}" if take else "")
    return Source((*steps_of(str(items)), found, *tail), text)


def index(by: Steps) -> Callable[[object], dict[str | int, Json]]:
    """A function that makes key -> first item of a list of objects; anything but a list gives nothing."""
    name = by[0] if len(by) == 1 and isinstance(by[0], str) else None

    def build(items: object) -> dict[str | int, Json]:
        if not isinstance(items, list):
            return {}
        if len(items) > MAX_ITEMS:
            raise Unmappable("too_large")
        if name is not None:
            keyed = [(item.get(name), item) for item in items if item.__class__ is dict]
        else:
            keyed = [(walk(item, by), item) for item in items if item.__class__ is dict]
        keyed.reverse()  # so that the first of equal keys stays
        return {key: item for key, item in keyed if key.__class__ is str or key.__class__ is int}

    return build


def items_at(take: Steps = ()) -> Callable[[object], list[Json]]:
    """A function that gives the items of a list, `take` applied to each, absent ones left out. It raises Unmappable."""
    name = take[0] if len(take) == 1 and isinstance(take[0], str) else None

    def items(value: object) -> list[Json]:
        if not isinstance(value, list):
            raise Unmappable("type")
        if len(value) > MAX_ITEMS:
            raise Unmappable("too_large")
        if name is not None:
            return [at for item in value if item.__class__ is dict and (at := item.get(name)) is not None]
        taken = (walk(item, take) for item in value) if take else value
        return [item for item in taken if item is not None and not isinstance(item, Missing)]

    return items


def read(document: object, steps: tuple[str | int | Find, ...]) -> Json | Missing:
    """The value at a source, plainly: what the compiled code must agree with. Null is nothing."""
    value = document
    for step in steps:
        if isinstance(step, Find):
            value = index(step.by)(value).get(step.equals, MISSING)
        elif isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return MISSING
            value = value[step]
        else:
            if not isinstance(value, Mapping) or step not in value:
                return MISSING
            value = value[step]
    return MISSING if value is None else cast("Json | Missing", value)
