"""Events and what they owe, in the database."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import LargeBinary, and_, literal, or_, select, update

from hub.adapters.db.evaluations import keep_observed, written
from hub.adapters.db.keys import store_drafts
from hub.adapters.db.ledger import add_consents
from hub.adapters.db.link import AnyRow, Link
from hub.adapters.db.lookup import add_lookups
from hub.adapters.db.run_tables import RUN
from hub.adapters.db.statements import EVENT, PLANNED, Group, Identity, Key, Statements, unique
from hub.adapters.db.statements_postgres import PostgresStatements
from hub.adapters.db.statements_sqlite import SqliteStatements
from hub.adapters.db.tables import metadata
from hub.domain.deliveries import Final, Planned, State
from hub.domain.events import Cause
from hub.domain.ids import ConnectionId, EventId, TenantId, event_id, show
from hub.domain.runs import RunState
from hub.ports.arrivals import Arrival, Receipt, StoredEvent
from hub.ports.runs import Awaited, Owed, Start
from hub.ports.store import Page

_EVENT = metadata.tables["event"]
_BODY = metadata.tables["event_body"]
_REF = metadata.tables["ref"]
_STORED = (*(_EVENT.c[name] for name in EVENT.split(", ")), _BODY.c.body)
_BARE = (*_STORED[:-1], literal(b"", LargeBinary))


class DbEvents:
    """`hub.ports.store.Events` on one open connection."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._hot: Statements = SqliteStatements(link) if link.sqlite else PostgresStatements(link)

    async def accept(self, arrivals: Sequence[Arrival], owed: Sequence[Owed] = ()) -> list[Receipt]:
        rows = [self._planned_row(one.event, one.tenant, one.at, one.planned) for one in owed]
        await self._hot.insert("delivery", PLANNED, rows)
        taken = await self._keep_keys(arrivals)
        kept = [one for one in arrivals if not _is_taken(one, taken)] if taken else arrivals
        receipts, new = await self._store(kept)
        waiters = [*(one.planned for one in owed if one.planned.okey is not None), *new]
        keys = await self._hot.lock_keys(unique(keys_of(waiters)))
        if groups := groups_of(waiters):
            await self._supersede(groups, arrivals[-1].event.received_at if arrivals else owed[-1].at)
        await self._hot.promote(keys, None)
        if not taken:
            return receipts
        told = iter(receipts)
        return [
            Receipt(one.event.id, fresh=False, taken=True) if _is_taken(one, taken) else next(told) for one in arrivals
        ]

    async def _store(self, arrivals: Sequence[Arrival]) -> tuple[list[Receipt], list[Planned]]:
        """Everything of `accept` but keys, superseding and promotion; also what waits for its turn now."""
        if not arrivals:
            return [], []
        identities = [identity_of(one.event.tenant, one.event.source, one.event.key) for one in arrivals]
        first: dict[Identity, Arrival] = {}
        for identity, arrival in zip(identities, arrivals, strict=True):
            first.setdefault(identity, arrival)
        fresh = set[Identity]()
        known: dict[Identity, tuple[EventId, bytes]] = {}
        while open_ := [identity for identity in first if identity not in known]:  # again if one was swept in between
            rows = [(*identity, first[identity].event, first[identity].known_until) for identity in sorted(open_)]
            new_ = await self._hot.remember([(*row[:2], row[2].id, row[2].request_hash, row[3]) for row in rows])
            fresh |= new_
            known |= {identity: (first[identity].event.id, first[identity].event.request_hash) for identity in new_}
            stale = [identity for identity in open_ if identity not in new_]
            if stale:
                known |= await self._hot.known(stale)
                ends = [(*identity, first[identity].known_until) for identity in stale]
                await self._hot.prolong([(one[0], one[1], one[2]) for one in ends if one[2] is not None])
        receipts, new = [], []
        for identity, arrival in zip(identities, arrivals, strict=True):
            id_, hash_ = known[identity]
            if identity in fresh and arrival is first[identity]:
                new.append(arrival)
                receipts.append(Receipt(id_, fresh=True))
            else:
                receipts.append(Receipt(id_, fresh=False, clash=hash_ != arrival.event.request_hash))
        return receipts, await self._insert(new)

    async def _keep_keys(self, arrivals: Sequence[Arrival]) -> set[bytes]:
        """Store drafted keys; the ids of those whose owners have another one. First of all, in one order, as they lock."""
        drafted = {one.key.id: one.key for one in arrivals if one.key is not None}
        return await store_drafts(self._link, list(drafted.values())) if drafted else set()

    async def _insert(self, arrivals: Sequence[Arrival]) -> list[Planned]:
        hot, events = self._hot, [arrival.event for arrival in arrivals]
        await hot.insert("event", EVENT, [self._event_row(event) for event in events])
        bodies = [(hot.event_key(one.event.id), one.event.body, written(one.evaluated)) for one in arrivals]
        await hot.insert("event_body", "event_id, body, verdicts", bodies)
        await keep_observed(hot, arrivals)
        planned = [(arrival.event, plan) for arrival in arrivals for plan in arrival.planned]
        rows = [self._planned_row(event.id, event.tenant, event.received_at, plan) for event, plan in planned]
        await hot.insert("delivery", PLANNED, rows)
        await self._start(arrivals)
        await add_consents(self._hot, self._link, [said for one in arrivals for said in one.consents])
        await add_lookups(self._link, [row for one in arrivals for row in one.lookups])
        return [plan for _, plan in planned if plan.okey is not None]

    async def _supersede(self, groups: set[Group], now: datetime) -> None:
        """End what a newer delivery of its (locked) key replaces. What is leased now is looked at when its try ends."""
        if not groups:
            return
        old = await self._hot.outdated(sorted(groups))
        await self._hot.finish([(id_, Final.SUPERSEDED.value, show("dlv", newer), None) for id_, newer in old], now)

    def _event_row(self, event: StoredEvent) -> tuple[object, ...]:
        cause = event.cause
        return (
            self._hot.event_key(event.id),
            event.tenant,
            event.type,
            event.version,
            event.source,
            event.key,
            event.subject,
            self._hot.moment(event.occurred_at),
            self._hot.moment(event.received_at),
            event.request_hash,
            None if cause is None else self._hot.event_key(cause.event),
            None if cause is None else cause.delivery,
            event.depth,
            event.traceparent,
        )

    async def _start(self, arrivals: Sequence[Arrival]) -> None:
        """The runs that arrivals start, and waking those that wait for them."""
        starts = [(arrival.event, start) for arrival in arrivals for start in arrival.starts]
        if starts:
            await self._link.rows(RUN.insert().values([run_row(event, start) for event, start in starts]))
        waking = [arrival.event for arrival in arrivals if arrival.wakes]
        if waking:
            awaited = {(event.tenant, event.subject, event.type) for event in waking if event.subject is not None}
            await self.wake(awaited, max(event.received_at for event in waking))

    async def wake(self, waiting: Collection[Awaited], now: datetime) -> None:
        """See `hub.ports.runs.Runs`. In one order, so that two who wake never wait for each other in a ring."""
        for tenant, subject, type_ in sorted(waiting):
            mine = (RUN.c.tenant_id == tenant, RUN.c.subject == subject, RUN.c.awaits == type_)
            await self._link.rows(update(RUN).where(*mine, RUN.c.due_at > now).values(due_at=now))

    def _planned_row(self, event: EventId, tenant: TenantId, at: datetime, plan: Planned) -> tuple[object, ...]:
        return (
            self._hot.event_key(event),
            self._hot.moment(at),
            tenant,
            plan.connection,
            plan.revision,
            plan.step,
            plan.okey,
            int(State.READY if plan.okey is None else State.WAITING),
            self._hot.moment(plan.due_at or at),
            self._hot.moment(plan.expires_at),
            None,
            False,
            plan.merge,
        )

    async def _promote(self, keys: Sequence[Key], now: datetime | None = None) -> int:
        if not keys:
            return 0
        return await self._hot.promote(await self._hot.lock_keys(unique(keys)), now)

    async def _keep_event(self, event: EventId) -> bool:
        """Whether the event is there; from now to the end of this transaction nobody removes it."""
        there = select(_EVENT.c.id).where(_EVENT.c.id == event).with_for_update(read=True, key_share=True)
        return await self._link.row(there) is not None

    async def event(self, tenant: TenantId, event: EventId) -> StoredEvent | None:
        found = (await self._hot.events([event])).get(event)
        return found if found is not None and found.tenant == tenant else None

    async def some_events(self, events: Collection[EventId]) -> dict[EventId, StoredEvent]:
        return await self._hot.events(list(events)) if events else {}

    async def events(
        self, tenant: TenantId, page: Page, *, type: str | None = None, subject: str | None = None, bodies: bool = True
    ) -> list[StoredEvent]:
        wanted = select(*_STORED).join(_BODY, _BODY.c.event_id == _EVENT.c.id) if bodies else select(*_BARE)
        wanted = wanted.where(_EVENT.c.tenant_id == tenant)
        if page.before is not None:
            wanted = wanted.where(_EVENT.c.id < event_id(page.before))
        if type is not None:
            wanted = wanted.where(_EVENT.c.type == type)
        if subject is not None:
            wanted = wanted.where(_EVENT.c.subject == subject)
        rows = await self._link.rows(wanted.order_by(_EVENT.c.id.desc()).limit(page.limit))
        return [_event(row) for row in rows]

    async def find_cause(self, tenant: TenantId, connection: ConnectionId, refs: Mapping[str, str]) -> Cause | None:
        if not refs:
            return None
        pairs = [and_(_REF.c.object == name, _REF.c.external_id == external) for name, external in refs.items()]
        row = await self._link.row(
            select(_REF.c.event_id, _REF.c.delivery_id)
            .where(_REF.c.tenant_id == tenant, _REF.c.connection_id == connection, or_(*pairs))
            .order_by(_REF.c.delivery_id.desc())
            .limit(1)
        )
        return None if row is None else Cause(row[0], row[1])


