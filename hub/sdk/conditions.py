"""Conditions of a manifest over a vendor's document: one path, one demand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hub.sdk.placeholders import Omit, Scope, Template, template
from mappings.documents import MISSING, Document, Json, Missing, PathError, parse_path, walk

_TYPES: Final = {"integer": int, "string": str, "array": list, "object": dict, "boolean": bool}


@dataclass(frozen=True, slots=True)
class Condition:
    """`demand` is equals, contains, exists or type. `*` in the path: it is enough that one item fits."""

    path: tuple[str | int, ...]
    demand: str
    wanted: Template
    ignore_case: bool = False

    def holds(self, document: object, scope: Scope) -> bool:
        """Whether it holds. Raises Invalid where a wanted value is needed and not there."""
        wanted = self.wanted.fill(scope)
        if isinstance(wanted, Omit):
            return False
        return any(self._fits(value, wanted) for value in _values(document, self.path))

    def _fits(self, value: Json | Missing, wanted: Json) -> bool:
        if self.demand == "exists":
            return value is not MISSING and value is not None
        if self.demand == "type":
            return isinstance(value, _TYPES[str(wanted)]) and not (wanted == "integer" and isinstance(value, bool))
        if self.ignore_case and isinstance(value, str) and isinstance(wanted, str):
            value, wanted = value.casefold(), wanted.casefold()
        if self.demand == "contains":
            return isinstance(value, str) and str(wanted) in value
        return isinstance(value, bool) is isinstance(wanted, bool) and value == wanted


def condition(body: Document) -> Condition:
    """Compile a condition. Raises PathError."""
    demand = next(name for name in ("equals", "contains", "exists", "type") if name in body)
    path: list[str | int] = []
    for part in str(body["path"]).split("."):
        path.extend(("*",) if part == "*" else parse_path(part))
    if not path:
        raise PathError("a condition needs a path")
    return Condition(tuple(path), demand, template(body[demand]), body.get("ignore_case") is True)


def _values(document: object, path: tuple[str | int, ...]) -> Iterator[Json | Missing]:
    if "*" not in path:
        yield walk(document, path)
        return
    star = path.index("*")
    items = walk(document, path[:star])
    for item in items if isinstance(items, list) else ():
        yield from _values(item, path[star + 1 :]) if path[star + 1 :] else (item,)
