"""The plan: the role's core questions, the same for everyone, and a few that grow from this resume and this job."""

from __future__ import annotations

from ai_engine.gazetteer import gazetteer
from ai_engine.interview import packs
from ai_engine.interview.question import Question
from ai_engine.match.job import JobSpec, Requirement
from ai_engine.records import Extraction, Language


def plan(candidate: Extraction, job: JobSpec, language: Language) -> list[Question]:
    """The questions in the order they are asked. The same resume and job always give the same plan."""
    own_result, *cases, last = packs.core(job.pack, language)
    motivation = packs.core("shared", language)
    opening = [_project(candidate, language), own_result, _claim(candidate, job, language)]
    closing = [_missing(candidate, job, language), last, _gap(candidate, language), *motivation]
    return [question for question in (*opening, *cases, *closing) if question is not None]


def _project(candidate: Extraction, language: Language) -> Question | None:
    entries = candidate.candidate.get("experiences")
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        if isinstance(entry, dict) and entry.get("employer") and entry.get("title"):
            span = candidate.provenance[f"experiences.{index}"]
            return packs.personal(
                "project",
                language,
                id="project",
                grounds=candidate.text.lines[span.first - 1],
                employer=str(entry["employer"]),
                title=str(entry["title"]),
            )
    return None


def _claim(candidate: Extraction, job: JobSpec, language: Language) -> Question | None:
    """The asked-for skill with the least behind it: first one that is only listed, then the first that is named."""
    wanted = [id for requirement in (*job.must, *job.nice) for id in requirement.skills]
    known = [skill for id in wanted if (skill := candidate.skill(id))] or list(candidate.skills)
    known = [skill for skill in known if not gazetteer().skills[skill.id].topic] or known
    if not known:
        return None
    skill = next((skill for skill in known if not skill.applied), known[0])
    entry = gazetteer().skills[skill.id]
    return packs.personal(
        "claim",
        language,
        id=f"claim.{skill.id}",
        grounds=candidate.text.lines[skill.lines[0] - 1],
        words=tuple({entry.zh, entry.en}) if entry.zh != entry.en else (entry.en,),
        skill=entry.label(language),
    )


def _missing(candidate: Extraction, job: JobSpec, language: Language) -> Question | None:
    shown = gazetteer().closure({skill.id for skill in candidate.skills})
    for requirement in job.must:
        if requirement.skills and not shown.intersection(requirement.skills):
            return _ask_for(requirement, language)
    return None


def _ask_for(requirement: Requirement, language: Language) -> Question:
    known = gazetteer().skills
    names = tuple(sorted({name for id in requirement.skills for name in (known[id].zh, known[id].en)}))
    return packs.personal(
        "missing",
        language,
        id=f"missing.{requirement.skills[0]}",
        grounds=requirement.text,
        words=names,
        skill=requirement.label(language),
    )


def _gap(candidate: Extraction, language: Language) -> Question | None:
    if not candidate.gaps:
        return None
    start, end = candidate.gaps[-1]
    return packs.personal("gap", language, id="gap", grounds=f"{start} - {end}", start=start, end=end)
