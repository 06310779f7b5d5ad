"""One interview as a value that can be stored between any two messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ai_engine.interview import packs
from ai_engine.interview.follow_up import Facts, follow_up
from ai_engine.interview.plan import plan
from ai_engine.interview.question import Question, Turn
from ai_engine.match.job import JobSpec
from ai_engine.records import Extraction, Language
from hub.domain.errors import Conflict, Invalid
from mappings.documents import Document

MAX_ANSWER = 20_000
_VERSION = 1


@dataclass(slots=True)
class Session:
    """An interview in progress. `next` tells what to ask; asking again before an answer gives the same question."""

    candidate_id: str
    job_id: str
    pack: str
    language: Language
    planned: tuple[Question, ...]
    facts: Facts
    turns: list[Turn] = field(default_factory=list)
    pending: Question | None = None

    def next(self) -> Question | None:
        """The question that waits for an answer, or None when the interview is over."""
        if self.pending is not None:
            return self.pending
        asked = {turn.question.id for turn in self.turns}
        return next((question for question in self.planned if question.id not in asked), None)

    def answer(self, text: str) -> None:
        """Take the answer to `next()`; an empty one means that nothing was said.

        Raises Invalid (`answer_too_long`) and Conflict (`interview_over`).
        """
        if len(text) > MAX_ANSWER:
            raise Invalid(f"an answer may hold {MAX_ANSWER} characters", code="answer_too_long")
        question = self.next()
        if question is None:
            raise Conflict("the interview is over: nothing is left to answer", code="interview_over")
        turn = Turn(question, text.strip())
        self.pending = follow_up(turn, self.turns, self.facts, self.language)
        self.turns.append(turn)

    @property
    def over(self) -> bool:
        """Nothing is left to ask."""
        return self.next() is None

    def closing(self) -> str:
        """What to say at the end."""
        text: str = packs.pack("shared")["closing"][self.language]
        return text

    def state(self) -> Document:
        """Everything, as JSON. It holds the candidate's words: store it encrypted."""
        return {
            "version": _VERSION,
            "candidate_id": self.candidate_id,
            "job_id": self.job_id,
            "pack": self.pack,
            "language": self.language,
            "planned": [question.document() for question in self.planned],
            "facts": self.facts.document(),
            "turns": [{"question": turn.question.document(), "answer": turn.answer} for turn in self.turns],
            "pending": self.pending.document() if self.pending else None,
        }

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Session:
        """The session that `state` was taken from. Raises Invalid (`bad_state`)."""
        try:
            if state["version"] != _VERSION:
                raise Invalid("an interview state of another version", code="bad_state", at="version")
            facts = state["facts"]
            return cls(
                candidate_id=state["candidate_id"],
                job_id=state["job_id"],
                pack=state["pack"],
                language=state["language"],
                planned=tuple(Question.read(question) for question in state["planned"]),
                facts=Facts(
                    facts["pack"],
                    float(facts["years"]),
                    tuple(facts["skills"]),
                    tuple((job[0], job[1], job[2]) for job in facts["jobs"]),
                ),
                turns=[Turn(Question.read(turn["question"]), turn["answer"]) for turn in state["turns"]],
                pending=Question.read(state["pending"]) if state["pending"] else None,
            )
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise Invalid("not an interview state", code="bad_state") from error


def start(candidate: Extraction, job: JobSpec, language: Language) -> Session:
    """Open an interview. Nothing but its arguments decides what will be asked."""
    return Session(
        candidate_id=str(candidate.candidate["id"]),
        job_id=job.id,
        pack=job.pack,
        language=language,
        planned=tuple(plan(candidate, job, language)),
        facts=Facts.of(candidate, job.pack),
    )
