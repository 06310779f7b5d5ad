"""Numbers: exact arithmetic, rounded half up in decimal, so that 63/20 to one place is 3.2 everywhere."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Final

from mappings.documents import Document, Json
from mappings.engine.faults import Unmappable
from mappings.engine.functions.kinds import Build, Call
from mappings.engine.sources import items_of, steps_of

LARGEST: Final = 10**15  # beyond this a JSON number is not exact in most programs
_NUMERAL = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")


def exact(value: Json) -> Fraction:
    """The number that the digits say (0.1 is one tenth); text of plain digits counts. Raises Unmappable."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unmappable("type")
    if isinstance(value, str):
        if not _NUMERAL.fullmatch(value.strip()):
            raise Unmappable("format")
        return Fraction(value.strip())
    if not -LARGEST <= value <= LARGEST:  # also NaN
        raise Unmappable("range")
    return Fraction(value) if isinstance(value, int) else Fraction(Decimal(repr(value)))


def half_up(value: Fraction, places: int) -> int | float:
    """`value` to `places` decimals, a tie away from zero; a whole number where places is 0."""
    scaled = abs(value) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    whole = -whole if value < 0 else whole
    return float(whole / 10**places) if places else whole


def plain(value: Fraction, places: int | None) -> int | float:
    """Rounded if `places` is given; else a whole number where it is one, else the nearest float."""
    if places is not None:
        return half_up(value, places)
    return value.numerator if value.denominator == 1 else float(value)


def line(spec: Document) -> tuple[Fraction, Fraction]:
    """(slope, offset) of value * multiply / divide + add."""
    multiply, divide, add = (
        exact(spec.get(name, start)) for name, start in (("multiply", 1), ("divide", 1), ("add", 0))
    )
    return multiply / divide, add


def places_of(spec: Document) -> int | None:
    """The `places` parameter."""
    places = spec.get("places")
    return places if isinstance(places, int) else None


def number(spec: Document) -> Call:
    """value * `multiply` / `divide` + `add`, kept within `min` and `max`, to `places` decimals."""
    slope, offset = line(spec)
    places = places_of(spec)
    least, most = (exact(spec[name]) if name in spec else None for name in ("min", "max"))

    def call(value: Json) -> Json:
        if value is None:
            return None
        result = exact(value) * slope + offset
        if least is not None and result < least:
            result = least
        if most is not None and result > most:
            result = most
        if not -(LARGEST**2) <= result <= LARGEST**2:
            raise Unmappable("range")
        return plain(result, places)

    return call


def integer(_: Document) -> Call:
    """A whole number, rounded half up."""
    return number({"places": 0})


def _folded(spec: Document, fold: str) -> Call:
    places, several = places_of(spec), isinstance(spec["from"], list)
    take = steps_of(str(spec["take"])) if "take" in spec else ()

    def call(*values: Json) -> Json:
        if not several and values[0] is None:
            return None
        numbers = [exact(item) for item in items_of(list(values) if several else values[0], take)]
        if not numbers:
            return None
        match fold:
            case "sum":
                return plain(sum(numbers, Fraction(0)), places)
            case "avg":
                return plain(sum(numbers, Fraction(0)) / len(numbers), places)
            case "least":
                return plain(min(numbers), places)
            case _:
                return plain(max(numbers), places)

    return call


def duration(spec: Document) -> Call:
    """A span given in `unit` (ms, s, min, h; default ms), `output` in one of these, as `clock` (1:02:03) or `iso` (ISO 8601)."""
    seconds = {"ms": Fraction(1, 1000), "s": Fraction(1), "min": Fraction(60), "h": Fraction(3600)}
    factor, output, places = seconds[str(spec.get("unit", "ms"))], str(spec.get("output", "s")), places_of(spec)

    def call(value: Json) -> Json:
        if value is None:
            return None
        span = exact(value) * factor
        if span < 0:
            raise Unmappable("range")
        if output in seconds:
            return plain(span / seconds[output], places)
        whole = int(half_up(span, 0))
        hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
        if output == "clock":
            return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
        return "PT" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "") + f"{rest}S"

    return call


def money(spec: Document) -> Call:
    """{amount, currency, period}; the amount in minor units where `minor_digits` says how many; two sources: amount, currency."""
    digits, fixed, period = int(str(spec.get("minor_digits", 0))), spec.get("currency"), spec.get("period")

    def call(amount: Json, currency: Json = None) -> Json:
        unit = currency if currency is not None else fixed
        if amount is None or unit is None:
            return None
        if not isinstance(unit, str) or not re.fullmatch("[A-Za-z]{3}", unit):
            raise Unmappable("format")
        made: Document = {"amount": plain(exact(amount) / 10**digits, None), "currency": unit.upper()}
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
