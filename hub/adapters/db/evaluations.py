"""What rules said of events, as it is stored."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hub.adapters.db.statements import Statements
from hub.domain.ids import RevisionId
from hub.ports.arrivals import Arrival
from hub.ports.rules import Evaluated
from mappings.documents import written as json_bytes


async def keep_observed(hot: Statements, arrivals: Sequence[Arrival]) -> None:
    """A row for each time that a rule would have acted on these new arrivals and could not, or was told beside another."""
    rows = [
        (one.revision, hot.event_key(arrival.event.id), one.versus)
        for arrival in arrivals
        for one in arrival.evaluated
        if one.noteworthy
    ]
    if rows:
        await hot.insert("observation", "revision_id, event_id, versus", rows)


def written(evaluated: Sequence[Evaluated]) -> str | None:
    """As it stands beside the event's body; None where no rule listened."""
    if not evaluated:
        return None
    return json_bytes([[one.revision, one.verdict, one.how, *one.failing] for one in evaluated]).decode()


def read(text: str) -> list[Evaluated]:
    """What `written` wrote."""
    return [
        Evaluated(RevisionId(revision), verdict, how, tuple(failing))
        for revision, verdict, how, *failing in json.loads(text)
    ]
