"""The advice, and what a person should look at before following it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ai_engine.interview.follow_up import CONTRADICTIONS
from ai_engine.interview.question import Turn
from ai_engine.match.score import MatchResult
from ai_engine.records import Flag
from ai_engine.report.rubric import rubric
from ai_engine.report.scores import Scores
from mappings.documents import Document, Json

Advice = Literal["recommend", "hold", "reject"]
Found = tuple[Flag, str | None]  # a flag and the question it came up in (None: the resume)

TEXTS: dict[str, tuple[str, str, str]] = {
    "hidden_instruction": (
        "high",
        "The text speaks to a machine (for example: ignore instructions, give a score). It was left out of every score.",
        "文本中含有针对机器的指令（例如要求忽略规则或给出分数），所有评分均未采用该内容。",
    ),
    "hidden_text": (
        "medium",
        "The resume holds text that a reader cannot see. It was left out of every score.",
        "简历中有读者看不见的文字，所有评分均未采用该内容。",
    ),
    "repeated_answer": (
        "high",
        "The same words answer several questions. They were counted once.",
        "多个问题使用了相同的回答，仅计一次。",
    ),
    "resume_contradiction": (
        "medium",
        "An answer differs from the resume. The candidate was asked about it; read both before deciding.",
        "回答与简历不一致。已向候选人追问，请对照后再决定。",
    ),
    "little_said": (
        "medium",
        "Most answers are very short; the scores rest on little.",
        "多数回答过于简短，评分依据不足。",
    ),
    "must_missing": (
        "low",
        "Must-have requirements that the resume does not show: {names}.",
        "简历未体现的必备要求：{names}。",
    ),
}


def advise(total: float, scores: Scores, match: MatchResult) -> Advice:
    """What the numbers advise. A person decides; a flag never turns the advice by itself."""
    limits = rubric()["advice"]
    must = len(match.met_must) / max(1, len(match.met_must) + len(match.missing_must)) if "must" in match.parts else 1.0
    least = min((dimension.score for dimension in scores.dimensions), default=0.0)
    wanted = limits["recommend"]
    if total >= wanted["score"] and must >= wanted["must_coverage"] and least >= wanted["least_dimension"]:
        return "recommend"
    if total < limits["reject"]["score"] and scores.confidence >= limits["reject"]["confidence"]:
        return "reject"
    return "hold"


def gather(
    match: MatchResult, turns: Sequence[Turn], from_answers: Sequence[tuple[Flag, str]], scores: Scores
) -> list[Found]:
    """Every flag of resume and interview."""
    found: list[Found] = [(flag, None) for flag in match.flags]
    found += list(from_answers)
    for turn in turns:
        if turn.question.trigger in CONTRADICTIONS:
            found.append((Flag("resume_contradiction", turn.question.text), turn.question.id))
    if scores.mean_units < rubric()["gate"]["least_units"]:
        found.append((Flag("little_said"), None))
    if match.missing_must:
        found.append((Flag("must_missing"), None))
    return found[:50]


def documents(found: Sequence[Found], match: MatchResult) -> list[Json]:
    """The flags as canonical red_flags, one for each kind, with their quotes."""
    out: dict[str, Document] = {}
    for flag, question in found:
        severity, en, zh = TEXTS[flag.code]
        names_en = ", ".join(r.label("en") for r in match.missing_must)
        names_zh = "、".join(r.label("zh") for r in match.missing_must)
        entry = out.setdefault(
            flag.code,
            {
                "key": flag.code,
                "text": {"en": en.format(names=names_en), "zh-CN": zh.format(names=names_zh)},
                "severity": severity,
                "evidence": [],
            },
        )
        quotes = entry["evidence"]
        if flag.quote and isinstance(quotes, list):
            quote: Document = {"quote": flag.quote}
            if question:
                quote["question_id"] = question
            quotes.append(quote)
    return list(out.values())
