"""What an answer shows, as numbers from 0 to 1, and the sentences that show it."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from ai_engine.gazetteer import gazetteer
from ai_engine.interview.question import Question, Turn
from ai_engine.records import Flag
from ai_engine.report.rubric import rubric
from ai_engine.vocabulary import vocabulary
from ai_engine.wording import hits, lexicon, measures, prose, sentences, units, words_pattern

_STAR = ("situation", "task", "action", "result")
_PER_SENTENCE = 3  # a list of buzzwords is one sentence: it touches at most three ideas
_PLAIN = re.compile(r"\W+")


@dataclass(frozen=True, slots=True)
class Response:
    """The answer to a planned question with the answers to its follow-ups, as sentences in the candidate's words."""

    question: Question
    sentences: tuple[str, ...]
    turns: tuple[Turn, ...]

    @property
    def text(self) -> str:
        """All sentences."""
        return "\n".join(self.sentences)


@dataclass(frozen=True, slots=True)
class Features:
    """The features of one response, 0 to 1 each, and how much was said."""

    values: dict[str, float]
    units: float


def responses(turns: Sequence[Turn]) -> tuple[list[Response], list[tuple[Flag, str]]]:
    """One response for each scored question, and what a person should look at: (flag, question id).

    Sentences that speak to a machine, that repeat the question, or that were given to an earlier question already are
    not counted.
    """
    roots: dict[str, list[Turn]] = {}
    for turn in turns:
        if turn.question.scored:
            roots.setdefault(turn.question.root, []).append(turn)
    flags: list[tuple[Flag, str]] = []
    seen: dict[str, str] = {}
    out = []
    for root, own in roots.items():
        kept: list[str] = []
        repeated = 0
        asked = {_plain(sentence) for turn in own for sentence in sentences(turn.question.text)}
        for sentence in (sentence for turn in own for sentence in sentences(turn.answer)):
            plain = _plain(sentence)
            if vocabulary().instructions.search(sentence):
                flags.append((Flag("hidden_instruction", sentence[:300]), root))
            elif not plain or plain in asked:
                continue
            elif plain in seen:
                repeated += len(plain) > 12 and seen[plain] != root
            else:
                seen[plain] = root
                kept.append(sentence)
        if repeated and repeated >= len(kept):
            flags.append((Flag("repeated_answer", own[0].answer[:300]), root))
        out.append(Response(own[0].question, tuple(kept), tuple(own)))
    return out, flags


def features(response: Response) -> Features:
    """Count and divide by what the rubric calls full."""
    full = rubric()["full_at"]
    text = response.text
    said = units(text)
    named = _spread(response, lambda sentence: [mention.id for mention in gazetteer().mentions(sentence)])
    touched = _spread(response, lambda sentence: touched_concepts(response.question, sentence))
    counts = {
        "length": said,
        "structure": _spread(response, lambda sentence: hits("structure", sentence)),
        "star": sum(1 for part in _STAR if hits(part, text)),
        "measures": _spread(response, measures),
        "named": named,
        "reasoning": _spread(response, lambda sentence: hits("reasoning", sentence)),
        "own": len(_all("own", text)),
        "commitment": len(hits("commitment", text)),
        "relevance": touched / max(1, len(response.question.concepts)),
        "result": len(hits("result", text)),
    }
    values = {name: min(1.0, count / full[name]) for name, count in counts.items()}
    poor = len(_all("filler", text)) + len(_all("hedge", text))
    values["fluency"] = max(0.0, 1 - 100 * poor / max(said, 1.0) / rubric()["filler_limit"]) if said else 0.0
    values["prose"] = prose(text)
    return Features(values, said)


def _spread(response: Response, find: Callable[[str], Sequence[Hashable]]) -> int:
    """How many different things `find` sees, counting at most three new ones in a sentence."""
    seen: set[Hashable] = set()
    for sentence in response.sentences:
        seen.update([found for found in dict.fromkeys(find(sentence)) if found not in seen][:_PER_SENTENCE])
    return len(seen)


def touched_concepts(question: Question, sentence: str) -> list[int]:
    """Which of the question's ideas a sentence touches, by number."""
    return [i for i, words in enumerate(question.concepts) if words_pattern(words).search(sentence)]


def weight_of(sentence: str, question: Question, wanted: dict[str, float]) -> float:
    """How much one sentence speaks for a dimension whose features weigh `wanted`."""
    counts = {
        "measures": len(measures(sentence)),
        "named": len(gazetteer().ids(sentence)),
        "reasoning": len(hits("reasoning", sentence)),
        "structure": len(hits("structure", sentence)),
        "own": len(hits("own", sentence)),
        "commitment": len(hits("commitment", sentence)),
        "result": len(hits("result", sentence)),
        "relevance": len(touched_concepts(question, sentence)),
        "star": sum(1 for part in _STAR if hits(part, sentence)),
    }
    return sum(wanted.get(name, 0.0) * min(count, 3) for name, count in counts.items())


def _all(group: str, text: str) -> list[str]:
    return [match.group() for match in lexicon(group).finditer(text)]


def _plain(sentence: str) -> str:
    return _PLAIN.sub("", sentence).lower()
