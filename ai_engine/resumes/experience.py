"""Jobs from the lines of a work section: each period opens an entry, employer and title stand near it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ai_engine.records import Span
from ai_engine.resumes.dates import Period
from ai_engine.resumes.entries import header_like, is_date_line, joined, kind, parts_of
from ai_engine.resumes.sections import BULLET, Line

_LABEL = re.compile(
    r"^(?:工作描述|工作内容|工作职责|主要职责|职责描述|主要业绩|responsibilities|key duties|duties|achievements)\s*:?\s*(?=$|\S)",
    re.IGNORECASE,
)
_INTERN = re.compile(r"实习|\bintern(?:ship)?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `span` covers its header and summary."""

    employer: str | None
    title: str | None
    period: Period
    summary: str
    span: Span

    @property
    def intern(self) -> bool:
        """An internship: kept, not counted as years of work."""
        return bool(_INTERN.search(f"{self.title or ''} {self.employer or ''}"))


@dataclass(slots=True)
class _Head:
    at: int
    period: Period
    lines: set[int]
    employer: str | None = None
    title: str | None = None

    def take(self, parts: list[str]) -> bool:
        """Fill what is missing from `parts`; True if something was taken."""
        kinds = [kind(part) for part in parts]
        taken = False
        for wanted in ("employer", "title"):
            if getattr(self, wanted) is None:
                matching = [part for part, found in zip(parts, kinds, strict=True) if found == wanted]
                if matching:
                    setattr(self, wanted, max(matching, key=len) if wanted == "employer" else matching[0])
                    taken = True
        rest = [part for part, found in zip(parts, kinds, strict=True) if found is None and len(part) >= 2]
        if (taken or self.lines == {self.at}) and rest and len(parts) <= 4:
            for wanted in ("employer", "title"):
                if getattr(self, wanted) is None and rest:
                    setattr(self, wanted, rest.pop(0))
                    taken = True
        return taken


def jobs(lines: list[Line]) -> list[Job]:
    """All jobs in the section's lines, in the order they are written."""
    heads = [_Head(i, period, {i}) for i, line in enumerate(lines) if (period := is_date_line(line.text))]
    dated = {head.at for head in heads}
    taken: set[int] = set(dated)
    for head in heads:
        own = parts_of(lines[head.at].text, head.period)
        if own:
            head.take(own)
        before, after = [head.at - 1, head.at - 2], [head.at + 1, head.at + 2]
        for i in (before + after) if not own else (after + before):
            if head.employer and head.title:
                break
            if not 0 <= i < len(lines) or i in taken or not header_like(lines[i].text):
                continue
            if abs(i - head.at) == 2 and (i + head.at) // 2 not in head.lines:
                continue
            head.lines.add(i)
            if head.take(parts_of(lines[i].text)):
                taken.add(i)
            else:
                head.lines.discard(i)
    return [_job(head, _end(heads, n, len(lines)), lines) for n, head in enumerate(heads)]


def _end(heads: list[_Head], n: int, length: int) -> int:
    return min(heads[n + 1].lines) if n + 1 < len(heads) else length


def _job(head: _Head, end: int, lines: list[Line]) -> Job:
    first = min(head.lines)
    body = [i for i in range(first, max(end, head.at + 1)) if i not in head.lines]
    summary = "\n".join(unwrapped([lines[i].text for i in body]))
    last = max([*head.lines, *body])
    return Job(
        _cut(head.employer),
        _cut(head.title),
        head.period,
        summary[:10000],
        Span(lines[first].number, lines[last].number),
    )


def unwrapped(lines: list[str]) -> list[str]:
    """The points of a list without their bullets; a line without one continues the point above it."""
    bulleted = any(BULLET.match(line) for line in lines)
    out: list[str] = []
    for line in (_LABEL.sub("", line) for line in lines):
        if bulleted and out and line and not BULLET.match(line):
            out[-1] = joined(out[-1], line)
        elif line:
            out.append(BULLET.sub("", line))
    return out


def _cut(text: str | None) -> str | None:
    return text[:200] if text else None
