"""Where a condition has a verdict, as a few boxes: in each, every path keeps its limits. Never too small, perhaps too large.

A tree could need more boxes than there are atoms; past `MAX_BOXES` what would split further is left out, which makes
the region larger and keeps "cannot" certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from hub.domain.rules.limits import LIST, Box, Items, Limits, Rest, limits_of
from hub.domain.rules.meeting import both_boxes, settled
from hub.domain.rules.tree import Clause, Condition, Each, EachMode, Group, GroupMode

MAX_BOXES = 64
MAX_TRIED = 512  # pairs of boxes that are put together for one group
ANYWHERE: Box = {}


@dataclass(frozen=True, slots=True)
class Question:
    """A change to the tree that is asked about: ids left out, one turned round, ids whose siblings in an `any` count not."""

    dropped: frozenset[str] = frozenset()
    turned: str | None = None
    focus: frozenset[str] = frozenset()


AS_IT_IS = Question()


def region(condition: Condition, verdict: bool = True, question: Question = AS_IT_IS) -> tuple[Box, ...]:
    """Boxes that hold every document for which the condition has this verdict; none: no document can."""
    if condition.id in question.dropped:
        return (ANYWHERE,)
    if condition.id == question.turned:
        verdict = not verdict
    match condition:
        case Clause(field=path):
            return tuple({path: limits} for limits in limits_of(condition, verdict))
        case Group(mode=mode, items=items):
            inside = verdict is not (mode is GroupMode.NONE)
            if is_choice(condition, verdict):
                chosen = [item for item in items if item.id in question.focus] or items
                return _either([region(item, inside, question) for item in chosen])
            return _all([region(item, inside, question) for item in items])
        case Each():
            limits = settled(Limits(LIST, rest=_items(condition, verdict)))
            return () if limits is None else ({condition.field: limits},)
        case _:
            assert_never(condition)


def is_choice(group: Group, verdict: bool) -> bool:
    """Whether one item of the group is enough for this verdict."""
    return (group.mode is GroupMode.ANY) is verdict


def _either(parts: list[tuple[Box, ...]]) -> tuple[Box, ...]:
    boxes = _united([box for part in parts for box in part])
    return tuple(boxes) if len(boxes) <= MAX_BOXES else (ANYWHERE,)


def _united(boxes: list[Box]) -> list[Box]:
    """Boxes that differ in the finite values of their only path become one."""
    values: dict[tuple[str, int], Limits] = {}
    others: list[Box] = []
    for box in boxes:
        (path, limits), *more = box.items() or [("", Limits(0))]
        if more or limits.values is None or limits.banned or limits.stretches or limits.rest is not None:
            others.append(box)
            continue
        known = values.get((path, limits.kinds))
        united = limits.values if known is None or known.values is None else limits.values | known.values
        values[path, limits.kinds] = Limits(limits.kinds, united)
    return [{path: limits} for (path, _), limits in values.items()] + others


def _all(parts: list[tuple[Box, ...]]) -> tuple[Box, ...]:
    found, tried = [ANYWHERE], 0
    for part in sorted(parts, key=len):  # what does not split comes first: it is never left out
        tried += len(found) * len(part)
        if tried > MAX_TRIED:
            break
        met = [box for one in found for more in part if (box := both_boxes(one, more)) is not None]
        if not met:
            return ()
        found = met if len(met) <= MAX_BOXES else found
    return tuple(found)


def _items(each: Each, verdict: bool) -> Rest | None:
    match each.mode, verdict:
        case (EachMode.ALL, True):
            items = Items(True, region(each.when))
        case (EachMode.ALL, False):
            items = Items(False, region(each.when, False))
        case (EachMode.ANY, True) | (EachMode.NONE, False) | (EachMode.AT_LEAST, True):
            items = Items(False, region(each.when))
        case (EachMode.ANY, False) | (EachMode.NONE, True):
            items = Items(True, region(each.when, False), filled=False)
        case _:  # fewer than so many may mean any items at all
            return None
    return Rest(items=(items,))
