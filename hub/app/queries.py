"""What people ask of the record: an event, a delivery, a candidate's story, why a rule did or did not fire."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hub.app.channels import Channels
from hub.app.library import Library
from hub.app.places import body_place, talk_place
from hub.app.tags import as_it_was
from hub.domain.consents import NEEDS_CONSENT
from hub.domain.deliveries import Attempt, Delivery, State
from hub.domain.errors import NotFound
from hub.domain.events import HOOK_RECEIVED
from hub.domain.ids import DeliveryId, EventId, TenantId, show
from hub.domain.rules import Explanation, Program, compile_rule, parse
from hub.domain.run_words import standing
from hub.domain.runs import Run
from hub.domain.subjects import ERASE_STEP
from hub.ports.arrivals import StoredEvent
from hub.ports.queue import DoneDelivery
from hub.ports.store import Page, Rule, Store
from hub.ports.vault import Vault
from mappings.documents import Document, Json
from mappings.engine import FieldTrace


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of a candidate's story. `caused_by` names the event or delivery that it answers."""

    at: datetime
    kind: str  # event | delivery | run | tag
    id: str
    what: str  # event type, `connection: operation`, the rule's name, or the tag
    state: str  # accepted, set, or the state of the delivery or run
    caused_by: str | None
    attempts: int = 0
    detail: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One try with what was said, opened."""

    attempt: Attempt
    talk: Json


@dataclass(frozen=True, slots=True)
class Why:
    """One rule's view of one event."""

    rule: Rule
    explanation: Explanation
    stands: Mapping[str, str] | None = None  # where the rule's run for this event stands, by language


