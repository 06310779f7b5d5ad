"""Which follow-up an answer earns. The order is fixed, the same for everyone, and every question says what triggered it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ai_engine.gazetteer import gazetteer
from ai_engine.interview import packs
from ai_engine.interview.question import Question, Turn
from ai_engine.records import Extraction, Language
from ai_engine.wording import hits, measures, number, sentences, units
from mappings.documents import Document, Json

CONTRADICTIONS = ("years_differ", "skill_differs", "date_differs")
_CLAIMED_YEARS = re.compile(
    r"(\d{1,2}|[一二两三四五六七八九十]{1,3})\s*年(?:多)?(?:的)?[^。,，;；\d]{0,12}(?:经验|工作|从业)"
    r"|(?:做了|干了|从业|工作了)\s*(\d{1,2}|[一二两三四五六七八九十]{1,3})\s*(?:多)?年"
    r"|\b(\d{1,2})\+?\s+years[^.,;\d]{0,40}\bexperience|\bworked[^.,;\d]{0,40}\bfor\s+(\d{1,2})\s+years",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,，;；。.!?！？\n]")
_YEAR = re.compile(r"(?<!\d)((?:19|20)\d{2})(?!\d)")
# What might be done or wanted is not measured yet, and asking for more of it needs other words.
_SHORT = {"scenario": "too_short_case", "logic": "too_short_case", "motivation": "too_short_motivation"}
_LEGAL_FORM = re.compile(
    r"(?:股份)?有限(?:责任)?公司|集团|公司|,?\s*\b(?:Ltd|Inc|LLC|Corp|Co|Limited|Group|GmbH|PLC)\b\.?", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the resume says that an answer may contradict, and the role that is talked about."""

    pack: str
    years: float
    skills: tuple[str, ...]
    jobs: tuple[tuple[str, str, str], ...]  # employer, first year, last year ("" = until now)

    @classmethod
    def of(cls, candidate: Extraction, pack: str) -> Facts:
        """The facts of an extraction, for an interview about the role `pack`."""
        entries = candidate.candidate.get("experiences")
        jobs = [
            (str(entry["employer"]), str(entry.get("start", ""))[:4], str(entry.get("end", ""))[:4])
            for entry in (entries if isinstance(entries, list) else [])
            if isinstance(entry, dict) and entry.get("employer")
        ]
        return cls(pack, candidate.years, tuple(skill.id for skill in candidate.skills), tuple(jobs))

    def document(self) -> Document:
        """As JSON."""
        jobs: list[Json] = [list[Json](job) for job in self.jobs]
        return {"pack": self.pack, "years": self.years, "skills": list(self.skills), "jobs": jobs}


def follow_up(turn: Turn, before: Sequence[Turn], facts: Facts, language: Language) -> Question | None:
    """The follow-up to `turn`, or None. `before` are the turns ahead of it."""
    policy = packs.policy()
    root = turn.question.root
    asked = [t.question for t in (*before, turn) if t.question.follow_up_of == root]
    if not turn.question.scored or len(asked) >= policy["max_follow_ups"]:
        return None
    so_far = "\n".join([t.answer for t in before if t.question.root == root] + [turn.answer])
    used = {question.trigger for question in asked}
    kind = next(t.question.kind for t in (*before, turn) if t.question.id == root)
    for trigger, slots in _triggers(turn, kind, so_far, before, facts, language):
        if trigger not in used:
            return Question(
                id=f"{root}.f{len(asked) + 1}",
                kind="follow_up",
                text=packs.follow_up_text(
                    _SHORT.get(kind, trigger) if trigger == "too_short" else trigger, language, **slots
                ),
                dimensions=turn.question.dimensions,
                concepts=turn.question.concepts,
                grounds=slots.get("quote", turn.answer[:120]),
                follow_up_of=root,
                trigger=trigger,
            )
    return None


def _triggers(
    turn: Turn, kind: str, so_far: str, before: Sequence[Turn], facts: Facts, language: Language
) -> list[tuple[str, dict[str, str]]]:
    policy = packs.policy()
    found = contradictions(turn.answer, facts, language)
    if units(so_far) < policy["enough_units"]:
        found.append(("too_short", {}))
    claim = next((sentence for sentence in sentences(turn.answer) if hits("claim", sentence)), None)
    if claim and kind not in _SHORT and not measures(so_far):
        part = next((part for part in _CLAUSE.split(claim) if hits("claim", part)), claim)
        found.append(("no_measure", {"quote": part.strip()[:80]}))
    deep = sum(1 for t in before if t.question.trigger == "hardest_part")
    skill = _new_skill(turn, before, facts)
    if skill and kind not in _SHORT and deep < policy["hardest_part_per_session"]:
        found.append(("hardest_part", {"skill": gazetteer().skills[skill].label(language)}))
    return found


def contradictions(answer: str, facts: Facts, language: Language) -> list[tuple[str, dict[str, str]]]:
    """Where `answer` differs from the resume: (trigger, slots), the plainest first."""
    found: list[tuple[str, dict[str, str]]] = []
    for match in _CLAIMED_YEARS.finditer(answer):
        word = next(group for group in match.groups() if group)
        try:
            claimed = number(word)
        except ValueError:
            continue
        if claimed > facts.years + packs.policy()["years_tolerance"]:
            found.append(("years_differ", {"claimed": str(claimed), "known": f"{facts.years:g}"}))
            break
    for clause in _CLAUSE.split(answer):
        if hits("denial", clause):
            denied = [mention.id for mention in gazetteer().mentions(clause) if mention.id in facts.skills]
            if denied:
                found.append(("skill_differs", {"skill": gazetteer().skills[denied[0]].label(language)}))
                break
    for sentence in sentences(answer):
        for employer, first, last in facts.jobs:
            short = _LEGAL_FORM.sub("", employer).strip(" ,")
            years = _YEAR.findall(sentence)
            if len(short) >= 3 and short in sentence and len(years) == 1 and not first <= years[0] <= (last or "9999"):
                known = f"{first}-{last or ('至今' if language == 'zh' else 'now')}"
                return [*found, ("date_differs", {"employer": employer, "claimed": years[0], "known": known})]
    return found


def _new_skill(turn: Turn, before: Sequence[Turn], facts: Facts) -> str | None:
    """The first method or tool in the answer that no question has named yet; one of the role's own goes first."""
    known = gazetteer()
    asked = known.ids("\n".join(t.question.text for t in (*before, turn)))
    found = [known.skills[mention.id] for mention in known.mentions(turn.answer) if mention.id not in asked]
    found = [skill for skill in found if not skill.topic and skill.pack != "general"]
    own = [skill for skill in found if skill.pack == facts.pack]
    return (own or found)[0].id if found else None
