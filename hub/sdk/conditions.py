"""Conditions of a manifest over a vendor's document: one path, one demand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from hub.sdk.placeholders import Omit, Scope, Template, template
from mappings.documents import MISSING, Document, Json, Missing, PathError, parse_path, walk

DEMANDS: Final = ("equals", "contains", "exists", "in", "not_before", "type")
_TYPES: Final = {"integer": int, "string": str, "array": list, "object": dict, "boolean": bool}


@dataclass(frozen=True, slots=True)
class Condition:
    """`demand` is equals, contains, exists, in, not_before or type. `*` in the path: one item that fits is enough."""

    path: tuple[str | int, ...]
    demand: str
    wanted: Template
    ignore_case: bool = False

    def holds(self, document: object, scope: Scope) -> bool:
        """Whether it holds. Raises Invalid where a wanted value is needed and not there."""
        wanted = self.wanted.fill(scope)
        if isinstance(wanted, Omit):
            return self.demand == "not_before"  # no bound is asked for
        return any(self._fits(value, wanted) for value in _values(document, self.path))

    def _fits(self, value: Json | Missing, wanted: Json) -> bool:
        if self.demand == "exists":
            return value is not MISSING and value is not None
        if self.demand == "type":
            return isinstance(value, _TYPES[str(wanted)]) and not (wanted == "integer" and isinstance(value, bool))
        if self.demand == "in":
            return isinstance(wanted, list) and not isinstance(value, Missing) and value in wanted
        if self.demand == "not_before":
            at, bound = _time(value), _time(wanted)
            return at is not None and bound is not None and at >= bound
        if self.ignore_case and isinstance(value, str) and isinstance(wanted, str):
            value, wanted = value.casefold(), wanted.casefold()
        if self.demand == "contains":
            return isinstance(value, str) and str(wanted) in value
        return isinstance(value, bool) is isinstance(wanted, bool) and value == wanted


def condition(body: Document) -> Condition:
    """Compile a condition. Raises PathError."""
    demand = next(name for name in DEMANDS if name in body)
    path: list[str | int] = []
    for part in str(body["path"]).split("."):
        path.extend(("*",) if part == "*" else parse_path(part))
    if not path:
        raise PathError("a condition needs a path")
    return Condition(tuple(path), demand, template(body[demand]), body.get("ignore_case") is True)


def conditions(body: Json) -> tuple[Condition, ...]:
    """One condition, or a list of them that must all hold. Raises PathError."""
    return tuple(condition(one) for one in (body if isinstance(body, list) else [body]) if isinstance(one, dict))


def _time(value: Json | Missing) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _values(document: object, path: tuple[str | int, ...]) -> Iterator[Json | Missing]:
    if "*" not in path:
        yield walk(document, path)
        return
    star = path.index("*")
    items = walk(document, path[:star])
    for item in items if isinstance(items, list) else ():
        yield from _values(item, path[star + 1 :]) if path[star + 1 :] else (item,)
