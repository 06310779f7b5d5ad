"""Puts the report together: the canonical interview_report.1 and the data of its event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ai_engine.interview.session import Session
from ai_engine.match.job import JobSpec
from ai_engine.match.score import MatchResult
from ai_engine.records import ENGINE_VERSION
from ai_engine.report import prose
from ai_engine.report.advice import advise, documents, gather
from ai_engine.report.features import responses
from ai_engine.report.rubric import label, name, rubric
from ai_engine.report.scores import DimensionScore, score
from mappings.documents import Document, Json

MODEL = f"hirewire-engine@{ENGINE_VERSION}"


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report. `document` is canonical interview_report.1; its texts are in both languages."""

    document: Document

    @property
    def total(self) -> float:
        """The overall score, 0-100."""
        overall = self.document["overall"]
        assert isinstance(overall, dict)
        score = overall["score"]
        assert isinstance(score, int | float)
        return float(score)

    @property
    def advice(self) -> str:
        """recommend, hold or reject."""
        overall = self.document["overall"]
        assert isinstance(overall, dict)
        return str(overall["recommendation"])

    def text(self, language: str) -> str:
        """The full report as plain text, `en` or `zh-CN`."""
        texts = self.document["text"]
        assert isinstance(texts, dict)
        return str(texts[language])


def build(
    session: Session,
    match: MatchResult,
    job: JobSpec,
    *,
    id: str,
    interview_id: str,
    application_id: str,
    completed_at: datetime,
) -> Report:
    """Score an interview, finished or broken off, and write its report. The same input always gives the same report."""
    heard, answer_flags = responses(session.turns)
    planned = sum(1 for question in session.planned if question.scored)
    scores = score(heard, planned)
    resume_weight = rubric()["resume_match"]["weight"]
    shares = sum(entry["weight"] for entry in rubric()["dimensions"].values())
    spoken = sum(dimension.score * dimension.weight for dimension in scores.dimensions)
    total = round(match.score * resume_weight + spoken / shares * (1 - resume_weight), 1)
    flags = documents(gather(match, session.turns, answer_flags, scores), match)
    document: Document = {
        "id": id,
        "interview_id": interview_id,
        "application_id": application_id,
        "completed_at": completed_at.isoformat(),
        "language": "zh-CN" if session.language == "zh" else "en",
        "overall": {
            "score": total,
            "max": 100,
            "recommendation": advise(total, scores, match),
            "confidence": scores.confidence,
        },
        "scores": {**{dimension.key: dimension.score for dimension in scores.dimensions}, "resume_match": match.score},
        "dimensions": [*(_dimension(dimension) for dimension in scores.dimensions), _resume(match, resume_weight)],
        "answers": _answers(session, scores.answers),
        "resume_match": match.document(),
        "red_flags": flags,
        "red_flag_count": len(flags),
        "rubric": name(),
        "model": MODEL,
        "created_at": completed_at.isoformat(),
    }
    summary: Json = dict(prose.summary(document, job.title))
    document["summary"] = summary
    document["text"] = dict(prose.full_text(document, job.title))
    return Report(document)


def _dimension(dimension: DimensionScore) -> Json:
    return {
        "key": dimension.key,
        "label": dict(label(rubric()["dimensions"][dimension.key])),
        "score": dimension.score,
        "max": 100,
        "weight": dimension.weight,
        "interval": {"low": dimension.low, "high": dimension.high},
        "comment": dict(prose.comment(dimension)),
        "evidence": [{"question_id": quote.question_id, "quote": quote.text} for quote in dimension.evidence],
    }


def _resume(match: MatchResult, weight: float) -> Json:
    lines = dict.fromkeys(met.quote.lstrip("-•* ") for met in match.met_must)
    quotes: list[Json] = [{"quote": line} for line in list(lines)[:3]]
    return {
        "key": "resume_match",
        "label": dict(label(rubric()["resume_match"])),
        "score": match.score,
        "max": 100,
        "weight": weight,
        "comment": dict(match.explanation),
        "evidence": quotes,
    }


def _answers(session: Session, by_question: dict[str, float]) -> list[Json]:
    out: list[Json] = []
    for turn in session.turns:
        entry: Document = {"question_id": turn.question.id, "question": turn.question.text, "answer": turn.answer}
        if turn.question.follow_up_of:
            entry["follow_up_of"] = turn.question.follow_up_of
        if turn.question.dimensions:
            entry["competency"] = turn.question.dimensions[0]
        if turn.question.id in by_question:
            entry["score"] = by_question[turn.question.id]
        out.append(entry)
    return out
