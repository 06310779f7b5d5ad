"""The match of one resume with one job: every requirement met or missing, with the line that shows it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from ai_engine.gazetteer import gazetteer
from ai_engine.match.bm25 import Pile, same_language
from ai_engine.match.job import JobSpec, Requirement
from ai_engine.records import Extraction, Flag
from ai_engine.resumes.dates import merged_months
from ai_engine.resumes.education import LEVELS
from mappings.documents import Document

How = Literal["applied", "listed", "implied", "words"]
_TERM = re.compile(r"[A-Za-z][A-Za-z0-9+#.]+|[一-鿿]{2}")


@dataclass(frozen=True, slots=True)
class Met:
    """A requirement that is met: by which skill (None: by its words), how, and in which line of the resume."""

    requirement: Requirement
    skill: str | None
    how: How
    line: int
    quote: str


@dataclass(frozen=True, slots=True)
class MatchResult:
    """0-100 with its parts (0-1 each; a part the job does not ask for is absent) and the reasons."""

    candidate_id: str
    score: float
    parts: dict[str, float]
    met_must: tuple[Met, ...]
    met_nice: tuple[Met, ...]
    missing_must: tuple[Requirement, ...]
    missing_nice: tuple[Requirement, ...]
    years: float
    related_years: float
    explanation: dict[str, str]
    flags: tuple[Flag, ...]
    rank: int | None = None
    of: int | None = None

    def placed(self, rank: int, of: int) -> MatchResult:
        """The same result at its place in a pile."""
        return replace(self, rank=rank, of=of)

    def document(self) -> Document:
        """As canonical match.1."""
        document: Document = {
            "score": self.score,
            "matched": [met.requirement.label("en")[:500] for met in (*self.met_must, *self.met_nice)],
            "missing": [requirement.label("en")[:500] for requirement in (*self.missing_must, *self.missing_nice)],
            "years": self.years,
            "explanation": dict(self.explanation),
            "model": f"hirewire-match@{weights()['version']}",
        }
        for name in ("must", "nice"):
            if name in self.parts:
                met, missing = (len(getattr(self, f"{state}_{name}")) for state in ("met", "missing"))
                document[f"{name}_coverage"] = round(met / (met + missing), 3)
        if self.rank is not None:
            document |= {"rank": self.rank, "of": self.of}
        return document


@cache
def weights() -> dict[str, Any]:
    """The weights that ship with the engine."""
    loaded: dict[str, Any] = yaml.safe_load(
        files("ai_engine.match").joinpath("weights.yaml").read_text(encoding="utf-8")
    )
    return loaded


def score(job: JobSpec, resume: Extraction, pile: Pile, query: Counter[str], words: Counter[str]) -> MatchResult:
    """Match one resume. `pile` holds the whole pile's word counts, `query` the job's, `words` this resume's."""
    table = weights()
    met_must, missing_must, must = _cover(job.must, resume)
    met_nice, missing_nice, nice = _cover(job.nice, resume)
    related = _related_years(job, resume)
    parts: dict[str, float] = {}
    if job.must:
        parts["must"] = must
    if job.nice:
        parts["nice"] = nice
    if job.min_years:
        effective = related + table["years"]["unrelated_share"] * max(0.0, resume.years - related)
        parts["years"] = min(1.0, effective / job.min_years)
    if job.min_level:
        parts["education"] = _education(job.min_level, resume.highest_level)
    share = pile.share(same_language(query, resume.language == "zh"), words)
    parts["similarity"] = min(1.0, share / table["similarity"]["full_at"])
    total = sum(table["parts"][name] for name in parts)
    points = sum(table["parts"][name] * value for name, value in parts.items())
    return MatchResult(
        candidate_id=str(resume.candidate["id"]),
        score=round(100 * points / total, 1),
        parts={name: round(value, 3) for name, value in parts.items()},
        met_must=tuple(met_must),
        met_nice=tuple(met_nice),
        missing_must=tuple(missing_must),
        missing_nice=tuple(missing_nice),
        years=resume.years,
        related_years=related,
        explanation={},
        flags=resume.flags,
    )


def _cover(requirements: tuple[Requirement, ...], resume: Extraction) -> tuple[list[Met], list[Requirement], float]:
    worth = weights()["skill"]
    met, missing, points = [], [], 0.0
    for requirement in requirements:
        found = _meets(requirement, resume)
        if found:
            met.append(found)
            points += worth.get(found.how, worth["listed"])
        else:
            missing.append(requirement)
    return met, missing, points / len(requirements) if requirements else 0.0


def _meets(requirement: Requirement, resume: Extraction) -> Met | None:
    if not requirement.skills:
        return _meets_words(requirement, resume)
    order: list[How] = ["applied", "implied", "listed"]
    best: Met | None = None
    for wanted in requirement.skills:
        for skill in resume.skills:
            how: How
            if skill.id == wanted:
                how = "applied" if skill.applied else "listed"
            elif wanted in gazetteer().closure({skill.id}):
                how = "implied" if skill.applied else "listed"
            else:
                continue
            if best is None or order.index(how) < order.index(best.how):
                line = _telling_line(skill.lines, resume)
                best = Met(requirement, skill.id, how, line, resume.text.lines[line - 1][:300])
    return best


def _telling_line(lines: tuple[int, ...], resume: Extraction) -> int:
    """The line that says most: one with a figure and words around the skill, else the first."""
    return max(
        lines,
        key=lambda n: (any(c.isdigit() for c in resume.text.lines[n - 1]), min(len(resume.text.lines[n - 1]), 80), -n),
    )


def _meets_words(requirement: Requirement, resume: Extraction) -> Met | None:
    terms = {term.lower() for term in _TERM.findall(requirement.text)}
    for number, line in resume.work_text:
        low = line.lower()
        if terms and sum(term in low for term in terms) >= 0.6 * len(terms):
            return Met(requirement, None, "words", number, line[:300])
    return None


def _related_years(job: JobSpec, resume: Extraction) -> float:
    known = gazetteer()
    wanted = job.skill_ids or frozenset(known.ids(job.title))
    spans = []
    entries = resume.candidate.get("experiences")
    for entry, (start, end, counts) in zip(
        entries if isinstance(entries, list) else [], resume.job_months, strict=False
    ):
        if counts and isinstance(entry, dict):
            own = known.ids(f"{entry.get('title') or ''}\n{entry.get('summary') or ''}", implied=True)
            if len(own & wanted) >= 2 or (own & wanted and len(wanted) < 3):
                spans.append((start, end))
    return round(merged_months(spans)[0] / 12, 1)


def _education(wanted: str, has: str | None) -> float:
    table: dict[str, float] = weights()["education"]
    if has is None:
        return table["unknown"]
    short = LEVELS.index(wanted) - LEVELS.index(has)
    return table["met"] if short <= 0 else table["one_below"] if short == 1 else table["below"]
