"""What rules said of events: one row for each event, and one for each time that a rule would have acted and could not."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hub.adapters.db.statements import Statements
from hub.domain.ids import RevisionId
from hub.ports.rules import Evaluated
from hub.ports.store import Arrival


async def keep_evaluated(hot: Statements, arrivals: Sequence[Arrival]) -> None:
    """Write the rows of these new arrivals."""
    rows, told = [], []
    for arrival in arrivals:
        if not arrival.evaluated:
            continue
        key = hot.event_key(arrival.event.id)
        rows.append((key, arrival.event.tenant, written(arrival.evaluated)))
        told += [(one.revision, key) for one in arrival.evaluated if one.verdict is True and one.how != "live"]
    if rows:
        await hot.insert("evaluation", "event_id, tenant_id, verdicts", rows)
    if told:
        await hot.insert("observation", "revision_id, event_id", told)


def written(evaluated: Sequence[Evaluated]) -> str:
    """As it is stored."""
    return json.dumps([[one.revision, one.verdict, one.how, *one.failing] for one in evaluated], separators=(",", ":"))


def read(text: str) -> list[Evaluated]:
    """What `written` wrote."""
    return [
        Evaluated(RevisionId(revision), verdict, how, tuple(failing))
        for revision, verdict, how, *failing in json.loads(text)
    ]
