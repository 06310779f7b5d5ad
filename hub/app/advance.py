"""Move runs on: what is due is taken, goes as far as it can and is written down with all it owes, in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hub.app.ingest import Incoming, Prepare, body_place, planned_call
from hub.app.library import Book, Library
from hub.domain.errors import Conflict, Invalid, NotFound, Unavailable
from hub.domain.events import Cause
from hub.domain.ids import EventId, TenantId, show
from hub.domain.rules import Action, Program
from hub.domain.rules.tree import Emit, Guards, Once, Same, Tag, Wait
from hub.domain.runs import MAX_DEPTH, Effect, Run, RunState, end, go_on, hold, meet
from hub.ports.clock import Clock
from hub.ports.meter import Meter
from hub.ports.runs import Awaited, CandidateTag, Owed
from hub.ports.store import Arrival, Store, StoredEvent, Work
from hub.ports.vault import Vault
from mappings.canonical import UnknownType, event_schema
from mappings.documents import Document, lookup
from mappings.engine import MappingFailed

BATCH = 50  # runs in one transaction
POLL_S = 0.1  # the bell is left to the lanes: whoever waits for it takes the ring from the others
VERSION = 1  # of the canonical events that rules tell
HOUR = timedelta(hours=1)
FAULTS = (Invalid, NotFound, Conflict, MappingFailed)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run stands: the program it follows and the event it reads."""

    program: Program
    book: Book
    event: StoredEvent
    data: Document


@dataclass(slots=True)
class Outbox:
    """What a batch of runs owes. Written at the end and in one order, so that two batches never wait in a ring."""

    owed: list[Owed] = field(default_factory=list)
    told: list[Arrival] = field(default_factory=list)
    tags: dict[tuple[TenantId, str, str], CandidateTag | None] = field(default_factory=dict)

    async def write(self, work: Work) -> None:
        """Everything, in this transaction."""
        for (tenant, subject, tag), put in sorted(self.tags.items(), key=lambda item: item[0]):
            if put is None:
                await work.drop_tag(tenant, subject, tag)
            else:
                await work.put_tag(tenant, subject, put)
        # Runs that wait for a told event are woken after the commit: here they may be locked by another batch.
        await work.accept([replace(arrival, wakes=False) for arrival in self.told], self.owed)

    @property
    def woken(self) -> frozenset[Awaited]:
        """What is to be woken once it is committed."""
        events = [arrival.event for arrival in self.told if arrival.wakes]
        return frozenset((event.tenant, event.subject, event.type) for event in events if event.subject is not None)


