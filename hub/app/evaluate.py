"""What the rules in force said of an event, as it is kept: ids alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hub.domain.rules import LiveRule, RunMode
from hub.ports.rules import Evaluated
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
