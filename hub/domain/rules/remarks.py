"""What is odd about a condition although it may be saved: it can never hold, a clause is never reached, or says nothing.

Every remark is certain for what the tree says; it may be silent about what is hard to tell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from hub.domain.rules.fields import Field, Fields, FieldType
from hub.domain.rules.limits import (
    BOOL,
    LIST,
    NOTHING,
    NUMBER,
    TEXT,
    Axis,
    Box,
    Limits,
    Stretch,
    limits_of,
    position_of,
)
from hub.domain.rules.meeting import both, settled
from hub.domain.rules.regions import Question, is_choice, region
from hub.domain.rules.tree import UNARY, Clause, Condition, Each, Group, GroupMode
from hub.domain.rules.wording import Language


class Oddity(StrEnum):
    """What a remark says of the condition with its id."""

    NEVER = "never"  # nothing can ever meet it
    UNREACHABLE = "unreachable"  # of several that would do, this one can never be the one
    REDUNDANT = "redundant"  # whenever the rest of the rule holds, so does this
    ALWAYS = "always"  # every value that the field can have meets it: it asks only whether there is one


@dataclass(frozen=True, slots=True)
class Remark:
    """`because`: the ids of the clauses that stand against this one, as far as two alone do."""

    oddity: Oddity
    id: str
    because: tuple[str, ...] = ()


def remarks(condition: Condition | None, fields: Fields | None = None) -> tuple[Remark, ...]:
    """What is odd, in the order of the tree. `fields` bring the limits and options that values have."""
    return () if condition is None else tuple(_Look(condition, fields).all())


class _Look:
    """One look at one tree."""

    def __init__(self, root: Condition, fields: Fields | None) -> None:
        self.root = root
        self.fields = fields
        self.dropped: set[str] = set()

    def all(self) -> Iterator[Remark]:
        inner = [remark for each in _eaches(self.root) for remark in remarks(each.when, _inside(each, self.fields))]
        if not self._possible(Question()):
            yield Remark(Oddity.NEVER, self.root.id, self._against())
            yield from inner
            return
        places = list(_places(self.root, True, ()))
        unreachable = {
            id
            for node, _, above, chosen in places
            if chosen and not self._possible(Question(focus=frozenset((*above, node.id))))
            for id in (node.id,)
        }
        silent = dict(self._silent(places, unreachable))
        for node, _, above, _ in places:
            if node.id in unreachable and unreachable.isdisjoint(above):
                yield Remark(Oddity.UNREACHABLE, node.id)
            elif node.id in silent:
                yield Remark(silent[node.id], node.id)
        yield from inner

    def _silent(self, places: list[_Place], unreachable: set[str]) -> Iterator[tuple[str, Oddity]]:
        """From the last to the first, so that of two that say the same the later one is named."""
        for node, wanted, above, _ in reversed(places):
            if node.id in unreachable or not unreachable.isdisjoint(above):
                continue
            if self._always(node, wanted):
                yield node.id, Oddity.ALWAYS
            elif isinstance(node, Clause) and self._redundant(node, above):
                self.dropped.add(node.id)
                yield node.id, Oddity.REDUNDANT

    def _possible(self, question: Question) -> bool:
        return any(_fits(box, self.fields) for box in region(self.root, True, question))

    def _always(self, node: Condition, wanted: bool) -> bool:
        """Whether no value that the fields allow has the other verdict."""
        if isinstance(node, Each) or (isinstance(node, Clause) and node.op in UNARY):
            return False
        if isinstance(node, Group) and not is_choice(node, wanted):
            return False
        return not any(_fits(box, self.fields) for box in region(node, not wanted))

    def _redundant(self, clause: Clause, above: tuple[str, ...]) -> bool:
        focus = frozenset((*above, clause.id))
        dropped = frozenset(self.dropped)
        if self._possible(Question(dropped, clause.id, focus)):
            return False
        others = region(self.root, True, Question(dropped | {clause.id}, None, focus))
        return bool(others) and all(_judged(clause, box.get(clause.field)) for box in others)

    def _against(self) -> tuple[str, ...]:
        """Two clauses that cannot both be as the rule wants them."""
        clauses = list(_needed(self.root, True))
        for number, (one, wanted) in enumerate(clauses):
            for other, wanted_ in clauses[number + 1 :]:
                if one.field == other.field and not any(
                    both(a, b) for a in limits_of(one, wanted) for b in limits_of(other, wanted_)
                ):
                    return one.id, other.id
        return ()


_Place = tuple[
    Condition, bool, tuple[str, ...], bool
]  # node, wanted verdict, ids above it, one of several that would do


def _places(node: Condition, wanted: bool, above: tuple[str, ...], chosen: bool = False) -> Iterator[_Place]:
    yield node, wanted, above, chosen
    if isinstance(node, Group):
        choice = is_choice(node, wanted) and len(node.items) > 1
        for item in node.items:
            yield from _places(item, wanted is not (node.mode is GroupMode.NONE), (*above, node.id), choice)


def _needed(node: Condition, wanted: bool) -> Iterator[tuple[Clause, bool]]:
    """The clauses without which the condition cannot have this verdict."""
    if isinstance(node, Clause):
        yield node, wanted
    elif isinstance(node, Group) and (not is_choice(node, wanted) or len(node.items) == 1):
        for item in node.items:
            yield from _needed(item, wanted is not (node.mode is GroupMode.NONE))


def _eaches(node: Condition) -> Iterator[Each]:
    match node:
        case Each():
            yield node
        case Group(items=items):
            for item in items:
                yield from _eaches(item)
        case Clause():
            pass
        case _:
            assert_never(node)


def _inside(each: Each, fields: Fields | None) -> Fields | None:
    field = None if fields is None else fields.find(each.field)
    return None if field is None else field.items


def _judged(clause: Clause, limits: Limits | None) -> bool:
    """Whether the clause answers yes or no, never unknown, for every value within the limits."""
    if limits is None or clause.op in UNARY:
        return clause.op in UNARY
    own = next(iter(limits_of(clause, True)))
    if limits.kinds & ~own.kinds:
        return False
    if own.kinds & LIST and limits.kinds & LIST:
        return False  # items of another type leave it open
    axes = {axis for axis, _ in limits.stretches}
    return all(
        axis in axes
        or (limits.values is not None and all(position_of(value, axis) is not None for value in limits.values))
        for axis, _ in own.stretches
    )


def _fits(box: Box, fields: Fields | None) -> bool:
    """Whether some value of each field, by its type, options and range, keeps the limits."""
    if fields is None:
        return True
    for path, limits in box.items():
        field = fields.find(path)
        open_ = None if field is None else _open(field)
        if field is not None and open_ is not None:
            merged = both(limits, open_)
            if merged is None or (field.type is FieldType.INTEGER and _whole(merged) is None):
                return False
    return True


def _open(field: Field) -> Limits | None:
    """What the field can hold, or nothing at all."""
    match field.type:
        case FieldType.OPTION:
            values = frozenset(option.value for option in field.options if isinstance(option.value, (str, int, float)))
            return Limits(TEXT | NUMBER | BOOL | NOTHING, values=values) if values else None
        case FieldType.BOOL:
            return Limits(BOOL | NOTHING, values=frozenset([True, False]))
        case FieldType.NUMBER | FieldType.INTEGER:
            low = -math.inf if field.low is None else field.low
            high = math.inf if field.high is None else field.high
            stretch: Stretch = (low, True, high, True)
            return Limits(NUMBER | NOTHING, stretches=((Axis.NUMBER, stretch),))
        case _:
            return None


def _whole(limits: Limits) -> Limits | None:
    """The limits with ends that are whole numbers."""
    ends = dict(limits.stretches).get(Axis.NUMBER)
    if ends is None or limits.values is not None:
        return limits
    low, low_in, high, high_in = ends
    least = low if math.isinf(low) else float(math.ceil(low) if low_in else math.floor(low) + 1)
    most = high if math.isinf(high) else float(math.floor(high) if high_in else math.ceil(high) - 1)
    return settled(replace(limits, stretches=((Axis.NUMBER, (least, True, most, True)),)))


def remark_line(remark: Remark, language: Language) -> str:
    """The remark in words."""
    text = _WORDS[remark.oddity][0 if language == "en" else 1].format(remark.id)
    if not remark.because:
        return text
    one, other = remark.because
    return text + (f" {one} and {other} exclude each other." if language == "en" else f"{one} 与 {other} 互相排斥。")


_WORDS = {
    Oddity.NEVER: ("{} can never hold: the rule will never fire.", "{} 不可能成立：该规则永远不会触发。"),
    Oddity.UNREACHABLE: (
        "{} can never make a difference: the rest of the rule rules it out.",
        "{} 永远不起作用：规则的其余条件已将其排除。",
    ),
    Oddity.REDUNDANT: (
        "{} says nothing new: it holds whenever the rest of the rule does.",
        "{} 没有额外作用：其余条件成立时它必然成立。",
    ),
    Oddity.ALWAYS: (
        "{} holds for every value that the field can have; to ask whether there is one, say is_filled.",
        "{} 对该字段的所有取值都成立；若想判断是否有值，请用 is_filled。",
    ),
}
