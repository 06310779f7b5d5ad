"""Accept events: check their shape, decide what they owe, store both in one transaction, then answer."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from hub.app.consents import Consents, entries
from hub.app.evaluate import kept, told_beside
from hub.app.groups import GroupCommit
from hub.app.incoming import Incoming, check_whole, nul_in, unfit_text
from hub.app.library import Book, Library
from hub.app.lookup import lookups
from hub.app.places import body_place
from hub.app.pressure import Pressure
from hub.app.tags import Words, words_now
from hub.domain.connections import Connection, Ordering
from hub.domain.deliveries import Planned
from hub.domain.errors import Conflict, Invalid, Unavailable
from hub.domain.events import Event
from hub.domain.ids import RevisionId, RuleId, TenantId
from hub.domain.retention import Keep
from hub.domain.rules import Action, LiveRule, RunMode
from hub.domain.rules.tags import with_tags
from hub.domain.runs import MAX_DEPTH
from hub.domain.subjects import CLOSED_CODE
from hub.domain.traceparent import read
from hub.ports.arrivals import Arrival, Receipt, StoredEvent
from hub.ports.clock import Clock, Ids
from hub.ports.meter import Meter
from hub.ports.rules import Evaluated
from hub.ports.runs import Start
from hub.ports.store import Store
from hub.ports.tracer import Tracer
from hub.ports.vault import Owner, Vault, subject_owner
from mappings.documents import Document, written

R = TypeVar("R")

BATCH_LIMIT = 1000
_NUL_WRITTEN = b"\\u0000"  # how JSON writes NUL: a quick look before the long one
TRIES = 5  # two processes that draft a key for one candidate: the second look finds what the other stored
WHOLE_LANE = "*"  # the one ordering key of a lane that keeps the order of everything


Readmit = Callable[[TenantId, Sequence[Incoming]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Prepare:
    """Turns what was told into an arrival: checked, named, routed, sealed. No transaction, no waiting.

    The keys of `owners` were prepared before.
    """

    vault: Vault
    clock: Clock
    ids: Ids
    meter: Meter
    keep: Keep = field(default_factory=Keep)
    readmit: Readmit | None = None  # of whoever was erased and applies anew

    def __call__(self, tenant: TenantId, incoming: Incoming, book: Book, words: Words | None = None) -> Arrival:
        """`words`: what is on the candidates, for rules that ask. Raises Invalid: `at` is the place in the data."""
        check_whole(incoming)
        return self.checked(tenant, incoming, book, words)

    async def keys(self, tenant: TenantId, incoming: Sequence[Incoming], *, drafted: bool = False) -> None:
        """Load or make (`drafted`: or draft) the keys that seal these, which were checked.

        Raises Unavailable, Conflict (`candidate_erased`).
        """
        owners: set[Owner | None] = {subject_owner(one.subject) for one in incoming}
        load = self.vault.draft if drafted else self.vault.prepare
        try:
            await load(tenant, owners)
        except Conflict as error:
            if error.code != CLOSED_CODE or self.readmit is None:
                raise
            await self.readmit(tenant, incoming)
            await load(tenant, owners)

    def checked(
        self, tenant: TenantId, incoming: Incoming, book: Book, words: Words | None = None, *, drafted: bool = False
    ) -> Arrival:
        """The same for what was checked before. `drafted`: the candidate's key may be one that is stored with the arrival."""
        now = self.clock.now()
        event = Event(
            id=self.ids.event(),
            tenant=tenant,
            type=incoming.type,
            version=incoming.version,
            source=incoming.source,
            key=incoming.key,
            subject=incoming.subject,
            data=incoming.data,
            occurred_at=incoming.occurred_at or now,
            received_at=now,
            cause=incoming.cause,
            depth=incoming.depth,
        )
        planned, starts, evaluated = self._decide(event, book, now, words)
        place, plain = body_place(tenant, event.id, event.subject), _plain(event)
        body, key = self.vault.seal_new(place, plain) if drafted else (self.vault.seal(place, plain), None)
        return Arrival(
            _stored(event, body, incoming.traceparent),
            tuple(planned),
            tuple(starts),
            wakes=event.type in book.awaited,
            evaluated=evaluated,
            known_until=self.keep.known_until(now),
            consents=entries(event, event.data, self.vault),
            lookups=lookups(event, event.data, self.vault),
            key=key,
        )

    def plan(
        self, event: Event, book: Book, now: datetime, words: Words | None = None
    ) -> tuple[list[Planned], list[Start]]:
        """What the live rules want for an event: deliveries at once, and runs that begin."""
        planned, starts, _ = self._decide(event, book, now, words)
        return planned, starts

    def _decide(
        self, event: Event, book: Book, now: datetime, words: Words | None
    ) -> tuple[list[Planned], list[Start], tuple[Evaluated, ...]]:
        """What follows, and what each rule said."""
        rules, data = book.rules.get(event.type, ()), event.data
        if words is not None and event.subject is not None and event.type in book.tagged:
            data = with_tags(data, words.get(event.subject, ()))
        verdicts = book.asking[event.type](data, now) if rules else []
        planned: list[Planned] = []
        starts = []
        for rule, verdict in zip(rules, verdicts, strict=True):
            self.meter.rule(rule.name, "fired" if verdict else "unknown" if verdict is None else "no")
            if verdict is not True or rule.compiled.mode is not RunMode.LIVE:
                continue
            if rule.compiled.needs_run or event.depth >= MAX_DEPTH:
                starts.append(Start(rule.rule, rule.revision))
            else:
                planned += planned_calls(rule, event.subject, book, now)
        said = kept(data, rules, verdicts, now, book.stopped)
        return planned, starts, said + told_beside(data, rules, verdicts, now, book.beside) if book.beside else said


