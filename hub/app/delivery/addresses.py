"""The address of a candidate: what the event tells, else the newest event about the same candidate that tells one."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hub.app.places import body_place
from hub.domain.errors import Conflict
from hub.ports.arrivals import StoredEvent
from hub.ports.store import Page, Store
from hub.ports.vault import Vault
from mappings.documents import Document

LOOKED_AT = 20  # events of the candidate, the newest


@dataclass(frozen=True, slots=True)
class Address:
    """Where a candidate is written to, and in which language as far as anybody said."""

    email: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Addresses:
    """Looks addresses up; whether one may write to them is another question."""

    store: Store
    vault: Vault

    async def __call__(self, event: StoredEvent, data: Document) -> Address | str:
        """The address, or why there is none: `no_address`, `do_not_contact`."""
        found = _told(data)
        if found is not None or event.subject is None:
            return found or "no_address"
        async with self.store.look() as look:
            events = await look.events(event.tenant, Page(LOOKED_AT), subject=event.subject)
        await self.vault.prepare(event.tenant, sealed=[one.body for one in events])
        for one in events:
            found = _told(self._opened(one))
            if found is not None:
                return found
        return "no_address"

    def _opened(self, event: StoredEvent) -> Document:
        try:
            found: Document = json.loads(self.vault.open(body_place(event.tenant, event.id), event.body))
        except Conflict as error:
            if error.code != "key_destroyed":
                raise
            return {}
        return found


def _told(data: Document) -> Address | str | None:
    candidate = data.get("candidate")
    if not isinstance(candidate, dict):
        return None
    if candidate.get("do_not_contact") is True:
        return "do_not_contact"
    more = candidate.get("emails")
    email = candidate.get("email") or (more[0] if isinstance(more, list) and more else None)
    locale = candidate.get("locale")
    return Address(email, locale if isinstance(locale, str) else None) if isinstance(email, str) else None
