"""Events and what they owe, in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from hub.adapters.memory.tables import Key, Tables
from hub.domain.consents import Consent
from hub.domain.deliveries import Delivery, Final, Planned, State
from hub.domain.events import Cause
from hub.domain.ids import ConnectionId, DeliveryId, EventId, RunId, TenantId, event_id, show
from hub.domain.runs import Run, RunState
from hub.ports.arrivals import Arrival, Receipt, StoredEvent
from hub.ports.lookup import Found
from hub.ports.queue import DoneDelivery
from hub.ports.retention import PROLONGED
from hub.ports.runs import Awaited, Owed, Start
from hub.ports.store import Page
from hub.ports.vault import KeyRow


class MemoryEvents:
    """`hub.ports.store.Events` over tables."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def accept(self, arrivals: Sequence[Arrival], owed: Sequence[Owed] = ()) -> list[Receipt]:
        tables, keys, receipts = self._tables, dict[Key, None](), []
        for one in owed:
            keys |= owe(tables, one.tenant, one.event, [one.planned], one.at)[1]
        for arrival in arrivals:
            event = arrival.event
            if arrival.key is not None and not _keep_key(tables, arrival.key):
                receipts.append(Receipt(event.id, fresh=False, taken=True))
                continue
            identity = (event.tenant, event.source, event.key)
            known = tables.identities.get(identity)
            if known is not None:
                end, until = known[2], arrival.known_until
                if until is not None and (end is None or end < until - PROLONGED):
                    tables.identities.put(identity, (*known[:2], until))
                receipts.append(Receipt(known[0], fresh=False, clash=known[1] != event.request_hash))
                continue
            tables.identities.put(identity, (event.id, event.request_hash, arrival.known_until))
            tables.events.put(event.id, event)
            if arrival.evaluated:
                tables.evaluated.put(event.id, (event.tenant, arrival.evaluated))
                for said in arrival.evaluated:
                    if said.noteworthy:
                        tables.observations.put((said.revision, event.id), (event.tenant, said.versus))
            keys |= owe(tables, event.tenant, event.id, arrival.planned, event.received_at)[1]
            for start in arrival.starts:
                run = RunId(tables.next("run"))
                tables.runs.put(run, started(run, event, start))
            await self.add_consents(arrival.consents)
            await self.add_lookups(arrival.lookups)
            if arrival.wakes and event.subject is not None:
                wake(tables, (event.tenant, event.subject, event.type), event.received_at)
            receipts.append(Receipt(event.id, fresh=True))
        if arrivals:
            supersede(tables, keys, arrivals[-1].event.received_at)
        promote(tables, keys)
        return receipts

    async def add_consents(self, said: Sequence[Consent]) -> None:
        for one in said:
            if self._tables.consents.get(one.id) is None:
                self._tables.consents.put(one.id, one)

    async def add_lookups(self, rows: Sequence[Found]) -> None:
        for one in rows:
            if self._tables.lookups.get((one.tenant, one.blind, one.subject)) is None:
                self._tables.lookups.put((one.tenant, one.blind, one.subject), one)

    async def event(self, tenant: TenantId, event: EventId) -> StoredEvent | None:
        found = self._tables.events.get(event)
        return found if found is not None and found.tenant == tenant else None

    async def some_events(self, events: Collection[EventId]) -> dict[EventId, StoredEvent]:
        return {id_: event for id_ in events if (event := self._tables.events.get(id_)) is not None}

    async def events(
        self, tenant: TenantId, page: Page, *, type: str | None = None, subject: str | None = None, bodies: bool = True
    ) -> list[StoredEvent]:
        before = None if page.before is None else event_id(page.before)
        found = [
            event
            for event in self._tables.events.values()
            if event.tenant == tenant
            and (before is None or event.id < before)
            and (type is None or event.type == type)
            and (subject is None or event.subject == subject)
        ]
        some = sorted(found, key=lambda event: event.id, reverse=True)[: page.limit]
        return some if bodies else [replace(event, body=b"") for event in some]

    async def find_cause(self, tenant: TenantId, connection: ConnectionId, refs: Mapping[str, str]) -> Cause | None:
        keys = [key for pair in refs.items() for key in self._tables.refs.of_external.get((connection, *pair), ())]
        found = [cause for key in keys if (cause := self._tables.refs.get(key)) and self._is_of(tenant, cause)]
        return max(found, key=lambda cause: cause.delivery or 0, default=None)

    def _is_of(self, tenant: TenantId, cause: Cause) -> bool:
        event = self._tables.events.get(cause.event)
        return event is not None and event.tenant == tenant


