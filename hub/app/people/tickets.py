"""Tickets: something that was begun and ends with one answer, within its time and a few tries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from hub.app.people.sealing import Sealing, hashed
from hub.domain.errors import Unauthorized
from hub.domain.ids import TenantId
from hub.ports.accounts import Ticket
from hub.ports.clock import Clock, Ids
from hub.ports.store import Store
from mappings.documents import Document

MAX_TRIES = 5
ANSWER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Tickets:
    """Makes and takes them. Only the SHA-256 of a ticket is kept."""

    store: Store
    sealing: Sealing
    clock: Clock
    ids: Ids

    async def open(
        self,
        tenant: TenantId,
        purpose: str,
        content: Document,
        *,
        person: str | None = None,
        life: timedelta = ANSWER,
    ) -> str:
        """The ticket, which is told once."""
        token, now = f"ht_{self.ids.token(32)}", self.clock.now()
        id_ = hashed(token)
        sealed = await self.sealing.seal(tenant, "ticket", id_, "sealed", content, secret=True)
        async with self.store.work() as work:
            await work.add_record(Ticket(id_, tenant, purpose, person, sealed, now, now + life))
        return token

    async def look(self, token: str, purpose: str) -> tuple[Ticket, Document]:
        """A ticket with its content, one try counted. Raises Unauthorized (`bad_ticket`) whatever is wrong with it."""
        async with self.store.work() as work:
            ticket = await work.bearer(Ticket, hashed(token))
            fits = ticket is not None and ticket.purpose == purpose and ticket.ends_at > self.clock.now()
            if ticket is None or not fits or ticket.tries >= MAX_TRIES:
                raise _bad()
            ticket = await work.change_record(replace(ticket, tries=ticket.tries + 1))
        content = await self.sealing.open(ticket.tenant, "ticket", ticket.id, "sealed", ticket.sealed, secret=True)
        return ticket, content

    async def close(self, ticket: Ticket) -> None:
        """It was answered. Raises Unauthorized where somebody else answered it meanwhile: one ticket, one effect."""
        for _ in range(MAX_TRIES):  # a try beside this one changes the ticket without answering it
            async with self.store.work() as work:
                there = await work.record(Ticket, ticket.tenant, ticket.id)
                if there is None:
                    raise _bad()
                if await work.drop_record(there):
                    return
        raise _bad()


def _bad() -> Unauthorized:
    return Unauthorized("this is over or was never begun; begin again", code="bad_ticket")
