"""Carry out one claimed delivery: build the payload, talk to the vendor, say what comes next."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from hub.app.border import Border, Stays
from hub.app.channels import Channels
from hub.app.consents import lacking, person_of
from hub.app.delivery.addresses import Addresses
from hub.app.delivery.converse import Talk, converse
from hub.app.delivery.prepared import Prepared, Stopped, detail_of, policy_of
from hub.app.library import Library
from hub.app.places import body_place, order_place
from hub.app.reports import Reports
from hub.app.subjects.told import place_of_talk, told_of
from hub.domain.border import Crossing, Kept
from hub.domain.breaker import Heard
from hub.domain.connections import Connection
from hub.domain.consents import NEEDS_CONSENT, Awaited
from hub.domain.deliveries import (
    HOOK_STEP,
    Attempt,
    Delivered,
    Delivery,
    Final,
    Finish,
    NeedsHuman,
    Next,
    Outcome,
    Refused,
    RetryPolicy,
    TryLater,
    after,
    describe,
)
from hub.domain.errors import Conflict, Invalid, NotFound, Unavailable
from hub.domain.rules import Action
from hub.domain.subjects import ERASE_STEP
from hub.ports.arrivals import Arrival
from hub.ports.clock import Clock, Ids
from hub.ports.connector import Connector, Hook, Job
from hub.ports.meter import Meter
from hub.ports.queue import Claimed, Completion
from hub.ports.store import Store
from hub.ports.transport import Blocked, NeedsReauth, NotSent, Transport, Unknown
from hub.ports.vault import Vault, subject_owner
from mappings.documents import Document, read, written
from mappings.engine import Mapping, MappingFailed


@dataclass(frozen=True, slots=True)
class Deliver:
    """Phase 2 of a delivery: no transaction is open while a vendor is spoken to."""

    store: Store
    vault: Vault
    library: Library
    channels: Channels
    transport: Transport
    reports: Reports
    clock: Clock
    ids: Ids
    meter: Meter
    policy: RetryPolicy
    border: Border

    async def __call__(self, claimed: Claimed) -> Completion:
        """The completion to record. Never raises: whatever goes wrong is an outcome of this delivery alone."""
        delivery, started, began = claimed.delivery, self.clock.now(), self.clock.monotonic()
        talk = Talk()
        arrivals: tuple[Arrival, ...] = ()
        connection: Connection | None = None
        prepared: Prepared | None = None
        heard: Heard | None = None
        awaits: Awaited | None = None
        kept: Kept | None = None
        ready, about = began, claimed.event.subject
        try:
            connection = (await self.library.book(delivery.tenant)).by_id.get(delivery.connection)
            if connection is None:
                raise NotFound("the connection is not there")
            prepared = await self.prepare(claimed, connection)
            ready = self.clock.monotonic()
            outcome, heard = await self.talk(connection, prepared, talk)
            if isinstance(outcome, Delivered) and outcome.reported:
                arrivals = await self.reports(connection, outcome.reported, claimed.event)
                about = await self.reports.rehouse(claimed.event, arrivals, not arrivals)
        except Stopped as stopped:
            outcome, awaits, kept = stopped.outcome, stopped.awaits, stopped.kept
        except Invalid as error:
            outcome = Refused(f"{error.code} at {error.at}" if error.at else error.code)
        except (NotFound, Conflict) as error:
            outcome = Refused(error.code, retry=error.code != "key_destroyed")
        except Unavailable as error:
            outcome = TryLater(error.code, error.after)
        except Exception as error:  # a fault in a connector or in us: this delivery's own, no one else's
            outcome = Refused(f"internal:{type(error).__name__}", retry=True)
        ended = self.clock.monotonic()
        detail = detail_of(claimed, prepared, ready - began, ended - ready)
        worth = talk.lines and (arrivals or not (isinstance(outcome, Delivered) and outcome.reported))
        sealed = await self._seal_talk(claimed, talk, about) if worth else None
        completion = self._completion(
            claimed, connection, outcome, (talk.status, sealed), started, ended - began, prepared, detail
        )
        crossing = None if prepared is None else prepared.crossing
        return replace(
            completion,
            arrivals=arrivals,
            heard=heard,
            awaits=awaits,
            kept=kept,
            crossing=crossing,
            reached=talk.reached,
        )

    async def prepare(self, claimed: Claimed, connection: Connection) -> Prepared:
        """Build the conversation. Raises Stopped where there is none to have."""
        delivery = claimed.delivery
        connector = self.channels.connector(connection)
        data = await self.open_body(claimed)
        if delivery.step == HOOK_STEP:
            reading = connector.read(stored_hook(data), self._job(claimed, connection, HOOK_STEP, {}))
            return Prepared(connector, reading, None, HOOK_STEP)
        if delivery.step.startswith(ERASE_STEP):
            return await self._erasing(claimed, connection, connector, data)
        if delivery.revision is None:
            raise Stopped(Refused("no_rule"))
        why = await self.library.stopped(delivery)
        if why is not None:  # it was claimed before the switch was turned
            raise Stopped(NeedsHuman(why))
        action = await self.library.step(delivery.revision, delivery.step)
        operation = connector.operations.get(action.operation)
        if operation is None:
            raise Stopped(Refused("unknown_operation", retry=True))
        lane, border = connection.lane, (await self.library.book(delivery.tenant)).border
        wanted = (operation.consent, lane.needs_consent, border.purpose(lane.region))
        await self._refuse_without_consent(claimed, data, wanted)
        if operation.idempotency == "none_manual_review" and delivery.attempt > 1:
            await self._refuse_second_guess(delivery)
        name = action.mapping or operation.mapping
        mapping = None if name is None else await self.library.mapping(delivery.tenant, connector, name)
        doc = self._map(mapping, name, data, action)
        if action.to_candidate:
            doc |= await self._receiver(claimed, data)
        job = self._job(claimed, connection, action.operation, doc, await self._order(connector, claimed, connection))
        crossing = await self._cross(claimed, data, connection, mapping, action)
        return Prepared(connector, connector.run(job), operation.idempotency, action.operation, name, crossing)

    async def _erasing(
        self, claimed: Claimed, connection: Connection, connector: Connector, data: Document
    ) -> Prepared:
        """Tell a vendor that somebody was erased, by the ids that were put aside for it."""
        told = await told_of(self.store, self.vault, claimed.delivery)
        if told is None or (operation := connector.operations.get(told.operation)) is None:
            raise Stopped(Refused("nothing_to_tell"))
        job = self._job(replace(claimed, refs=told.refs), connection, told.operation, data)
        return Prepared(connector, connector.run(job), operation.idempotency, told.operation)

    async def open_body(self, claimed: Claimed) -> Document:
        """The event's data."""
        event = claimed.event
        await self.vault.prepare(event.tenant, sealed=[event.body])
        plain = self.vault.open(body_place(event.tenant, event.id), event.body)
        await self.vault.prepare(
            event.tenant, [subject_owner(event.subject)]
        )  # seals what is said; an erased one has none
        return cast("Document", read(plain))

    async def talk(self, connection: Connection, prepared: Prepared, talk: Talk) -> tuple[Outcome, Heard | None]:
        """Hold the conversation; what the transport could not do becomes an outcome by the idempotency mode.

        The second part is what the try says about the destination, None: nothing.
        """
        try:
            channel = await self.channels.channel(connection)
            outcome = await converse(prepared.exchange, channel, self.transport, talk)
        except Unknown as error:
            if prepared.idempotency == "none_manual_review":
                return NeedsHuman("outcome_unknown"), Heard.NOTHING
            return TryLater(error.code), Heard.NOTHING
        except NotSent as error:
            return TryLater(error.code, error.after), Heard.NOTHING if error.after is None else None
        except Blocked as error:
            return Refused(error.code, retry=True), None
        except NeedsReauth as error:
            return NeedsHuman(error.code), None
        if isinstance(outcome, TryLater):  # Retry-After says itself how long to wait
            return outcome, Heard.BADLY if outcome.after_s is None else None
        return outcome, Heard.WELL if talk.status is not None else None

    def _job(
        self, claimed: Claimed, connection: Connection, operation: str, doc: Document, order: Document | None = None
    ) -> Job:
        return Job(
            operation=operation,
            doc=doc,
            config=connection.config,
            key=claimed.delivery.key,
            refs=claimed.refs,
            order=order or {},
            event={
                "id": claimed.event.id,
                "type": claimed.event.type,
                "occurred_at": claimed.event.occurred_at.isoformat(),
            },
            subject=claimed.event.subject,
            attempt=claimed.delivery.attempt,
            now=self.clock.now(),
            tenant=claimed.delivery.tenant,
        )

    async def _cross(
        self, claimed: Claimed, data: Document, connection: Connection, mapping: Mapping | None, action: Action
    ) -> Crossing | None:
        event = claimed.event
        try:
            return await self.border.gate(
                claimed.delivery, event, (event.type, event.version), data, connection, mapping, action.to_candidate
            )
        except Stays as stays:
            raise Stopped(NeedsHuman(stays.kept.reason), kept=stays.kept) from stays

    def _map(self, mapping: Mapping | None, name: str | None, data: Document, action: Action) -> Document:
        if mapping is None:
            return {**data, **action.extra}
        try:
            return {**mapping.apply(data), **action.extra}
        except MappingFailed as error:
            raise Stopped(Refused(f"mapping {name}: {error.code} at {error.field}", retry=True)) from error

    async def _receiver(self, claimed: Claimed, data: Document) -> Document:
        """The candidate's own address and language. Raises Stopped: a person has to look where there is none."""
        found = await Addresses(self.store, self.vault)(claimed.event, data)
        if isinstance(found, str):
            raise Stopped(NeedsHuman(found))
        return {"to": found.email, **({} if found.language is None else {"language": found.language})}

    async def _order(self, connector: Connector, claimed: Claimed, connection: Connection) -> Document | None:
        if not connector.endpoints or claimed.event.subject is None:
            return None
        async with self.store.look() as look:
            orders = await look.orders_of(claimed.event.tenant, claimed.event.subject)
        mine = [order for order in orders if order.connection == connection.id]
        if not mine:
            return None
        await self.vault.prepare(mine[-1].tenant, sealed=[mine[-1].body])
        body = json.loads(self.vault.open(order_place(mine[-1].tenant, mine[-1].id), mine[-1].body))
        return {**body, "id": mine[-1].id, "package_id": mine[-1].package}

    async def _refuse_without_consent(self, claimed: Claimed, data: Document, wanted: tuple[str | None, ...]) -> None:
        """At every try, retried and replayed ones too: what a candidate takes back does not leave any more."""
        purpose = await lacking(self.store, claimed.event, data, wanted, self.clock.now())
        if purpose is None:
            return
        person = person_of(claimed.event, data)
        awaited = None if person is None else Awaited(claimed.delivery.tenant, person, purpose)
        raise Stopped(NeedsHuman(f"{NEEDS_CONSENT}:{purpose}"), awaited)

    async def _refuse_second_guess(self, delivery: Delivery) -> None:
        """A try that left no record may have reached the vendor: a person has to look."""
        async with self.store.look() as look:
            recorded = len(await look.attempts(delivery.tenant, delivery.id))
        if recorded < delivery.attempt - 1:
            raise Stopped(NeedsHuman("outcome_unknown"))

    def _completion(
        self,
        claimed: Claimed,
        connection: Connection | None,
        outcome: Outcome,
        said: tuple[int | None, bytes | None],
        started: datetime,
        took: float,
        prepared: Prepared | None,
        detail: Document,
    ) -> Completion:
        delivery, now = claimed.delivery, self.clock.now()
        policy = policy_of(self.policy, connection, prepared)
        following = after(outcome, delivery, policy, now, self.ids.spread())
        if delivery.expires_at is not None and delivery.expires_at <= now and not isinstance(outcome, Delivered):
            following = Finish(Final.EXPIRED)
        name, error = describe(outcome)
        attempt = Attempt(
            delivery=delivery.id,
            number=delivery.attempt,
            started_at=started,
            took_ms=round(took * 1000),
            outcome=name,
            status=said[0],
            error=error,
            talk=said[1],
            detail=detail,
        )
        self._measure(claimed, connection, attempt, following, took, prepared, now)
        refs = outcome.refs if isinstance(outcome, Delivered | TryLater) else {}
        reference = outcome.reference if isinstance(outcome, Delivered) else None
        return Completion(delivery, following, attempt, reference=reference, refs=refs)

    async def _seal_talk(self, claimed: Claimed, talk: Talk, about: str | None) -> bytes | None:
        """`about`: whose key seals it. What a vendor was told of an erased person dies with the erasure's key."""
        delivery = claimed.delivery
        place = await place_of_talk(self.store, self.vault, delivery, about)
        try:
            try:
                return self.vault.seal(place, written(talk.lines))
            except Unavailable:  # keys were exchanged while the vendor was spoken to: read them anew
                await self.open_body(claimed)
                return self.vault.seal(place, written(talk.lines))
        except (Unavailable, Conflict) as error:  # erased meanwhile: the vendor's words are not kept under another key
            self.meter.note("talk.not_kept", delivery=f"dlv_{delivery.id}", code=error.code)
            return None

    def _measure(
        self,
        claimed: Claimed,
        connection: Connection | None,
        attempt: Attempt,
        following: Next,
        took: float,
        prepared: Prepared | None,
        now: datetime,
    ) -> None:
        delivery = claimed.delivery
        connector = prepared.connector if prepared else None
        name = connection.name if connection else "unknown"
        fields: dict[str, object] = {
            "delivery": f"dlv_{delivery.id}",
            "tenant": delivery.tenant,
            "operation": prepared.operation if prepared else None,
            "event": delivery.event,
            "event_type": claimed.event.type,
            "step": delivery.step,
            "revision": delivery.revision,
            "mapping": prepared.mapping if prepared else None,
            "connector_version": connector.version if connector else None,
            "attempt": attempt.number,
            "status": attempt.status,
            "error": attempt.error,
            "next": str(following.final) if isinstance(following, Finish) else type(following).__name__.lower(),
            "replay_of": delivery.replay_of,
            "waited_ms": max(0, round((attempt.started_at - delivery.due_at).total_seconds() * 1000)),
            "prepare_ms": (attempt.detail or {}).get("prepare_ms"),
            "vendor_ms": (attempt.detail or {}).get("vendor_ms"),
        }
        self.meter.attempt(connector.name if connector else "unknown", name, attempt.outcome, took, fields)
        if following == Finish(Final.DELIVERED):
            self.meter.delivered(name, (now - delivery.received_at).total_seconds())


def stored_hook(data: Document) -> Hook:
    """The webhook inside a `hook.received` event."""
    headers = data.get("headers")
    return Hook(
        headers={str(k): str(v) for k, v in headers.items()} if isinstance(headers, dict) else {},
        body=base64.b64decode(str(data["body"])),
        received_at=datetime.fromisoformat(str(data["received_at"])),
    )
