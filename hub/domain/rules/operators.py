"""What each operator answers: yes, no, or unknown (None).

Absent and null values are unknown, and so is a value of another type than the rule speaks of: nothing is
converted, `"81"` is not a number. Only `is_filled` and `is_empty` see absence.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import TypeVar, assert_never

from hub.domain.errors import Invalid
from hub.domain.rules.logic import Verdict
from hub.domain.rules.moments import (
    day_ahead,
    day_longer_ago,
    day_within,
    moment_ahead,
    moment_longer_ago,
    moment_within,
    read_date,
    read_duration,
    read_moment,
)
from hub.domain.rules.tree import Op
from mappings.documents import Json, Missing

Test = Callable[[Json | Missing, datetime], Verdict]
Number = int | float
Scalar = str | int | float | bool
T = TypeVar("T", float, date, datetime, timedelta)

MAX_VALUES = 1000
MAX_TEXT = 2000
MAX_NUMBER = 10**15  # up to here floats and whole numbers say the same


def is_number(value: object) -> bool:
    """Whether `value` is a JSON number (true and false are not)."""
    return type(value) is int or type(value) is float


def same_kind(one: object, other: object) -> bool:
    """Whether two scalars may be compared: both texts, both booleans or both numbers."""
    return type(one) is type(other) or (is_number(one) and is_number(other))


def is_blank(value: Json | Missing) -> bool:
    """What a person would call empty: absent, null, no text but white space, no items."""
    if value is None or isinstance(value, Missing):
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, (list, dict)) and not value


def test_of(op: Op, wanted: Json) -> Test:
    """The test that `op` with this value stands for. Raises Invalid if the value does not suit the operator."""
    match op:
        case Op.EQ:
            return _equal(_scalar(op, wanted))
        case Op.NE:
            return _not(_equal(_scalar(op, wanted)))
        case Op.IN:
            return _among(_scalars(op, wanted))
        case Op.NOT_IN:
            return _not(_among(_scalars(op, wanted)))
        case Op.LT | Op.LE | Op.GT | Op.GE:
            return _ordered(op, wanted)
        case Op.BETWEEN:
            return _between(wanted)
        case Op.CONTAINS:
            return _contains(_scalar(op, wanted))
        case Op.NOT_CONTAINS:
            return _not(_contains(_scalar(op, wanted)))
        case Op.STARTS_WITH:
            return _starts_with(_text(op, wanted))
        case Op.HAS_ANY:
            return _has_any(_scalars(op, wanted))
        case Op.HAS_ALL:
            return _has_all(_scalars(op, wanted))
        case Op.BEFORE | Op.AFTER:
            return _dated(op, wanted)
        case Op.WITHIN_LAST:
            return _from_now(op, wanted, day_within, moment_within)
        case Op.WITHIN_NEXT:
            return _from_now(op, wanted, day_ahead, moment_ahead)
        case Op.LONGER_AGO:
            return _from_now(op, wanted, day_longer_ago, moment_longer_ago)
        case Op.IS_FILLED | Op.IS_EMPTY:
            return _filled(op, wanted)
        case _:
            assert_never(op)


def _wrong(op: Op, what: str, code: str = "wrong_value") -> Invalid:
    return Invalid(f"{op} wants {what}", code=code)


def _scalar(op: Op, wanted: Json) -> Scalar:
    if isinstance(wanted, bool):
        return wanted
    if isinstance(wanted, str):
        if not wanted or len(wanted) > MAX_TEXT:
            raise _wrong(op, f"a text of 1 to {MAX_TEXT} characters")
        return wanted
    number = _wanted_number(wanted)
    if number is not None:
        return number
    raise _wrong(op, f"a text, a number up to {MAX_NUMBER:.0e}, true or false")


def _wanted_number(wanted: Json) -> Number | None:
    if isinstance(wanted, (int, float)) and not isinstance(wanted, bool) and -MAX_NUMBER <= wanted <= MAX_NUMBER:
        return wanted
    return None


def _scalars(op: Op, wanted: Json) -> tuple[Scalar, ...]:
    if not isinstance(wanted, list) or not wanted:
        raise _wrong(op, "a list of at least one value")
    if len(wanted) > MAX_VALUES:
        raise _wrong(op, f"at most {MAX_VALUES} values", "too_many_values")
    values = tuple(_scalar(op, value) for value in wanted)
    if any(not same_kind(values[0], value) for value in values):
        raise _wrong(op, "values of one type")
    return values


def _text(op: Op, wanted: Json) -> str:
    if not isinstance(wanted, str):
        raise _wrong(op, "a text")
    _scalar(op, wanted)
    return wanted


def _not(test: Test) -> Test:
    def negated(value: Json | Missing, now: datetime) -> Verdict:
        verdict = test(value, now)
        return None if verdict is None else not verdict

    return negated


def _equal(wanted: Scalar) -> Test:
    if is_number(wanted):

        def equal_number(value: Json | Missing, _now: datetime) -> Verdict:
            if type(value) is int or type(value) is float:
                # NaN equals nothing, not even itself: unknown
                return True if value == wanted else (False if value == value else None)
            return None

        return equal_number
    kind = type(wanted)
    return lambda value, _now: value == wanted if type(value) is kind else None


def _among(wanted: tuple[Scalar, ...]) -> Test:
    values = frozenset(wanted)
    if is_number(wanted[0]):

        def number_among(value: Json | Missing, _now: datetime) -> Verdict:
            if type(value) is int or type(value) is float:
                return True if value in values else (False if value == value else None)
            return None

        return number_among
    kind = type(wanted[0])
    return lambda value, _now: value in values if type(value) is kind else None


def _ordered(op: Op, wanted: Json) -> Test:
    number = _wanted_number(wanted)
    if number is not None:
        return _ordered_number(op, number)
    span = read_duration(wanted)
    if span is None:
        raise _wrong(op, "a number or an ISO 8601 duration such as PT30M")
    compare = _ordered_number(op, span.total_seconds())

    def ordered_duration(value: Json | Missing, now: datetime) -> Verdict:
        actual = read_duration(value)
        return None if actual is None else compare(actual.total_seconds(), now)

    return ordered_duration


def _ordered_number(op: Op, wanted: Number) -> Test:
    # Written out, for these are the clauses that rules have most of. NaN is on neither side, hence unknown.
    def lt(value: Json | Missing, _now: datetime) -> Verdict:
        if type(value) is int or type(value) is float:
            return True if value < wanted else (False if value >= wanted else None)
        return None

    def le(value: Json | Missing, _now: datetime) -> Verdict:
        if type(value) is int or type(value) is float:
            return True if value <= wanted else (False if value > wanted else None)
        return None

    def gt(value: Json | Missing, _now: datetime) -> Verdict:
        if type(value) is int or type(value) is float:
            return True if value > wanted else (False if value <= wanted else None)
        return None

    def ge(value: Json | Missing, _now: datetime) -> Verdict:
        if type(value) is int or type(value) is float:
            return True if value >= wanted else (False if value < wanted else None)
        return None

    return {Op.LT: lt, Op.LE: le, Op.GT: gt, Op.GE: ge}[op]


def read_number(value: object) -> float | None:
    """A JSON number; NaN is none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value:
        return value
    return None


