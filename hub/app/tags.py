"""The words on candidates, now and as they were, for rules that ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from hub.domain.ids import TenantId
from hub.domain.rules.tags import with_tags
from hub.ports.arrivals import StoredEvent
from hub.ports.runs import TagChange
from hub.ports.store import Store
from mappings.documents import Document

Words = Mapping[str, Sequence[str]]  # candidate -> words


def words_then(changes: Iterable[TagChange], at: datetime) -> list[str]:
    """The words on a candidate at that moment, by what came and went before it."""
    found: dict[str, None] = {}
    for change in changes:
        if change.at >= at:  # an event comes before the word that it is the reason for
            continue
        if change.put:
            found[change.tag] = None
        else:
            found.pop(change.tag, None)
    return sorted(found)


async def words_now(store: Store, tenant: TenantId, subjects: Iterable[str | None]) -> Words:
    """The words on these candidates; asks nothing where there are none."""
    wanted = {subject for subject in subjects if subject is not None}
    if not wanted:
        return {}
    async with store.look() as look:
        return await look.tags_of(tenant, wanted)


async def as_it_was(store: Store, stored: StoredEvent, data: Document) -> Document:
    """The event's data as rules saw it when it came."""
    if stored.subject is None:
        return data
    async with store.look() as look:
        changes = await look.tag_changes(stored.tenant, [stored.subject])
    return with_tags(data, words_then(changes.get(stored.subject, ()), stored.received_at))
