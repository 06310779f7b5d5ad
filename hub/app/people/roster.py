"""Named accounts: made by invitation, changed, disabled. Nobody shares one, and none comes with a password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from hub.app.people.sealing import Profile, Sealing, note
from hub.app.people.sessions import Sessions
from hub.app.people.tickets import Tickets
from hub.domain.errors import Conflict, Invalid, NotFound
from hub.domain.ids import TenantId
from hub.ports.accounts import Factor, Person, RoleGrant
from hub.ports.clock import Clock, Ids
from hub.ports.meter import Meter
from hub.ports.store import Store, Work
from mappings.documents import Document

INVITATION = timedelta(hours=72)
LOWEST, HIGHEST = 1, 4
LONGEST = {"login": 254, "name": 200, "email": 254, "phone": 40, "locale": 16}


@dataclass(frozen=True, slots=True)
class Roster:
    """The accounts of a tenant."""

    store: Store
    sealing: Sealing
    sessions: Sessions
    tickets: Tickets
    clock: Clock
    ids: Ids
    meter: Meter

    async def add(
        self,
        tenant: TenantId,
        profile: Profile,
        by: str,
        *,
        clearance: int = 2,
        external: str | None = None,
        state: str = "invited",
        secret: bytes | None = None,
        id: str | None = None,
    ) -> Person:
        """Raises Conflict (`login_taken`), Invalid."""
        must_be_whole(profile)
        _must_be_class(clearance)
        id_ = id or self.new_id()
        await self._must_be_free(tenant, profile.login, id_)
        person = Person(
            id_,
            tenant,
            await self.login_index(tenant, profile.login),
            state,
            clearance,
            await self.sealing.sealed_profile(tenant, id_, profile),
            self.clock.now(),
            secret,
            None if secret is None else self.clock.now(),
            None if external is None else await self.sealing.blind(tenant, "external", external),
        )
        try:
            async with self.store.work() as work:
                await work.add_record(person)
                await note(work, self.clock, tenant, by, "person.add", id_, {"clearance": clearance})
        except Conflict as error:
            raise Conflict("somebody has this login", code="login_taken") from error
        return replace(person, version=1)

    def new_id(self) -> str:
        """Of an account to come."""
        return f"usr_{self.ids.token(8)}"

    async def login_index(self, tenant: TenantId, login: str) -> str:
        """What a login is found by; upper and lower case are one."""
        return await self.sealing.blind(tenant, "login", login)

    async def get(self, tenant: TenantId, id: str) -> Person:
        """Raises NotFound."""
        async with self.store.look() as look:
            found = await look.record(Person, tenant, id)
        if found is None:
            raise NotFound("there is no such person")
        return found

    async def by_login(self, tenant: TenantId, login: str) -> Person | None:
        """Who signs in by this name."""
        for index in await self.sealing.blinds(tenant, "login", login):
            async with self.store.look() as look:
                found = await look.records(Person, tenant, login=index)
            if found:
                return found[0]
        return None

    async def _must_be_free(self, tenant: TenantId, login: str, id: str) -> None:
        """The database refuses two logins of one key; while keys are exchanged somebody may have it by an older one."""
        there = await self.by_login(tenant, login)
        if there is not None and there.id != id:
            raise Conflict("somebody has this login", code="login_taken")

    async def page(self, tenant: TenantId, after: str | None, limit: int) -> list[Person]:
        """By id."""
        async with self.store.look() as look:
            return await look.records(Person, tenant, after=after, limit=limit)

    async def invite(self, person: Person, by: str) -> str:
        """A ticket by which the person sets a password; who has it acts as that person, so it is told once."""
        async with self.store.work() as work:
            await note(work, self.clock, person.tenant, by, "person.invite", person.id)
        return await self.tickets.open(person.tenant, "invitation", {}, person=person.id, life=INVITATION)

    async def change(
        self, person: Person, by: str, *, profile: Profile | None = None, external: str | None = None
    ) -> Person:
        """Raises Conflict (`login_taken`, `changed_meanwhile`), Invalid."""
        fresh = person
        if profile is not None:
            must_be_whole(profile)
            await self._must_be_free(person.tenant, profile.login, person.id)
            sealed = await self.sealing.sealed_profile(person.tenant, person.id, profile)
            fresh = replace(fresh, sealed=sealed, login=await self.login_index(person.tenant, profile.login))
        if external is not None:
            fresh = replace(fresh, external=await self.sealing.blind(person.tenant, "external", external))
        return await self._write(fresh, by, "person.change", {})

    async def set_clearance(self, person: Person, clearance: int, by: str) -> Person:
        """The highest class that this person may ever see."""
        _must_be_class(clearance)
        changed = replace(person, clearance=clearance)
        return await self._write(changed, by, "person.clearance", {"clearance": clearance}, end=True)

    async def disable(self, person: Person, by: str) -> Person:
        """From the next request on nothing of this person's is accepted."""
        disabled = await self._write(replace(person, state="disabled"), by, "person.disable", {}, end=True)
        self.meter.note("person.shut_out", tenant=person.tenant)
        return disabled

    async def enable(self, person: Person, by: str) -> Person:
        """Back to what it was: with its password, or still invited."""
        state = "active" if person.secret is not None or person.external is not None else "invited"
        return await self._write(replace(person, state=state, seen_at=self.clock.now()), by, "person.enable", {})

    async def _write(self, person: Person, by: str, act: str, detail: Document, *, end: bool = False) -> Person:
        try:
            async with self.store.work() as work:
                changed = await work.change_record(person)
                if end:
                    await self.sessions.end_all(work, person.tenant, person.id)
                await note(work, self.clock, person.tenant, by, act, person.id, detail)
        except Conflict as error:
            if error.code == "changed_meanwhile":
                raise
            raise Conflict("somebody has this login", code="login_taken") from error
        return changed

    async def remove(self, person: Person, by: str) -> None:
        """The account and everything that let it in; what it did stays on record under its id."""
        async with self.store.work() as work:
            for factor in await work.records(Factor, person.tenant, person=person.id):
                await work.drop_record(factor)
            for grant in await work.records(RoleGrant, person.tenant, person=person.id):
                await work.drop_record(grant)
            await self.sessions.end_all(work, person.tenant, person.id)
            await work.drop_record(person)
            await note(work, self.clock, person.tenant, by, "person.remove", person.id)
        self.meter.note("person.shut_out", tenant=person.tenant)

    async def seen(self, work: Work, person: Person) -> Person:
        """Somebody signed in."""
        return await work.change_record(replace(person, seen_at=self.clock.now()))


def must_be_whole(profile: Profile) -> None:
    """Raises Invalid, `at` = the field; never the value."""
    values: Mapping[str, str | None] = {name: getattr(profile, name) for name in LONGEST}
    for name, value in values.items():
        if value is None and name in ("email", "phone"):
            continue
        if not value or not value.strip() or len(value) > LONGEST[name] or not value.isprintable():
            raise Invalid(f"{name} is a text of 1 to {LONGEST[name]} characters", code="bad_profile", at=name)
    if any(c.isspace() for c in profile.login):
        raise Invalid("a login has no spaces", code="bad_profile", at="login")


def _must_be_class(clearance: int) -> None:
    if not LOWEST <= clearance <= HIGHEST:
        raise Invalid("a clearance is 1 to 4", code="bad_clearance", at="clearance")
