"""Hold callers to their limits: what all processes share is drawn in handfuls, so that hardly any call asks the store."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv6Address, ip_address

from hub.domain.errors import Unavailable
from hub.domain.ids import DEFAULT_TENANT, TenantId
from hub.domain.limits import Limit, Rate
from hub.ports.clock import Clock
from hub.ports.meter import Meter
from hub.ports.store import Store
from hub.ports.vault import Place, Vault

HANDFULS = 16  # of a limit: so uneven may the shares of two processes be
MOST = 500  # calls in one handful
KEPT_S = 30.0  # how long a handful is good for
KNOWN = 10_000  # callers that one process keeps in mind
FORGET = timedelta(hours=6)


@dataclass(slots=True)
class _Handful:
    """Calls that were drawn and not made yet; `shut`: none was left, come again at `until`."""

    left: int = 0
    until: float = float("-inf")
    shut: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Limiter:
    """Counts a call. A limit without a rate is none.

    Together all processes let through what the rate says, and at most one handful each beyond it.
    """

    store: Store
    vault: Vault
    clock: Clock
    meter: Meter
    rates: Mapping[Limit, Rate] = field(default_factory=dict)
    _drawn: dict[tuple[Limit, str], _Handful] = field(default_factory=dict, repr=False)

    async def __call__(self, limit: Limit, key: str) -> None:
        """Raises Unavailable (`rate_limited`) with the time after which to come again."""
        rate = self.rates.get(limit)
        if rate is None:
            return
        mine = self._drawn.get((limit, key))
        if mine is None:
            mine = self._remember(limit, key)
        if not self._take(limit, mine):
            async with mine.turn:
                if not self._take(limit, mine):
                    await self._draw(limit, key, rate, mine)

    async def stranger(self, address: str) -> None:
        """Count a call that proved nothing. Raises Unavailable (`rate_limited`)."""
        if Limit.STRANGER in self.rates:
            await self(Limit.STRANGER, self._network(address))

    def shut_out(self, address: str) -> None:
        """From memory alone, before anything is asked: raises Unavailable where this address is over its limit."""
        if Limit.STRANGER in self.rates:
            mine = self._drawn.get((Limit.STRANGER, self._network(address)))
            if mine is not None and mine.shut:
                self._take(Limit.STRANGER, mine)

    async def forget(self) -> None:
        """Buckets of callers who have not come for long."""
        before = self.clock.now() - FORGET
        async with self.store.work() as work:
            await work.forget_buckets(before)

    def _take(self, limit: Limit, mine: _Handful) -> bool:
        left = mine.until - self.clock.monotonic()
        if left <= 0:
            return False
        if mine.shut:
            self.meter.limited(limit)
            raise Unavailable("too many calls", code="rate_limited", after=left)
        if mine.left < 1:
            return False
        mine.left -= 1
        return True

    async def _draw(self, limit: Limit, key: str, rate: Rate, mine: _Handful) -> None:
        want = max(1, min(rate.count // HANDFULS, MOST))
        async with self.store.work() as work:
            drawn = await work.draw(f"{limit}:{key}", rate, want, self.clock.now())
        mine.shut, mine.left = drawn.granted == 0, drawn.granted - 1
        mine.until = self.clock.monotonic() + (drawn.after if mine.shut else KEPT_S)
        if mine.shut:
            mine.left = 0
            self.meter.note("limit.reached", limit=str(limit))
            self.meter.limited(limit)
            raise Unavailable("too many calls", code="rate_limited", after=drawn.after)

    def _remember(self, limit: Limit, key: str) -> _Handful:
        if len(self._drawn) >= KNOWN:
            now = self.clock.monotonic()
            for old in [one for one, has in self._drawn.items() if has.until <= now]:
                del self._drawn[old]
        if len(self._drawn) >= KNOWN:  # a crowd: whoever has been known longest is looked up again
            del self._drawn[next(iter(self._drawn))]
        return self._drawn.setdefault((limit, key), _Handful())

    def _network(self, address: str) -> str:
        """A name for the caller's network that tells nobody the address."""
        try:
            found = ip_address(address)
        except ValueError:
            return "none"
        if isinstance(found, IPv6Address):
            mapped = found.ipv4_mapped
            found = mapped if mapped is not None else IPv6Address(int(found) >> 64 << 64)  # a household has a whole /64
        return self.vault.blind(Place(DEFAULT_TENANT, "rate_bucket", "", "key"), str(found)).hex()


def of_tenant(tenant: TenantId) -> str:
    """The key of a tenant's limit."""
    return str(int(tenant))
