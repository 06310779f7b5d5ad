"""Numbers: exact arithmetic, rounded half up in decimal, so that 63/20 to one place is 3.2 everywhere.

A number is a ratio of two whole numbers while it is worked on; floats stand for the digits they are written with.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final, cast

from mappings.documents import Document, Json
from mappings.engine.faults import Unmappable
from mappings.engine.functions.kinds import Build, Call
from mappings.engine.sources import items_at, steps_of

LARGEST: Final = 10**15  # beyond this a JSON number is not exact in most programs
MS: Final = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}  # milliseconds in a unit
_NUMERAL = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")

_WHOLE = {int}

Ratio = tuple[int, int]  # numerator, denominator above 0


def exact(value: Json) -> Ratio:
    """The number that the digits say (0.1 is one tenth); text of plain digits counts. Raises Unmappable."""
    if isinstance(value, str):
        if not _NUMERAL.fullmatch(value.strip()):
            raise Unmappable("format")
        return Decimal(value.strip()).as_integer_ratio()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unmappable("type")
    if not -LARGEST <= value <= LARGEST:  # also NaN
        raise Unmappable("range")
    return (value, 1) if isinstance(value, int) else Decimal(repr(value)).as_integer_ratio()


def half_up(top: int, bottom: int, places: int) -> int | float:
    """top/bottom to `places` decimals, a tie away from zero; a whole number where places is 0."""
    scale: int = 10**places
    whole = (2 * abs(top) * scale + bottom) // (2 * bottom)
    whole = -whole if top < 0 else whole
    return whole / scale if places else whole


def plain(top: int, bottom: int, places: int | None) -> int | float:
    """Rounded if `places` is given; else a whole number where it is one, else the nearest float."""
    if places is not None:
        return half_up(top, bottom, places)
    return top / bottom if top % bottom else top // bottom


def line(spec: Document) -> tuple[Fraction, Fraction]:
    """(slope, offset) of value * multiply / divide + add."""
    multiply, divide, add = (
        Fraction(*exact(spec.get(name, start))) for name, start in (("multiply", 1), ("divide", 1), ("add", 0))
    )
    return multiply / divide, add


def places_of(spec: Document) -> int | None:
    """The `places` parameter."""
    places = spec.get("places")
    return places if isinstance(places, int) else None


def number(spec: Document) -> Call:
    """value * `multiply` / `divide` + `add`, kept within `min` and `max`, to `places` decimals."""
    slope, offset = line(spec)
    by, plus = slope.numerator * offset.denominator, offset.numerator * slope.denominator
    under, places = slope.denominator * offset.denominator, places_of(spec)
    least, most = (exact(spec[name]) if name in spec else None for name in ("min", "max"))

    def call(value: Json) -> Json:
        if value is None:
            return None
        top, bottom = exact(value)
        top, bottom = top * by + plus * bottom, bottom * under
        if least is not None and top * least[1] < least[0] * bottom:
            top, bottom = least
        if most is not None and top * most[1] > most[0] * bottom:
            top, bottom = most
        if abs(top) > LARGEST**2 * bottom:
            raise Unmappable("range")
        return plain(top, bottom, places)

    return call


def integer(_: Document) -> Call:
    """A whole number, rounded half up."""
    return number({"places": 0})


def _folded(spec: Document, fold: str) -> Call:
    places, several = places_of(spec), isinstance(spec["from"], list)
    take = items_at(steps_of(str(spec["take"])) if "take" in spec else ())

    def call(*values: Json) -> Json:
        if not several and values[0] is None:
            return None
        items = take(list(values) if several else values[0])
        if not items:
            return None
        if {*map(type, items)} == _WHOLE:
            top, bottom = _whole(cast("list[int]", items), fold)
        else:
            top, bottom = _fractions([Fraction(*exact(item)) for item in items], fold)
        return plain(top, bottom, places)

    return call


def _whole(items: list[int], fold: str) -> Ratio:
    if fold == "avg" or fold == "sum":
        total = sum(items)
        if not -(LARGEST**2) < total < LARGEST**2:
            raise Unmappable("range")
        return total, len(items) if fold == "avg" else 1
    return exact(min(items) if fold == "least" else max(items))


def _fractions(items: list[Fraction], fold: str) -> Ratio:
    if fold == "avg" or fold == "sum":
        total = sum(items, Fraction(0)) / (len(items) if fold == "avg" else 1)
        return total.as_integer_ratio()
    return (min(items) if fold == "least" else max(items)).as_integer_ratio()


def duration(spec: Document) -> Call:
    """A span given in `unit` (default ms), `output` in ms, s, min, h, as `clock` (1:02:03) or `iso` (ISO 8601)."""
    factor, output, places = MS[str(spec.get("unit", "ms"))], str(spec.get("output", "s")), places_of(spec)

    def call(value: Json) -> Json:
        if value is None:
            return None
        top, bottom = exact(value)
        if top < 0:
            raise Unmappable("range")
        if output in MS:
            return plain(top * factor, bottom * MS[output], places)
        whole = int(half_up(top * factor, bottom * MS["s"], 0))
        hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
        if output == "clock":
            return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
        return "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "") + f"{rest}S"

    return call


def money(spec: Document) -> Call:
    """{amount, currency, period}; the amount in minor units where `minor_digits` says how many; two sources: amount, currency."""
    minor: int = 10 ** int(str(spec.get("minor_digits", 0)))
    fixed, period = spec.get("currency"), spec.get("period")

    def call(amount: Json, currency: Json = None) -> Json:
        unit = currency if currency is not None else fixed
        if amount is None or unit is None:
            return None
        if not isinstance(unit, str) or not re.fullmatch("[A-Za-z]{3}", unit):
            raise Unmappable("format")
        top, bottom = exact(amount)
        made: Document = {"amount": plain(top, bottom * minor, None), "currency": unit.upper()}
        return made if period is None else {**made, "period": period}

    return call


NUMBERS: Final[dict[str, Build]] = {
    "number": number,
    "integer": integer,
    "sum": lambda spec: _folded(spec, "sum"),
    "avg": lambda spec: _folded(spec, "avg"),
    "least": lambda spec: _folded(spec, "least"),
    "most": lambda spec: _folded(spec, "most"),
    "duration": duration,
    "money": money,
}
