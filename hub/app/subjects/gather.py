"""Everything that is held on one person, piece by piece: events, deliveries with their lineage, consents, runs, acts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from hub.app.consents import Consents
from hub.app.fieldbook import Fieldbook
from hub.app.media.media import Media
from hub.app.places import order_place
from hub.app.queries import Queries, state_name
from hub.app.rules.why import Why
from hub.app.rules.why_words import event_lines
from hub.app.subjects.erasures import Erasures
from hub.app.subjects.holds import Holds
from hub.domain.deliveries import Delivery
from hub.domain.errors import Conflict, HubError, NotFound
from hub.domain.ids import ConnectionId, TenantId, show
from hub.domain.run_words import standing
from hub.domain.subjects import HOLDS
from hub.ports.arrivals import StoredEvent
from hub.ports.audit import ActFilter
from hub.ports.queue import DoneDelivery
from hub.ports.store import Page
from mappings.documents import Document, Json, Missing

BATCH = 50
ACTS = 1000
Piece = Callable[[TenantId, str], AsyncIterator[Document]]


@dataclass(frozen=True, slots=True)
class Gather:
    """Reads what is stored as it stands; what was erased before is said to be so."""

    queries: Queries
    why: Why
    fields: Fieldbook
    consents: Consents
    holds: Holds
    erasures: Erasures
    media: Media

    @property
    def pieces(self) -> dict[str, Piece]:
        """By name, in the order in which they are told."""
        return {
            "events": self.events, "deliveries": self.deliveries, "consents": self.said, "runs": self.runs,
            "tags": self.tags, "orders": self.orders, "recordings": self.recordings, "legal_holds": self.held,
            "erasures": self.erased, "acts": self.acts,
        }  # fmt: skip

    async def _events(self, tenant: TenantId, subject: str, *, bodies: bool) -> AsyncIterator[StoredEvent]:
        before: str | None = None
        while True:
            async with self.queries.store.look() as look:
                found = await look.events(tenant, Page(BATCH, before), subject=subject, bodies=bodies)
            for event in found:
                yield event
            if len(found) < BATCH:
                return
            before = found[-1].id

    async def events(self, tenant: TenantId, subject: str) -> AsyncIterator[Document]:
        """Newest first, with their data and what every rule said of them, in both languages."""
        async for event in self._events(tenant, subject, bodies=True):
            data: Json = None
            try:
                data = await self.queries.data(event)
                why = await self.why.event(tenant, event.id)
                said = {name: [*event_lines(why, self.fields, name, reveal=True)] for name in ("en", "zh-CN")}
            except Conflict as error:
                if error.code != "key_destroyed":
                    raise
                said = {}
            yield {
                "id": event.id, "type": event.type, "version": event.version, "source": event.source,
                "occurred_at": event.occurred_at.isoformat(), "received_at": event.received_at.isoformat(),
                "data": data, "erased": data is None, "decisions": {name: [*lines] for name, lines in said.items()},
            }  # fmt: skip

    async def deliveries(self, tenant: TenantId, subject: str) -> AsyncIterator[Document]:
        """Which fields went to which vendor, from where, by which mapping, when, and what was said."""
        async for event in self._events(tenant, subject, bodies=False):
            async with self.queries.store.look() as look:
                found = await look.deliveries(tenant, Page(200), event=event.id)
            for one in found:
                yield await self._delivery(tenant, one)

    async def _delivery(self, tenant: TenantId, one: Delivery | DoneDelivery) -> Document:
        connection = (await self.queries.library.book(tenant)).by_id.get(ConnectionId(one.connection))
        tries: list[Json] = []
        try:
            for view in await self.queries.attempts(tenant, one.id):
                a = view.attempt
                tries.append({
                    "number": a.number, "at": a.started_at.isoformat(), "outcome": a.outcome, "status": a.status,
                    "made_with": a.detail, "said": view.talk,
                })  # fmt: skip
        except Conflict:
            tries.append({"erased": True})
        return {
            "id": show("dlv", one.id), "event": one.event, "state": state_name(one),
            "connection": None if connection is None else connection.name,
            "connector": None if connection is None else connection.connector,
            "what": await self.queries.what(tenant, one),
            "reference": one.reference if isinstance(one, DoneDelivery) else None,
            "ended_at": one.finished_at.isoformat() if isinstance(one, DoneDelivery) else None,
            "fields": await self._lineage(tenant, one), "tries": tries,
        }  # fmt: skip

    async def _lineage(self, tenant: TenantId, one: Delivery | DoneDelivery) -> list[Json]:
        """By the mapping in force now; which one a try was made with stands in the try. The whole event where none maps."""
        try:
            traces = await self.queries.preview(tenant, one.id)
        except HubError:
            return []
        return [
            {"field": trace.to, "from": [*trace.sources], "value": trace.value}
            for trace in traces
            if not isinstance(trace.value, Missing)
        ]

    async def said(self, tenant: TenantId, subject: str) -> AsyncIterator[Document]:
        """The ledger of consents with its evidence."""
        for shown in await self.consents(tenant, subject):
            one = shown.consent
            yield {
                "id": one.id, "purpose": one.purpose, "given": one.given, "at": one.at.isoformat(),
                "source": one.source, "text_version": one.text_version, "locale": one.locale,
                "expires_at": _time(one.expires_at), "evidence": shown.evidence, "in_force": shown.in_force,
            }  # fmt: skip

    async def runs(self, tenant: TenantId, subject: str) -> AsyncIterator[Document]:
        """Runs of rules, with where they stand in words."""
        names = (await self.queries.library.book(tenant)).names
        async with self.queries.store.look() as look:
            found = await look.runs(tenant, limit=1000, subject=subject)
        for run in found:
            stands = standing(run, await self.queries.library.program(run.revision))
            yield {
                "id": show("run", run.id), "rule": names.get(run.rule), "event": run.event, "state": str(run.state),
                "stands": {**stands}, "began_at": run.created_at.isoformat(), "changed_at": run.changed_at.isoformat(),
            }  # fmt: skip

    async def tags(self, tenant: TenantId, subject: str) -> AsyncIterator[Document]:
        """Words on the person now, and all that came and went."""
        async with self.queries.store.look() as look:
            changes = (await look.tag_changes(tenant, [subject])).get(subject, [])
        for change in changes:
            yield {"tag": change.tag, "put": change.put, "at": change.at.isoformat()}

    async def orders(self, tenant: TenantId, subject: str) -> AsyncIterator[Document]:
        """Assessments that an ATS ordered."""
        async with self.queries.store.look() as look:
            found = await look.orders_of(tenant, subject)
        await self.queries.vault.prepare(tenant, sealed=[one.body for one in found])
        for one in found:
            try:
                body: Json = json.loads(self.queries.vault.open(order_place(tenant, one.id), one.body))
            except Conflict:
                body = None
            yield {
                "id": one.id,
                "package": one.package,
                "status": one.status,
                "at": one.created_at.isoformat(),
                "ordered": body,
            }

    async def recordings(self, tenant: TenantId, subject: str) -> AsyncIterator[Document]:
        """What each is; the bytes are files of their own."""
        async for id_ in self.media.of(tenant, subject):
            try:
                medium = await self.media.medium(tenant, id_)
            except NotFound:
                upload = await self.media.upload(tenant, id_)
                yield {"id": id_, "content_type": upload.content_type, "complete": False}
                continue
            sums: list[Json] = [{"size": part.size, "sha256": part.sha256} for part in medium.parts]
            yield {"id": id_, "content_type": medium.content_type, "complete": True, "size": medium.size, "parts": sums}

    async def held(self, tenant: TenantId, subject: str) -> AsyncIterator[Document]:
        """Legal holds, without their reasons: those may be about a case."""
        for one in await self.holds.every(tenant, subject):
            yield {"id": one.id, "state": one.state, "holds": one.state in HOLDS, "asked_at": one.asked_at.isoformat()}

    async def erased(self, tenant: TenantId, subject: str) -> AsyncIterator[Document]:
        """Erasures asked for and done."""
        for one in await self.erasures.every(tenant, subject):
            yield {
                "id": one.id,
                "state": one.state,
                "asked_at": one.asked_at.isoformat(),
                "done_at": _time(one.done_at),
            }

    async def acts(self, tenant: TenantId, subject: str) -> AsyncIterator[Document]:
        """Who did what about the person, newest first."""
        before: int | None = None
        while True:
            async with self.queries.store.look() as look:
                found = await look.acts(tenant, ACTS, before=before, where=ActFilter(object=subject))
            for row in found:
                act = row.act
                yield {
                    "seq": row.seq, "at": act.at.isoformat(), "actor": act.actor, "action": act.action,
                    "outcome": str(act.outcome), "purpose": act.purpose,
                }  # fmt: skip
            if len(found) < ACTS:
                return
            before = found[-1].seq


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
