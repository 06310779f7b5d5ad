"""The working days of a country."""

from __future__ import annotations

from datetime import date
from typing import Protocol


class Days(Protocol):
    """National calendars, as far as they have been proclaimed."""

    def workday(self, country: str, day: date) -> bool | None:
        """Whether people work on this day; None where this calendar says nothing and the week decides."""

    def countries(self) -> frozenset[str]:
        """Which calendars there are (ISO 3166 codes)."""