@dataclass(frozen=True, slots=True)
class Queries:
    """Reads. Everything is of one tenant; what another tenant has is NotFound."""

    store: Store
    vault: Vault
    library: Library
    channels: Channels

    async def event(self, tenant: TenantId, event: EventId) -> tuple[StoredEvent, Document]:
        """The event and its data. Raises NotFound."""
        stored = await self.stored(tenant, event)
        return stored, await self.data(stored)

    async def stored(self, tenant: TenantId, event: EventId) -> StoredEvent:
        """Raises NotFound."""
        async with self.store.look() as look:
            stored = await look.event(tenant, event)
        if stored is None:
            raise NotFound("there is no such event")
        return stored

    async def data(self, stored: StoredEvent) -> Document:
        """The data of a stored event, opened."""
        return json.loads(await self.plain(stored))  # type: ignore[no-any-return]

    async def plain(self, stored: StoredEvent) -> bytes:
        """The same as JSON in UTF-8."""
        await self.vault.prepare(stored.tenant, sealed=[stored.body])
        return self.vault.open(body_place(stored.tenant, stored.id), stored.body)

    async def delivery(self, tenant: TenantId, id: DeliveryId) -> Delivery | DoneDelivery:
        """Raises NotFound."""
        async with self.store.look() as look:
            found = await look.delivery(tenant, id)
        if found is None:
            raise NotFound("there is no such delivery")
        return found

    async def consents_missing(
        self, tenant: TenantId, deliveries: Iterable[Delivery | DoneDelivery]
    ) -> dict[DeliveryId, str]:
        """`needs_consent:<purpose>` of those that are held for a consent."""
        held = [one.id for one in deliveries if isinstance(one, Delivery) and one.state is State.HELD]
        if not held:
            return {}
        async with self.store.look() as look:
            found = await look.awaited_by(tenant, held)
        return {id_: f"{NEEDS_CONSENT}:{one.purpose}" for id_, one in found.items()}

    async def attempts(self, tenant: TenantId, id: DeliveryId) -> list[AttemptView]:
        """The tries of a delivery with what was said, oldest first. Raises NotFound."""
        delivery = await self.delivery(tenant, id)
        async with self.store.look() as look:
            attempts = await look.attempts(tenant, id)
        await self.vault.prepare(tenant, sealed=[one.talk for one in attempts])
        return [AttemptView(a, self._talk(delivery, a)) for a in attempts]

    def _talk(self, delivery: Delivery | DoneDelivery, attempt: Attempt) -> Json:
        if attempt.talk is None:
            return []
        place = talk_place(delivery.tenant, delivery.id, attempt.number)
        return json.loads(self.vault.open(place, attempt.talk))  # type: ignore[no-any-return]

    async def timeline(self, tenant: TenantId, subject: str, limit: int = 200) -> list[TimelineEntry]:
        """A candidate's story, oldest first: every event about them, every delivery it owed, and what caused what."""
        async with self.store.look() as look:
            events = await look.events(tenant, Page(limit=limit), subject=subject, bodies=False)
            entries = [_event_entry(e) for e in events]
            for event in events:
                for delivery in await look.deliveries(tenant, Page(limit=limit), event=event.id):
                    entries.append(await self._delivery_entry(tenant, delivery))
            runs = await look.runs(tenant, limit=limit, subject=subject)
            tags = await look.tags(tenant, subject)
        names = (await self.library.book(tenant)).names
        for run in runs:
            entries.append(_run_entry(run, names.get(run.rule, ""), await self.library.program(run.revision)))
        for tag in tags:
            entries.append(TimelineEntry(tag.at, "tag", tag.tag, tag.tag, "set", show("run", tag.run)))
        return sorted(entries, key=lambda e: (e.at, e.kind != "event", e.id))

    async def _delivery_entry(self, tenant: TenantId, delivery: Delivery | DoneDelivery) -> TimelineEntry:
        live = isinstance(delivery, Delivery)
        return TimelineEntry(
            at=delivery.received_at if isinstance(delivery, Delivery) else delivery.finished_at,
            kind="delivery",
            id=show("dlv", delivery.id),
            what=await self.what(tenant, delivery),
            state=state_name(delivery),
            caused_by=delivery.event,
            attempts=delivery.attempt if isinstance(delivery, Delivery) else delivery.attempts,
            detail={} if live or not isinstance(delivery, DoneDelivery) else {"reference": delivery.reference},
        )

    async def what(self, tenant: TenantId, delivery: Delivery | DoneDelivery) -> str:
        """`connection: operation` of a delivery."""
        connection = (await self.library.book(tenant)).by_id.get(delivery.connection)
        name = connection.name if connection else show("con", delivery.connection)
        if delivery.step.startswith(ERASE_STEP):
            return f"{name}: erase"
        if delivery.revision is None:
            return f"{name}: read webhook"
        return f"{name}: {(await self.library.step(delivery.revision, delivery.step)).operation}"

    async def why(self, tenant: TenantId, event: EventId, now: datetime, rule: str | None = None) -> list[Why]:
        """Every rule that listens for this event (or the one named), with each clause's verdict. Raises NotFound."""
        stored, data = await self.event(tenant, event)
        data = await as_it_was(self.store, stored, data)
        async with self.store.look() as look:
            rules = await look.rules(tenant)
            runs = {run.rule: run for run in await look.runs(tenant, event=event)}
        answers = []
        for one in rules:
            revision = one.live or one.latest
            compiled = compile_rule(parse(revision.body))
            if one.name == rule or (rule is None and compiled.on == stored.type):
                run = runs.get(one.id)
                stands = None if run is None else standing(run, await self.library.program(run.revision))
                answers.append(Why(one, compiled.explain(data, now), stands))
        if rule is not None and not answers:
            raise NotFound(f"there is no rule {rule}")
        return answers

    async def rules(self, tenant: TenantId) -> list[Rule]:
        """All rules, by name."""
        async with self.store.look() as look:
            return sorted(await look.rules(tenant), key=lambda r: r.name)

    async def preview(self, tenant: TenantId, delivery: DeliveryId) -> list[FieldTrace]:
        """How each field of a delivery's document came about: path, function, value (per-field trace)."""
        found = await self.delivery(tenant, delivery)
        if found.revision is None:
            return []
        stored, data = await self.event(tenant, found.event)
        action = await self.library.step(found.revision, found.step)
        connection = (await self.library.book(tenant)).by_id[found.connection]
        connector = self.channels.connector(connection)
        name = action.mapping or connector.operations[action.operation].mapping
        if name is None or stored.type == HOOK_RECEIVED:
            return []
        mapping = await self.library.mapping(tenant, connector, name)
        return mapping.trace(data)


def _event_entry(event: StoredEvent) -> TimelineEntry:
    cause = event.cause
    caused_by = None if cause is None else (show("dlv", cause.delivery) if cause.delivery is not None else cause.event)
    return TimelineEntry(
        event.received_at, "event", event.id, event.type, "accepted", caused_by, detail={"source": event.source}
    )


def _run_entry(run: Run, rule: str, program: Program) -> TimelineEntry:
    detail: Document = {"stands": {**standing(run, program)}, "began_at": run.created_at.isoformat()}
    return TimelineEntry(run.changed_at, "run", show("run", run.id), rule, str(run.state), run.event, detail=detail)


def state_name(delivery: Delivery | DoneDelivery) -> str:
    """`ready`, `leased`, `waiting`, `held`, or how it ended."""
    return State(delivery.state).name.lower() if isinstance(delivery, Delivery) else str(delivery.final)
