"""Schools from the lines of an education section: each school opens an entry."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ai_engine.records import Span
from ai_engine.resumes.dates import Month, periods, points
from ai_engine.resumes.entries import parts_of
from ai_engine.resumes.sections import Line
from ai_engine.vocabulary import vocabulary

LEVELS = ("secondary", "vocational_secondary", "junior_college", "bachelor", "master", "doctor")
_DEPARTMENT = re.compile(r"(?<=大学)[一-鿿]{2,10}(?:学院|系)$")
_MAJOR_ZH = re.compile(r"(?:专业(?:名称)?\s*:\s*([一-鿿A-Za-z()]{2,20}))|([一-鿿A-Za-z]{2,20}?)专业")
_DEGREE_EN = (
    r"bachelor'?s?|master'?s?|doctor(?:ate)?|b\.?sc\.?|m\.?sc\.?|b\.?a\.?|m\.?a\.?|b\.?eng\.?|m\.?eng\.?|mba|"
    r"ph\.?d\.?|associate'?s?|diploma|b\.?s\.?|m\.?s\.?"
)
_MAJOR_EN = re.compile(
    rf"\b(?:{_DEGREE_EN})(?:\s+degree)?"
    r"(?:\s+of\s+(?:science|arts|engineering|philosophy))?(?:\s*\([^)]*\))?"
    r"(?:\s+in|\s+of|\s*,|\s*:)?\s+([A-Z][A-Za-z]+(?:\s+(?:and\s+|&\s+)?[A-Z][A-Za-z]+){0,4})",
    re.IGNORECASE,
)
_LABEL_EN = re.compile(r"\bmajor(?:ed)?(?:\s+in)?\s*:?\s+([A-Za-z][A-Za-z &]{2,60})", re.IGNORECASE)
_GRADE = re.compile(r"(?i)gpa\s*:?\s*([\d.]+(?:\s*/\s*[\d.]+)?)")
_NOISE = re.compile(
    r"(?i)^(全日制|统招|非全日制|在职|毕业|gpa.*|[\d.%/ -]+|china|beijing|shanghai|主修.*|排名.*|(?:一级|二级).*)$"
)


@dataclass(frozen=True, slots=True)
class School:
    """One entry of the education section."""

    school: str
    level: str | None
    mba: bool
    major: str | None
    start: Month | None
    end: Month | None
    score: str | None
    span: Span


def level_of(text: str) -> str | None:
    """The highest level of education named in `text`."""
    return next((level for level, pattern in vocabulary().levels if pattern.search(text)), None)


def schools(lines: list[Line]) -> list[School]:
    """All schools, in the order they are written."""
    blocks: list[list[Line]] = []
    waiting: list[Line] = []
    for index, line in enumerate(lines):
        has_school = bool(_school_name(line.text))
        if has_school:
            blocks.append([*waiting, line])
            waiting = []
        elif not blocks or _leads(line, blocks[-1], lines[index + 1 : index + 2]):
            waiting.append(line)
        else:
            blocks[-1].append(line)
    return [_school(block) for block in blocks]


def _leads(line: Line, block: list[Line], following: list[Line]) -> bool:
    """A line of dates alone whose school is on the next line, when the school before it has its dates."""
    dates_only = bool(periods(line.text)) and not parts_of(line.text, periods(line.text)[0])
    return (
        dates_only
        and any(periods(other.text) for other in block)
        and bool(following)
        and bool(_school_name(following[0].text))
    )


def _school_name(text: str) -> str | None:
    found = periods(text)
    for part in parts_of(text, found[0] if found else None):
        name = _DEPARTMENT.sub("", part.split("(")[0].strip())
        if vocabulary().school.search(name) and 4 <= len(name) <= 80 and not name.endswith("。"):
            return name
    return None


def _school(block: list[Line]) -> School:
    whole = "  ".join(line.text for line in block)
    school_line = next(line for line in block if _school_name(line.text))
    school = _school_name(school_line.text) or ""
    found = periods(whole)
    start, end = (found[0].start, found[0].end) if found else (None, None)
    if not found:
        single = points(whole)
        end = single[-1][0] if single else None
    score = _GRADE.search(whole)
    return School(
        school=school[:200],
        level=level_of(whole),
        mba=bool(re.search(r"\bMBA\b", whole)),
        major=_major(block, school),
        start=start,
        end=end,
        score=score.group(1).replace(" ", "")[:50] if score else None,
        span=Span(block[0].number, block[-1].number),
    )


def _major(block: list[Line], school: str) -> str | None:
    whole = "  ".join(line.text for line in block)
    for pattern in (_MAJOR_ZH, _LABEL_EN, _MAJOR_EN):
        match = pattern.search(whole)
        if match and not vocabulary().school.search(match.group()):
            return str(next(group for group in match.groups() if group)).strip()[:200]
    for line in block[:3]:
        found = periods(line.text)
        for part in parts_of(line.text, found[0] if found else None):
            clean = part
            for _, level in vocabulary().levels:
                clean = level.sub("", clean)
            clean = clean.strip("() /,;:")
            if (
                len(clean) < 2
                or len(clean) > 30
                or _NOISE.match(clean)
                or vocabulary().school.search(part)
                or points(clean)
            ):
                continue
            return clean
    return None
