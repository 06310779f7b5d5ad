"""From lines to the canonical candidate, each value with the lines it was read from."""

from __future__ import annotations

import re
from datetime import date

from ai_engine.gazetteer import gazetteer
from ai_engine.records import Extraction, Flag, Language, ResumeText, SkillFound, Span
from ai_engine.resumes import education, experience, identity
from ai_engine.resumes.dates import merged_months
from ai_engine.resumes.entries import joined
from ai_engine.resumes.sections import BULLET, Line, cut
from ai_engine.vocabulary import vocabulary
from mappings.documents import Document, Json

_WORK_SECTIONS = frozenset({"experience", "projects", "skills", "summary", "certificates", "languages"})
_APPLIED_SECTIONS = frozenset({"experience", "projects"})
_MIMES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "txt": "text/plain",
}
_GAP_MONTHS = 6
_PROTECTED = re.compile(
    r"(?i)\b(?:he|she|his|her|hers|him|mr|mrs|ms|miss|male|female|man|woman|men|women|married|single|aged?|years? old|born|"
    r"mother|father|husband|wife)\b|"
    r"\d{2}\s*(?:岁|周岁|years?[- ]old)|性别|年龄|男性|女性|[男女](?=\s|$|[,|/、])|已婚|未婚|先生|女士|"
    r"[他她]|妈妈|爸爸|母亲|父亲|汉族|[一-鿿]族(?=\s|$|[,|/])"
)


def extract(text: ResumeText, *, id: str, today: date) -> Extraction:
    """The candidate in `text`. `id` becomes the candidate's id; `today` ends jobs that are still held."""
    kept, flags = _without_instructions(text)
    lines = cut(kept)
    language: Language = "zh" if _chinese_share(kept) > 0.15 else "en"
    provenance: dict[str, Span] = {}
    candidate: Document = {"id": id}
    named = _identity(candidate, provenance, kept)
    schools = _education(candidate, provenance, lines)
    jobs = _experience(candidate, provenance, lines, today)
    months, gaps = merged_months([(start, end) for start, end, counts in jobs if counts])
    months = min(months, 80 * 12)
    candidate["years_of_experience"] = round(months / 12, 1)
    levels = [school.level for school in schools if school.level]
    highest = max(levels, key=education.LEVELS.index) if levels else None
    if highest:
        candidate["highest_level"] = highest
    skills = _skills(lines, _employers(candidate))
    known = gazetteer().skills
    if skills:
        candidate["skills"] = [known[skill.id].label(language) for skill in skills]
        provenance.update({f"skills.{i}": Span(skill.lines[0], skill.lines[0]) for i, skill in enumerate(skills)})
    _languages_and_certificates(candidate, provenance, lines)
    candidate["locale"] = "zh-CN" if language == "zh" else "en"
    candidate["resume"] = {"kind": "resume", "mime": _MIMES[text.media], "bytes": text.size, "sha256": text.sha256}
    return Extraction(
        candidate=candidate,
        provenance=provenance,
        text=text,
        language=language,
        skills=tuple(skills),
        work_text=tuple(_work_text(lines, named)),
        work_months=months,
        job_months=tuple(jobs),
        highest_level=highest,
        gaps=tuple((_written(start), _written(end)) for start, end in gaps if end - start >= _GAP_MONTHS),
        flags=tuple(flags),
    )


def _without_instructions(text: ResumeText) -> tuple[tuple[str, ...], list[Flag]]:
    """Lines that speak to a machine become empty: they are reported and read by nothing else."""
    pattern = vocabulary().instructions
    flags = []
    kept = list(text.lines)
    for index, line in enumerate(text.lines):
        following = text.lines[index + 1] if index + 1 < len(text.lines) else ""
        if pattern.search(line):
            flags.append(Flag("hidden_instruction", line[:300], Span(index + 1, index + 1)))
            kept[index] = ""
        elif following and not pattern.search(following) and pattern.search(both := joined(line, following)):
            flags.append(Flag("hidden_instruction", both[:300], Span(index + 1, index + 2)))
            kept[index] = kept[index + 1] = ""
    for hidden in text.hidden:
        code = "hidden_instruction" if pattern.search(hidden) else "hidden_text"
        flags.append(Flag(code, hidden[:300]))
    return tuple(kept), flags


def _chinese_share(lines: tuple[str, ...]) -> float:
    whole = "".join(lines)
    return sum("一" <= c <= "鿿" for c in whole) / max(1, sum(c.isalpha() for c in whole))


def _identity(candidate: Document, provenance: dict[str, Span], lines: tuple[str, ...]) -> str:
    found = identity.name(lines)
    full = ""
    if found:
        candidate["name"], line = found
        provenance["name"] = Span(line, line)
        full = str(found[0]["full"])
    for field, values in (("email", identity.emails(lines)), ("phone", identity.phones(lines))):
        if values:
            candidate[field] = values[0].value
            candidate[field + "s"] = [value.value for value in values[:20]]
            provenance[field] = Span(values[0].line, values[0].line)
    return full


