"""From an event to the steps that its rules want."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.domain.events import Event
from hub.domain.ids import RevisionId, RuleId
from hub.domain.rules.compiling import CompiledRule
from hub.domain.rules.tree import Action, RunMode


@dataclass(frozen=True, slots=True)
class LiveRule:
    """A rule in force: its revision, ready to run."""

    rule: RuleId
    revision: RevisionId
    name: str
    compiled: CompiledRule


@dataclass(frozen=True, slots=True)
class Decision:
    """One step to take for an event. `because`: ids of the clauses that spoke for it."""

    rule: RuleId
    revision: RevisionId
    step: Action
    because: tuple[str, ...]


class RuleIndex:
    """The rules of one tenant by the event type they listen to, in the order given."""

    def __init__(self, rules: Iterable[LiveRule]) -> None:
        by_type: defaultdict[str, list[LiveRule]] = defaultdict(list)
        for rule in rules:
            by_type[rule.compiled.on].append(rule)
        self._by_type = {type: tuple(found) for type, found in by_type.items()}

    def on(self, type: str) -> tuple[LiveRule, ...]:
        """The rules that listen to this type of event."""
        return self._by_type.get(type, ())


def firing(
    event: Event, rules: Sequence[LiveRule] | RuleIndex, now: datetime, *, mode: RunMode = RunMode.LIVE
) -> Iterator[LiveRule]:
    """The rules that are certain (verdict True) about the event, in order.

    Rules in observe mode are left out, so that nobody carries out their steps by mistake; ask with
    `mode=RunMode.OBSERVE` for those that would have fired.
    """
    for rule in rules.on(event.type) if isinstance(rules, RuleIndex) else rules:
        compiled = rule.compiled
        if compiled.on == event.type and compiled.mode is mode and compiled.decide(event.data, now) is True:
            yield rule


def plan(
    event: Event, rules: Sequence[LiveRule] | RuleIndex, now: datetime, *, mode: RunMode = RunMode.LIVE
) -> Iterator[Decision]:
    """The calls that the firing rules can make, in order of rule and step, each with the clauses that spoke for it."""
    for rule in firing(event, rules, now, mode=mode):
        because = rule.compiled.because(event.data, now)
        for step in rule.compiled.steps:
            yield Decision(rule.rule, rule.revision, step, because)
