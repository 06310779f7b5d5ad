"""Months and periods as resumes write them, in Chinese and English."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)\.?"
)
_YEAR = r"(?:19[5-9]\d|20[0-4]\d)"
_POINT = (
    rf"(?:(?<!\d){_YEAR}\s*年\s*(?:\d{{1,2}}\s*月)?|(?<!\d){_YEAR}\s?[./-]\s?(?:1[0-2]|0?[1-9])(?!\d)(?:[./-]\d{{1,2}}(?!\d))?|"
    rf"{_NAME},?\s+{_YEAR}|(?<!\d)(?:1[0-2]|0?[1-9])/{_YEAR}|(?<!\d){_YEAR}(?!\d))"
)
_NOW = r"(?:至今|现在|目前|今|present|now|current|today|to date)"
_RANGE = re.compile(
    rf"({_POINT})\s*(?:-|–|—|―|~|至|到|\bto\b|\buntil\b|\btill\b|--)?\s*(?:-\s*)?({_POINT}|{_NOW})", re.IGNORECASE
)
_SEPARATOR = re.compile(r"-|–|—|―|~|至|到|\bto\b|\buntil\b|\btill\b|今|present", re.IGNORECASE)
_SINCE = re.compile(rf"(?:since|自)\s*({_POINT})\s*(?:起)?", re.IGNORECASE)
_SINGLE = re.compile(_POINT, re.IGNORECASE)
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Month:
    """A month; `month` is None where only the year is written."""

    year: int
    month: int | None

    @property
    def index(self) -> int:
        """Months since year 0; a bare year counts as its January."""
        return self.year * 12 + (self.month or 1) - 1

    def __str__(self) -> str:
        return f"{self.year:04d}" if self.month is None else f"{self.year:04d}-{self.month:02d}"


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` to `end`; `end` None means: until now. `at` is its place in the line."""

    start: Month
    end: Month | None
    at: tuple[int, int]

    def bounds(self, today: date) -> tuple[int, int]:
        """Month indices [start, end), never empty."""
        end = today.year * 12 + today.month - 1 if self.end is None else self.end.index
        return self.start.index, max(end, self.start.index + 1)


def month(text: str) -> Month:
    """Read one matched point, such as 2019年7月, 07/2019, Jul 2019, 2019."""
    numbers = [int(n) for n in _DIGITS.findall(text)]
    year = next(n for n in numbers if n > 1000)
    low = text.lower()
    for index, name in enumerate(_MONTHS):
        if name in low:
            return Month(year, index + 1)
    others = [n for n in numbers if n != year]
    return Month(year, others[0] if others and 1 <= others[0] <= 12 else None)


def periods(line: str) -> list[Period]:
    """All periods in `line`, left to right. One that ends before it starts is left out."""
    found = []
    for match in _RANGE.finditer(line):
        left, right = match.group(1), match.group(2)
        if not _SEPARATOR.search(line[match.end(1) : match.end()]):
            continue
        end = month(right) if _DIGITS.search(right) else None
        start = month(left)
        if end is None or end.index >= start.index:
            found.append(Period(start, end, match.span()))
    if not found:
        found = [Period(month(match.group(1)), None, match.span()) for match in _SINCE.finditer(line)]
    return found


def points(line: str) -> list[tuple[Month, tuple[int, int]]]:
    """All single months or years in `line` with their places."""
    return [(month(match.group()), match.span()) for match in _SINGLE.finditer(line)]


def merged_months(spans: list[tuple[int, int]]) -> tuple[int, list[tuple[int, int]]]:
    """(months covered, gaps between): overlaps are counted once; spans are month indices [start, end)."""
    total, gaps = 0, list[tuple[int, int]]()
    reach: int | None = None
    for start, end in sorted(spans):
        if reach is None or start > reach:
            if reach is not None:
                gaps.append((reach, start))
            total += end - start
            reach = end
        elif end > reach:
            total += end - reach
            reach = end
    return total, gaps
