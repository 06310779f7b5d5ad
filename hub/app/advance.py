"""Move runs on: what is due is taken, goes as far as it can and is written down with all it owes, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from hub.app.guards import HOUR, once_key
from hub.app.incoming import Incoming
from hub.app.ingest import Prepare, planned_call
from hub.app.library import Book, Library
from hub.app.places import body_place
from hub.domain.errors import Conflict, Invalid, NotFound, Unavailable
from hub.domain.events import Cause
from hub.domain.ids import EventId, RuleId, TenantId, show
from hub.domain.rules import Action, Program
from hub.domain.rules.tags import with_tags
from hub.domain.rules.tree import Emit, Same, Tag, Wait
from hub.domain.runs import LIVE, MAX_DEPTH, Moved, Run, RunState, end, go_on, hold, meet, still_waits
from hub.ports.arrivals import Arrival, StoredEvent
from hub.ports.clock import Clock
from hub.ports.meter import Meter
from hub.ports.runs import Awaited, CandidateTag, Owed
from hub.ports.store import Store, Work
from hub.ports.tracer import Tracer
from hub.ports.vault import Vault, subject_owner
from mappings.canonical import UnknownType, event_schema
from mappings.documents import Document
from mappings.engine import MappingFailed

BATCH = 50  # runs in one transaction
POLL_S = 0.1  # the bell is left to the lanes: whoever waits for it takes the ring from the others
VERSION = 1  # of the canonical events that rules tell
FAULTS = (Invalid, NotFound, Conflict, MappingFailed)


@dataclass(slots=True)
class Outbox:
    """What a batch of runs owes. Written at the end and in one order, so that two batches never wait in a ring."""

    owed: list[Owed] = field(default_factory=list)
    told: list[Arrival] = field(default_factory=list)
    tags: dict[tuple[TenantId, str, str], tuple[bool, CandidateTag]] = field(default_factory=dict)  # put, or taken off
    begun: dict[RuleId, int] = field(default_factory=dict)  # runs of capped rules that began within the hour

    async def write(self, work: Work) -> None:
        """Everything, in this transaction."""
        for (tenant, subject, _), (put, tag) in sorted(self.tags.items(), key=lambda item: item[0]):
            await (work.put_tag if put else work.drop_tag)(tenant, subject, tag)
        # Runs that wait for a told event are woken after the commit: here they may be locked by another batch.
        await work.accept([replace(arrival, wakes=False) for arrival in self.told], self.owed)

    async def words(self, work: Work, tenant: TenantId, subject: str) -> list[str]:
        """The words on a candidate, with those that are not written yet."""
        found = dict.fromkeys((await work.tags_of(tenant, [subject])).get(subject, ()))
        for (whose, who, word), (put, _) in self.tags.items():
            if (whose, who) == (tenant, subject):
                found |= {word: None}
                if not put:
                    del found[word]
        return sorted(found)

    @property
    def woken(self) -> frozenset[Awaited]:
        """What is to be woken once it is committed."""
        events = [arrival.event for arrival in self.told if arrival.wakes]
        return frozenset((event.tenant, event.subject, event.type) for event in events if event.subject is not None)


@dataclass(slots=True)
class Sight:
    """What is needed to move one run: the open transaction, the program, the configuration, the events that were read."""

    work: Work
    program: Program
    book: Book
    events: dict[EventId, StoredEvent]
    now: datetime
    outbox: Outbox


@dataclass(slots=True)
class Advance:
    """One process's loop over runs. Rows are the truth: a crash before the commit leaves the run where it was."""

    store: Store
    vault: Vault
    library: Library
    prepare: Prepare
    clock: Clock
    meter: Meter
    tracer: Tracer | None = None
    _stopping: bool = field(default=False)

    async def run(self) -> None:
        """Move on what is due until stopped. A store that is away is waited for."""
        while not self._stopping:
            try:
                moved = await self()
            except Exception as error:  # whatever it is, a hub that accepts must go on
                self.meter.note("runs.failed", error=type(error).__name__)
                moved = 0
                await self.clock.sleep(POLL_S)
            if not moved and not self._stopping:
                await self.clock.sleep(POLL_S)

    def stop(self) -> None:
        """Take no more; `run` returns soon."""
        self._stopping = True

    async def __call__(self) -> int:
        """Move on one batch; how many runs there were."""
        now = self.clock.now()
        async with self.store.look() as look:
            due = await look.due_runs(now, BATCH)
        if not due:
            return 0
        for tenant in {run.tenant for run in due}:
            # Before the transaction: what a run tells is sealed inside it, and making a key is a transaction of its own.
            await self.vault.prepare(tenant, {subject_owner(run.subject) for run in due if run.tenant == tenant})
        try:
            moved = await self._together(due, now)
        except Unavailable:
            raise
        except Exception:  # one of them has a fault that nobody foresaw: find it, let the others go on
            moved = [one for run in due for one in await self._alone(run, now)]
        await self._tell(moved)
        self.store.ring()
        return len(due)

    async def _together(self, due: Sequence[Run], now: datetime) -> list[tuple[Run, Run]]:
        """Each run as it was and as it is now."""
        programs = {run.revision: await self.library.program(run.revision) for run in due}
        books = {run.tenant: await self.library.book(run.tenant) for run in due}
        outbox = Outbox()
        async with self.store.work() as work:
            taken = await work.take_runs([run.id for run in due], now)
            events = await work.some_events({run.at for run in taken})
            moved = []
            for run in taken:
                sight = Sight(work, programs[run.revision], books[run.tenant], events, now, outbox)
                moved.append(await self._move(run, sight))
            await work.save_runs(moved)
            await outbox.write(work)
        if outbox.woken:
            async with self.store.work() as work:
                await work.wake(outbox.woken, now)
        for arrival in outbox.told:
            self.meter.accepted(arrival.event.type, 1, 0)
            if self.tracer is not None:
                self.tracer.accepted(arrival, self.clock.now())
        return list(zip(taken, moved, strict=True))

    async def _alone(self, run: Run, now: datetime) -> list[tuple[Run, Run]]:
        try:
            return await self._together([run], now)
        except Unavailable:
            raise
        except Exception as error:
            failed = end(run, RunState.FAILED, now, f"internal:{type(error).__name__}")
            async with self.store.work() as work:
                if await work.take_runs([run.id], now):
                    await work.save_runs([failed])
            return [(run, failed)]

    async def _move(self, run: Run, sight: Sight) -> Run:
        now = sight.now
        try:
            if run.began_at is None:
                run = await self._begin(run, sight)
            while run.due_at is not None and run.due_at <= now:
                arrived = await self._arrived(run, sight)
                if arrived is not None:
                    run = meet(run, arrived, now)
                before = run.step
                met = arrived is not None
                data = {} if still_waits(run, sight.program, now, met=met) else await self._asked(run, sight)
                moved = go_on(run, sight.program, data, now, sight.book.hours, met=met)
                await self._carry_out(moved, sight)
                run = moved.run
                if run.step != before and await self._arrived(run, sight) is not None:
                    run = replace(run, due_at=now)  # it came before the wait was written down
        except FAULTS as error:
            at = getattr(error, "at", None)
            run = end(run, RunState.FAILED, now, f"{error.code} at {at}" if at else error.code)
        return run

    async def _event(self, run: Run, sight: Sight) -> StoredEvent:
        if run.at not in sight.events:
            sight.events |= await sight.work.some_events([run.at])
        if run.at not in sight.events:
            raise NotFound("the event is not there any more", code="no_event")
        return sight.events[run.at]

    async def _data(self, run: Run, sight: Sight) -> Document:
        stored = await self._event(run, sight)
        await self.vault.prepare(run.tenant, sealed=[stored.body])
        return json.loads(self.vault.open(body_place(run.tenant, run.at), stored.body))  # type: ignore[no-any-return]

    async def _asked(self, run: Run, sight: Sight) -> Document:
        """The data as the run's branches see it: with the words that are on the candidate now."""
        data = await self._data(run, sight)
        if not sight.program.asks_tags or run.subject is None:
            return data
        return with_tags(data, await sight.outbox.words(sight.work, run.tenant, run.subject))

    async def _begin(self, run: Run, sight: Sight) -> Run:
        """The guards, in the transaction of the first step; a run that they let pass has `began_at`."""
        guards, now = sight.program.body.guards, sight.now
        if (await self._event(run, sight)).depth >= MAX_DEPTH:
            return hold(run, "loop", now)
        if guards.once_per:
            key = once_key(guards, run.subject, run.event, await self._data(run, sight))
            if not await sight.work.once(run, key):
                return end(run, RunState.SKIPPED, now, "once_per")
        if guards.max_per_hour is not None:
            begun = sight.outbox.begun
            if run.rule not in begun:
                begun[run.rule] = await sight.work.begun_since(run.rule, now - HOUR)
            if begun[run.rule] >= guards.max_per_hour:
                return hold(run, "rate_cap", now)
            begun[run.rule] += 1
        return replace(run, began_at=now)

    async def _arrived(self, run: Run, sight: Sight) -> EventId | None:
        step = sight.program.steps.get(run.step or "")
        if run.awaits is None or run.subject is None or not isinstance(step, Wait):
            return None
        for event in await sight.work.arrived(run.tenant, run.awaits, run.subject, run.created_at):
            if event not in (run.event, *run.met) and (
                step.same is Same.SUBJECT or await self._answers(sight.work, run, event)
            ):
                return event
        return None

    async def _answers(self, work: Work, run: Run, event: EventId) -> bool:
        """Whether the event answers a delivery that this run planned."""
        stored = await work.event(run.tenant, event)
        if stored is None or stored.cause is None or stored.cause.delivery is None:
            return False
        delivery = await work.delivery(run.tenant, stored.cause.delivery)
        return delivery is not None and delivery.revision == run.revision and delivery.event in (run.event, *run.met)

    async def _carry_out(self, moved: Moved, sight: Sight) -> None:
        run, now, outbox = moved.run, sight.now, sight.outbox
        hours = sight.program.body.guards.business_hours
        for effect in moved.effects:
            match effect:
                case Action():
                    planned = planned_call(effect, run.rule, run.revision, run.subject, sight.book, now, hours=hours)
                    outbox.owed.append(Owed(run.tenant, run.at, planned, now))
                case Tag(tag=tag, remove=remove):
                    if run.subject is not None:
                        outbox.tags[run.tenant, run.subject, tag] = (not remove, CandidateTag(tag, run.id, now))
                case Emit():
                    outbox.told.append(await self._told_event(run, effect, sight))

    async def _told_event(self, run: Run, step: Emit, sight: Sight) -> Arrival:
        before = await self._event(run, sight)
        incoming = Incoming(
            type=step.event,
            version=VERSION,
            source=f"/runs/{show('run', run.id)}",
            key=step.id,
            subject=run.subject,
            data=_told(step, sight.book, await self._data(run, sight)),
            cause=Cause(run.at),
            traceparent=before.traceparent,
            depth=before.depth + 1,
        )
        words = None
        if run.subject is not None and step.event in sight.book.tagged:
            words = {run.subject: await sight.outbox.words(sight.work, run.tenant, run.subject)}
        return self.prepare(run.tenant, incoming, sight.book, words)

    async def _tell(self, moved: Sequence[tuple[Run, Run]]) -> None:
        names = {run.tenant: (await self.library.book(run.tenant)).names for run, _ in moved}
        for before, run in moved:
            rule = names[run.tenant].get(run.rule, "")
            if before.step is None and before.state is RunState.READY and before.answer is None:
                self.meter.run_started(rule)
            if run.state not in LIVE:
                self.meter.run_ended(rule, run.state)
            if run.state in (RunState.HELD, RunState.FAILED, RunState.STOPPED):
                self.meter.note(f"run.{run.state}", run=show("run", run.id), rule=run.rule, reason=run.reason)


def _told(step: Emit, book: Book, data: Document) -> Document:
    """What the run's event knows and the told type has room for, then the mapping, then the constants."""
    try:
        room = event_schema(step.event, VERSION).get("properties")
    except UnknownType as error:
        raise Invalid(f"there is no event type {step.event}@{VERSION}", code="unknown_type", at="type") from error
    known = {name: value for name, value in data.items() if isinstance(room, dict) and name in room}
    if step.mapping is None:
        return {**known, **step.extra}
    mapping = book.mappings.get(step.mapping)
    if mapping is None:
        raise NotFound(f"there is no mapping {step.mapping}", code="unknown_mapping")
    return {**known, **mapping.apply(data), **step.extra}
