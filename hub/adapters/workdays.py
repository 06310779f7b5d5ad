"""Working days of mainland China, with the weekend days that are worked to make up for a holiday (调休)."""

from __future__ import annotations

from datetime import date

from chinese_calendar import is_workday


class NationalDays:
    """`hub.ports.calendar.Days`. A year is known once the State Council has proclaimed it and the library carries it."""

    def workday(self, country: str, day: date) -> bool | None:
        if country != "CN":
            return None
        try:
            return bool(is_workday(day))
        except NotImplementedError:  # a year that is not known yet
            return None

    def countries(self) -> frozenset[str]:
        return frozenset({"CN"})