def _keep_key(tables: Tables, key: KeyRow) -> bool:
    return not tables.closed(key.tenant, key.owner) and tables.keys.add(key).id == key.id


def supersede(tables: Tables, keys: Mapping[Key, None], now: datetime) -> None:
    """End what a newer delivery of its key and merge replaces, except what is leased."""
    for key in keys:
        waiting = [row for id_ in tables.live.waiting.get(key, ()) if (row := tables.live.get(id_)) is not None]
        newest = {row.merge: row.id for row in waiting if row.merge is not None}
        head = tables.live.get(tables.live.heads[key]) if key in tables.live.heads else None
        for row in [*waiting, *([head] if head is not None and head.state is State.READY else [])]:
            newer = newest.get(row.merge) if row.merge is not None else None
            if newer is not None and row.id < newer:
                tables.live.drop(row.id)
                tables.done.put(row.id, ended(row, Final.SUPERSEDED, show("dlv", newer), now))


def ended(row: Delivery, final: Final, reference: str | None, now: datetime, error: str | None = None) -> DoneDelivery:
    """A live row as history keeps it."""
    return DoneDelivery(
        id=row.id,
        event=row.event,
        tenant=row.tenant,
        connection=row.connection,
        revision=row.revision,
        step=row.step,
        okey=row.okey,
        final=final,
        attempts=row.attempt,
        reference=reference,
        received_at=row.received_at,
        finished_at=now,
        replay_of=row.replay_of,
        again=row.again,
        error=error,
    )


def owe(
    tables: Tables, tenant: TenantId, event: EventId, plans: Sequence[Planned], at: datetime
) -> tuple[list[DeliveryId], dict[Key, None]]:
    """Write planned deliveries; returns their ids and the keys that got a waiter."""
    ids, keys = list[DeliveryId](), dict[Key, None]()
    for planned in plans:
        delivery = Delivery(
            id=DeliveryId(tables.next("delivery")),
            event=event,
            tenant=tenant,
            connection=planned.connection,
            revision=planned.revision,
            step=planned.step,
            okey=planned.okey,
            state=State.READY if planned.okey is None else State.WAITING,
            attempt=0,
            deferrals=0,
            run_lease=0,
            due_at=planned.due_at or at,
            received_at=at,
            expires_at=planned.expires_at,
            merge=planned.merge,
        )
        tables.live.put(delivery.id, delivery)
        ids.append(delivery.id)
        if planned.okey is not None:
            keys[(planned.connection, planned.okey)] = None
    return ids, keys


def started(run: RunId, event: StoredEvent, start: Start) -> Run:
    """A run that has not taken a step yet."""
    at = event.received_at
    return Run(
        run, event.tenant, start.rule, start.revision, event.id, event.id, event.subject, RunState.READY, at, at, at
    )


def wake(tables: Tables, awaited: Awaited, now: datetime) -> None:
    """Make due what waits for this."""
    for run in list(tables.runs.values()):
        if (run.tenant, run.subject, run.awaits) == awaited and run.due_at is not None and run.due_at > now:
            tables.runs.put(run.id, replace(run, due_at=now))


def promote(tables: Tables, keys: Mapping[Key, None], now: datetime | None = None) -> int:
    """Make READY the first waiter of each key that has no head; due not before `now`. Returns how many."""
    count = 0
    for key in keys:
        waiting = tables.live.waiting.get(key)
        if waiting and key not in tables.live.heads:
            first = tables.live.get(waiting[0])
            assert first is not None
            due = first.due_at if now is None else max(first.due_at, now)
            tables.live.put(first.id, replace(first, state=State.READY, due_at=due))
            count += 1
    return count
