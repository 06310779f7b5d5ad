"""Carry out an erasure: a row says which step it is in; every step can be cut off anywhere and done again, by any process.

| step | what it does | it is over when |
|---|---|---|
| stopping | ends deliveries and runs of the person | none is under way; vendors' notices and the event are stored |
| destroying | overwrites the person's keys | the receipt is in the row |
| clearing | removes look-ups, tags, orders, recordings | no process uses a destroyed key any more, and it was done once more |
| telling | waits for the vendors | all have acknowledged; then the key of what they had to be told dies too |
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hub.app.channels import Channels
from hub.app.incoming import Incoming
from hub.app.ingest import Prepare
from hub.app.keys.exchange import Keys
from hub.app.library import Library
from hub.app.media.media import Media
from hub.app.people.sealing import note
from hub.app.places import notice_place
from hub.app.subjects.holds import Holds
from hub.app.subjects.told import erased_marks
from hub.domain.connections import Connection
from hub.domain.deliveries import Final, Planned
from hub.domain.errors import HubError, NotFound
from hub.domain.ids import EventId, show
from hub.domain.subjects import (
    CLEARING,
    DESTROYING,
    DONE,
    ERASE_STEP,
    ERASED,
    SETTLED,
    TELLING,
)
from hub.ports.accounts import Erasure, Notice
from hub.ports.arrivals import Arrival
from hub.ports.clock import Clock, Ids
from hub.ports.connector import Erases
from hub.ports.meter import Meter
from hub.ports.queue import DoneDelivery
from hub.ports.store import Page, Store, Work
from hub.ports.vault import Vault, erasure_owner
from mappings.documents import Document

BATCH = 500
TURN = 50  # erasures looked at in one go


@dataclass(frozen=True, slots=True)
class CarryOut:
    """One process at a time does this (a shared task of the timer); two at once change nothing twice."""

    store: Store
    vault: Vault
    keys: Keys
    media: Media
    library: Library
    channels: Channels
    prepare: Prepare
    holds: Holds
    clock: Clock
    ids: Ids
    meter: Meter
    _told: list[str] = field(default_factory=list)  # where the last look at those that wait for vendors ended

    async def __call__(self) -> int:
        """Every erasure as far as it goes now; how many steps were ended. What fails is noted and tried again."""
        async with self.store.look() as look:
            found = await look.erasures_under_way(telling=False, limit=TURN)
            waiting = await look.erasures_under_way(telling=True, after="".join(self._told), limit=TURN)
        self._told[:] = [waiting[-1].id] if len(waiting) == TURN else []
        found, moved = [*found, *waiting], 0
        for one in found:
            try:
                moved += await self.carry(one)
            except HubError as error:
                self.meter.note("erasure.waits", erasure=one.id, step=one.state, code=error.code)
        return moved

    async def carry(self, one: Erasure) -> int:
        """As far as it goes now; how many steps were ended."""
        moved, after = 0, await self.step(one)
        while after is not None:
            moved, one = moved + 1, after
            after = None if one.state == DONE else await self.step(one)
        return moved

    async def step(self, one: Erasure) -> Erasure | None:
        """The row behind the step, None where it has to wait. Raises what stands in the way."""
        match one.state:
            case "stopping":
                return await self._stop(one)
            case "destroying":
                return await self._destroy(one)
            case "clearing":
                return await self._clear(one)
            case "telling":
                return await self._tell(one)
            case _:
                return None

    async def _stop(self, one: Erasure) -> Erasure | None:
        if await self.holds.held(one.tenant, one.subject):
            self.meter.note("erasure.held", erasure=one.id)
            return None
        if not await self._stopped(one):
            return None
        async with self.store.look() as look:
            holders = await look.holders(one.tenant, one.subject)
        book = await self.library.book(one.tenant)
        notices: list[Notice] = []
        planned: list[Planned] = []
        await self.vault.prepare(one.tenant, [erasure_owner(one.id)])
        for id_, refs in holders.items():
            connection = book.by_id.get(id_)
            if connection is None:
                continue
            for notice, plan in self._notices(one, connection, refs):
                notices.append(notice)
                planned += [] if plan is None else [plan]
        recordings = len([id_ async for id_ in self.media.of(one.tenant, one.subject)])
        arrival = await self._arrival(one, tuple(planned))
        changed = replace(
            one, state=DESTROYING, event=arrival.event.id, counts={**one.counts, "recordings": recordings}
        )
        async with self.store.work() as work:
            after = await work.change_record(changed)
            for notice in notices:
                await work.add_record(notice)
            await work.accept([arrival])
            about: Document = {"erasure": one.id, "vendors": len(notices)}
            await note(work, self.clock, one.tenant, "hub", "erasure.stopped", one.subject, about)
        self.store.ring()
        return after

    async def _stopped(self, one: Erasure) -> bool:
        """Whether nothing of the person is under way any more."""
        ended = BATCH
        while ended == BATCH:
            async with self.store.work() as work:
                ended, left = await work.stop_subject(one.tenant, one.subject, self.clock.now(), BATCH)
        return left == 0

    def _notices(
        self, one: Erasure, connection: Connection, refs: Mapping[str, Sequence[str]]
    ) -> list[tuple[Notice, Planned | None]]:
        """One for each of the person's ids there; where the vendor has no call for it, one for a person."""
        erases = self._erases(connection)
        operation = None if erases is None else erases.operation
        found: list[dict[str, str]] = [{name: ids[0] for name, ids in refs.items()}]
        if erases is not None and erases.needs is not None:
            known = refs.get(erases.needs, ())
            found = [{**found[0], erases.needs: id_} for id_ in known] or found
            operation = operation if known else None
        made: list[tuple[Notice, Planned | None]] = []
        for ids in found:
            id_ = f"ntc_{self.ids.token(8)}"
            sealed = self.vault.seal(notice_place(one.tenant, id_, one.id), json.dumps(ids).encode())
            notice = Notice(
                id_, one.tenant, one.id, connection.id, connection.name, connection.connector, operation, "open",
                self.clock.now(), sealed,
            )  # fmt: skip
            plan = None if operation is None else Planned(connection.id, f"{ERASE_STEP} {id_}")
            made.append((notice, plan))
        return made

    def _erases(self, connection: Connection) -> Erases | None:
        try:
            return self.channels.connector(connection).erases
        except NotFound:  # its folder is gone: a person has to do it
            return None

    async def _arrival(self, one: Erasure, planned: tuple[Planned, ...]) -> Arrival:
        told: Document = {"candidate": {"id": one.subject}, "erasure": {"id": one.id, "approved_at": _text(one)}}
        incoming = Incoming(type=ERASED, version=1, source="/hub/erasures", key=one.id, data=told)
        arrival = self.prepare(one.tenant, incoming, await self.library.book(one.tenant))
        return replace(arrival, planned=(*arrival.planned, *planned))

    async def _destroy(self, one: Erasure) -> Erasure | None:
        if await self.holds.held(one.tenant, one.subject):
            self.meter.note("erasure.held", erasure=one.id)
            return None
        gone = await self.keys.destroy(one.tenant, one.subject)
        changed = replace(one, state=CLEARING, keys=gone.keys, receipt=gone.proof, destroyed_at=gone.at)
        return await self._change(changed, "erasure.destroyed", {"keys": len(gone.keys)})

    async def _clear(self, one: Erasure) -> Erasure | None:
        async with self.store.look() as look:
            holders = await look.holders(one.tenant, one.subject)
        marks = {
            id_: await erased_marks(self.vault, one.tenant, [(name, e) for name, some in refs.items() for e in some])
            for id_, refs in holders.items()
        }
        async with self.store.work() as work:
            await work.add_marks(one.tenant, EventId(one.event or ""), marks)
            counts = await _cleared(work, one)
            if any(counts.values()):
                one = await work.change_record(replace(one, counts=_sum(one.counts, counts)))
        await self.media.shred(one.tenant)
        destroyed = one.destroyed_at or self.clock.now()
        if self.clock.now() - destroyed < SETTLED or not await self._stopped(one):
            return None
        again = await self.keys.destroy(one.tenant, one.subject)  # what was sealed while others still had the key
        async with self.store.work() as work:
            counts = await _cleared(work, one)
            changed = replace(
                one, state=TELLING, keys=again.keys, counts=_sum(one.counts, counts), cleared_at=self.clock.now()
            )
            after = await work.change_record(changed)
            await note(work, self.clock, one.tenant, "hub", "erasure.cleared", one.subject, {"erasure": one.id})
        return after

    async def _tell(self, one: Erasure) -> Erasure | None:
        async with self.store.look() as look:
            notices = await look.records(Notice, one.tenant, erasure=one.id)
            event = EventId(one.event or "")
            found = await look.deliveries(one.tenant, Page(1000), event=event) if one.event else []
        done = {d.step: d for d in found if isinstance(d, DoneDelivery) and d.final is Final.DELIVERED}
        open_ = 0
        for notice in notices:
            delivered = done.get(f"{ERASE_STEP} {notice.id}")
            if notice.state == "open" and delivered is not None:
                by, at = show("dlv", delivered.id), delivered.finished_at
                async with self.store.work() as work:
                    changed = replace(notice, state="acknowledged", acknowledged_at=at, acknowledged_by=by)
                    await work.change_record(changed)
                    about: Document = {"notice": notice.id, "connection": notice.name}
                    await note(work, self.clock, one.tenant, "hub", "erasure.acknowledge", one.id, about)
            open_ += notice.state == "open" and delivered is None
        if open_:
            return None
        await self.keys.destroy_owner(one.tenant, str(erasure_owner(one.id)))
        async with self.store.work() as work:
            for notice in await work.records(Notice, one.tenant, erasure=one.id):
                await work.change_record(replace(notice, sealed=None))
            after = await work.change_record(replace(one, state=DONE, done_at=self.clock.now()))
            await note(work, self.clock, one.tenant, "hub", "erasure.done", one.subject, {"erasure": one.id})
        return after

    async def _change(self, changed: Erasure, act: str, about: Document) -> Erasure:
        async with self.store.work() as work:
            after = await work.change_record(changed)
            told = {"erasure": changed.id, **about}
            await note(work, self.clock, changed.tenant, "hub", act, changed.subject, told)
        return after


def _sum(before: Document, more: Mapping[str, int]) -> Document:
    found: Document = {**before}
    for name, count in more.items():
        there = found.get(name)
        found[name] = (there if isinstance(there, int) else 0) + count
    return found


def _text(one: Erasure) -> str | None:
    return None if one.approved_at is None else one.approved_at.isoformat()


async def _cleared(work: Work, one: Erasure) -> dict[str, int]:
    """What rows hold of the person and what the person is found by is gone; how many there were of each."""
    found = await work.drop_lookups(one.tenant, one.subject)
    return {**await work.clear_subject(one.tenant, one.subject), "blind_indexes": found}
