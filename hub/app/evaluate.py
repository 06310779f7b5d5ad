"""What the rules in force said of an event, as it is kept: ids alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.domain.rules import LiveRule, RunMode
from hub.ports.clock import Clock
from hub.ports.rules import Evaluated, first_id
from hub.ports.store import Store
from mappings.documents import Document

MOST_RULES = 200  # of one event: the rest is not kept, and computed again when somebody asks
MOST_CLAUSES = 16
KEPT = timedelta(days=90)
AT_ONCE = 1000  # events whose verdicts are dropped in one transaction


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


@dataclass(frozen=True, slots=True)
class Forget:
    """Drops what was said of old events; the events stay, and what rules say of them can be computed again."""

    store: Store
    clock: Clock

    async def __call__(self) -> None:
        """Until nothing older than KEPT is left."""
        before = first_id(self.clock.now() - KEPT)
        while True:
            async with self.store.work() as work:
                if await work.forget_evaluated(before, AT_ONCE) < AT_ONCE:
                    return
