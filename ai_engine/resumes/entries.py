"""What education and work entries share: cutting a header line into parts and telling the parts apart."""

from __future__ import annotations

import re

from ai_engine.resumes.dates import Period, periods
from ai_engine.resumes.sections import BULLET
from ai_engine.vocabulary import vocabulary

_CJK = "[一-鿿)]"
_PARTS = re.compile(
    rf"\s*[|｜•·;]\s*|\s{{2,}}|\s+[–—-]+\s+|\s+/\s+|\s+@\s+|\bat\b(?=\s+[A-Z])|"
    rf"\s*,(?!\s*(?:Ltd|Inc|LLC|Limited|Corp|Co)\b)\s*|(?<={_CJK})\s+(?=[一-鿿A-Z(])|(?<=[A-Za-z)])\s+(?=[一-鿿])"
)
_LABEL = re.compile(
    r"^(?:公司名称|工作单位|公司|单位|职位名称|职位|岗位|职务|担任|起止时间|时间|部门|学校名称|学校|院校|专业|学历|学位|"
    r"company|employer|position|job title|title|role|dates?|period|school|university|degree|major)\s*:\s*",
    re.IGNORECASE,
)
_EMPTY = re.compile(r"^[\s()\[\],.;:|/–—~-]*$")
_SENTENCE_END = ("。", ";", "；", ".")


def parts_of(text: str, period: Period | None = None) -> list[str]:
    """The parts of a header line without its period, labels and brackets."""
    if period:
        text = text[: period.at[0]] + "  " + text[period.at[1] :]
    text = BULLET.sub("", text)
    found = []
    for part in _PARTS.split(text):
        clean = _LABEL.sub("", part.strip()).strip("()[],;:-–— ") if part else ""
        if clean and not _EMPTY.match(clean):
            found.append(clean)
    return found


def header_like(text: str) -> bool:
    """Short, no bullet, no full sentence."""
    limit = 40 if any("一" <= c <= "鿿" for c in text) else 90
    return (
        len(text) <= limit
        and not BULLET.match(text)
        and not (text.endswith(_SENTENCE_END) and not text.endswith(("Inc.", "Ltd.", "Co.", "Corp.")))
    )


def kind(part: str) -> str | None:
    """`employer`, `title` or None: the word that stands last decides (银行客户经理 is a title)."""
    words = vocabulary()
    employer = max((match.end() for match in words.employer.finditer(part)), default=-1)
    title = max((match.end() for match in words.title.finditer(part)), default=-1)
    if employer < 0 and title < 0:
        return None
    return "employer" if employer > title else "title"


def joined(first: str, second: str) -> str:
    """Two lines that were one before they were wrapped."""
    return first + (" " if first[-1:].isascii() and second[:1].isascii() else "") + second


def is_date_line(text: str) -> Period | None:
    """The first period in `text`, if the line is an entry's header rather than prose."""
    found = periods(text)
    if not found or (len(text) > 120 and found[0].at[0] > 20):
        return None
    rest = text[: found[0].at[0]] + text[found[0].at[1] :]
    prose = BULLET.match(text) and len(rest) > 60
    return None if prose or (rest.rstrip().endswith("。")) else found[0]
