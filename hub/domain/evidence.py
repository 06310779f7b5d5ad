"""Controls of a standard, what speaks for each of them, and how far each is met. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hub.domain.in_force import Fact, Standing, worst

Words = Mapping[str, str]  # language -> text


class Result(StrEnum):
    """How a named test ended in the run that was given."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_RUN = "not_run"


@dataclass(frozen=True, slots=True)
class Topic:
    """One property: the facts it rests on, the tests that prove it, where it is on record."""

    id: str
    name: Words
    facts: tuple[str, ...]
    tests: tuple[str, ...]
    log: str


@dataclass(frozen=True, slots=True)
class Control:
    """One demand of a standard, and what we claim of it at best. `gap`: why not more; `reason`: why it is none of ours."""

    id: str
    name: Words
    topics: tuple[Topic, ...] = ()
    claim: Standing = Standing.MET
    gap: Words | None = None
    reason: Words | None = None
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Standard:
    """A list of controls. `groups`: the beginning of an id -> what stands under it."""

    id: str
    name: Words
    about: Words
    groups: Mapping[str, Words]
    controls: tuple[Control, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A control as it stands here and now."""

    control: Control
    standing: Standing
    facts: tuple[Fact, ...]
    results: Mapping[str, Result]  # of its tests; empty where no run was given


def judge(control: Control, facts: Mapping[str, Fact], results: Mapping[str, Result] | None) -> Finding:
    """The claim, lowered by what is in force and by tests that did not pass. Nothing ever raises it."""
    if control.claim is Standing.NOT_APPLICABLE:
        return Finding(control, control.claim, (), {})
    found = tuple(facts[name] for name in dict.fromkeys(n for topic in control.topics for n in topic.facts))
    tests = dict.fromkeys(name for topic in control.topics for name in topic.tests)
    told = {} if results is None else {name: results.get(name, Result.NOT_RUN) for name in tests}
    standings = [control.claim, *(fact.standing for fact in found), *(_of(one) for one in told.values())]
    return Finding(control, worst(*standings), found, told)


def _of(result: Result) -> Standing:
    match result:
        case Result.PASSED:
            return Standing.MET
        case Result.FAILED:
            return Standing.UNMET
        case Result.SKIPPED | Result.NOT_RUN:
            return Standing.PARTLY


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Unmet first, then partly, met, not applicable; within each as the standard has them."""
    return sorted(findings, key=lambda one: list(Standing).index(one.standing))


def counted(findings: Sequence[Finding]) -> dict[str, int]:
    """How many stand where."""
    return {str(one): sum(finding.standing is one for finding in findings) for one in Standing}
