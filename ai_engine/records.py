"""What the stages hand to each other: frozen records, every value with the lines it was read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mappings.documents import Document

Language = Literal["zh", "en"]
ENGINE_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Span:
    """Lines `first` to `last` of a resume's text, counted from 1, both included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Flag:
    """Something a person should look at. `code` is stable; `quote` is the text it rests on (may be empty)."""

    code: str
    quote: str = ""
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class ResumeText:
    """A resume as lines of normalised text (NFKC, radicals mapped), in reading order.

    `media` is what the content was found to be: pdf, docx or txt. `hidden` is text that no reader can see; it is
    kept out of `lines` and serves only to be reported.
    """

    lines: tuple[str, ...]
    media: Literal["pdf", "docx", "txt"]
    pages: int
    sha256: str
    size: int
    hidden: tuple[str, ...] = ()

    def quote(self, span: Span) -> str:
        """The text of the lines in `span`, joined by spaces."""
        return " ".join(self.lines[span.first - 1 : span.last])


@dataclass(frozen=True, slots=True)
class SkillFound:
    """A skill and where it stands. `applied`: it is named in work or project text, not only in a list."""

    id: str
    lines: tuple[int, ...]
    applied: bool


@dataclass(frozen=True, slots=True)
class Extraction:
    """A candidate read from a resume.

    `candidate` is the canonical candidate.1 document; `provenance` maps a path in it to the lines it was read from.
    `work_text` (line number, text) is all that a match may look at: no name, contact, age, sex or school line is in it.
    `job_months` holds, for each entry of candidate.experiences, its first and past-the-last month (year * 12 + month - 1)
    and whether it counts as years of work (internships do not). `gaps` are the times between jobs
    of half a year and more, as YYYY-MM pairs.
    """

    candidate: Document
    provenance: Mapping[str, Span]
    text: ResumeText
    language: Language
    skills: tuple[SkillFound, ...]
    work_text: tuple[tuple[int, str], ...]
    work_months: int
    job_months: tuple[tuple[int, int, bool], ...]
    highest_level: str | None
    gaps: tuple[tuple[str, str], ...] = ()
    flags: tuple[Flag, ...] = field(default=())

    @property
    def years(self) -> float:
        """Years of work, overlapping jobs counted once, one decimal."""
        return round(self.work_months / 12, 1)

    def skill(self, id: str) -> SkillFound | None:
        """The skill with this id, if the resume names it."""
        return next((skill for skill in self.skills if skill.id == id), None)
