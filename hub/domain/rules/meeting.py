"""Whether two limits on one path, or two boxes of limits, can hold together."""

from __future__ import annotations

from dataclasses import replace

from hub.domain.rules.limits import (
    BOOL,
    LIST,
    NUMBER,
    TEXT,
    Axis,
    Box,
    Items,
    Limits,
    Rest,
    Scalar,
    Shape,
    Stretch,
    position_of,
)

_NO_REST = Rest()


def boxes_meet(one: Box, other: Box) -> bool:
    """Whether one document may lie in both. False is certain."""
    if len(one) > len(other):
        one, other = other, one
    for path, limits in one.items():
        more = other.get(path)
        if more is not None and not meet(limits, more):
            return False
    return True


def meet(one: Limits, other: Limits) -> bool:
    """Whether one value may keep both. False is certain; what is rare is left to `both`."""
    if not one.kinds & other.kinds:
        return False
    shape = one.shape
    if shape == other.shape:
        mine, theirs = one.values, other.values
        if shape == Shape.VALUES and mine is not None and theirs is not None:
            return not mine.isdisjoint(theirs)
        if shape == Shape.PLAIN:
            return True
        if shape == Shape.STRETCH:
            return _touching(one.stretches[0], other.stretches[0])
    return both(one, other) is not None


def _touching(one: tuple[int, Stretch], other: tuple[int, Stretch]) -> bool:
    (axis, (low, low_in, high, high_in)), (axis_, (low_, low_in_, high_, high_in_)) = one, other
    if axis != axis_:
        return True
    if low > high_ or low_ > high:
        return False
    return not ((low == high_ and not (low_in and high_in_)) or (low_ == high and not (low_in_ and high_in)))


def both(one: Limits, other: Limits) -> Limits | None:
    """The limits of what keeps both; None: nothing does."""
    stretches = _crossed(one.stretches, other.stretches)
    values = one.values if other.values is None else other.values if one.values is None else one.values & other.values
    rest = None
    if one.rest is not None or other.rest is not None:
        rest = _joined(one.rest or _NO_REST, other.rest or _NO_REST)
    merged = Limits(one.kinds & other.kinds, values, one.banned | other.banned, stretches, rest)
    return settled(merged)


def both_boxes(one: Box, other: Box) -> Box | None:
    """The box of what lies in both; None: nothing does."""
    merged = dict(one)
    for path, limits in other.items():
        known = merged.get(path)
        found = limits if known is None else both(known, limits)
        if found is None:
            return None
        merged[path] = found
    return merged


def settled(limits: Limits) -> Limits | None:
    """The limits with what cannot be taken out; None where nothing is left."""
    kinds, values, rest = limits.kinds, limits.values, limits.rest
    for axis, (low, low_in, high, high_in) in limits.stretches:
        if low > high or (low == high and not (low_in and high_in)) or (low == high and low in limits.banned):
            kinds &= ~(NUMBER if axis == Axis.NUMBER else TEXT)
    if values is not None:
        values = frozenset(value for value in values if _allowed(value, limits))
        if not values:
            kinds &= ~(NUMBER | TEXT | BOOL)
    if rest is not None:
        kinds = _possible_kinds(kinds, values, limits, rest)
    if limits.banned >= {True, False} and any(value is True for value in limits.banned):
        kinds &= ~BOOL
    return None if not kinds else replace(limits, kinds=kinds, values=values)


def _allowed(value: Scalar, limits: Limits) -> bool:
    if value in limits.banned:
        return False
    for axis, (low, low_in, high, high_in) in limits.stretches:
        if axis == Axis.AGE:
            continue
        at = position_of(value, axis)
        if at is None or not (low < at < high or (at == low and low_in) or (at == high and high_in)):
            return False
    rest = limits.rest
    if rest is None or not isinstance(value, str):
        return True
    return (
        value.startswith(rest.prefix)
        and all(part in value for part in rest.parts)
        and not any(part in value for part in rest.no_parts)
        and not (rest.blank and value.strip())
        and not (rest.filled and not value.strip())
    )


def _possible_kinds(kinds: int, values: frozenset[Scalar] | None, limits: Limits, rest: Rest) -> int:
    if rest.blank and rest.filled:
        return 0
    known = (rest.prefix, *rest.parts)
    if any(part in text for part in rest.no_parts for text in known):
        kinds &= ~TEXT
    if rest.blank and (any(axis != Axis.NUMBER for axis, _ in limits.stretches) or any(t.strip() for t in known)):
        kinds &= ~TEXT
    if rest.blank and (rest.has or rest.one_of or any(items.filled for items in rest.items)):
        kinds &= ~LIST
    if rest.has & rest.lacks or any(choice <= rest.lacks for choice in rest.one_of):
        kinds &= ~LIST
    if rest.items and not _items_meet(rest.items):
        kinds &= ~LIST
    return kinds


def _items_meet(items: tuple[Items, ...]) -> bool:
    """An item that must be there has to lie in what every item lies in."""
    if not any(one.filled for one in items):
        return True
    every = [one for one in items if one.every]
    wanted = [one for one in items if not one.every] or every[:1]
    for one in wanted:
        boxes = list(one.boxes)
        for other in every:
            boxes = [box for box in boxes if any(boxes_meet(box, more) for more in other.boxes)]
        if not boxes:
            return False
    return True


def _crossed(
    one: tuple[tuple[int, Stretch], ...], other: tuple[tuple[int, Stretch], ...]
) -> tuple[tuple[int, Stretch], ...]:
    if not one or not other:
        return one or other
    found = dict(one)
    for axis, stretch in other:
        found[axis] = _cross(found[axis], stretch) if axis in found else stretch
    return tuple(found.items())


def _cross(one: Stretch, other: Stretch) -> Stretch:
    low, low_in = max((one[0], not one[1]), (other[0], not other[1]))
    high, high_in = min((one[2], one[3]), (other[2], other[3]))
    return low, not low_in, high, high_in


def _joined(one: Rest, other: Rest) -> Rest:
    short, long = sorted((one.prefix, other.prefix), key=len)
    parts = one.parts | other.parts
    # a text cannot start in two ways: an impossible part says so
    return Rest(
        long,
        parts,
        one.no_parts | other.no_parts | (frozenset() if long.startswith(short) else frozenset([long])),
        one.has | other.has,
        one.lacks | other.lacks,
        one.one_of + other.one_of,
        one.items + other.items,
        one.blank or other.blank,
        one.filled or other.filled,
    )
