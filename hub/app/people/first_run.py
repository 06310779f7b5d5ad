"""The first people of a tenant: made once, while there is nobody, by who holds the ticket that the command line gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from hub.app.people.rights import Rights
from hub.app.people.roster import Roster
from hub.app.people.sealing import Profile, note
from hub.app.people.tickets import Tickets
from hub.domain.errors import Conflict, Invalid
from hub.domain.ids import TenantId
from hub.domain.permissions import POWERS, Role
from hub.ports.accounts import Person, RoleGrant
from hub.ports.clock import Clock, Ids
from hub.ports.store import Store

LIFE = timedelta(hours=1)
SETUP = "setup"
BY = "setup"


@dataclass(frozen=True, slots=True)
class Founder:
    """One of the first people, with roles."""

    profile: Profile
    roles: tuple[Role, ...]
    clearance: int = 2


@dataclass(frozen=True, slots=True)
class FirstRun:
    """Each founder gets an invitation; no password is ever made for somebody."""

    store: Store
    roster: Roster
    rights: Rights
    tickets: Tickets
    clock: Clock
    ids: Ids

    async def needed(self, tenant: TenantId) -> bool:
        """Whether nobody is there yet."""
        async with self.store.look() as look:
            return not await look.records(Person, tenant, limit=1)

    async def ticket(self, tenant: TenantId) -> str:
        """What the wizard asks for. Raises Conflict (`set_up_already`)."""
        if not await self.needed(tenant):
            raise Conflict("there are people already", code="set_up_already")
        return await self.tickets.open(tenant, SETUP, {}, life=LIFE)

    async def __call__(self, ticket: str, founders: Sequence[Founder]) -> list[tuple[Person, str]]:
        """The founders with their invitations, all or none. Raises Unauthorized, Conflict, Invalid."""
        seen, _ = await self.tickets.look(ticket, SETUP)
        must_found(founders, apart=self.rights.apart)
        if not await self.needed(seen.tenant):
            raise Conflict("there are people already", code="set_up_already")
        await self.tickets.close(seen)
        return await self.found(seen.tenant, founders, BY)

    async def found(self, tenant: TenantId, founders: Sequence[Founder], by: str) -> list[tuple[Person, str]]:
        """Make them. Who may call this decides who may."""
        must_found(founders, apart=self.rights.apart)
        made = [await self.roster.add(tenant, one.profile, by, clearance=one.clearance) for one in founders]
        async with self.store.work() as work:
            for person, one in zip(made, founders, strict=True):
                for role in one.roles:
                    await self.rights.put(work, self._grant(person, role, by))
            await note(work, self.clock, tenant, by, "setup.done", made[0].id, {"people": len(made)})
        return [(person, await self.roster.invite(person, by)) for person in made]

    def _grant(self, person: Person, role: Role, by: str) -> RoleGrant:
        power = POWERS.get(role) if self.rights.apart else None
        now = self.clock.now()
        grant = RoleGrant(f"grt_{self.ids.token(8)}", person.tenant, person.id, role, "/", by, now)
        return replace(grant, power=None if power is None else str(power))


def must_found(founders: Sequence[Founder], *, apart: bool) -> None:
    """Raises Invalid: somebody must be able to grant; kept apart, the three administrators are three people."""
    roles = [role for one in founders for role in one.roles]
    if not founders or len(founders) > 10 or Role.SECURITY_ADMIN not in roles:
        raise Invalid("one of them is security_admin", code="no_security_admin", at="people")
    if len({one.profile.login.casefold() for one in founders}) != len(founders):
        raise Invalid("everybody has a login of his or her own", code="login_taken", at="people")
    if apart and (sorted(roles) != sorted(POWERS) or any(len(one.roles) != 1 for one in founders)):
        wanted = ", ".join(POWERS)
        raise Invalid(f"three people, one role each: {wanted}", code="powers_apart", at="people")
