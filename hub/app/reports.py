"""What a vendor told us becomes events, each with the context of the event that caused it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hub.app.ingest import Incoming, Prepare, body_place, check_whole
from hub.app.library import Library
from hub.app.tags import words_now
from hub.domain.connections import Connection
from hub.domain.deliveries import Reported
from hub.domain.errors import Invalid
from hub.domain.events import HOOK_RECEIVED, Cause
from hub.ports.store import Arrival, Store, StoredEvent
from hub.ports.vault import Vault
from mappings.canonical import UnknownType, event_schema
from mappings.documents import Document

VERSION = 1  # of the canonical events that connectors report


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
            context = await self._context(origin, one.type)
            incoming = Incoming(
                type=one.type,
                version=VERSION,
                source=f"/connections/{connection.name}",
                key=one.key,
                data={**context, **one.data},
                subject=one.subject or (origin.subject if origin else None),
                occurred_at=one.occurred_at,
                cause=cause,
                traceparent=None if origin is None else origin.traceparent,  # one trace, also of what follows
            )
            asked = [incoming.subject] if incoming.type in book.tagged else []
            words = await words_now(self.store, connection.tenant, asked)
            check_whole(incoming)
            await self.prepare.keys(connection.tenant, [incoming])
            arrivals.append(self.prepare.checked(connection.tenant, incoming, book, words))
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

    async def _context(self, origin: StoredEvent | None, type_: str) -> Document:
        """What the causing event knew and the reported type has room for."""
        if origin is None:
            return {}
        try:
            room = event_schema(type_, VERSION).get("properties")
        except UnknownType as error:
            raise Invalid(f"there is no event type {type_}@{VERSION}", code="unknown_type", at="type") from error
        await self.vault.prepare(origin.tenant, sealed=[origin.body])
        data = json.loads(self.vault.open(body_place(origin.tenant, origin.id), origin.body))
        return {name: value for name, value in data.items() if isinstance(room, dict) and name in room}
