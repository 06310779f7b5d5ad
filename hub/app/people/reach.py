"""What an object belongs to: the candidate it is about, the requisitions of that candidate, and who works on those."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hub.app.consents import recording_withdrawn
from hub.app.media.media import Media
from hub.app.places import body_place
from hub.domain.errors import Conflict, Invalid, NotFound
from hub.domain.ids import DeliveryId, RunId, TenantId, event_id, read
from hub.domain.permissions import Object
from hub.ports.accounts import Requisition
from hub.ports.arrivals import StoredEvent
from hub.ports.store import Page, Store
from hub.ports.vault import Vault
from mappings.documents import Document

EVENTS = 50  # of a candidate that are looked into for the jobs they are about


@dataclass(frozen=True, slots=True)
class Reach:
    """Finds the candidate behind an id, and what decides about it."""

    store: Store
    vault: Vault
    media: Media | None = None

    async def object(self, tenant: TenantId, names: Mapping[str, str]) -> Object:
        """The object that a request names. What is not there belongs to nobody: whoever needs an assignment is refused."""
        candidate = await self._candidate(tenant, names)
        if candidate is None:
            return Object(tenant)
        return await self.candidate(tenant, candidate)

    async def candidate(self, tenant: TenantId, candidate: str) -> Object:
        """A candidate: of the nodes of its requisitions, assigned to whoever works on one of them."""
        async with self.store.look() as look:
            events = await look.events(tenant, Page(EVENTS), subject=candidate)
            known = {one.id: one for one in await look.records(Requisition, tenant)}
        await self.vault.prepare(tenant, sealed=[event.body for event in events])
        jobs = {job for event in events for job in _jobs(self._data(event))}
        found = [known[job] for job in sorted(jobs) if job in known]
        nodes = frozenset(one.path for one in found) or frozenset({"/"})
        return Object(tenant, nodes, candidate, frozenset(member for one in found for member in one.members))

    async def withdrawn(self, tenant: TenantId, names: Mapping[str, str], now: datetime) -> bool:
        """Whether the candidate behind these names took the consent to be recorded back."""
        candidate = await self._candidate(tenant, names)
        return candidate is not None and await recording_withdrawn(self.store, tenant, candidate, now)

    def _data(self, event: StoredEvent) -> Document:
        try:
            return json.loads(self.vault.open(body_place(event.tenant, event.id), event.body))  # type: ignore[no-any-return]
        except Conflict as error:
            if error.code != "key_destroyed":
                raise
            return {}  # erased: nothing is known of it

    async def _candidate(self, tenant: TenantId, names: Mapping[str, str]) -> str | None:
        for name in ("candidate_id", "candidate", "subject"):
            if names.get(name):
                return names[name]
        try:
            return await self._behind(tenant, names)
        except Invalid:  # not an id at all: the handler says so
            return None

    async def _behind(self, tenant: TenantId, names: Mapping[str, str]) -> str | None:
        if (medium := names.get("media_id")) is not None:
            return await self._recorded(tenant, medium)
        async with self.store.look() as look:
            if (run := names.get("run_id")) is not None:
                found = await look.run(tenant, RunId(read("run", run)))
                return None if found is None else found.subject
            event = names.get("event_id") or names.get("event")
            if (delivery := names.get("delivery_id")) is not None:
                owed = await look.delivery(tenant, DeliveryId(read("dlv", delivery)))
                event = None if owed is None else owed.event
            stored = None if event is None else await look.event(tenant, event_id(event))
            return None if stored is None else stored.subject

    async def _recorded(self, tenant: TenantId, medium: str) -> str | None:
        try:
            return None if self.media is None else (await self.media.medium(tenant, medium)).subject
        except (NotFound, Conflict):
            return None


def _jobs(data: Document) -> set[str]:
    found = set()
    for path in (("job", "id"), ("application", "job_id"), ("offer", "job_id")):
        value: object = data
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str):
            found.add(value)
    return found
