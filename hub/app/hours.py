"""The business calendar as configured: zone, hours, country, and the company's own days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from zoneinfo import ZoneInfo

from hub.domain.errors import Invalid
from hub.domain.hours import BusinessHours
from hub.ports.calendar import Days
from mappings.documents import Document, Json

KEYS = frozenset({"zone", "opens", "closes", "country", "holidays", "workdays"})
MAX_DAYS = 1000


def read_hours(body: Document, days: Days) -> BusinessHours:
    """Business hours; what is not said is 09:00 to 18:00 in China. Raises Invalid."""
    for key in body.keys() - KEYS:
        raise Invalid(f"a calendar has {', '.join(sorted(KEYS))}", code="unknown_field", at=key)
    country = body.get("country", "CN")
    if country is not None and country not in days.countries():
        known = ", ".join(sorted(days.countries()))
        raise Invalid(f"country is one of {known}, or null for weekends alone", code="unknown_country", at="country")
    opens, closes = _time(body, "opens", time(9)), _time(body, "closes", time(18))
    if closes <= opens:
        raise Invalid("the day closes before it opens", code="wrong_value", at="closes")
    return BusinessHours(
        _zone(body.get("zone", "Asia/Shanghai")),
        opens,
        closes,
        _dates(body, "holidays"),
        _dates(body, "workdays"),
        _workday(days, country if isinstance(country, str) else None),
    )


def _workday(days: Days, country: str | None) -> Callable[[date], bool | None]:
    return lambda day: None if country is None else days.workday(country, day)


def _zone(value: Json) -> ZoneInfo:
    try:
        return ZoneInfo(str(value))
    except (OSError, ValueError, KeyError) as error:  # whatever a name that is none leads to
        raise Invalid("zone is a name such as Asia/Shanghai", code="unknown_zone", at="zone") from error


def _time(body: Document, name: str, default: time) -> time:
    value = body.get(name)
    if value is None:
        return default
    try:
        if not isinstance(value, str):  # YAML reads an unquoted 18:00 as a number
            raise ValueError(name)
        return time.fromisoformat(value).replace(tzinfo=None)
    except ValueError as error:
        raise Invalid(f"{name} is a time such as 09:00, in quotation marks", code="wrong_value", at=name) from error


def _dates(body: Document, name: str) -> frozenset[date]:
    listed = body.get(name, [])
    if not isinstance(listed, list) or len(listed) > MAX_DAYS:
        raise Invalid(f"{name} is a list of at most {MAX_DAYS} days", code="wrong_shape", at=name)
    try:
        return frozenset(date.fromisoformat(str(one)) for one in listed)
    except ValueError as error:
        raise Invalid(f"{name} are days such as 2026-11-20", code="wrong_value", at=name) from error


def calendar_in(document: Document) -> Document | None:
    """The calendar of a configuration, days as text (YAML reads them as dates). Raises Invalid."""
    body = document.get("calendar")
    if body is None:
        return None
    if not isinstance(body, dict):
        raise Invalid("a calendar is an object", code="type", at="")
    return {key: [str(one) for one in value] if isinstance(value, list) else value for key, value in body.items()}
