"""Backtests as jobs: rows that outlive processes, worked on in small slices between which other work goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from hub.app.library import Library
from hub.app.places import body_place
from hub.app.rules.backtest import Past, Tally
from hub.app.rules.rehearsal import Rehearsal, by_candidate
from hub.app.tags import words_then
from hub.domain.audit import Act
from hub.domain.errors import Conflict, HubError, Invalid, NotFound, Unavailable
from hub.domain.ids import EventId, TenantId
from hub.domain.rules import CompiledRule, compile_rule, parse
from hub.domain.rules.tags import with_tags
from hub.domain.runs import Run
from hub.ports.clock import Clock, Ids
from hub.ports.meter import Meter
from hub.ports.rules import Backtest, Mark, RuleRevision, Sealed, first_id
from hub.ports.runs import TagChange
from hub.ports.store import Store
from hub.ports.vault import Vault
from mappings.documents import Document, lookup

DAYS = 90
LONGEST = 3650  # days
BATCH = 1000  # events read at once
SLICE = 100  # events between two turns of the loop: a few milliseconds
KEEP_S = 0.5  # between two notes of progress
LEASE = timedelta(seconds=60)
MILLISECOND = timedelta(milliseconds=1)
Told = Callable[[int, int], None]
Changes = Mapping[str, Sequence[TagChange]]  # candidate -> what came and went


@dataclass(slots=True)
class Backtests:
    """Start, look, cancel; and the work itself."""

    store: Store
    vault: Vault
    library: Library
    clock: Clock
    ids: Ids
    meter: Meter
    decode: Callable[[bytes], Document] = json.loads
    _stopping: bool = False

    def stop(self) -> None:
        """Give back what is under way: somebody else begins it anew."""
        self._stopping = True

    async def start(
        self,
        tenant: TenantId,
        name: str,
        by: str,
        *,
        days: int = DAYS,
        number: int | None = None,
        owner: str | None = None,
    ) -> Backtest:
        """A job for a revision (the latest without a number). With an owner it is that one's to run; else anybody's.

        Raises NotFound, Invalid (`range`).
        """
        if not 1 <= days <= LONGEST:
            raise Invalid(f"days is 1 to {LONGEST}", code="range", at="days")
        now = self.clock.now()
        async with self.store.work() as work:
            rule = await work.rule(tenant, name)
            if rule is None:
                raise NotFound("there is no such rule")
            revisions = [rule.latest] if number is None else await work.revisions(rule.id)
            revision = next((one for one in revisions if number in (None, one.number)), None)
            if revision is None:
                raise NotFound("the rule has no such revision")
            job = Backtest(f"bkt_{self.ids.token(8)}", tenant, rule.id, revision.id, days, "queued", now, by)
            if owner is not None:
                job = replace(job, state="running", owner=owner, lease_until=now + LEASE)
            await work.add_backtest(job)
            detail: Document = {"revision": revision.number, "days": days}
            await work.audit(Act(now, tenant, by, "rule.backtest", name, detail))
        return job

    async def one(self, tenant: TenantId, id: str) -> Backtest:
        """Raises NotFound."""
        async with self.store.look() as look:
            found = await look.backtest(tenant, id)
        if found is None:
            raise NotFound("there is no such backtest")
        return found

    async def of_rule(self, tenant: TenantId, name: str) -> list[Backtest]:
        """Newest first. Raises NotFound."""
        async with self.store.look() as look:
            rule = await look.rule(tenant, name)
            if rule is None:
                raise NotFound("there is no such rule")
            return await look.backtests(rule.id)

    async def cancel(self, tenant: TenantId, id: str) -> Backtest:
        """End it where it stands. Raises NotFound, Conflict (`not_open`)."""
        await self.one(tenant, id)
        async with self.store.work() as work:
            if not await work.end_backtest(id, None, "cancelled", now=self.clock.now()):
                raise Conflict("the backtest has ended already", code="not_open")
        return await self.one(tenant, id)

    async def work_off(self, owner: str) -> None:
        """Run what waits, one after another. Woken again and again, in every process that delivers."""
        while not self._stopping:
            now = self.clock.now()
            async with self.store.look() as look:
                if not await look.backtest_waits(now):
                    return
            async with self.store.work() as work:
                job = await work.claim_backtest(owner, now=now, until=now + LEASE)
            if job is None:
                return
            await self.run(job, owner)

    async def run(self, job: Backtest, owner: str, tell: Told | None = None) -> Backtest:
        """Carry out a job that this owner has leased; returns how it ended. A store that goes away leaves it to others."""
        state, seen, result = "failed", 0, None
        try:
            done = await self._run(job, owner, tell)
            if done is None:
                return await self.one(job.tenant, job.id)
            state, seen, result = "done", done[0], done[1]
        except Unavailable:
            raise
        except HubError as error:
            result = {"error": error.code}
            self.meter.note("backtest.failed", backtest=job.id, code=error.code)
        async with self.store.work() as work:
            await work.end_backtest(job.id, owner, state, now=self.clock.now(), seen=seen, result=result)
        return await self.one(job.tenant, job.id)

    async def _run(self, job: Backtest, owner: str, tell: Told | None) -> tuple[int, Document] | None:
        """Events seen and the result; None where the job was taken away, cancelled or given back."""
        revision, against = await self._revisions(job)
        rule, hours = _compiled(revision), (await self.library.book(job.tenant)).hours
        rehearsal = Rehearsal(rule, hours, job.created_at)
        tally = Tally(rule, None if against is None else _compiled(against), rehearsal)
        start = job.created_at - timedelta(days=job.days)
        since, before = first_id(start), first_id(job.created_at + MILLISECOND)
        await self.vault.prepare(job.tenant)
        async with self.store.look() as look:
            total = await look.count_events(job.tenant, tally.rule.on, since, before)
        noted = float("-inf")
        while True:
            if self._stopping or self.clock.monotonic() - noted >= KEEP_S:
                if not await self._keep(job, owner, tally.events, total) or self._stopping:
                    return None
                if tell is not None:
                    tell(tally.events, total)
                noted = self.clock.monotonic()
            async with self.store.look() as look:
                batch = await look.sealed(job.tenant, tally.rule.on, since=since, before=before, limit=BATCH)
            words = await self._words(tally, job.tenant, batch)
            for at in range(0, len(batch), SLICE):
                await self.vault.prepare(job.tenant, sealed=[one.body for one in batch[at : at + SLICE]])
                self._count(tally, job.tenant, batch[at : at + SLICE], words)
                await asyncio.sleep(0)
            if len(batch) < BATCH:
                break
            since = _next(batch[-1].id)
        await self._answer(job, rehearsal, first_id(start), before)
        if tell is not None:
            tell(tally.events, total)
        number = None if against is None else against.number
        return tally.events, tally.result(start, job.created_at, number)

    async def _revisions(self, job: Backtest) -> tuple[RuleRevision, RuleRevision | None]:
        """The revision to try, and the one in force if it waits for the same events."""
        async with self.store.look() as look:
            revision = await look.revision(job.revision)
            rule = None if revision is None else await look.rule(job.tenant, revision.name)
        if revision is None or rule is None:
            raise NotFound("the revision is not there any more")
        live = rule.live
        same = live is not None and parse(live.body).on == parse(revision.body).on
        return revision, live if same else None

    async def _keep(self, job: Backtest, owner: str, seen: int, total: int) -> bool:
        until = self.clock.now() + (timedelta() if self._stopping else LEASE)
        async with self.store.work() as work:
            return await work.keep_backtest(job.id, owner, seen=seen, total=total, until=until)

    async def _words(self, tally: Tally, tenant: TenantId, batch: Sequence[Sealed]) -> Changes | None:
        """What came and went on the candidates of these events, if a rule asks."""
        rules = (tally.rule, tally.live)
        program = tally.rehearsal.program if tally.rehearsal is not None else None
        if not any(rule is not None and rule.asks_tags for rule in rules) and not (program and program.asks_tags):
            return None
        async with self.store.look() as look:
            return await look.tag_changes(tenant, {one.subject for one in batch if one.subject is not None})

    def _count(self, tally: Tally, tenant: TenantId, sealed: Sequence[Sealed], words: Changes | None) -> None:
        opened: list[Past] = []
        for one in sealed:
            data = self._opened(tenant, one.id, one.body)
            if data is None:
                tally.unreadable += 1
                continue
            if words is not None and one.subject is not None:
                data = with_tags(data, words_then(words.get(one.subject, ()), one.received_at))
            opened.append(Past(one.id, one.received_at, data, one.subject, one.depth))
        tally.add(opened)

    def _opened(self, tenant: TenantId, event: EventId, body: bytes) -> Document | None:
        try:
            return self.decode(self.vault.open(body_place(tenant, event), body))
        except Conflict as error:
            if error.code != "key_destroyed":
                raise
            return None

    async def _answer(self, job: Backtest, rehearsal: Rehearsal, since: EventId, before: EventId) -> None:
        """Let runs that wait go on with the events that really came; a run waits as often as its rule says at most."""
        while rehearsal.waiting:
            came = await self._came(job.tenant, rehearsal.waiting, since, before)
            moving = rehearsal.answered(came)
            for at in range(0, len(moving), SLICE):
                some = moving[at : at + SLICE]
                data = await self._data(job.tenant, some) if rehearsal.needs_data else {}
                for run, mark in some:
                    rehearsal.go_on(run, mark, data.get(run.at if mark is None else mark.id, {}))
                await asyncio.sleep(0)

    async def _came(
        self, tenant: TenantId, waiting: Sequence[Run], since: EventId, before: EventId
    ) -> dict[str, list[Mark]]:
        """The events of the awaited types about the candidates that wait."""
        found: dict[str, list[Mark]] = {}
        subjects = {run.subject for run in waiting if run.subject is not None}
        for type in sorted({run.awaits for run in waiting if run.awaits is not None}):
            marks: list[Mark] = []
            start = since
            while True:
                async with self.store.look() as look:
                    batch = await look.marks(tenant, type, since=start, before=before, limit=BATCH)
                marks += [one for one in batch if one.subject in subjects]
                if len(batch) < BATCH:
                    break
                start = _next(batch[-1].id)
            found |= by_candidate(type, marks, subjects)
        return found

    async def _data(self, tenant: TenantId, moving: Sequence[tuple[Run, Mark | None]]) -> dict[EventId, Document]:
        """What is in the events that branches will ask; nothing is known of one that was erased."""
        ids = {run.at if mark is None else mark.id for run, mark in moving}
        async with self.store.look() as look:
            events = await look.some_events(ids)
            words = await look.tag_changes(tenant, {one.subject for one in events.values() if one.subject is not None})
        await self.vault.prepare(tenant, sealed=[event.body for event in events.values()])
        found = {}
        for id, event in events.items():
            data = self._opened(tenant, id, event.body) or {}
            known = words.get(event.subject or "", ())
            found[id] = data if event.subject is None else with_tags(data, words_then(known, event.received_at))
        return found

    async def names(self, job: Backtest) -> dict[str, str]:
        """The names of the candidates that the result shows, by id, as their newest shown event tells them.

        Personal: only for who may read events.
        """
        samples = (job.result or {}).get("samples")
        ids = (
            [EventId(str(id)) for some in samples.values() if isinstance(some, list) for id in some]
            if isinstance(samples, dict)
            else []
        )
        async with self.store.look() as look:
            events = await look.some_events(set(ids))
        await self.vault.prepare(job.tenant, sealed=[event.body for event in events.values()])
        named: dict[str, str] = {}
        for event in sorted(events.values(), key=lambda one: one.id):
            data = self._opened(job.tenant, event.id, event.body) if event.tenant == job.tenant else None
            full = lookup(data or {}, "candidate.name.full")
            if event.subject is not None and isinstance(full, str):
                named[event.subject] = full
        return named


def _next(event: EventId) -> EventId:
    """The smallest id after this one."""
    return EventId(f"evt_{int(event[4:], 16) + 1:032x}")


def _compiled(revision: RuleRevision) -> CompiledRule:
    return compile_rule(parse(revision.body))
