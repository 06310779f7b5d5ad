"""Back-pressure: refuse before anything is accepted, while more is owed than is wanted or the disk runs out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hub.domain.errors import HubError, Unavailable
from hub.domain.ids import TenantId
from hub.ports.clock import Clock
from hub.ports.meter import Meter
from hub.ports.retention import Owing
from hub.ports.store import Store

FRESH_S = 1.0  # how old a look at the store may be
SHARE = 50  # looking takes at most one part in so many of the time
BACKLOG_AFTER_S = 10.0
DISK_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """When nothing more is accepted. `owed`, `owed_by_tenant`: live deliveries, held ones too; `free`: bytes on the
    store's disk, where that can be seen. 0 is no bound."""

    owed: int = 5_000_000
    owed_by_tenant: int = 0
    free: int = 100_000_000


@dataclass(slots=True)
class Pressure:
    """Asked for every request, answered from memory: one caller a second looks at the store, the others do not wait.

    To the last look is added what this process has accepted since, so a burst does not run past the bound.
    """

    store: Store
    clock: Clock
    meter: Meter
    bounds: Bounds = field(default_factory=Bounds)
    _owing: Owing = field(default_factory=lambda: Owing(0, {}, at_most=True))
    _free: int | None = None
    _near: bool = True  # the store's disk can be seen from here
    _since: Counter[TenantId] = field(default_factory=Counter)
    _due: float = float("-inf")

    async def __call__(self, tenant: TenantId) -> None:
        """Raises Unavailable (`backlog_full`, `disk_low`) with the time after which to come again."""
        if self.clock.monotonic() >= self._due:
            await self._look()
        if self.bounds.free and self._free is not None and self._free < self.bounds.free:
            self.meter.refused("disk")
            raise Unavailable("the store's disk is nearly full", code="disk_low", after=DISK_AFTER_S)
        for reason, bound, owed in self._measured(tenant):
            if bound and owed >= bound:
                self.meter.refused(reason)
                raise Unavailable("too many deliveries are still owed", code="backlog_full", after=BACKLOG_AFTER_S)

    def took(self, tenant: TenantId, deliveries: int) -> None:
        """This process has accepted so many more."""
        self._since[tenant] += deliveries

    def _measured(self, tenant: TenantId) -> tuple[tuple[str, int, int], ...]:
        return (
            ("backlog", self.bounds.owed, self._owing.total + self._since.total()),
            ("tenant_backlog", self.bounds.owed_by_tenant, self._owing.of(tenant) + self._since[tenant]),
        )

    async def _look(self) -> None:
        """A store that cannot be asked says so itself when it is to store something."""
        began = self.clock.monotonic()
        self._due = began + FRESH_S  # whoever comes meanwhile takes the old answer
        bounds = [bound for bound in (self.bounds.owed, self.bounds.owed_by_tenant) if bound]
        try:
            if bounds:
                self._since.clear()  # before the question: what commits meanwhile may be counted twice, never not at all
                async with self.store.look() as look:
                    self._owing = await look.owing(min(bounds) * 4 // 5, max(bounds))
            if self.bounds.free and self._near:
                self._free = (await self.store.vitals()).free
                self._near = self._free is not None
        except HubError as error:
            self.meter.note("pressure.unseen", code=error.code)
            return
        took = self.clock.monotonic() - began
        self._due = self.clock.monotonic() + max(FRESH_S, took * SHARE)
        self.meter.pressure(max((self._owing.total / bound for bound in bounds), default=0.0))