def _education(candidate: Document, provenance: dict[str, Span], lines: list[Line]) -> list[education.School]:
    section = [line for line in lines if line.section == "education"]
    if not section:
        section = [
            line for line in lines if line.section in ("top", "other", "personal") and education.level_of(line.text)
        ]
    schools = education.schools(section)[:50]
    ranks = [education.LEVELS.index(school.level) if school.level else -1 for school in schools]
    documents: list[Json] = []
    for index, school in enumerate(schools):
        document: Document = {"school": school.school}
        if school.level:
            document["level"] = school.level
        if school.mba:
            document["degree"] = "mba"
        elif school.level in ("bachelor", "master", "doctor"):
            document["degree"] = school.level
        if school.major:
            document["major"] = school.major
        if school.start:
            document["start"] = str(school.start)
        if school.end:
            document["end"] = str(school.end)
        if school.score:
            document["score"] = school.score
        document["is_highest"] = ranks[index] == max(ranks) and ranks[index] >= 0 and index == ranks.index(max(ranks))
        documents.append(document)
        provenance[f"educations.{index}"] = school.span
    if documents:
        candidate["educations"] = documents
    return schools


def _experience(
    candidate: Document, provenance: dict[str, Span], lines: list[Line], today: date
) -> list[tuple[int, int, bool]]:
    section = [line for line in lines if line.section == "experience"]
    if not section:
        section = [line for line in lines if line.section in ("top", "other") and not education.level_of(line.text)]
    found = [job for job in experience.jobs(section) if job.employer or job.title][:100]
    documents: list[Json] = []
    for index, job in enumerate(found):
        document: Document = {"start": str(job.period.start), "current": job.period.end is None}
        if job.employer:
            document["employer"] = job.employer
        if job.title:
            document["title"] = job.title
        if job.period.end is not None:
            document["end"] = str(job.period.end)
        if job.intern:
            document["employment_type"] = "intern"
        if job.summary:
            document["summary"] = job.summary
        documents.append(document)
        provenance[f"experiences.{index}"] = job.span
    if documents:
        candidate["experiences"] = documents
        newest = max(found, key=lambda job: job.period.bounds(today))
        if newest.period.end is None:
            candidate.update(
                {
                    f"current_{key}": value
                    for key, value in (("employer", newest.employer), ("title", newest.title))
                    if value
                }
            )
    return [(*job.period.bounds(today), not job.intern) for job in found]


def _written(index: int) -> str:
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


def _employers(candidate: Document) -> list[str]:
    entries = candidate.get("experiences")
    return [
        str(entry["employer"])
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and "employer" in entry
    ]


def _skills(lines: list[Line], employers: list[str]) -> list[SkillFound]:
    """All skills. An employer's name shows none (a retail company is no retail experience by itself)."""
    places: dict[str, list[int]] = {}
    applied: set[str] = set()
    before: Line | None = None
    structured = any(line.section in _WORK_SECTIONS for line in lines)
    for line in lines:
        if structured and line.section not in _WORK_SECTIONS:
            continue
        text = line.text
        for employer in employers:
            text = text.replace(employer, " ")
        found = [mention.id for mention in gazetteer().mentions(text)]
        if (
            before
            and before.section == line.section
            and before.number == line.number - 1
            and not BULLET.match(line.text)
        ):
            found += _across(before.text, line.text)
        before = line
        for id in found:
            places.setdefault(id, []).append(line.number)
            if line.section in _APPLIED_SECTIONS or not structured:
                applied.add(id)
    return [SkillFound(id, tuple(dict.fromkeys(numbers)), id in applied) for id, numbers in places.items()]


def _across(first: str, second: str) -> list[str]:
    """Skills whose name a line break cuts in two."""
    head = first[-16:]
    seam = joined(head, second[:16])
    return [mention.id for mention in gazetteer().mentions(seam) if mention.start < len(head) < mention.end]


def _languages_and_certificates(candidate: Document, provenance: dict[str, Span], lines: list[Line]) -> None:
    words = vocabulary()
    languages: list[Json] = []
    seen: set[str] = set()
    certificates: list[Json] = []
    for line in lines:
        if line.section in ("languages", "skills", "certificates", "summary"):
            for code, pattern in words.languages:
                match = pattern.search(line.text)
                if match and code not in seen and (line.section == "languages" or _fluency(line.text, match.start())):
                    level = _fluency(line.text, match.start())
                    seen.add(code)
                    provenance[f"languages.{len(languages)}"] = Span(line.number, line.number)
                    languages.append({"language": code, "level": level} if level else {"language": code})
        if line.section == "certificates" and len(certificates) < 100:
            last = certificates[-1] if certificates else None
            if isinstance(last, str) and last.count("(") > last.count(")"):
                certificates[-1] = joined(last, line.text)[:200]
                continue
            provenance[f"certificates.{len(certificates)}"] = Span(line.number, line.number)
            certificates.append(BULLET.sub("", line.text)[:200])
    if languages:
        candidate["languages"] = languages
    if certificates:
        candidate["certificates"] = certificates


def _fluency(text: str, start: int) -> str | None:
    near = re.split(r"[;；。|]|,(?=\s*[A-Z一-鿿])", text[start : start + 60])[0]
    return next((level for level, pattern in vocabulary().fluency if pattern.search(near)), None)


def _work_text(lines: list[Line], name: str) -> list[tuple[int, str]]:
    structured = any(line.section in _WORK_SECTIONS for line in lines)
    out = []
    for line in lines:
        if not line.text or (structured and line.section not in _WORK_SECTIONS) or "@" in line.text:
            continue
        out.append((line.number, _PROTECTED.sub(" ", line.text.replace(name, " ") if name else line.text)))
    return out
