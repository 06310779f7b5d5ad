"""Dates, moments and durations as rules read them: strict forms, no guessing of zones."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

# ISO 8601 durations without years and months: those have no fixed length.
_DURATION = re.compile(
    r"P(?:(\d{1,6})W|(?:(\d{1,6})D)?(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?)", re.ASCII
)
_EASTMOST = timedelta(hours=14)  # the day begins first at UTC+14
_WESTMOST = timedelta(hours=12)  # and ends last at UTC-12


def read_date(value: object) -> date | None:
    """`2026-11-20` as a date, else None."""
    if not isinstance(value, str) or len(value) != 10 or value[4] != "-" or value[7] != "-":
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def read_moment(value: object) -> datetime | None:
    """An ISO 8601 date and time with its offset (RFC 3339), else None: without an offset it names no moment."""
    if not isinstance(value, str) or not 17 <= len(value) <= 40 or value[10] not in "Tt ":
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def read_duration(value: object) -> timedelta | None:
    """`P30D`, `P2W` or `PT1H30M` as a duration, else None."""
    if not isinstance(value, str):
        return None
    found = _DURATION.fullmatch(value)
    if found is None or not any(found.groups()):
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def moment_within(moment: datetime, span: timedelta, now: datetime) -> bool:
    """Whether `moment` lies in the `span` that ends now; what is still to come does not."""
    return timedelta(0) <= now - moment <= span


def day_within(day: date, span: timedelta, now: datetime) -> bool:
    """The same for a day: it counts from when it has begun anywhere on earth, back to the UTC day `span` ago."""
    return day <= (now + _EASTMOST).date() and (now.date() - day).days <= span.days


def moment_ahead(moment: datetime, span: timedelta, now: datetime) -> bool:
    """Whether `moment` lies in the `span` that begins now."""
    return timedelta(0) <= moment - now <= span


def day_ahead(day: date, span: timedelta, now: datetime) -> bool:
    """The same for a day: it counts until it has ended everywhere on earth, up to the UTC day `span` ahead."""
    return day >= (now - _WESTMOST).date() and (day - now.date()).days <= span.days


def moment_longer_ago(moment: datetime, span: timedelta, now: datetime) -> bool:
    """Whether `moment` is past by more than `span`."""
    return now - moment > span


def day_longer_ago(day: date, span: timedelta, now: datetime) -> bool:
    """The same for a day, counted from the UTC day."""
    return (now.date() - day).days > span.days


def write_duration(span: timedelta) -> str:
    """The duration that `read_duration` reads back: `P14D`, `PT1H30M`."""
    hours, rest = divmod(span.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    time = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if count)
    return "P" + (f"{span.days}D" if span.days or not time else "") + (f"T{time}" if time else "")
