"""Rules made ready to run: closures that decide, and the same answer with its reasons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import assert_never

from hub.domain.rules.explaining import Explain, explainer
from hub.domain.rules.limits import Box
from hub.domain.rules.logic import Verdict, as_item, negate, tally
from hub.domain.rules.operators import Test, test_of
from hub.domain.rules.regions import ANYWHERE, region
from hub.domain.rules.tags import asks_tags
from hub.domain.rules.tree import (
    Action,
    Clause,
    Condition,
    Each,
    EachMode,
    Group,
    GroupMode,
    Message,
    RuleBody,
    RunMode,
    Step,
    walk_steps,
)
from mappings.documents import MISSING, Document, parse_path, walk

Decide = Callable[[Document, datetime], Verdict]
Act = tuple[str, str]  # connection, operation


@dataclass(frozen=True, slots=True)
class Leaf:
    """One clause by itself. `wanted` False: it stands under an odd number of `none` groups."""

    id: str
    wanted: bool
    decide: Decide


@dataclass(frozen=True)
class CompiledRule:
    """A rule that can be asked.

    `decide(data, now)` is True (fires), False, or None: not enough is known. `explain(data, now)` is the same verdict
    with every condition's own answer; nothing is cut short.
    """

    body: RuleBody
    decide: Decide = field(compare=False, repr=False)
    explain: Explain = field(compare=False, repr=False)
    leaves: tuple[Leaf, ...] = field(compare=False, repr=False)
    needs_run: bool = field(compare=False, repr=False)
    steps: tuple[Action, ...] = field(compare=False, repr=False)  # every call that it can make, in order

    @property
    def on(self) -> str:
        """The type of event that it listens to."""
        return self.body.on

    @property
    def mode(self) -> RunMode:
        """Whether its steps are carried out or only told."""
        return self.body.guards.mode

    @cached_property
    def asks_tags(self) -> bool:
        """Whether its condition looks at the words on the candidate."""
        return asks_tags(self.body.when)

    @cached_property
    def region(self) -> tuple[Box, ...]:
        """Where it fires, as boxes; made once, when overlaps are first asked for."""
        return (ANYWHERE,) if self.body.when is None else region(self.body.when)

    @cached_property
    def acts(self) -> tuple[Act, ...]:
        """What its steps carry out, each once."""
        return tuple({(step.connection, step.operation): None for step in self.steps})

    def failing(self, data: Document, now: datetime) -> tuple[str, ...]:
        """Ids of the clauses that stand in the way: false or unknown (under `none`: true or unknown).

        A condition over a list counts as one clause, under its own id.
        """
        return tuple([leaf.id for leaf in self.leaves if leaf.decide(data, now) is not leaf.wanted])

    def because(self, data: Document, now: datetime) -> tuple[str, ...]:
        """Ids of the clauses that speak for it: true (under `none`: false)."""
        return tuple([leaf.id for leaf in self.leaves if leaf.decide(data, now) is leaf.wanted])


def compile_rule(body: RuleBody) -> CompiledRule:
    """The rule as closures; everything that can be prepared is. Raises Invalid for a value that suits no operator."""
    leaves: list[Leaf] = []
    decide = _always if body.when is None else _compile(body.when, True, leaves)
    calls = tuple([call for _, step in walk_steps(body.then) if (call := call_of(step)) is not None])
    return CompiledRule(body, decide, explainer(body.when), tuple(leaves), body.needs_run, calls)


def compile_condition(condition: Condition) -> Decide:
    """A condition by itself as a closure."""
    return _compile(condition, True, [])


def call_of(step: Step) -> Action | None:
    """The call of a connection that a step is, if it is one."""
    match step:
        case Action():
            return step
        case Message():
            return step.action
        case _:
            return None


def _always(_data: Document, _now: datetime) -> Verdict:
    return True


def _compile(condition: Condition, wanted: bool, leaves: list[Leaf]) -> Decide:
    match condition:
        case Group(mode=mode, items=items):
            inside = wanted is not (mode is GroupMode.NONE)
            return _group(mode, tuple(_compile(item, inside, leaves) for item in items))
        case Clause(field=path, op=op, value=value):
            decide = _leaf(path, test_of(op, value))
        case Each(field=path, mode=each_mode, when=when, count=count):
            decide = _each(path, each_mode, count, _compile(when, True, []))
        case _:
            assert_never(condition)
    leaves.append(Leaf(condition.id, wanted, decide))
    return decide


def _leaf(path: str, test: Test) -> Decide:
    """Read and test. One- to three-step paths, nearly all there are, are read without a loop."""
    match parse_path(path):
        case (str(a),):
            return lambda data, now: test(data.get(a, MISSING), now)
        case (str(a), str(b)):

            def second(data: Document, now: datetime) -> Verdict:
                value = data.get(a)
                return test(value.get(b, MISSING) if isinstance(value, dict) else MISSING, now)

            return second
        case (str(a), str(b), str(c)):

            def third(data: Document, now: datetime) -> Verdict:
                value = data.get(a)
                if isinstance(value, dict):
                    value = value.get(b)
                    if isinstance(value, dict):
                        return test(value.get(c, MISSING), now)
                return test(MISSING, now)

            return third
        case steps:
            return lambda data, now: test(walk(data, steps), now)


def _group(mode: GroupMode, items: tuple[Decide, ...]) -> Decide:
    def every(data: Document, now: datetime) -> Verdict:
        verdict: Verdict = True
        for item in items:
            answer = item(data, now)
            if answer is False:
                return False
            if answer is None:
                verdict = None
        return verdict

    def some(data: Document, now: datetime) -> Verdict:
        verdict: Verdict = False
        for item in items:
            answer = item(data, now)
            if answer is True:
                return True
            if answer is None:
                verdict = None
        return verdict

    def none(data: Document, now: datetime) -> Verdict:
        return negate(some(data, now))

    match mode:
        case GroupMode.ALL:
            return every
        case GroupMode.ANY:
            return some
        case GroupMode.NONE:
            return none
        case _:
            assert_never(mode)


def _each(path: str, mode: EachMode, count: int, inner: Decide) -> Decide:
    steps = parse_path(path)

    def each(data: Document, now: datetime) -> Verdict:
        items = walk(data, steps)
        if not isinstance(items, list):
            return None
        return tally(mode, count, [inner(as_item(item), now) for item in items])

    return each