@dataclass(slots=True)
class Advance:
    """One process's loop over runs. Rows are the truth: a crash before the commit leaves the run where it was."""

    store: Store
    vault: Vault
    library: Library
    prepare: Prepare
    clock: Clock
    meter: Meter
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
            await self.vault.prepare(tenant)
        try:
            moved = await self._together(due, now)
        except Unavailable:
            raise
        except Exception:  # one of them has a fault that nobody foresaw: find it, let the others go on
            moved = [one for run in due for one in await self._alone(run, now)]
        self._tell(moved)
        self.store.ring()
        return len(due)

    async def _together(self, due: Sequence[Run], now: datetime) -> list[Run]:
        programs = {run.revision: await self.library.program(run.revision) for run in due}
        books = {run.tenant: await self.library.book(run.tenant) for run in due}
        outbox = Outbox()
        async with self.store.work() as work:
            taken = await work.take_runs([run.id for run in due], now)
            moved = [await self._move(work, r, programs[r.revision], books[r.tenant], now, outbox) for r in taken]
            await outbox.write(work)
        if outbox.woken:
            async with self.store.work() as work:
                await work.wake(outbox.woken, now)
        for arrival in outbox.told:
            self.meter.accepted(arrival.event.type, 1, 0)
        return moved

    async def _alone(self, run: Run, now: datetime) -> list[Run]:
        try:
            return await self._together([run], now)
        except Unavailable:
            raise
        except Exception as error:
            failed = end(run, RunState.FAILED, now, f"internal:{type(error).__name__}")
            async with self.store.work() as work:
                for _ in await work.take_runs([run.id], now):
                    await work.save_run(failed)
            return [failed]

    async def _move(self, work: Work, run: Run, program: Program, book: Book, now: datetime, outbox: Outbox) -> Run:
        try:
            place = await self._place(work, run.tenant, run.at, program, book)
            if run.began_at is None:
                run = await self._begin(work, run, program.body.guards, place, now)
            while run.due_at is not None and run.due_at <= now:
                run, place = await self._step(work, run, place, now, outbox)
                await work.save_run(run)
                awaiting = await self._arrived(work, run, program)
                if awaiting is not None:  # it came before the wait was written down
                    run = replace(run, due_at=now)
        except FAULTS as error:
            at = getattr(error, "at", None)
            run = end(run, RunState.FAILED, now, f"{error.code} at {at}" if at else error.code)
        await work.save_run(run)
        return run

    async def _step(self, work: Work, run: Run, place: Place, now: datetime, outbox: Outbox) -> tuple[Run, Place]:
        arrived = await self._arrived(work, run, place.program)
        if arrived is not None:
            run = meet(run, arrived, now)
            place = await self._place(work, run.tenant, arrived, place.program, place.book)
        moved = go_on(run, place.program, place.data, now, place.book.hours, met=arrived is not None)
        self._carry_out(moved.run, moved.effects, place, now, outbox)
        return moved.run, place

    async def _place(self, work: Work, tenant: TenantId, event: EventId, program: Program, book: Book) -> Place:
        stored = await work.event(tenant, event)
        if stored is None:
            raise NotFound("the event is not there any more", code="no_event")
        return Place(program, book, stored, json.loads(self.vault.open(body_place(tenant, event), stored.body)))

    async def _begin(self, work: Work, run: Run, guards: Guards, place: Place, now: datetime) -> Run:
        """The guards, in the transaction of the first step; a run that they let pass has `began_at`."""
        if place.event.depth >= MAX_DEPTH:
            return hold(run, "loop", now)
        if guards.once_per and not await work.once(run, _once_key(guards, run, place.data)):
            return end(run, RunState.SKIPPED, now, "once_per")
        cap = guards.max_per_hour
        if cap is not None and await work.begun_since(run.rule, now - HOUR) >= cap:
            return hold(run, "rate_cap", now)
        return replace(run, began_at=now)

    async def _arrived(self, work: Work, run: Run, program: Program) -> EventId | None:
        step = program.steps.get(run.step or "")
        if run.awaits is None or run.subject is None or not isinstance(step, Wait):
            return None
        for event in await work.arrived(run.tenant, run.awaits, run.subject, run.created_at):
            if event not in (run.event, *run.met) and (
                step.same is Same.SUBJECT or await self._answers(work, run, event)
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

    def _carry_out(self, run: Run, effects: Sequence[Effect], place: Place, now: datetime, outbox: Outbox) -> None:
        hours = place.program.body.guards.business_hours
        for effect in effects:
            match effect:
                case Action():
                    planned = planned_call(effect, run.revision, run.subject, place.book, now, hours=hours)
                    outbox.owed.append(Owed(run.tenant, place.event.id, planned, now))
                case Tag(tag=tag, remove=remove):
                    if run.subject is not None:
                        outbox.tags[run.tenant, run.subject, tag] = None if remove else CandidateTag(tag, run.id, now)
                case Emit():
                    outbox.told.append(self._told_event(run, effect, place))

    def _told_event(self, run: Run, step: Emit, place: Place) -> Arrival:
        incoming = Incoming(
            type=step.event,
            version=VERSION,
            source=f"/runs/{show('run', run.id)}",
            key=step.id,
            subject=run.subject,
            data=_told(step, place),
            cause=Cause(place.event.id),
            depth=place.event.depth + 1,
        )
        return self.prepare(run.tenant, incoming, place.book)

    def _tell(self, runs: Sequence[Run]) -> None:
        for run in runs:
            if run.state in (RunState.HELD, RunState.FAILED, RunState.STOPPED):
                self.meter.note(f"run.{run.state}", run=show("run", run.id), rule=run.rule, reason=run.reason)


def _once_key(guards: Guards, run: Run, data: Document) -> str:
    """One text for what the rule may run once for. No subject is one candidate of its own: the event decides."""
    job = lookup(data, "job.id")
    parts = [run.subject or run.event]
    if Once.JOB in guards.once_per:
        parts.append(job if isinstance(job, str) else "")
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _told(step: Emit, place: Place) -> Document:
    """What the run's event knows and the told type has room for, then the mapping, then the constants."""
    try:
        room = event_schema(step.event, VERSION).get("properties")
    except UnknownType as error:
        raise Invalid(f"there is no event type {step.event}@{VERSION}", code="unknown_type", at="type") from error
    known = {name: value for name, value in place.data.items() if isinstance(room, dict) and name in room}
    if step.mapping is None:
        return {**known, **step.extra}
    mapping = place.book.mappings.get(step.mapping)
    if mapping is None:
        raise NotFound(f"there is no mapping {step.mapping}", code="unknown_mapping")
    return {**known, **mapping.apply(place.data), **step.extra}
