"""What the rules in force said of an event, as it is kept: ids alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from hub.domain.ids import RuleId
from hub.domain.rules import LiveRule, RunMode
from hub.ports.rules import BESIDE, Evaluated
from mappings.documents import Document

MOST_RULES = 200  # of one event: the rest is not kept, and computed again when somebody asks
MOST_CLAUSES = 16


def kept(
    data: Document, rules: Sequence[LiveRule], verdicts: Sequence[bool | None], now: datetime, stopped: bool
) -> tuple[Evaluated, ...]:
    """What goes into the record: a bounded number of rules and clauses."""
    return tuple(
        [
            Evaluated(
                rule.revision,
                verdict,
                "live" if rule.compiled.mode is RunMode.LIVE else "stopped" if stopped else "observe",
                () if verdict is True else rule.compiled.failing(data, now)[:MOST_CLAUSES],
            )
            for rule, verdict in zip(rules[:MOST_RULES], verdicts, strict=False)
        ]
    )


def told_beside(
    data: Document,
    rules: Sequence[LiveRule],
    verdicts: Sequence[bool | None],
    now: datetime,
    beside: Mapping[RuleId, LiveRule],
) -> tuple[Evaluated, ...]:
    """What revisions say that are told beside the ones in force, and how they stand to them."""
    found = []
    for rule, live in zip(rules, verdicts, strict=True):
        tried = beside.get(rule.rule)
        if tried is not None:
            verdict = tried.compiled.decide(data, now)
            failing = () if verdict is True else tried.compiled.failing(data, now)[:MOST_CLAUSES]
            found.append(Evaluated(tried.revision, verdict, versus(verdict is True, live is True), failing))
    return tuple(found)


def versus(new: bool, live: bool) -> str:
    """How one revision that would act, or not, stands to another."""
    if new:
        return "both" if live else "newly"
    return "no_longer" if live else BESIDE
