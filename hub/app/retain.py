"""Let go of what is over: in small steps with pauses between them, one process at a time, and say what is left."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from hub.domain.audit import Act
from hub.domain.errors import HubError
from hub.domain.ids import DEFAULT_TENANT, TenantId
from hub.domain.retention import Cuts, Keep, Kind
from hub.ports.clock import Clock
from hub.ports.meter import Meter
from hub.ports.store import Store
from mappings.documents import Document

STEP = 500  # rows one transaction looks at: a few milliseconds in which a SQLite file takes nothing in
PAUSE_S = 0.02  # between two steps, and at least as long as the step took
KIND_S = 30.0  # of one sweep for one kind: a sweep ends before the next begins, and the rest waits for that
COUNTED = 100_000  # rows are counted up to here


@dataclass(frozen=True, slots=True)
class Over:
    """One kind of record. `over`: how many rows a sweep would remove now, counted up to COUNTED; `days` 0: kept for good."""

    kind: Kind
    days: int
    cut: datetime | None
    over: int
    oldest: datetime | None


@dataclass(slots=True)
class Retain:
    """Sweeps, and what a sweep would do."""

    store: Store
    clock: Clock
    meter: Meter
    keep: Keep
    _stopping: bool = False

    def stop(self) -> None:
        """End the sweep after the step that is under way."""
        self._stopping = True

    async def __call__(self) -> dict[Kind, int]:
        """Remove what is over, of each kind as far as its time goes; returns how many rows went.

        A kind that fails is left for the next sweep and does not keep the others; the first error is raised at the end.
        """
        now, gone, failed = self.clock.now(), dict[Kind, int](), list[HubError]()
        cuts = self.keep.cuts(now)
        for kind in Kind:
            if self._stopping:
                break
            try:
                gone[kind] = await self._sweep(kind, cuts)
            except HubError as error:
                failed.append(error)
                self.meter.note("retention.failed", kind=str(kind), code=error.code)
        if failed:
            raise failed[0]
        return gone

    async def make_room(self) -> None:
        """Partitions ahead of their time, where the store has them."""
        async with self.store.work() as work:
            made = await work.make_room(self.clock.now())
        if made:
            self.meter.note("retention.partitions_made", count=made)

    async def run(self, by: str) -> dict[Kind, int]:
        """A sweep that somebody asked for, on the record."""
        now, gone = self.clock.now(), await self()
        async with self.store.work() as work:
            about: Document = {str(kind): rows for kind, rows in gone.items() if rows}
            await work.audit(Act(now, DEFAULT_TENANT, by, "retention.run", "retention", about))
        return gone

    async def look(self, tenant: TenantId | None = None, kinds: Collection[Kind] = tuple(Kind)) -> list[Over]:
        """What a sweep would do now, of one tenant or of all. `oldest` is of all."""
        cuts, found = self.keep.cuts(self.clock.now()), []
        async with self.store.look() as look:
            for kind in Kind:
                if kind in kinds:
                    over = await look.removable(kind, cuts, tenant, COUNTED)
                    oldest = await look.oldest(kind) if tenant is None else None
                    found.append(Over(kind, self.keep.days[kind], cuts.get(kind), over, oldest))
        return found

    async def _sweep(self, kind: Kind, cuts: Cuts) -> int:
        rows, place, began = 0, "", self.clock.monotonic()
        while True:
            step = self.clock.monotonic()
            async with self.store.work() as work:
                removed = await work.remove(kind, cuts, after=place, limit=STEP)
            rows += removed.rows
            if removed.after is None or self._stopping or self.clock.monotonic() - began > KIND_S:
                break
            place = removed.after
            await self.clock.sleep(max(PAUSE_S, self.clock.monotonic() - step))
        async with self.store.look() as look:
            oldest = await look.oldest(kind)
        self.meter.swept(str(kind), rows, oldest, removed.after is not None, self.clock.now())
        if rows:
            self.meter.note("retention.removed", kind=str(kind), count=rows)
        return rows
