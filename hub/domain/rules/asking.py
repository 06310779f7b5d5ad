"""Many rules asked at once about one event: the verdicts of all, without asking those that one look tells apart.

Most rules of an event begin with the same few questions (`recommendation is recommend`, `role is sales`). Where a rule
wants *all* of its conditions and one of them wants a text to be this or one of these, an event with another text there is
a certain no, whatever the rest says (Kleene: one no in *all* is no). Absent or of another type it stays to be asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from hub.domain.rules.compiling import CompiledRule, Decide
from hub.domain.rules.logic import Verdict
from hub.domain.rules.tree import Clause, Condition, Group, GroupMode, Op
from mappings.documents import Document, parse_path, walk

_Question = tuple[int, Decide]  # the place of the rule, and what is asked


class AllAtOnce:
    """The rules that listen to one type of event."""

    def __init__(self, rules: Sequence[CompiledRule]) -> None:
        self._count = len(rules)
        self._rest: list[_Question] = []
        by_path: defaultdict[str, list[tuple[_Question, frozenset[str]]]] = defaultdict(list)
        for place, rule in enumerate(rules):
            told_apart = _most_telling(rule.body.when)
            if told_apart is None:
                self._rest.append((place, rule.decide))
            else:
                by_path[told_apart[0]].append(((place, rule.decide), told_apart[1]))
        self._tables = [(parse_path(path), *_table(found)) for path, found in by_path.items()]

    def __call__(self, data: Document, now: datetime) -> list[Verdict]:
        """Each rule's verdict, in the order of the rules."""
        verdicts: list[Verdict] = [False] * self._count
        for place, decide in self._rest:
            verdicts[place] = decide(data, now)
        for steps, by_text, everyone in self._tables:
            found = walk(data, steps)
            for place, decide in by_text.get(found, ()) if isinstance(found, str) else everyone:
                verdicts[place] = decide(data, now)
        return verdicts


def _table(
    found: Sequence[tuple[_Question, frozenset[str]]],
) -> tuple[dict[str, tuple[_Question, ...]], tuple[_Question, ...]]:
    by_text: defaultdict[str, list[_Question]] = defaultdict(list)
    for question, texts in found:
        for text in texts:
            by_text[text].append(question)
    return {text: tuple(some) for text, some in by_text.items()}, tuple([question for question, _ in found])


def _most_telling(when: Condition | None) -> tuple[str, frozenset[str]] | None:
    """The path and the texts of the condition that the fewest texts meet, of those that all must hold."""
    return min(_texts(when), key=lambda one: len(one[1]), default=None)


def _texts(node: Condition | None) -> Iterator[tuple[str, frozenset[str]]]:
    match node:
        case Group(mode=GroupMode.ALL, items=items):
            for item in items:
                yield from _texts(item)
        case Clause(field=path, op=Op.EQ, value=str(text)):
            yield path, frozenset({text})
        case Clause(field=path, op=Op.IN, value=list(values)) if all(isinstance(value, str) for value in values):
            yield path, frozenset(str(value) for value in values)
        case _:
            pass