def _between(wanted: Json) -> Test:
    if not isinstance(wanted, list) or len(wanted) != 2:
        raise _wrong(Op.BETWEEN, "a list of two values, the low and the high end")
    test = (
        (_range(read_number, wanted) if all(_wanted_number(end) is not None for end in wanted) else None)
        or _range(read_date, wanted)
        or _range(read_moment, wanted)
        or _range(read_duration, wanted)
    )
    if test is None:
        raise _wrong(Op.BETWEEN, "two numbers, two dates, two times with their offset, or two durations")
    return test


def _range(read: Callable[[object], T | None], ends: list[Json]) -> Test | None:
    low, high = read(ends[0]), read(ends[1])
    if low is None or high is None:
        return None
    if high < low:
        raise Invalid("between wants the low end first", code="impossible_range")

    def in_range(value: Json | Missing, _now: datetime) -> Verdict:
        actual = read(value)
        return None if actual is None else low <= actual <= high

    return in_range


def _contains(wanted: Scalar) -> Test:
    listed = _has_any((wanted,))

    def contains(value: Json | Missing, now: datetime) -> Verdict:
        if isinstance(value, str):
            return wanted in value if isinstance(wanted, str) else None
        return listed(value, now)

    return contains


def _starts_with(wanted: str) -> Test:
    return lambda value, _now: value.startswith(wanted) if isinstance(value, str) else None


def _has_any(wanted: tuple[Scalar, ...]) -> Test:
    """An item of another kind might have been the one, so that absence is then unknown."""
    values = frozenset(wanted)
    kinds = _kinds(wanted)

    def has_any(value: Json | Missing, _now: datetime) -> Verdict:
        if not isinstance(value, list):
            return None
        verdict: Verdict = False
        for item in value:
            if type(item) not in kinds or item != item:
                verdict = None
            elif item in values:
                return True
        return verdict

    return has_any


def _has_all(wanted: tuple[Scalar, ...]) -> Test:
    values = frozenset(wanted)
    kinds = _kinds(wanted)

    def has_all(value: Json | Missing, _now: datetime) -> Verdict:
        if not isinstance(value, list):
            return None
        alike = [item for item in value if type(item) in kinds and item == item]
        if values.issubset(alike):
            return True
        return False if len(alike) == len(value) else None

    return has_all


def _kinds(wanted: tuple[Scalar, ...]) -> tuple[type, ...]:
    return (int, float) if is_number(wanted[0]) else (type(wanted[0]),)


def _dated(op: Op, wanted: Json) -> Test:
    day, moment = read_date(wanted), read_moment(wanted)
    if day is not None:
        return _date_test(op, read_date, day)
    if moment is not None:
        return _date_test(op, read_moment, moment)
    raise _wrong(op, "a date such as 2026-11-20 or a time with its offset such as 2026-11-20T09:00:00+08:00")


def _date_test(op: Op, read: Callable[[object], T | None], wanted: T) -> Test:
    def before(value: Json | Missing, _now: datetime) -> Verdict:
        actual = read(value)
        return None if actual is None else actual < wanted

    def after(value: Json | Missing, _now: datetime) -> Verdict:
        actual = read(value)
        return None if actual is None else actual > wanted

    return before if op is Op.BEFORE else after


def _from_now(
    op: Op,
    wanted: Json,
    of_day: Callable[[date, timedelta, datetime], bool],
    of_moment: Callable[[datetime, timedelta, datetime], bool],
) -> Test:
    span = read_duration(wanted)
    if span is None:
        raise _wrong(op, "an ISO 8601 duration such as P30D or PT12H")

    def from_now(value: Json | Missing, now: datetime) -> Verdict:
        day = read_date(value)
        if day is not None:
            return of_day(day, span, now)
        moment = read_moment(value)
        return None if moment is None else of_moment(moment, span, now)

    return from_now


def _filled(op: Op, wanted: Json) -> Test:
    if wanted is not None:
        raise _wrong(op, "no value")
    if op is Op.IS_EMPTY:
        return lambda value, _now: is_blank(value)
    return lambda value, _now: not is_blank(value)
