"""What a vendor told us becomes events, each with the context of the event that caused it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hub.app.ingest import Incoming, Prepare, body_place
from hub.app.library import Library
from hub.domain.connections import Connection
from hub.domain.deliveries import Reported
from hub.domain.events import HOOK_RECEIVED, Cause
from hub.ports.store import Arrival, Store, StoredEvent
from hub.ports.vault import Vault
from mappings.documents import Document

CONTEXT = ("candidate", "application", "job", "interview", "report", "background_check", "referral", "offer")


@dataclass(frozen=True, slots=True)
class Reports:
    """Reported facts -> arrivals, accepted in the transaction that records the delivery which learnt them."""

    store: Store
    vault: Vault
    library: Library
    prepare: Prepare

    async def __call__(
        self, connection: Connection, reported: tuple[Reported, ...], told_by: StoredEvent
    ) -> tuple[Arrival, ...]:
        """Raises Invalid where a report does not fit its canonical type."""
        book = await self.library.book(connection.tenant)
        arrivals = []
        for one in reported:
            cause, origin = await self._cause(connection, one, told_by)
            context = await self._context(origin)
            incoming = Incoming(
                type=one.type,
                version=1,
                source=f"/connections/{connection.name}",
                key=one.key,
                data={**context, **one.data},
                subject=one.subject or (origin.subject if origin else None),
                occurred_at=one.occurred_at,
                cause=cause,
            )
            arrivals.append(self.prepare(connection.tenant, incoming, book))
        return tuple(arrivals)

    async def _cause(
        self, connection: Connection, reported: Reported, told_by: StoredEvent
    ) -> tuple[Cause | None, StoredEvent | None]:
        async with self.store.look() as look:
            cause = await look.find_cause(connection.tenant, connection.id, reported.cause_refs)
            if cause is not None:
                return cause, await look.event(connection.tenant, cause.event)
        if told_by.type != HOOK_RECEIVED:
            return Cause(told_by.id), told_by
        return Cause(told_by.id), None

    async def _context(self, origin: StoredEvent | None) -> Document:
        if origin is None:
            return {}
        data = json.loads(self.vault.open(body_place(origin.tenant, origin.id), origin.body))
        return {name: data[name] for name in CONTEXT if name in data}
