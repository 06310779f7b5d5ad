"""A rule's steps as a program: every step by its id, and what comes after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.domain.rules.compiling import Decide, compile_condition
from hub.domain.rules.tags import branches_ask_tags
from hub.domain.rules.tree import Branch, Gate, RuleBody, Step, Wait, walk_steps


@dataclass(frozen=True, slots=True)
class Program:
    """`after` says which step follows; None is the end. There are no loops, so a run takes a step once at most."""

    body: RuleBody
    steps: Mapping[str, Step]
    after: Mapping[str, str | None]
    asks: Mapping[str, Decide]  # branch id -> its condition
    asks_tags: bool = False  # whether a branch looks at the words on the candidate

    @property
    def first(self) -> str:
        """Where a run begins."""
        return self.body.then[0].id

    @property
    def awaited(self) -> frozenset[str]:
        """The event types that it can wait for."""
        return frozenset(step.event for step in self.steps.values() if isinstance(step, Wait))


def compile_program(body: RuleBody) -> Program:
    """The program of a rule."""
    steps = {step.id: step for _, step in walk_steps(body.then)}
    after: dict[str, str | None] = {}
    _link(body.then, None, after)
    asks = {id: compile_condition(step.when) for id, step in steps.items() if isinstance(step, Branch)}
    return Program(body, steps, after, asks, branches_ask_tags(body))


def _link(steps: tuple[Step, ...], end: str | None, after: dict[str, str | None]) -> None:
    for number, step in enumerate(steps, 1):
        following = steps[number].id if number < len(steps) else end
        after[step.id] = following
        match step:
            case Branch(then=then, otherwise=otherwise):
                _link(then, following, after)
                _link(otherwise, following, after)
            case Wait(late=late):
                _link(late, None, after)
            case Gate(late=late, rejected=rejected):
                _link(late, None, after)
                _link(rejected, None, after)
            case _:
                pass
