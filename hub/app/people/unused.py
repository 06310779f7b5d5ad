"""Accounts that nobody used for long are disabled, save the last one that may grant."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.app.people.roster import Roster
from hub.domain.errors import Conflict
from hub.domain.ids import TenantId
from hub.domain.permissions import Role
from hub.ports.accounts import Person, RoleGrant
from hub.ports.clock import Clock
from hub.ports.meter import Meter
from hub.ports.store import Store


@dataclass(frozen=True, slots=True)
class Unused:
    """`days` 0: never."""

    store: Store
    roster: Roster
    clock: Clock
    meter: Meter
    days: int

    async def __call__(self) -> int:
        """How many accounts of all tenants were disabled now."""
        if not self.days:
            return 0
        async with self.store.look() as look:
            tenants = [chain.tenant for chain in await look.chains()]  # whoever has people has acts
        done = sum([await self._sweep(tenant) for tenant in tenants])
        if done:
            self.meter.note("people.unused", count=done)
        return done

    async def _sweep(self, tenant: TenantId) -> int:
        now, done = self.clock.now(), 0
        async with self.store.look() as look:
            people = await look.records(Person, tenant, state="active")
            grants = await look.records(RoleGrant, tenant, role=str(Role.SECURITY_ADMIN))
        granters = {one.person for one in grants if one.until is None or one.until > now}
        for person in _over(people, granters, now - timedelta(days=self.days)):
            with suppress(Conflict):  # it was just used or changed
                await self.roster.disable(person, "hub")
                done += 1
        return done


def _over(people: list[Person], granters: set[str], edge: datetime) -> list[Person]:
    over = [one for one in people if _seen(one) < edge]
    may_grant = [one for one in people if one.id in granters]
    if may_grant and all(one in over for one in may_grant):
        over.remove(max(may_grant, key=_seen))
    return over


def _seen(person: Person) -> datetime:
    return person.seen_at or person.created_at