def _plain(event: Event) -> bytes:
    """The data as it is sealed. Raises Invalid (`unfit_text`) where a text holds NUL."""
    plain = written(event.data)
    if _NUL_WRITTEN in plain and (at := nul_in(event.data, "data")) is not None:
        raise unfit_text(at)
    return plain


def _stored(event: Event, body: bytes, traceparent: str | None) -> StoredEvent:
    sender = read(traceparent)
    return StoredEvent(
        id=event.id,
        tenant=event.tenant,
        type=event.type,
        version=event.version,
        source=event.source,
        key=event.key,
        subject=event.subject,
        occurred_at=event.occurred_at,
        received_at=event.received_at,
        body=body,
        request_hash=request_hash(event.type, event.subject, event.data),
        cause=event.cause,
        depth=event.depth,
        traceparent=None if sender is None else str(sender),
    )


def step_of(rule: RuleId, step: str) -> str:
    """The step as a delivery names it: two rules may give their steps the same id, and must not share an effect's key."""
    return f"{rule}.{step}"


def planned_calls(rule: LiveRule, subject: str | None, book: Book, now: datetime) -> list[Planned]:
    """What a rule of plain calls owes at once."""
    hours = rule.compiled.body.guards.business_hours
    return [
        planned_call(call, rule.rule, rule.revision, subject, book, now, hours=hours) for call in rule.compiled.steps
    ]


def planned_call(
    call: Action, rule: RuleId, revision: RevisionId, subject: str | None, book: Book, now: datetime, *, hours: bool
) -> Planned:
    """One call as a delivery; `hours`: the whole rule keeps business hours."""
    connection = book.by_name.get(call.connection)
    if connection is None:  # connections are never deleted: this is a store older than its rules
        raise Unavailable(f"rule step names connection {call.connection!r}, which is not there")
    due = book.hours.open_from(now) if hours or call.business_hours else None
    deadline = connection.lane.deadline_s
    return Planned(
        connection.id,
        step_of(rule, call.id),
        revision,
        okey=ordering_key(connection, subject),
        due_at=due,
        expires_at=None if deadline is None else (due or now) + timedelta(seconds=deadline),
        merge=book.merge(connection, call.operation),
    )


