"""Send many deliveries again: count first, then at a walking pace behind live traffic; on the record, to be cancelled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hub.app.ingest import Prepare
from hub.app.library import Library
from hub.app.queries import Queries
from hub.app.tags import words_now
from hub.domain.audit import Act
from hub.domain.deliveries import Final, Planned
from hub.domain.errors import Conflict, HubError, Invalid, NotFound
from hub.domain.events import Event
from hub.domain.ids import ConnectionId, DeliveryId, EventId, RevisionId, TenantId, event_id, show
from hub.domain.replays import DeadGroup, ReplayJob, ReplayKind, ReplayState, ReplayWanted
from hub.ports.clock import Clock
from hub.ports.meter import Meter
from hub.ports.queue import DoneDelivery
from hub.ports.runs import Start
from hub.ports.store import Store, Work
from mappings.documents import Document

BATCH = 200
BEHIND = timedelta(seconds=2)  # a lane whose oldest due delivery waits longer than this has no room for replays
FASTEST = 1000.0


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Dead letters of one cause, in names."""

    connection: str
    operation: str
    error: str | None
    count: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Replays:
    """Replays of many. `advance` is called again and again by one process at a time; all it knows stands in rows."""

    store: Store
    library: Library
    queries: Queries
    prepare: Prepare
    clock: Clock
    meter: Meter

    async def count(self, tenant: TenantId, wanted: ReplayWanted) -> int:
        """How many deliveries (MISSING: events to be looked at) this would be about now. Raises Invalid."""
        if not 0 < wanted.per_second <= FASTEST:
            raise Invalid(f"per_second is above 0 and at most {FASTEST:g}", code="range", at="per_second")
        if wanted.kind is ReplayKind.MISSING and wanted.since is None:
            raise Invalid("say since when deliveries are missing", code="required", at="since")
        async with self.store.look() as look:
            if wanted.kind is ReplayKind.MISSING:
                return await look.count_wanted(tenant, wanted)
            return await look.count_replayable(tenant, wanted)

    async def start(self, tenant: TenantId, wanted: ReplayWanted, by: str) -> ReplayJob:
        """Begin. Raises Invalid."""
        total, now = await self.count(tenant, wanted), self.clock.now()
        async with self.store.work() as work:
            job = await work.add_replay_job(tenant, wanted, total, by, now)
            about: Document = {"kind": str(wanted.kind), "total": total, "current": wanted.current}
            await work.audit(Act(now, tenant, by, "replay.start", show("rpl", job.id), about))
        return job

    async def jobs(self, tenant: TenantId, limit: int = 50) -> list[ReplayJob]:
        """Newest first."""
        async with self.store.look() as look:
            return await look.replay_jobs(tenant, limit)

    async def job(self, tenant: TenantId, id: int) -> ReplayJob:
        """Raises NotFound."""
        found = [job for job in await self.jobs(tenant, 10_000) if job.id == id]
        if not found:
            raise NotFound(f"there is no replay {show('rpl', id)}")
        return found[0]

    async def cancel(self, tenant: TenantId, id: int, by: str) -> ReplayJob:
        """Stop here; what was sent again stays sent. Raises NotFound, Conflict (it has ended)."""
        now = self.clock.now()
        async with self.store.work() as work:
            job = await work.replay_job(tenant, id)
            if job is None:
                raise NotFound(f"there is no replay {show('rpl', id)}")
            if job.state is not ReplayState.RUNNING:
                raise Conflict("this replay has ended", code="replay_ended")
            job = replace(job, state=ReplayState.CANCELLED, finished_at=now)
            await work.put_replay_job(job)
            await work.audit(Act(now, tenant, by, "replay.cancel", show("rpl", id), {"done": job.done}))
        return job

    async def dead(self, tenant: TenantId) -> list[DeadLetters]:
        """Dead letters that were not sent again, by connection, operation and error, most first."""
        async with self.store.look() as look:
            groups = await look.dead_groups(tenant)
        found: dict[tuple[str, str, str | None], DeadLetters] = {}
        for group in groups:
            name, operation = await self._names(tenant, group)
            key = (name, operation, group.error)
            known = found.get(key) or DeadLetters(name, operation, group.error, 0, group.first, group.last)
            found[key] = replace(
                known,
                count=known.count + group.count,
                first=min(known.first, group.first),
                last=max(known.last, group.last),
            )
        return sorted(found.values(), key=lambda one: (-one.count, one.connection, one.operation, one.error or ""))

    async def _names(self, tenant: TenantId, group: DeadGroup) -> tuple[str, str]:
        connection = (await self.library.book(tenant)).by_id.get(group.connection)
        name = connection.name if connection else show("con", group.connection)
        if group.revision is None:
            return name, "read webhook"
        return name, (await self.library.step(RevisionId(group.revision), group.step)).operation

    async def advance(self, seconds: float = 1.0) -> None:
        """Take every running replay as far as `seconds` allow at its pace, where its lane keeps up with live traffic."""
        async with self.store.look() as look:
            running = await look.running_replays()
        for job in running:
            room = max(1, min(BATCH, int(job.wanted.per_second * seconds)))
            if job.wanted.kind is ReplayKind.MISSING:
                await self._missing(job, room)
            else:
                await self._ended(job, room)
        if running:
            self.store.ring()

    async def _behind(self, work: Work, tenant: TenantId) -> set[ConnectionId]:
        limit = self.clock.now() - BEHIND
        return {
            lane.connection
            for lane in await work.lanes(tenant)
            if lane.oldest_due is not None and lane.oldest_due < limit
        }

    async def _ended(self, job: ReplayJob, room: int) -> None:
        now, after = self.clock.now(), DeliveryId(int(job.cursor or 0))
        async with self.store.work() as work:
            current = await work.replay_job(job.tenant, job.id)
            if current is None or current.state is not ReplayState.RUNNING:
                return
            behind = await self._behind(work, job.tenant)
            ids = await work.replayable(job.tenant, job.wanted, after, room)
            done, skipped = 0, 0
            for id_ in ids:
                known = await work.delivery(job.tenant, id_)
                if not isinstance(known, DoneDelivery):
                    skipped += 1
                elif known.connection in behind:
                    break  # live traffic first; the cursor stays before it
                elif await self._again(work, known, job.wanted, now):
                    done += 1
                else:
                    skipped += 1
                after = id_
            over = len(ids) < room and (not ids or after == ids[-1])
            await work.put_replay_job(_moved(current, str(after), done, skipped, over, now))
        self.meter.note("replay.advanced", replay=show("rpl", job.id), count=done, skipped=skipped)

    async def _again(self, work: Work, known: DoneDelivery, wanted: ReplayWanted, now: datetime) -> bool:
        revision = await self._revision(work, known) if wanted.current else known.revision
        if wanted.current and revision is None and known.revision is not None:
            return False
        try:
            again = known.final is Final.DELIVERED
            await work.replay(known.tenant, known.id, now=now, again=again, revision=revision)
        except (Conflict, NotFound):
            return False
        return True

    async def _revision(self, work: Work, known: DoneDelivery) -> RevisionId | None:
        """The revision in force of the rule that planned it, if that still has the step."""
        if known.revision is None:
            return None
        planned = await work.revision(known.revision)
        rules = await work.rules(known.tenant) if planned is not None else []
        for rule in rules:
            if planned is not None and rule.id == planned.rule and rule.live is not None:
                try:
                    await self.library.step(rule.live.id, known.step)
                except HubError:
                    return None
                return rule.live.id
        return None

    async def _missing(self, job: ReplayJob, room: int) -> None:
        now, after = self.clock.now(), event_id(job.cursor) if job.cursor else None
        async with self.store.look() as look:
            ids = await look.events_after(job.tenant, job.wanted, after, room)
        wanted = {id_: await self._wanted(job, id_, now) for id_ in ids}
        async with self.store.work() as work:
            current = await work.replay_job(job.tenant, job.id)
            if current is None or current.state is not ReplayState.RUNNING:
                return
            made = [
                len(await work.owe(job.tenant, id_, planned, now))
                + await work.begin_missing(job.tenant, id_, starts, now)
                for id_, (planned, starts) in wanted.items()
            ]
            cursor = ids[-1] if ids else job.cursor
            moved = _moved(current, cursor, sum(made), made.count(0), len(ids) < room, now)
            await work.put_replay_job(moved)
        self.meter.note("replay.advanced", replay=show("rpl", job.id), count=sum(made), skipped=made.count(0))

    async def _wanted(self, job: ReplayJob, id_: EventId, now: datetime) -> tuple[list[Planned], list[Start]]:
        """What today's rules want for a stored event at the wanted connection: deliveries, and runs that may lead there."""
        stored, data = await self.queries.event(job.tenant, id_)
        event = Event(
            id=stored.id,
            tenant=stored.tenant,
            type=stored.type,
            version=stored.version,
            source=stored.source,
            key=stored.key,
            subject=stored.subject,
            data=data,
            occurred_at=stored.occurred_at,
            received_at=stored.received_at,
            cause=stored.cause,
            depth=stored.depth,
        )
        book = await self.library.book(job.tenant)
        asked = [event.subject] if event.type in book.tagged else []
        words = await words_now(self.store, job.tenant, asked)
        planned, starts = self.prepare.plan(event, book, now, words)
        if job.wanted.connection is None:
            return planned, starts
        name = book.by_id[job.wanted.connection].name
        leads = {
            rule.rule
            for rule in book.rules.get(event.type, ())
            if any(c.connection == name for c in rule.compiled.steps)
        }
        at_it = [plan for plan in planned if plan.connection == job.wanted.connection]
        return at_it, [start for start in starts if start.rule in leads]


def _moved(job: ReplayJob, cursor: str, done: int, skipped: int, over: bool, now: datetime) -> ReplayJob:
    return replace(
        job,
        cursor=cursor,
        done=job.done + done,
        skipped=job.skipped + skipped,
        state=ReplayState.DONE if over else job.state,
        finished_at=now if over else None,
    )
