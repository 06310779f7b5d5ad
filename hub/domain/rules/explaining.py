"""Why a rule said what it said: every condition with what was wanted, what was there, and its verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from hub.domain.rules.logic import Verdict, as_item, join, tally
from hub.domain.rules.operators import test_of
from hub.domain.rules.tree import UNARY, Clause, Condition, Each, EachMode, Group, GroupMode, Op
from mappings.documents import Document, Json, Missing, parse_path, walk


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
    """A condition over a list, with the answer for every item. `listed` False: there was no list at all."""

    id: str
    field: str
    mode: EachMode
    count: int
    when: Condition
    verdict: Verdict
    reason: Reason
    items: tuple[Answer, ...]
    listed: bool
    negated: bool = False


Answer = ClauseAnswer | GroupAnswer | EachAnswer


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict and its reasons. `root` None: the rule has no condition and fires always."""

    verdict: Verdict
    root: Answer | None


Explain = Callable[[Document, datetime], Explanation]
_Answering = Callable[[Document, datetime], Answer]


def explainer(condition: Condition | None) -> Explain:
    """A function that answers every condition of the tree; none is left out because another has decided already."""
    if condition is None:
        always = Explanation(True, None)
        return lambda _data, _now: always
    answering = _answering(condition, False)

    def explain(data: Document, now: datetime) -> Explanation:
        root = answering(data, now)
        return Explanation(root.verdict, root)

    return explain


def _answering(condition: Condition, negated: bool) -> _Answering:
    match condition:
        case Clause():
            return _clause(condition, negated)
        case Group():
            return _group(condition, negated)
        case Each():
            return _each(condition, negated)
        case _:
            assert_never(condition)


def _group(group: Group, negated: bool) -> _Answering:
    id, mode = group.id, group.mode
    parts = tuple(_answering(item, negated is not (mode is GroupMode.NONE)) for item in group.items)

    def answer(data: Document, now: datetime) -> GroupAnswer:
        answers = tuple([part(data, now) for part in parts])
        return GroupAnswer(id, mode, join(mode, [part.verdict for part in answers]), answers, negated)

    return answer


def _clause(clause: Clause, negated: bool) -> _Answering:
    id, field, op, wanted = clause.id, clause.field, clause.op, clause.value
    steps = parse_path(field)
    test = test_of(op, wanted)
    sees_absence = op in UNARY

    def answer(data: Document, now: datetime) -> ClauseAnswer:
        actual = walk(data, steps)
        verdict = test(actual, now)
        absent = not sees_absence and (actual is None or isinstance(actual, Missing))
        return ClauseAnswer(id, field, op, wanted, actual, verdict, _reason(verdict, absent), negated)

    return answer


def _each(each: Each, negated: bool) -> _Answering:
    steps = parse_path(each.field)
    inner = _answering(each.when, negated)

    def answer(data: Document, now: datetime) -> EachAnswer:
        found = walk(data, steps)
        answers: tuple[Answer, ...] = ()
        verdict: Verdict = None
        absent = found is None or isinstance(found, Missing)
        if isinstance(found, list):
            answers = tuple(inner(as_item(item), now) for item in found)
            verdict = tally(each.mode, each.count, [item.verdict for item in answers])
            absent = verdict is None
        return EachAnswer(
            each.id,
            each.field,
            each.mode,
            each.count,
            each.when,
            verdict,
            _reason(verdict, absent),
            answers,
            isinstance(found, list),
            negated,
        )

    return answer


def _reason(verdict: Verdict, absent: bool) -> Reason:
    if absent:
        return Reason.MISSING
    if verdict is None:
        return Reason.WRONG_TYPE
    return Reason.HOLDS if verdict else Reason.FAILS