@dataclass(frozen=True, slots=True)
class Ingest:
    """Accept events. When the call returns they are durable, with every delivery they owe."""

    store: Store
    library: Library
    prepare: Prepare
    group: GroupCommit[Arrival, Receipt]
    meter: Meter
    pressure: Pressure

    async def __call__(self, tenant: TenantId, incoming: Sequence[Incoming]) -> list[Receipt]:
        """One receipt per event, in order. All are refused if one is (Invalid, `at` starts with its index).

        Raises Unavailable before anything is accepted where there is too much to do already.
        """
        if not 0 < len(incoming) <= BATCH_LIMIT:
            raise Invalid(f"a batch holds 1 to {BATCH_LIMIT} events", code="batch_size")
        _each(incoming, check_whole)
        await self.pressure(tenant)
        receipts = await self._stored(tenant, incoming)
        for index, receipt in enumerate(receipts):
            if receipt.clash:
                raise Invalid(
                    "this source and id were used before for another event",
                    code="key_reused",
                    at=str(index) if len(receipts) > 1 else None,
                )
        return receipts

    async def _stored(self, tenant: TenantId, incoming: Sequence[Incoming]) -> list[Receipt]:
        """Seal and store; again what another process has given a key to meanwhile, or whose candidate was erased."""
        receipts: dict[int, Receipt] = {}
        for turn in range(TRIES):
            left = [index for index in range(len(incoming)) if index not in receipts]
            answers = await self._once(tenant, [incoming[index] for index in left], drafted=turn == 0)
            receipts |= {index: one for index, one in zip(left, answers, strict=True) if not one.taken}
            if len(receipts) == len(incoming):
                return [receipts[index] for index in range(len(incoming))]
        raise Unavailable("keys are made elsewhere again and again", code="store_unavailable", after=1.0)

    async def _once(self, tenant: TenantId, incoming: Sequence[Incoming], *, drafted: bool) -> list[Receipt]:
        vault = self.prepare.vault
        await self.prepare.keys(tenant, incoming, drafted=drafted)
        book = await self.library.book(tenant)
        asked = (one.subject for one in incoming if one.type in book.tagged)
        words = await words_now(self.library.store, tenant, asked) if book.tagged else None
        arrivals = _each(incoming, lambda one: self.prepare.checked(tenant, one, book, words, drafted=drafted))
        receipts = await self.group.put(arrivals)
        for arrival, receipt in zip(arrivals, receipts, strict=True):
            if not receipt.taken:
                if arrival.key is not None:
                    vault.settle(arrival.key)
                self.pressure.took(tenant, len(arrival.planned))
        self._count(arrivals, receipts)
        return receipts

    def _count(self, arrivals: Sequence[Arrival], receipts: Sequence[Receipt]) -> None:
        seen: dict[str, list[bool]] = {}
        for arrival, receipt in zip(arrivals, receipts, strict=True):
            if not receipt.taken:
                seen.setdefault(arrival.event.type, []).append(receipt.fresh)
        for type_, fresh in seen.items():
            self.meter.accepted(type_, sum(fresh), len(fresh) - sum(fresh))


def _each(incoming: Sequence[Incoming], act: Callable[[Incoming], R]) -> list[R]:
    """What `act` gives for each; a refusal says which one it was where there are several."""
    done = []
    for index, one in enumerate(incoming):
        try:
            done.append(act(one))
        except Invalid as error:
            if len(incoming) == 1:
                raise
            raise Invalid(str(error), code=error.code, at=f"{index}.{error.at or ''}".rstrip(".")) from error
    return done


def commit_arrivals(
    store: Store, meter: Meter, clock: Clock, tracer: Tracer | None = None, consents: Consents | None = None
) -> GroupCommit[Arrival, Receipt]:
    """The group commit that ingest shares: one transaction per group, then the bell."""

    async def commit(arrivals: Sequence[Arrival]) -> Sequence[Receipt]:
        started = clock.monotonic()
        async with store.work() as work:
            receipts = await work.accept(arrivals)
        store.ring()
        meter.commit(len(arrivals), clock.monotonic() - started)
        said = [
            one
            for arrival, receipt in zip(arrivals, receipts, strict=True)
            if receipt.fresh
            for one in arrival.consents
        ]
        if consents is not None and said:
            await consents.told(said)
        if tracer is not None:
            for arrival, receipt in zip(arrivals, receipts, strict=True):
                if receipt.fresh:
                    tracer.accepted(arrival, clock.now())
        return receipts

    return GroupCommit(commit, refused=partial(meter.refused, "queue"))


def ordering_key(connection: Connection, subject: str | None) -> str | None:
    """The key by which deliveries wait for each other, None where the lane keeps no order."""
    match connection.lane.ordering:
        case Ordering.KEY:
            return subject
        case Ordering.FIFO:
            return WHOLE_LANE
        case Ordering.NONE:
            return None


def request_hash(type_: str, subject: str | None, data: Document) -> bytes:
    """SHA-256 over type, subject and data with sorted keys: equal for a repeat, other for a clash."""
    return hashlib.sha256(written([type_, subject, data], sort=True)).digest()
