"""Removing what is over, in memory: the plain words that the databases' statements are held to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any, assert_never

from hub.adapters.memory.events import MemoryEvents
from hub.domain.consents import Awaited, Consent, in_force
from hub.domain.deliveries import Final
from hub.domain.events import Cause
from hub.domain.ids import EventId, TenantId
from hub.domain.replays import ReplayState
from hub.domain.retention import Cuts, Kind
from hub.domain.runs import LIVE
from hub.domain.subjects import HOLDS
from hub.ports.accounts import LegalHold
from hub.ports.arrivals import StoredEvent
from hub.ports.retention import Owing, Removed
from hub.ports.rules import first_id, moment_of
from hub.ports.runs import TagChange

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


class MemoryRetention(MemoryEvents):
    """`hub.ports.retention.Retention` over tables. A step is the whole of a kind: nobody waits here."""

    async def make_room(self, now: datetime) -> int:  # noqa: ARG002
        return 0

    async def remove(self, kind: Kind, cuts: Cuts, *, after: str = "", limit: int = 500) -> Removed:  # noqa: ARG002
        found = self._over(kind, cuts)
        for drop, _ in found:
            drop()
        return Removed(len(found))

    async def removable(self, kind: Kind, cuts: Cuts, tenant: TenantId | None = None, limit: int = 100_000) -> int:
        going = {event.id for event in self._events(cuts)} if Kind.EVENTS in cuts else set()
        found = [one for _, one in self._over(kind, cuts, going) if tenant is None or one == tenant]
        return min(len(found), limit)

    async def oldest(self, kind: Kind) -> datetime | None:
        tables = self._tables
        match kind:
            case Kind.EVENTS:
                moments = [event.received_at for event in tables.events.values()]
            case Kind.DELIVERIES:
                moments = [done.finished_at for done in tables.done.values() if done.final is not Final.DEAD]
            case Kind.DEAD_LETTERS:
                moments = [done.finished_at for done in tables.done.values() if done.final is Final.DEAD]
            case Kind.RUNS:
                moments = [run.changed_at for run in tables.runs.values() if run.state not in LIVE]
            case Kind.OBSERVATIONS:
                moments = [moment_of(event) for (_, event), _ in tables.observations.items()]
            case Kind.ATTEMPTS:
                moments = [one.started_at for tries in tables.attempts.values() for one in tries]
            case Kind.IDENTITIES:
                moments = [end for _, _, end in tables.identities.values() if end is not None]
            case Kind.BACKTESTS:
                moments = [one.finished_at for one in tables.backtests.values() if one.finished_at is not None]
            case Kind.REPLAYS:
                moments = [one.finished_at for one in tables.replays.values() if one.finished_at is not None]
            case Kind.TAG_CHANGES:
                moments = [one.at for changes in tables.tag_changes.values() for one in changes]
            case Kind.CONSENTS:
                moments = [one.at for one in tables.consents.values()]
            case _:
                assert_never(kind)
        return min(moments, default=None)

    async def owing(self, enough: int, limit: int) -> Owing:
        by_tenant = Counter(row.tenant for row in self._tables.live.values())
        total = min(sum(by_tenant.values()), limit)
        return Owing(total, {}, at_most=True) if total <= enough else Owing(total, dict(by_tenant))

    def _events(self, cuts: Cuts) -> list[StoredEvent]:
        """Those that are over and needed by nothing."""
        tables, cut, dead = self._tables, cuts[Kind.EVENTS], cuts.get(Kind.DEAD_LETTERS, _EVER)
        live = [run for run in tables.runs.values() if run.state in LIVE]
        replayed = {job.tenant for job in tables.replays.values() if job.state is ReplayState.RUNNING}
        needed = {
            *(row.event for row in tables.live.values()),
            *(row.event for row in tables.done.values() if row.final is Final.DEAD and row.finished_at >= dead),
            *(run.event for run in live),
            *(run.at for run in live),
        }
        old = [one for one in tables.events.values() if one.received_at < cut and one.id < first_id(cut)]
        free = [event for event in old if event.id not in needed and event.tenant not in replayed]
        return [event for event in free if (event.tenant, event.subject) not in self._held()]

    def _held(self) -> set[tuple[TenantId, str | None]]:
        """Persons whom a legal hold keeps."""
        records = self._tables.records.values()
        return {(one.tenant, one.subject) for one in records if isinstance(one, LegalHold) and one.state in HOLDS}

    def _of_held(self, event: EventId) -> bool:
        there = self._tables.events.get(event)
        return there is not None and (there.tenant, there.subject) in self._held()

    def _over(
        self, kind: Kind, cuts: Cuts, going: Collection[EventId] = ()
    ) -> list[tuple[Callable[[], None], TenantId]]:
        """How to drop each row that is over, and whose it is. `going`: events that count as gone already."""
        if kind not in cuts:
            return []
        tables, cut = self._tables, cuts[kind]

        def gone(event: EventId) -> bool:
            return event < first_id(cut) and (event in going or tables.events.get(event) is None)

        match kind:
            case Kind.EVENTS:
                return [(_call(self._forget, event), event.tenant) for event in self._events(cuts)]
            case Kind.DELIVERIES | Kind.DEAD_LETTERS:
                dead = kind is Kind.DEAD_LETTERS
                rows = [row for row in tables.done.values() if (row.final is Final.DEAD) is dead]
                over = [row for row in rows if row.finished_at < cut and gone(row.event)]
                return [(_call(tables.done.drop, row.id), row.tenant) for row in over]
            case Kind.RUNS:
                ended = [run for run in tables.runs.values() if run.state not in LIVE and run.changed_at < cut]
                return [(_call(tables.runs.drop, run.id), run.tenant) for run in ended if gone(run.event)]
            case Kind.OBSERVATIONS:
                seen = [item for item in tables.observations.items() if item[0][1] < first_id(cut)]
                seen = [item for item in seen if not self._of_held(item[0][1])]
                return [(_call(tables.observations.drop, key), tenant) for key, (tenant, _) in seen]
            case Kind.ATTEMPTS:
                return self._attempts(cut)
            case Kind.IDENTITIES:
                known = [key for key, (_, _, end) in tables.identities.items() if end is not None and end <= cut]
                return [(_call(tables.identities.drop, key), key[0]) for key in known]
            case Kind.BACKTESTS:
                tests = [one for one in tables.backtests.values() if not one.open and one.finished_at is not None]
                past = [one for one in tests if one.finished_at is not None and one.finished_at < cut]
                return [(_call(tables.backtests.drop, one.id), one.tenant) for one in past]
            case Kind.REPLAYS:
                jobs = [job for job in tables.replays.values() if job.state is not ReplayState.RUNNING]
                done = [job for job in jobs if job.finished_at is not None and job.finished_at < cut]
                return [(_call(tables.replays.drop, job.id), job.tenant) for job in done]
            case Kind.TAG_CHANGES:
                return self._tag_changes(cut, going)
            case Kind.CONSENTS:
                return self._consents(cut, going)
            case _:
                assert_never(kind)

    def _attempts(self, cut: datetime) -> list[tuple[Callable[[], None], TenantId]]:
        """One drop for each try; the tries of a delivery stand in one row."""
        tables, found = self._tables, list[tuple[Callable[[], None], TenantId]]()
        for delivery, tries in tables.attempts.items():
            row = tables.live.get(delivery) or tables.done.get(delivery)
            if row is not None and self._of_held(row.event):
                continue
            kept = tuple(one for one in tries if one.started_at >= cut)
            drop = _call(tables.attempts.put, delivery, kept) if kept else _call(tables.attempts.drop, delivery)
            found += [(drop, TenantId(0) if row is None else row.tenant)] * (len(tries) - len(kept))
        return found

    def _tag_changes(self, cut: datetime, going: Collection[EventId]) -> list[tuple[Callable[[], None], TenantId]]:
        """One drop for each change; those of a candidate stand in one row."""
        tables, found = self._tables, list[tuple[Callable[[], None], TenantId]]()
        for key, changes in tables.tag_changes.items():
            if key in self._held():
                continue
            mine = (one for one in tables.events.values() if (one.tenant, one.subject) == key and one.id not in going)
            came = [one.received_at for one in mine]
            kept = tuple(one for n, one in enumerate(changes) if not _settled(one, changes[n + 1 :], came, cut))
            drop = _call(tables.tag_changes.put, key, kept) if kept else _call(tables.tag_changes.drop, key)
            found += [(drop, key[0])] * (len(changes) - len(kept))
        return found

    def _consents(self, cut: datetime, going: Collection[EventId]) -> list[tuple[Callable[[], None], TenantId]]:
        """Everything that was said of one purpose, where nothing of it holds or is young."""
        tables, histories = self._tables, dict[Awaited, list[tuple[str, Consent]]]()
        for key, one in tables.consents.items():
            histories.setdefault(one.awaited, []).append((key, one))
        known = {(one.tenant, one.subject) for one in tables.events.values() if one.id not in going}
        found = list[tuple[Callable[[], None], TenantId]]()
        for whose, told in histories.items():
            said = [one for _, one in told]
            holds = in_force(said, cut) and (whose.tenant, whose.subject) in known
            if not holds and all(one.at < cut for one in said):
                found += [(_call(tables.consents.drop, key), whose.tenant) for key, _ in told]
        return found

    def _forget(self, event: StoredEvent) -> None:
        tables, identity = self._tables, (event.tenant, event.source, event.key)
        for done in list(tables.done.values()):  # who was told of whom stays: an erasure has to tell them
            if done.event == event.id and event.subject is not None and done.attempts and done.step[:1] != "@":
                tables.refs.put((done.connection, event.subject, "", ""), Cause(event.id, done.id))
        tables.events.drop(event.id)
        whose = (event.tenant, event.subject)
        if not any((one.tenant, one.subject) == whose for one in tables.events.values()):
            for row in [one for one in tables.lookups.values() if (one.tenant, one.subject) == whose]:
                tables.lookups.drop((row.tenant, row.blind, row.subject))
        if tables.evaluated.get(event.id) is not None:
            tables.evaluated.drop(event.id)
        known = tables.identities.get(identity)
        if known is not None and known[2] is None:
            tables.identities.drop(identity)


def _settled(change: TagChange, later: Sequence[TagChange], came: Sequence[datetime], cut: datetime) -> bool:
    """Whether no event that is kept, and none to come, was or will be met with this change."""
    after = next((one for one in later if one.tag == change.tag), None)
    replaced = after is not None and after.at < cut and not any(change.at < at <= after.at for at in came)
    return change.at < cut and (replaced or (not change.put and not any(at <= change.at for at in came)))


def _call(act: Callable[..., None], *values: Any) -> Callable[[], None]:
    return lambda: act(*values)
