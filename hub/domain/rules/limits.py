"""What a clause leaves open at its path: which kinds of value, which values, which stretch of which axis.

Two limits on one path either meet (some value may satisfy both) or cannot. "Cannot" is certain; "may" is not: what is
hard to tell is taken as possible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import assert_never

from hub.domain.rules.moments import read_date, read_duration, read_moment
from hub.domain.rules.operators import is_number
from hub.domain.rules.tree import Clause, Op
from mappings.documents import Json

NUMBER, TEXT, BOOL, LIST, OBJECT, NOTHING = 1, 2, 4, 8, 16, 32
ANYTHING = NUMBER | TEXT | BOOL | LIST | OBJECT | NOTHING
INFINITE = float("inf")
_DAY_S = 86400.0

Scalar = str | int | float | bool
Stretch = tuple[float, bool, float, bool]  # low, low belongs to it, high, high belongs to it
_KINDS: Mapping[type, int] = {bool: BOOL, int: NUMBER, float: NUMBER, str: TEXT}


class Shape:
    """What limits consist of, so that the common kinds are compared without looking: one thing alone, or a mixture."""

    VALUES, STRETCH, PLAIN, MIXED = range(4)


class Axis:
    """What a stretch is measured on. Dates, times and durations are texts; `AGE` is seconds before now."""

    NUMBER, DAY, MOMENT, SPAN, AGE = range(5)


Box = dict[str, "Limits"]  # path -> limits, all of which must hold


@dataclass(frozen=True, slots=True)
class Items:
    """What a list's items must be. `every`: each item lies in one of the boxes; else at least one does."""

    every: bool
    boxes: tuple[Box, ...]
    filled: bool = True  # there is at least one item


@dataclass(frozen=True, slots=True)
class Rest:
    """The rarer limits: on texts, on lists, on emptiness. `plain`: two of them never contradict each other."""

    prefix: str = ""
    parts: frozenset[str] = frozenset()
    no_parts: frozenset[str] = frozenset()
    has: frozenset[Scalar] = frozenset()
    lacks: frozenset[Scalar] = frozenset()
    one_of: tuple[frozenset[Scalar], ...] = ()
    items: tuple[Items, ...] = ()
    blank: bool = False
    filled: bool = False
    plain: bool = field(init=False)

    def __post_init__(self) -> None:
        plain = not (self.prefix or self.no_parts or self.lacks or self.items or self.blank)
        object.__setattr__(self, "plain", plain)


@dataclass(frozen=True, slots=True)
class Limits:
    """`values` None: not a finite set; `banned` are left out of what else is open; `stretches` by axis."""

    kinds: int
    values: frozenset[Scalar] | None = None
    banned: frozenset[Scalar] = frozenset()
    stretches: tuple[tuple[int, Stretch], ...] = ()
    rest: Rest | None = None
    shape: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        shape = Shape.MIXED
        if self.banned:
            pass
        elif self.values is not None:
            shape = Shape.VALUES if not self.stretches and self.rest is None else shape
        elif self.rest is None:
            shape = Shape.STRETCH if len(self.stretches) == 1 else shape
        elif self.rest.plain and not self.stretches:
            shape = Shape.PLAIN
        object.__setattr__(self, "shape", shape)


def limits_of(clause: Clause, verdict: bool) -> Iterator[Limits]:
    """What is open where the clause has this verdict, as alternatives."""
    op, value = clause.op, clause.value
    match op:
        case Op.EQ | Op.NE | Op.IN | Op.NOT_IN:
            values = frozenset(_scalars(value))
            kinds = _kind(next(iter(values)))
            if (op in (Op.EQ, Op.IN)) is verdict:
                yield Limits(kinds, values=values)
            else:
                yield Limits(kinds, banned=values)
        case Op.LT | Op.LE | Op.GT | Op.GE | Op.BEFORE | Op.AFTER | Op.BETWEEN:
            axis, low, high = _ends(op, value)
            inside = op not in (Op.LT, Op.GT, Op.BEFORE, Op.AFTER)
            yield from _stretched(axis, (low, inside, high, inside), verdict)
        case Op.WITHIN_LAST | Op.WITHIN_NEXT | Op.LONGER_AGO:
            yield _aged(op, value, verdict)
        case Op.CONTAINS | Op.NOT_CONTAINS:
            yield _containing(_scalars(value)[0], (op is Op.CONTAINS) is verdict)
        case Op.STARTS_WITH:
            yield Limits(TEXT, rest=Rest(prefix=str(value)) if verdict else None)
        case Op.HAS_ANY:
            values = frozenset(_scalars(value))
            yield Limits(LIST, rest=Rest(one_of=(values,)) if verdict else Rest(lacks=values))
        case Op.HAS_ALL:
            values = frozenset(_scalars(value))
            lacking = Rest(lacks=values) if len(values) == 1 else None
            yield Limits(LIST, rest=Rest(has=values) if verdict else lacking)
        case Op.IS_FILLED | Op.IS_EMPTY:
            if (op is Op.IS_EMPTY) is verdict:
                yield Limits(TEXT | LIST | OBJECT | NOTHING, rest=Rest(blank=True))
            else:
                yield Limits(ANYTHING & ~NOTHING, rest=Rest(filled=True))
        case _:
            assert_never(op)


