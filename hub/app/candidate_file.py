"""A candidate's file, part by part: the newest thing that an event said of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.app.queries import Queries
from hub.domain.errors import Conflict, NotFound
from hub.domain.ids import EventId, TenantId
from hub.domain.permissions import masked
from hub.ports.arrivals import StoredEvent
from hub.ports.store import Page
from mappings.canonical import event_schema
from mappings.documents import Document, Json

EVENTS = 100  # of a candidate that are looked through
RESUME = frozenset({
    "resume", "documents", "educations", "experiences", "skills", "languages", "certificates", "headline",
    "current_employer", "current_title", "years_of_experience", "highest_level",
})  # fmt: skip
# part -> the field of an event's data, which of its fields belong to it (None: all), and which are its outcome.
PARTS: Mapping[str, tuple[str, frozenset[str] | None, frozenset[str]]] = {
    "profile": ("candidate", None, frozenset()),
    "resume": ("candidate", RESUME, frozenset()),
    "report": ("report", None, frozenset({"id", "overall"})),
    "check": ("background_check", None, frozenset({"id", "status", "eta"})),
}
OVERALL = frozenset({"score", "max"})


@dataclass(frozen=True, slots=True)
class FilePart:
    """One part as it may be shown, and the event that told it."""

    event: EventId
    at: datetime
    data: Document


@dataclass(frozen=True, slots=True)
class CandidateFile:
    """Reads what is stored; nothing is kept beside the events."""

    queries: Queries

    async def __call__(
        self, tenant: TenantId, candidate: str, part: str, *, show: int, outcome_only: bool = False
    ) -> FilePart:
        """Fields above `show` are hidden; `outcome_only`: a score or a status. Raises NotFound."""
        field, own, outcome = PARTS[part]
        async with self.queries.store.look() as look:
            events = await look.events(tenant, Page(EVENTS), subject=candidate)
        newest, found = None, Document()
        for event in events:
            said = _of_part((await self._data(event)).get(field), own)
            if said and newest is None:
                newest = event
            found = {**said, **found}  # what a later event said of a field stands
            if found and field != "candidate":
                break  # a report or a check is one thing, not the sum of several
        if newest is None:
            raise NotFound("nothing is known of this")
        schema: Any = event_schema(newest.type, newest.version)
        fields = schema["properties"][field]
        if outcome_only:
            found = _outcome(found, outcome)
        level = max(show, 3) if outcome_only else show  # an outcome is what its reader may know
        return FilePart(newest.id, newest.received_at, masked(found, fields, level))

    async def _data(self, event: StoredEvent) -> Document:
        try:
            return await self.queries.data(event)
        except Conflict as error:
            if error.code != "key_destroyed":
                raise
            return {}  # of a life before an erasure


def _of_part(value: Json, own: frozenset[str] | None) -> Document:
    if not isinstance(value, dict):
        return {}
    return {name: one for name, one in value.items() if own is None or name in own}


def _outcome(found: Document, outcome: frozenset[str]) -> Document:
    kept: Document = {name: one for name, one in found.items() if name in outcome}
    overall = kept.get("overall")
    if isinstance(overall, dict):
        kept["overall"] = {name: one for name, one in overall.items() if name in OVERALL}
    return kept
