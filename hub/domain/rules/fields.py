"""What rules know of a field, and how a field is found by its path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from functools import cached_property

from hub.domain.errors import Invalid
from hub.domain.rules.tree import Op
from mappings.documents import Document, Json

UNSTATED_SENSITIVITY = 3  # what nobody has classed is treated as personal
SENSITIVE = 4


class FieldType(StrEnum):
    """What a field holds. A `list` says in `Field.of` what its items are; `objects` are asked about with `each`."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOL = "bool"
    DATE = "date"
    DATETIME = "datetime"
    DURATION = "duration"
    OPTION = "option"
    LIST = "list"
    OBJECTS = "objects"
    ANY = "any"  # a customer's own field, whose type no schema tells


_FILLED = (Op.IS_FILLED, Op.IS_EMPTY)
_SAME = (Op.EQ, Op.NE, Op.IN, Op.NOT_IN)
_ORDER = (Op.LT, Op.LE, Op.GT, Op.GE, Op.BETWEEN)
_TIME = (Op.BEFORE, Op.AFTER, Op.BETWEEN, Op.WITHIN_LAST, Op.WITHIN_NEXT, Op.LONGER_AGO)
OPERATORS: Mapping[FieldType, tuple[Op, ...]] = {
    FieldType.TEXT: (*_SAME, Op.CONTAINS, Op.NOT_CONTAINS, Op.STARTS_WITH, *_FILLED),
    FieldType.NUMBER: (*_SAME, *_ORDER, *_FILLED),
    FieldType.INTEGER: (*_SAME, *_ORDER, *_FILLED),
    FieldType.BOOL: (Op.EQ, Op.NE, *_FILLED),
    FieldType.DATE: (Op.EQ, Op.NE, *_TIME, *_FILLED),
    FieldType.DATETIME: (*_TIME, *_FILLED),
    FieldType.DURATION: (*_ORDER, *_FILLED),
    FieldType.OPTION: (*_SAME, *_FILLED),
    FieldType.LIST: (Op.CONTAINS, Op.NOT_CONTAINS, Op.HAS_ANY, Op.HAS_ALL, *_FILLED),
    FieldType.OBJECTS: _FILLED,
    FieldType.ANY: tuple(Op),
}


@dataclass(frozen=True, slots=True)
class Option:
    """One value that a field may have, and its name in each language."""

    value: Json
    label: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `label` is unique in its catalogue; sensitivity: 1 organisational ... 4 sensitive personal.

    `low` and `high` are the limits of a number. `usable` False: no rule may look at it.
    """

    path: str
    type: FieldType
    label: Mapping[str, str]
    unit: str | None = None
    options: tuple[Option, ...] = ()
    sensitivity: int = UNSTATED_SENSITIVITY
    usable: bool = True
    low: float | None = None
    high: float | None = None
    of: FieldType | None = None
    items: Fields | None = None

    @property
    def operators(self) -> tuple[Op, ...]:
        """The operators that a clause on this field may use."""
        return OPERATORS[self.type]


@dataclass(frozen=True)
class FreeKeys:
    """An object whose keys nobody has listed: what each holds, its own name, the pattern that keys must have."""

    field: Field
    label: Mapping[str, str]
    pattern: str | None = None


@dataclass(frozen=True)
class Fields:
    """Fields by path; `maps` are the objects with free keys, by path."""

    fields: Mapping[str, Field]
    maps: Mapping[str, FreeKeys]

    def find(self, path: str) -> Field | None:
        """The field at the path; under an object with free keys, a field for that key."""
        if path in self.fields:
            return self.fields[path]
        parent, _, key = path.rpartition(".")
        free = self.maps.get(parent)
        if free is None or (key.isascii() and key.isdigit()):  # digits address list items, never keys
            return None
        if free.pattern is not None and re.search(free.pattern, key) is None:
            return None
        label = {language: f"{name} › {key}" for language, name in free.label.items()}
        return self.guarded(replace(free.field, path=path, label=label))

    def guarded(self, field: Field, *names: str) -> Field:
        """The field, not usable where its key or one of its names is a protected word here."""
        words = {name.casefold() for name in (field.path.rpartition(".")[2], *names)}
        return field if words.isdisjoint(self._protected_words) else replace(field, usable=False)

    def usable(self, path: str) -> Field:
        """The field at the path. Raises Invalid: `unknown_field` with the nearest name, or `protected_field`."""
        field = self.find(path)
        if field is None:
            near = self._nearest(path)
            hint = f"; did you mean {near}?" if near else ""
            raise Invalid(f"there is no field {path}{hint}", code="unknown_field")
        if not field.usable:
            raise Invalid(f"rules may not look at {path}", code="protected_field")
        return field

    def _nearest(self, path: str) -> str | None:
        """The usable field that was perhaps meant: inside this object, or the only one of that name, or spelt alike."""
        names = [name for name, field in self.fields.items() if field.usable]
        tail = path.rpartition(".")[2]
        inside = [name for name in names if name.startswith(f"{path}.")]
        namesakes = [name for name in names if name.rpartition(".")[2] == tail]
        alike = get_close_matches(path, names, n=1, cutoff=0.6)
        for found in (inside[:1], namesakes if len(namesakes) == 1 else [], alike, namesakes[:1]):
            if found:
                return found[0]
        return None

    @cached_property
    def _protected_words(self) -> frozenset[str]:
        """Names of sensitive fields, in every language: a customer's own field of that name is the same thing again."""
        hidden = [field for field in self.fields.values() if not field.usable and field.sensitivity >= SENSITIVE]
        shown = [field for field in self.fields.values() if field.usable]
        return _words(hidden) - _words(shown)


def described(fields: Fields) -> list[Document]:
    """Every field as an editor wants it: names, type, unit, limits, options, class, operators, whether rules may use it.

    `path.*` stands for the free keys of an object, `items` holds the fields of a list's items.
    """
    free = [replace(one.field, path=f"{path}.*", label=one.label) for path, one in fields.maps.items()]
    return [_described(field) for field in (*fields.fields.values(), *free)]


def _described(field: Field) -> Document:
    out: Document = {
        "path": field.path,
        "type": field.type.value,
        "label": dict(field.label),
        "sensitivity": field.sensitivity,
        "usable_in_rules": field.usable,
        "operators": [op.value for op in field.operators] if field.usable else [],
    }
    optional: Document = {"unit": field.unit, "minimum": field.low, "maximum": field.high}
    if field.options:
        optional["options"] = [{"value": option.value, "label": dict(option.label)} for option in field.options]
    if field.of is not None:
        optional["of"] = field.of.value
    if field.items is not None:
        optional["items"] = list(described(field.items))
    return {**out, **{key: value for key, value in optional.items() if value is not None}}


def _words(fields: Iterable[Field]) -> frozenset[str]:
    return frozenset(
        word.casefold() for field in fields for word in (field.path.rpartition(".")[2], *field.label.values())
    )