def _is_taken(arrival: Arrival, taken: set[bytes]) -> bool:
    return arrival.key is not None and arrival.key.id in taken


def keys_of(waiters: Sequence[Planned]) -> list[Key]:
    """The keys they wait in."""
    return [(plan.connection, plan.okey) for plan in waiters if plan.okey is not None]


def groups_of(waiters: Sequence[Planned]) -> set[Group]:
    """The groups in which they are the newest."""
    return {(plan.connection, plan.okey, plan.merge) for plan in waiters if plan.okey and plan.merge}


def _event(row: AnyRow) -> StoredEvent:
    cause = None if row[10] is None else Cause(row[10], row[11])
    return StoredEvent(*[*row[:9], row[14], row[9], cause, row[12], row[13]])


def run_row(event: StoredEvent, start: Start) -> dict[str, object]:
    """A run that has not taken a step yet."""
    at = dict.fromkeys(("created_at", "changed_at", "due_at"), event.received_at)
    return {
        "tenant_id": event.tenant,
        "rule_id": start.rule,
        "revision_id": start.revision,
        "event_id": event.id,
        "at_event": event.id,
        "subject": event.subject,
        "state": RunState.READY.value,
        "met": [],
        **at,
    }


def identity_of(tenant: TenantId, source: str, key: str) -> Identity:
    """Under which an event is known to have come."""
    text = f"{len(source)}:{source}{key}"
    return tenant, hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
