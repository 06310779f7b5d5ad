"""Business hours: which days people work, from when to when, in which zone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SEARCH_DAYS = 60  # no calendar closes for longer; a wrong one must not make us look for ever
WEEKEND = frozenset({5, 6})

Workday = Callable[[date], bool | None]  # None: the calendar says nothing about this day, the week decides


def _unknown(_day: date) -> bool | None:
    return None


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """`holidays` and `workdays` are the company's own and come before the country's calendar."""

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    opens: time = time(9)
    closes: time = time(18)
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    country: Workday = _unknown

    def is_workday(self, day: date) -> bool:
        """Whether people work on this day."""
        if day in self.holidays:
            return False
        if day in self.workdays:
            return True
        known = self.country(day)
        return day.weekday() not in WEEKEND if known is None else known

    def open_from(self, moment: datetime) -> datetime:
        """The first moment from `moment` on that lies in business hours, in UTC."""
        local = moment.astimezone(self.zone)
        for ahead in range(SEARCH_DAYS):
            day = local.date() + timedelta(days=ahead)
            if not self.is_workday(day):
                continue
            opens, closes = (self._at(day, hour) for hour in (self.opens, self.closes))
            if moment < closes:
                return max(moment.astimezone(UTC), opens)
        return moment.astimezone(UTC)

    def _at(self, day: date, hour: time) -> datetime:
        return datetime.combine(day, hour, self.zone).astimezone(UTC)
