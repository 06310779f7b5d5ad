"""What a vendor told us becomes events, each with the context of the event that caused it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from hub.app.incoming import Incoming, check_whole
from hub.app.ingest import Prepare
from hub.app.library import Library
from hub.app.places import body_place
from hub.app.subjects.told import erased_marks
from hub.app.tags import words_now
from hub.domain.connections import Connection
from hub.domain.deliveries import Reported
from hub.domain.errors import Conflict, Invalid
from hub.domain.events import HOOK_RECEIVED, Cause
from hub.domain.subjects import BEGINS, CLOSED_CODE, ERASED_MARK
from hub.ports.arrivals import Arrival, StoredEvent
from hub.ports.meter import Meter
from hub.ports.store import Store
from hub.ports.vault import Vault, subject_owner
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
    meter: Meter

    async def __call__(
        self, connection: Connection, reported: tuple[Reported, ...], told_by: StoredEvent
    ) -> tuple[Arrival, ...]:
        """Raises Invalid where a report does not fit its canonical type."""
        book = await self.library.book(connection.tenant)
        arrivals = []
        for one in reported:
            cause, origin = await self._cause(connection, one, told_by)
            if await self._erased(connection, one, origin):
                self.meter.note("report.of_erased", connection=connection.name, type=one.type)
                continue
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

    async def rehouse(self, hook: StoredEvent, arrivals: tuple[Arrival, ...], nobody: bool) -> str | None:
        """Seal a webhook that was read under the key of the one person it is about: it dies with that key. Who that is.

        `nobody`: all that it told was of erased persons; then nothing of it is kept.
        """
        subjects = {one.event.subject for one in arrivals}
        subject = next(iter(subjects)) if len(subjects) == 1 else None
        if hook.type != HOOK_RECEIVED or (subject is None and not nobody):
            return hook.subject
        await self.vault.prepare(hook.tenant, [subject_owner(subject)], [hook.body])
        plain = b"{}" if nobody else self.vault.open(body_place(hook.tenant, hook.id), hook.body)
        sealed = self.vault.seal(body_place(hook.tenant, hook.id, subject), plain)
        async with self.store.work() as work:
            await work.replace_body(hook.id, sealed)
        return subject

    async def _erased(self, connection: Connection, one: Reported, origin: StoredEvent | None) -> bool:
        """Whether it is about somebody who was erased: then it is not taken, unless it begins an application."""
        subject = one.subject or (origin.subject if origin else None)
        if one.type in BEGINS:
            return False
        if subject is None:
            return await self._marked(connection, one)
        try:
            await self.vault.prepare(connection.tenant, [subject_owner(subject)])
        except Conflict as error:
            if error.code != CLOSED_CODE:
                raise
            return True
        return False

    async def _marked(self, connection: Connection, one: Reported) -> bool:
        """Whether the vendor names somebody by an id whose owner was erased."""
        for mark in await erased_marks(self.vault, connection.tenant, one.cause_refs.items()):
            async with self.store.look() as look:
                if await look.find_cause(connection.tenant, connection.id, {ERASED_MARK: mark}) is not None:
                    return True
        return False

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
        try:
            data = json.loads(self.vault.open(body_place(origin.tenant, origin.id), origin.body))
        except Conflict as error:
            if error.code != "key_destroyed":
                raise
            return {}  # of a life before an erasure
        return {name: value for name, value in data.items() if isinstance(room, dict) and name in room}
