"""What is asked and what was answered."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    `concepts` are the ideas a good answer touches, each as alternative words; `grounds` is the line of the resume or of
    the job that it rests on; a follow-up names the question it belongs to and the `trigger` that asked it. Answers to a
    question that is not `scored` enter no score.
    """

    id: str
    kind: str
    text: str
    dimensions: tuple[str, ...] = ()
    concepts: tuple[tuple[str, ...], ...] = ()
    grounds: str = ""
    follow_up_of: str | None = None
    trigger: str | None = None
    scored: bool = True

    @property
    def root(self) -> str:
        """The id of the planned question this belongs to."""
        return self.follow_up_of or self.id

    def document(self) -> Document:
        """As JSON."""
        document = asdict(self)
        document["dimensions"] = list(self.dimensions)
        document["concepts"] = [list(words) for words in self.concepts]
        return document

    @classmethod
    def read(cls, document: dict[str, Any]) -> Question:
        """From JSON as `document` wrote it. Raises KeyError or TypeError for anything else."""
        values = {field.name: document[field.name] for field in fields(cls)}
        values["dimensions"] = tuple(values["dimensions"])
        values["concepts"] = tuple(tuple(words) for words in values["concepts"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer (empty: the candidate said nothing)."""

    question: Question
    answer: str
