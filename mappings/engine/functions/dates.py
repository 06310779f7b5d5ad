"""Dates and times: read in the form the source has, written in the form the target wants."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from mappings.documents import Document, Json
from mappings.engine.faults import Unmappable
from mappings.engine.functions.kinds import Build, Call
from mappings.engine.functions.numbers import MS, exact, half_up, places_of

_ISO = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)?(Z|z|[+-]\d\d:?\d\d)?", re.ASCII
)
_DIRECTIVES: Final = frozenset("YmdHMSfzy%")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def zone(name: str) -> tzinfo:
    """`Asia/Shanghai`, `UTC` or a fixed `+08:00`. Raises ValueError for a zone that is not known here."""
    if name in ("UTC", "Z"):
        return UTC
    fixed = re.fullmatch(r"([+-])(\d\d):(\d\d)", name, re.ASCII)
    if fixed:
        span = timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
        return timezone(-span if fixed[1] == "-" else span)
    if not re.fullmatch(r"[A-Za-z]+(/[A-Za-z0-9_+-]+){0,2}", name, re.ASCII):
        raise ValueError("not a time zone")
    try:
        return ZoneInfo(name)
    except (OSError, LookupError) as error:
        raise ValueError("not a time zone known here") from error


def check_format(form: str) -> None:
    """Raise ValueError unless the format uses only %Y %y %m %d %H %M %S %f %z %%."""
    rest = form
    while "%" in rest:
        _, _, rest = rest.partition("%")
        if not rest or rest[0] not in _DIRECTIVES:
            raise ValueError("only %Y %y %m %d %H %M %S %f %z and %% are known")
        rest = rest[1:]


def parse(value: Json, form: str, assumed: tzinfo) -> datetime:
    """The moment that a value says; `form` is iso, epoch_s, epoch_ms or a format. Raises Unmappable."""
    try:
        if form in ("epoch_s", "epoch_ms"):
            top, bottom = exact(value)
            moment = _EPOCH + timedelta(microseconds=top * (1_000_000 if form == "epoch_s" else 1000) // bottom)
        elif not isinstance(value, str):
            raise Unmappable("type")
        elif form == "iso":
            moment = _iso(value.strip())
        else:
            moment = datetime.strptime(value.strip()[:100], form)  # noqa: DTZ007 - the zone is given next
    except Unmappable:
        raise
    except (ValueError, OverflowError) as error:
        raise Unmappable("format") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=assumed)


def _iso(text: str) -> datetime:
    found = _ISO.fullmatch(text)
    if not found:
        raise Unmappable("format")
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    micro = int((fraction or "0")[:6].ljust(6, "0"))
    # a leap second (RFC 3339 allows :60) is read as the second before it
    made = datetime(  # noqa: DTZ001 - the zone, if the text has one, is set below
        int(year), int(month), int(day), int(hour or 0), int(minute or 0), min(int(second or 0), 59), micro
    )
    if not offset:
        return made
    return made.replace(tzinfo=UTC if offset in "Zz" else zone(f"{offset[:3]}:{offset[-2:]}"))


def _written(moment: datetime, output: str) -> Json:
    if output == "iso":
        kind = "milliseconds" if moment.microsecond else "seconds"
        return moment.isoformat(timespec=kind).replace("+00:00", "Z")
    if output == "epoch_s":
        return (moment - _EPOCH) // timedelta(seconds=1)
    if output == "epoch_ms":
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    return moment.strftime(output)


def moment(spec: Document) -> Call:
    """A time: `input` and `output` are iso, epoch_s, epoch_ms or a format; `assume` is the zone of a time without one
    (default UTC), `zone` the one it is written in (default UTC)."""
    form, output = str(spec.get("input", "iso")), str(spec.get("output", "iso"))
    assumed, wanted = zone(str(spec.get("assume", "UTC"))), zone(str(spec.get("zone", "UTC")))

    def call(value: Json) -> Json:
        if value is None or value == "":
            return None
        try:
            return _written(parse(value, form, assumed).astimezone(wanted), output)
        except (OverflowError, ValueError) as error:
            raise error if isinstance(error, Unmappable) else Unmappable("range") from error

    return call


def day(spec: Document) -> Call:
    """A date: as `datetime`, the result is a date (2026-05-04) or in the form `output`. A date without a time is never moved."""
    form, output = str(spec.get("input", "iso")), str(spec.get("output", "%Y-%m-%d"))
    assumed = zone(str(spec.get("assume", "UTC")))
    wanted = zone(str(spec["zone"])) if "zone" in spec else None

    def call(value: Json) -> Json:
        if value is None or value == "":
            return None
        if form == "iso" and isinstance(value, str) and len(value.strip()) <= 10:
            when: date = _day(value.strip())
        else:
            at = parse(value, form, assumed)
            try:
                when = at.astimezone(wanted) if wanted and (form.startswith("epoch") or _has_time(form)) else at
            except OverflowError as error:
                raise Unmappable("range") from error
        return f"{when.year:04}-{when.month:02}-{when.day:02}" if output == "%Y-%m-%d" else when.strftime(output)

    return call


def _day(text: str) -> date:
    try:
        return _iso(text).date()
    except Unmappable:
        raise
    except ValueError as error:
        raise Unmappable("format") from error


def _has_time(form: str) -> bool:
    return form == "iso" or "%H" in form


def between(spec: Document) -> Call:
    """The time from the first source to the second, in `unit` (ms, s, min, h, d), to `places` decimals (default 0)."""
    size, places = MS[str(spec.get("unit", "s"))], places_of(spec) or 0

    def call(start: Json, end: Json) -> Json:
        if start is None or end is None:
            return None
        span = parse(end, "iso", UTC) - parse(start, "iso", UTC)
        return half_up(span // timedelta(milliseconds=1), size, places)

    return call


DATES: Final[dict[str, Build]] = {"datetime": moment, "date": day, "between": between}
