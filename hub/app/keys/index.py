"""Blind indexes made anew under another key, and for what was stored before there were any: in pieces that may be cut off.

Rows say which key made them. New ones are made by the active key and looked up by all keys that open, so nobody is missed
meanwhile; a candidate's rows are made again from what was stored about them, and the old ones go in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hub.app.lookup import lookups
from hub.app.people.sealing import Sealing, linked
from hub.app.places import body_place
from hub.domain.errors import Conflict
from hub.domain.ids import EventId, TenantId
from hub.ports.accounts import Identity, Person
from hub.ports.arrivals import StoredEvent
from hub.ports.lookup import Found
from hub.ports.store import Page, Store, Work
from hub.ports.vault import Vault

SUBJECTS, EVENTS, PEOPLE = 20, 200, 100
_PEOPLE, _IDENTITIES = "~person|", "~identity|"  # behind all candidates


@dataclass(frozen=True, slots=True)
class Reindex:
    """Moves what is found by blind indexes to the active index key. `cursor` None: there is nothing behind it."""

    store: Store
    vault: Vault

    async def fill(self, tenant: TenantId, cursor: str) -> tuple[str | None, int]:
        """Index the next events that are stored, newest first."""
        async with self.store.look() as look:
            events = await look.events(tenant, Page(EVENTS, cursor or None))
        rows = await self._rows(tenant, events)
        async with self.store.work() as work:
            await work.add_lookups(await self._still(work, tenant, events, rows))
        return (events[-1].id if len(events) == EVENTS else None), len(rows)

    async def move(self, tenant: TenantId, cursor: str) -> tuple[str | None, int]:
        """The next candidates, then accounts, then links to accounts elsewhere."""
        await self.vault.prepare(tenant)
        if cursor.startswith(_PEOPLE):
            return await self._people(tenant, cursor.removeprefix(_PEOPLE))
        if cursor.startswith(_IDENTITIES):
            return await self._identities(tenant, cursor.removeprefix(_IDENTITIES))
        key = self.vault.index_key(tenant)
        async with self.store.look() as look:
            subjects = await look.lookup_subjects(tenant, key, cursor, SUBJECTS)
        await self._subjects(tenant, subjects, key)
        return (subjects[-1] if len(subjects) == SUBJECTS else _PEOPLE), len(subjects)

    async def left(self, tenant: TenantId) -> bool:
        """Whether candidates have rows of another key than the active one."""
        await self.vault.prepare(tenant)
        async with self.store.look() as look:
            return bool(await look.lookup_subjects(tenant, self.vault.index_key(tenant), "", 1))

    async def _subjects(self, tenant: TenantId, subjects: Sequence[str], key: bytes) -> None:
        """Those with a window of events or less in one transaction: on SQLite each waits for a turn among all processes."""
        events: list[StoredEvent] = []
        short: list[str] = []
        for subject in subjects:
            async with self.store.look() as look:
                some = await look.events(tenant, Page(EVENTS), subject=subject)
            if len(some) == EVENTS:
                await self._subject(tenant, subject, key)
            else:
                short.append(subject)
                events += some
        rows = await self._rows(tenant, events)
        async with self.store.work() as work:
            await work.add_lookups(await self._still(work, tenant, events, rows))
            for subject in short:
                await work.drop_lookups(tenant, subject, but=key)

    async def _subject(self, tenant: TenantId, subject: str, key: bytes) -> None:
        before: str | None = None
        while True:
            async with self.store.look() as look:
                events = await look.events(tenant, Page(EVENTS, before), subject=subject)
            rows = await self._rows(tenant, events)
            last = len(events) < EVENTS
            async with self.store.work() as work:
                await work.add_lookups(await self._still(work, tenant, events, rows))
                if last:
                    await work.drop_lookups(tenant, subject, but=key)
            if last:
                return
            before = events[-1].id

    async def _rows(self, tenant: TenantId, events: Sequence[StoredEvent]) -> list[tuple[EventId, Found]]:
        """What was erased meanwhile opens no more, and is found no more."""
        await self.vault.prepare(tenant, sealed=[one.body for one in events])
        rows: list[tuple[EventId, Found]] = []
        for event in events:
            try:
                data = json.loads(self.vault.open(body_place(tenant, event.id), event.body))
            except Conflict:
                continue
            rows += [(event.id, one) for one in lookups(event, data, self.vault)]
        return rows

    async def _still(
        self, work: Work, tenant: TenantId, events: Sequence[StoredEvent], rows: list[tuple[EventId, Found]]
    ) -> list[Found]:
        """The rows of events that are still there."""
        there = await work.some_events([one.id for one in events]) if rows else {}
        return [one for event, one in rows if event in there and there[event].tenant == tenant]

    async def _people(self, tenant: TenantId, after: str) -> tuple[str | None, int]:
        sealing, moved = Sealing(self.vault), 0
        async with self.store.look() as look:
            people = await look.records(Person, tenant, after=after or None, limit=PEOPLE)
        for person in people:
            profile = await sealing.profile(person)
            fresh = replace(person, login=await sealing.blind(tenant, "login", profile.login))
            if person.external is not None:
                known = profile.external or profile.login
                fresh = replace(fresh, external=await sealing.blind(tenant, "external", known))
            moved += await self._exchanged(person, fresh)
        return (f"{_PEOPLE}{people[-1].id}" if len(people) == PEOPLE else _IDENTITIES), moved

    async def _exchanged(self, person: Person, fresh: Person) -> bool:
        if fresh == person:
            return False
        try:
            async with self.store.work() as work:
                await work.change_record(fresh)
        except Conflict:  # changed meanwhile, and so indexed anew already; or removed
            return False
        return True

    async def _identities(self, tenant: TenantId, after: str) -> tuple[str | None, int]:
        sealing, moved = Sealing(self.vault), 0
        async with self.store.look() as look:
            found = await look.records(Identity, tenant, after=after or None, limit=PEOPLE)
        for one in found:
            if one.sealed is None:  # linked by an older version: moved when they next sign in
                continue
            who = await sealing.open(tenant, "outside_identity", one.id, "sealed", one.sealed)
            fresh = await linked(sealing, tenant, one.provider, str(who["subject"]), one.person)
            if fresh.id != one.id:
                moved += await self._moved(one, fresh)
        return (f"{_IDENTITIES}{found[-1].id}" if len(found) == PEOPLE else None), moved

    async def _moved(self, old: Identity, new: Identity) -> bool:
        try:
            async with self.store.work() as work:
                await work.drop_record(old)
                await work.add_record(new)
        except Conflict:
            return False
        return True
