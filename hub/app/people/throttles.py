"""Failed tries are counted before they are judged, by name and by network, whether the name exists or not."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import timedelta

from hub.domain.errors import Conflict, TooMany
from hub.domain.ids import TenantId
from hub.ports.accounts import Throttle
from hub.ports.clock import Clock
from hub.ports.store import Store

FREE_TRIES = 5
LOCK = timedelta(minutes=15)
LONGEST_LOCK = timedelta(hours=24)
NETWORK_TRIES = 100
FORGET = timedelta(hours=24)  # a lock doubles while failures go on; a day without any begins anew
_RACES = 20


@dataclass(frozen=True, slots=True)
class Throttles:
    """Counts tries in the store, so that all processes count together."""

    store: Store
    clock: Clock

    async def enter(self, tenant: TenantId, *names: str) -> list[str]:
        """Count one try under each name; those that are locked now, unless the try is forgiven.

        Raises TooMany (`locked`) while one of them is locked.
        """
        return [name for name in names if await self._count(tenant, name)]

    async def _count(self, tenant: TenantId, name: str) -> bool:
        for _ in range(_RACES):
            try:
                return await self._once(tenant, name)
            except Conflict:
                continue  # somebody else tries under this name at the same time
        raise TooMany("too many tries at once", code="locked", after=5)

    async def _once(self, tenant: TenantId, name: str) -> bool:
        now = self.clock.now()
        async with self.store.work() as work:
            seen = await work.record(Throttle, tenant, name)
            if seen is None or seen.ends_at <= now:
                if seen is not None:
                    await work.drop_record(seen)
                await work.add_record(Throttle(name, tenant, 1, now, now + FORGET))
                return False
            if seen.until is not None and seen.until > now:
                raise TooMany("too many failures; wait", code="locked", after=(seen.until - now).total_seconds())
            failures = seen.failures + 1
            until = now + lock_after(failures, _free(name)) if failures >= _free(name) else None
            await work.change_record(replace(seen, failures=failures, until=until, ends_at=now + FORGET))
            return until is not None

    async def forgive(self, tenant: TenantId, name: str) -> None:
        """The try succeeded: what was counted under this name is forgotten."""
        async with self.store.work() as work:
            seen = await work.record(Throttle, tenant, name)
            if seen is not None:
                await work.drop_record(seen)

    async def take_back(self, tenant: TenantId, name: str) -> None:
        """One try succeeded: it does not count under this name, which others share; their failures do."""
        for _ in range(_RACES):
            with contextlib.suppress(Conflict):
                await self._one_less(tenant, name)
                break

    async def _one_less(self, tenant: TenantId, name: str) -> None:
        async with self.store.work() as work:
            seen = await work.record(Throttle, tenant, name)
            if seen is None:
                return
            failures = seen.failures - 1
            if failures:
                until = seen.until if failures >= _free(name) else None
                await work.change_record(replace(seen, failures=failures, until=until))
            else:
                await work.drop_record(seen)


def _free(name: str) -> int:
    return NETWORK_TRIES if name.startswith("net:") else FREE_TRIES


def lock_after(failures: int, free: int) -> timedelta:
    """15 minutes after the last free try, twice as long after each further one, at most a day."""
    doublings = min(failures - free, 10)
    return min(timedelta(seconds=LOCK.total_seconds() * 2.0**doublings), LONGEST_LOCK)
