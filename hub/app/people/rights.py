"""Roles granted and taken, and what somebody may do because of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.app.people.roster import Roster
from hub.app.people.sealing import note
from hub.app.people.sessions import Sessions, Signed, is_admin
from hub.domain.errors import Conflict, Forbidden, NotFound
from hub.domain.ids import TenantId
from hub.domain.permissions import (
    ACTIONS,
    POWERS,
    ROLES,
    Context,
    Decision,
    Grant,
    Kind,
    Object,
    Role,
    Subject,
    decide,
    role_of,
)
from hub.ports.accounts import Node, Person, RoleGrant
from hub.ports.clock import Clock, Ids
from hub.ports.store import Store, Work

AUTHENTICATOR = "webauthn"
FRESH_GRANT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Right:
    """What one person may do of one action, and by what."""

    action: str
    role: Role
    path: str
    letters: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Rights:
    """`apart`: the three administrators are three people (三权分立), and none of them does business."""

    store: Store
    roster: Roster
    sessions: Sessions
    clock: Clock
    ids: Ids
    apart: bool = False

    def subject(self, signed: Signed) -> Subject:
        """Who is signed in, as `decide` sees it."""
        proved = AUTHENTICATOR in signed.session.factors or not self.needs_authenticator(signed)
        return subject_of(signed.person, signed.grants, second_factor=signed.session.full, authenticator=proved)

    def needs_authenticator(self, signed: Signed) -> bool:
        """One of the three administrators proves by cryptography (GB/T 22239-2019, 8.1.4.1 d)."""
        return self.apart and is_admin(signed.grants)

    async def grants(self, tenant: TenantId, person: str) -> list[RoleGrant]:
        """What a person was granted, still in force or not."""
        async with self.store.look() as look:
            return await look.records(RoleGrant, tenant, person=person)

    async def effective(self, tenant: TenantId, person: str) -> list[Right]:
        """Every right of a person, by action: the matrix over the grants in force."""
        now = self.clock.now()
        grants = [one for one in await self.grants(tenant, person) if one.until is None or one.until > now]
        return [
            Right(name, Role(one.role), one.path, "".join(sorted(about.cells[Role(one.role)].letters)), one.until)
            for name, about in ACTIONS.items()
            for one in grants
            if about.cells[Role(one.role)].letters
        ]

    async def grant(
        self,
        tenant: TenantId,
        person: str,
        role: Role,
        by: str,
        *,
        path: str = "/",
        until: datetime | None = None,
        origin: str = "direct",
        candidates: Sequence[str] = (),
    ) -> RoleGrant:
        """Raises Forbidden (`own_rights`), Conflict (`powers_apart`, `granted_already`), NotFound, Invalid."""
        if person == by:
            raise Forbidden("nobody grants anything to himself or herself", code="own_rights")
        await self.roster.get(tenant, person)
        granted = RoleGrant(
            f"grt_{self.ids.token(8)}",
            tenant,
            person,
            role,
            path,
            by,
            self.clock.now(),
            origin,
            self._power(role),
            until,
            tuple(candidates),
        )
        async with self.store.work() as work:
            await self.must_be_a_place(work, tenant, path)
            await self.put(work, granted)
        return granted

    def _power(self, role: Role) -> str | None:
        return POWERS.get(role) if self.apart else None

    async def put(self, work: Work, granted: RoleGrant) -> None:
        """A grant in the transaction of something larger. Raises Conflict (`powers_apart`, `granted_already`)."""
        role_of(granted.role)
        has = await work.records(RoleGrant, granted.tenant, person=granted.person)
        if self.apart and _meet(granted, has):
            raise Conflict("the three administrators are three people, and do nothing else", code="powers_apart")
        try:
            await work.add_record(granted)
        except Conflict as error:
            raise Conflict("this was granted already", code="granted_already") from error
        await self.sessions.end_all(work, granted.tenant, granted.person)
        detail = {"role": granted.role, "path": granted.path, "origin": granted.origin}
        await note(work, self.clock, granted.tenant, granted.granted_by, "role.grant", granted.person, {**detail})

    async def find(self, tenant: TenantId, person: str, id: str) -> RoleGrant:
        """Raises NotFound."""
        async with self.store.look() as look:
            found = await look.record(RoleGrant, tenant, id)
        if found is None or found.person != person:
            raise NotFound("there is no such grant")
        return found

    async def take(self, granted: RoleGrant, by: str) -> None:
        """The grant ends now, and with it the person's sessions. Raises Conflict for the last who may grant."""
        async with self.store.work() as work:
            if granted.role == Role.SECURITY_ADMIN:
                every = await work.records(RoleGrant, granted.tenant, role=Role.SECURITY_ADMIN)
                if len({one.person for one in every if one.until is None}) < 2:
                    raise Conflict("somebody must be able to grant", code="last_security_admin")
            if await work.drop_record(granted):
                await self.sessions.end_all(work, granted.tenant, granted.person)
                detail = {"role": granted.role, "path": granted.path}
                await note(work, self.clock, granted.tenant, by, "role.take", granted.person, {**detail})

    async def recently_granted(self, tenant: TenantId, person: str, by: str, within: timedelta) -> bool:
        """Whether `by` made this person what he or she is, not long ago."""
        edge = self.clock.now() - within
        return any(one.granted_by == by and one.granted_at > edge for one in await self.grants(tenant, person))

    async def granted_lately(self, tenant: TenantId, person: str, by: str) -> bool:
        """The same within a day: who made somebody what he or she is does not approve what is asked for because of it."""
        return await self.recently_granted(tenant, person, by, FRESH_GRANT)

    async def must_be_a_place(self, work: Work, tenant: TenantId, path: str) -> None:
        """Raises NotFound."""
        if path != "/" and not any(one.path == path for one in await work.records(Node, tenant)):
            raise NotFound("there is no such place in the organisation")


def subject_of(
    person: Person, grants: Sequence[RoleGrant], *, second_factor: bool, authenticator: bool = True
) -> Subject:
    """A person as `decide` sees it."""
    found = tuple(Grant(Role(one.role), one.path, one.until, frozenset(one.candidates)) for one in grants)
    return Subject(
        person.id, person.tenant, Kind.PERSON, found, clearance=person.clearance, second_factor=second_factor,
        authenticator=authenticator,
    )  # fmt: skip


def may_grant(decisions: Mapping[str, Decision], role: Role) -> bool:
    """Whether this role is among those that somebody with these decisions may grant."""
    return decisions["grant.any"].allow or (ROLES[role].business and decisions["grant.business"].allow)


def grant_decisions(subject: Subject, now: datetime) -> dict[str, Decision]:
    """What `may_grant` needs."""
    object_, context = Object(subject.tenant), Context(now)
    return {name: decide(subject, name, object_, context) for name in ("grant.any", "grant.business")}


def _meet(granted: RoleGrant, has: Sequence[RoleGrant]) -> bool:
    """Whether a power would meet another one, or business, in one person."""
    power = POWERS.get(Role(granted.role))
    for one in has:
        other = POWERS.get(Role(one.role))
        if other != power and (power is not None or other is not None):
            return True
    return False
