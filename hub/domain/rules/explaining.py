"""Why a rule said what it said: every condition with what was wanted, what was there, and its verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from hub.domain.rules.logic import Verdict, as_item, join, negate, tally
from hub.domain.rules.operators import test_of
from hub.domain.rules.tree import UNARY, Clause, Condition, Each, EachMode, Group, GroupMode, Op
from mappings.documents import Document, Json, Missing, lookup


class Reason(StrEnum):
    """Why a clause answers as it does. Absence and a wrong type are reasons of their own."""

    HOLDS = "holds"
    FAILS = "fails"
    MISSING = "missing"  # nothing at the path, or null
    WRONG_TYPE = "wrong_type"  # there is a value, of a type that the clause does not speak of


@dataclass(frozen=True, slots=True)
class ClauseAnswer:
    """One clause. `negated`: it stands under an odd number of `none` groups, so the rule wants it false."""

    id: str
    field: str
    op: Op
    wanted: Json
    actual: Json | Missing
    verdict: Verdict
    reason: Reason
    negated: bool = False


@dataclass(frozen=True, slots=True)
class GroupAnswer:
    """A group with the answers of all its items."""

    id: str
    mode: GroupMode
    verdict: Verdict
    items: tuple[Answer, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class EachAnswer:
    """A condition over a list, with the answer for every item; `reason` says if there was no list at all."""

    id: str
    field: str
    mode: EachMode
    count: int
    when: Condition
    verdict: Verdict
    reason: Reason
    items: tuple[Answer, ...]
    negated: bool = False


Answer = ClauseAnswer | GroupAnswer | EachAnswer


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict and its reasons. `root` None: the rule has no condition and fires always."""

    verdict: Verdict
    root: Answer | None


def explain(condition: Condition | None, data: Document, now: datetime) -> Explanation:
    """The answer of every condition of the tree; none is left out because another has decided already."""
    if condition is None:
        return Explanation(True, None)
    root = _answer(condition, data, now, False)
    return Explanation(root.verdict, root)


def _answer(condition: Condition, data: Document, now: datetime, negated: bool) -> Answer:
    match condition:
        case Clause():
            return _clause(condition, data, now, negated)
        case Group(id=id, mode=mode, items=items):
            inside = negated is not (mode is GroupMode.NONE)
            answers = tuple(_answer(item, data, now, inside) for item in items)
            return GroupAnswer(id, mode, join(mode, (answer.verdict for answer in answers)), answers, negated)
        case Each():
            return _each(condition, data, now, negated)
        case _:
            assert_never(condition)


def _clause(clause: Clause, data: Document, now: datetime, negated: bool) -> ClauseAnswer:
    actual = lookup(data, clause.field)
    verdict = test_of(clause.op, clause.value)(actual, now)
    absent = actual is None or isinstance(actual, Missing)
    reason = _reason(verdict, absent and clause.op not in UNARY)
    return ClauseAnswer(clause.id, clause.field, clause.op, clause.value, actual, verdict, reason, negated)


def _each(each: Each, data: Document, now: datetime, negated: bool) -> EachAnswer:
    found = lookup(data, each.field)
    answers: tuple[Answer, ...] = ()
    verdict: Verdict = None
    if isinstance(found, list):
        answers = tuple(_answer(each.when, as_item(item), now, negated) for item in found)
        verdict = tally(each.mode, each.count, [answer.verdict for answer in answers])
        reason = Reason.MISSING if verdict is None else _reason(verdict, False)
    else:
        reason = _reason(None, found is None or isinstance(found, Missing))
    return EachAnswer(each.id, each.field, each.mode, each.count, each.when, verdict, reason, answers, negated)


def _reason(verdict: Verdict, absent: bool) -> Reason:
    if absent:
        return Reason.MISSING
    if verdict is None:
        return Reason.WRONG_TYPE
    return Reason.HOLDS if verdict else Reason.FAILS


def clauses_that(explanation: Explanation, held: bool) -> tuple[str, ...]:
    """Ids, in order, of the clauses that spoke for the rule (`held`) or stood in its way (false or unknown).

    A clause that the rule wants false (under `none`) speaks for it by being false. A condition over a list
    counts as one clause, under its own id.
    """
    if explanation.root is None:
        return ()
    return tuple(answer.id for answer in _leaves(explanation.root) if _helps(answer) is held)


def _helps(answer: Answer) -> bool:
    return (negate(answer.verdict) if answer.negated else answer.verdict) is True


def _leaves(answer: Answer) -> Iterator[Answer]:
    if isinstance(answer, GroupAnswer):
        for item in answer.items:
            yield from _leaves(item)
    else:
        yield answer