def _scalars(value: Json) -> list[Scalar]:
    listed = value if isinstance(value, list) else [value]
    return [item for item in listed if isinstance(item, (str, int, float))]


def _kind(value: Scalar) -> int:
    return _KINDS[type(value)]


def _ends(op: Op, value: Json) -> tuple[int, float, float]:
    """The axis and the ends of what the operator says yes to."""
    axis, ends = _measured(value if isinstance(value, list) else [value])
    if op is Op.BETWEEN:
        return axis, ends[0], ends[1]
    return (axis, -INFINITE, ends[0]) if op in (Op.LT, Op.LE, Op.BEFORE) else (axis, ends[0], INFINITE)


_READERS: tuple[tuple[int, Callable[[object], date | datetime | timedelta | None]], ...] = (
    (Axis.DAY, read_date),
    (Axis.MOMENT, read_moment),
    (Axis.SPAN, read_duration),
)


def _measured(ends: list[Json]) -> tuple[int, list[float]]:
    for axis, read in _READERS:
        found = [position(end) for end in map(read, ends) if end is not None]
        if len(found) == len(ends):
            return axis, found
    return Axis.NUMBER, [end for end in ends if isinstance(end, (int, float))]


def position(value: date | datetime | timedelta) -> float:
    """Where a day, a moment or a duration stands on its axis."""
    if isinstance(value, datetime):
        return value.timestamp()
    return float(value.toordinal()) if isinstance(value, date) else value.total_seconds()


def position_of(value: Scalar, axis: int) -> float | None:
    """Where a scalar stands on an axis; None: it is not on it."""
    if axis == Axis.NUMBER:
        return value if is_number(value) and not isinstance(value, str) else None
    for known, read in _READERS:
        if known == axis:
            found = read(value)
            return None if found is None else position(found)
    return None


def _stretched(axis: int, inside: Stretch, verdict: bool) -> Iterator[Limits]:
    kinds = NUMBER if axis == Axis.NUMBER else TEXT
    low, low_in, high, high_in = inside
    if verdict:
        yield Limits(kinds, stretches=((axis, inside),))
        return
    if low != -INFINITE:
        yield Limits(kinds, stretches=((axis, (-INFINITE, False, low, not low_in)),))
    if high != INFINITE:
        yield Limits(kinds, stretches=((axis, (high, not high_in, INFINITE, False)),))


def _aged(op: Op, value: Json, verdict: bool) -> Limits:
    """Days begin and end at other hours elsewhere, so that the near end is a day wide."""
    span = read_duration(value)
    seconds = 0.0 if span is None else span.total_seconds()
    if op is Op.LONGER_AGO:
        far = (seconds, False, INFINITE, False) if verdict else (-INFINITE, False, seconds + _DAY_S, True)
        return Limits(TEXT, stretches=((Axis.AGE, far),))
    if not verdict:
        return Limits(TEXT)
    near = (-_DAY_S, True, seconds, True) if op is Op.WITHIN_LAST else (-seconds, True, _DAY_S, True)
    return Limits(TEXT, stretches=((Axis.AGE, near),))


def _containing(value: Scalar, wanted: bool) -> Limits:
    kinds = TEXT | LIST if isinstance(value, str) else LIST
    texts = frozenset([value]) if isinstance(value, str) else frozenset[str]()
    if wanted:
        return Limits(kinds, rest=Rest(parts=texts, has=frozenset([value])))
    return Limits(kinds, rest=Rest(no_parts=texts, lacks=frozenset([value])))
