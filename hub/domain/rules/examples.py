"""An event that keeps all limits of a box, made up; whoever uses it asks the rule itself whether it will do."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from hub.domain.rules.fields import Field, Fields, FieldType
from hub.domain.rules.limits import BOOL, INFINITE, LIST, NOTHING, NUMBER, TEXT, Axis, Box, Limits, Rest, Stretch
from mappings.documents import MISSING, Document, Json, Missing, parse_path

_NO_REST = Rest()
_NO_FIELDS = Fields({}, {})


def example(box: Box, now: datetime, fields: Fields | None = None) -> Document | None:
    """A document for the box; None where a value could not be made. Types and options are taken from `fields`."""
    document: Document = {}
    for path, limits in box.items():
        value = _value(limits, now, None if fields is None else fields.find(path))
        if value is None or (not isinstance(value, Missing) and not _put(document, path, value)):
            return None
    return document


def _put(document: Document, path: str, value: Json) -> bool:
    *around, last = parse_path(path)
    inside = document
    for step in around:
        if isinstance(step, int):
            return False
        below = inside.setdefault(step, {})
        if not isinstance(below, dict):
            return False
        inside = below
    if isinstance(last, int) or last in inside:
        return False
    inside[last] = value
    return True


def _value(limits: Limits, now: datetime, field: Field | None) -> Json | Missing:
    rest = limits.rest or _NO_REST
    if rest.blank:
        return MISSING if limits.kinds & NOTHING else ""
    if limits.values is not None:
        return min(limits.values, key=str)
    if limits.stretches:
        for axis, stretch in limits.stretches:
            found = _on_axis(axis, stretch, limits, now, field)
            if found is not None:
                return found
        return None
    return _open(limits, rest, now, field)


def _open(limits: Limits, rest: Rest, now: datetime, field: Field | None) -> Json:
    if limits.kinds & LIST and (rest.has or rest.one_of or rest.items or (field is not None and _is_list(field))):
        return _list(rest, now, field)
    for option in field.options if field is not None else ():
        if option.value not in limits.banned:
            return option.value
    if limits.kinds & NUMBER and (field is None or field.type in (FieldType.NUMBER, FieldType.INTEGER)):
        return next(number for number in range(len(limits.banned) + 1) if number not in limits.banned)
    if limits.kinds & BOOL and (field is None or field.type is FieldType.BOOL):
        return next((value for value in (True, False) if value not in limits.banned), None)
    if limits.kinds & TEXT:
        start = rest.prefix + "".join(sorted(rest.parts)) or "x"
        return next(text for n in range(len(limits.banned) + 1) if (text := start + "x" * n) not in limits.banned)
    return ["x"] if limits.kinds & LIST else None


def _is_list(field: Field) -> bool:
    return field.type in (FieldType.LIST, FieldType.OBJECTS)


def _list(rest: Rest, now: datetime, field: Field | None) -> Json:
    if rest.items:
        fields = None if field is None else field.items or _NO_FIELDS
        every = next((one.boxes[0] for one in rest.items if one.every and one.boxes), None)
        boxes = [one.boxes[0] for one in rest.items if not one.every and one.boxes] or ([every] if every else [])
        return [item for box in boxes * 3 if (item := example(box, now, fields)) is not None]
    found: list[Json] = [*sorted(rest.has, key=str)]
    for choice in rest.one_of:
        if not choice & rest.has:
            found.append(min(choice - rest.lacks, key=str))
    if not found:
        found.append(next(text for n in range(len(rest.lacks) + 1) if (text := "x" * (n + 1)) not in rest.lacks))
    return found


def _on_axis(axis: int, stretch: Stretch, limits: Limits, now: datetime, field: Field | None) -> Json:
    for at in _points(stretch, 1.0 if axis in (Axis.NUMBER, Axis.DAY) else 60.0):
        value = _at(axis, at, now, field)
        if value is not None and not (isinstance(value, (str, int, float)) and value in limits.banned):
            return value
    return None


def _points(stretch: Stretch, step: float) -> Iterator[float]:
    """Places inside, round ones first."""
    low, low_in, high, high_in = stretch
    start = 0.0 if low == -INFINITE and high == INFINITE else high - step if low == -INFINITE else low
    for point in (low, high, math.floor(start + 1), math.floor(start), start + step, start + 1, (low + high) / 2):
        if math.isfinite(point) and (low < point < high or (point == low and low_in) or (point == high and high_in)):
            yield point


def _at(axis: int, at: float, now: datetime, field: Field | None) -> Json:
    try:
        if axis == Axis.NUMBER:
            return int(at) if at == int(at) else at
        if axis == Axis.SPAN:
            return f"PT{int(at)}S" if at >= 0 else None
        if axis == Axis.DAY:
            return date.fromordinal(int(at)).isoformat()
        if axis == Axis.MOMENT:
            return datetime.fromtimestamp(at, UTC).isoformat()
        moment = now - timedelta(seconds=at)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.date().isoformat() if field is not None and field.type is FieldType.DATE else moment.isoformat()
