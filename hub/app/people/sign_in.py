"""Signing in: a password, then a second factor; the same words and about the same time whatever is wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from hub.app.people.factors import Factors, Proof
from hub.app.people.roster import Roster
from hub.app.people.sealing import Sealing, note
from hub.app.people.sessions import Sessions, Signed
from hub.app.people.throttles import Throttles
from hub.app.people.tickets import Tickets
from hub.domain.errors import Conflict, Forbidden, Invalid, Unauthorized
from hub.domain.ids import TenantId
from hub.domain.passwords import REMEMBERED, must_be_strong
from hub.ports.accounts import Person, Session
from hub.ports.clock import Clock
from hub.ports.identity import Passwords
from hub.ports.meter import Meter
from hub.ports.store import Store
from mappings.documents import Document

SECOND, STEP_UP = "second_factor", "step_up"


@dataclass(frozen=True, slots=True)
class Asked:
    """A second factor is wanted: one of these kinds; `options` are for the browser's authenticator."""

    ticket: str
    factors: list[str]
    options: Document | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session and its cookie. `enrol`: a second factor must be enrolled before anything else."""

    session: Session
    token: str
    enrol: bool = False


@dataclass(frozen=True, slots=True)
class SignIn:
    """By password; `Elsewhere` does it by other providers."""

    store: Store
    sealing: Sealing
    roster: Roster
    sessions: Sessions
    factors: Factors
    tickets: Tickets
    throttles: Throttles
    passwords: Passwords
    clock: Clock
    meter: Meter
    password_days: int = 0  # 0: a password need not be changed after a time

    async def password(self, tenant: TenantId, login: str, password: str, network: str) -> Asked | SignedIn:
        """The first step. Raises Unauthorized (`bad_login`), TooMany (`locked`), Forbidden (`password_expired`)."""
        name = f"login:{await self.roster.login_index(tenant, login)}"
        net = f"net:{await self.sealing.blind(tenant, 'network', network)}"
        locked = await self.throttles.enter(tenant, name, net)
        person = await self.roster.by_login(tenant, login)
        if not await self._fits(person, password) or person is None or person.state != "active":
            self._failed("password", locked)
            raise bad_login()
        await self.throttles.forgive(tenant, name)
        await self.throttles.take_back(tenant, net)
        if self._expired(person):
            raise Forbidden("the password is too old: ask for an invitation", code="password_expired")
        await self._rehash(person, password)
        return await self.admit(person, "password")

    async def admit(self, person: Person, factor: str) -> Asked | SignedIn:
        """The first step was taken by whatever means: ask for the second, or for its enrolment."""
        asked = await self.ask(person, SECOND, {"first": factor})
        if asked is not None:
            return asked
        async with self.store.work() as work:
            session, token = await self.sessions.open(work, person, (factor,), full=False)
            await note(work, self.clock, person.tenant, person.id, "session.open", person.id, {"full": False})
        return SignedIn(session, token, enrol=True)

    async def ask(self, person: Person, purpose: str, content: Document) -> Asked | None:
        """A ticket for a second factor; None where the person has none."""
        kinds = await self.factors.kinds(person.tenant, person.id)
        if not kinds:
            return None
        ceremony = await self.factors.challenge(person.tenant, person.id)
        state = None if ceremony is None else ceremony.state
        ticket = await self.tickets.open(person.tenant, purpose, {**content, "state": state}, person=person.id)
        return Asked(ticket, kinds, None if ceremony is None else ceremony.options)

    async def second(self, ticket: str, proof: Proof) -> SignedIn:
        """The second step. Raises Unauthorized (`bad_ticket`, `bad_code`), TooMany (`locked`)."""
        person, first, kind = await self._prove(ticket, SECOND, proof)
        if person.state != "active":
            raise bad_login()
        async with self.store.work() as work:
            there = await work.record(Person, person.tenant, person.id)
            if there is None:
                raise bad_login()
            await self.roster.seen(work, there)
            session, token = await self.sessions.open(work, person, (first, kind), full=True)
            await note(work, self.clock, person.tenant, person.id, "session.open", person.id, {"factor": kind})
        return SignedIn(session, token)

    async def begin_step_up(self, signed: Signed) -> Asked:
        """Ask for a second factor again, because what follows is worth it."""
        asked = await self.ask(signed.person, STEP_UP, {"session": signed.session.id})
        if asked is None:
            raise Forbidden("enrol a second factor first", code="second_factor_missing")
        return asked

    async def step_up(self, signed: Signed, ticket: str, proof: Proof) -> SignedIn:
        """The session under a new cookie, fresh for what needs it."""
        person, _, kind = await self._prove(ticket, STEP_UP, proof, session=signed.session.id)
        session, token = await self.sessions.turn(signed.session, factor=kind)
        async with self.store.work() as work:
            await note(work, self.clock, person.tenant, person.id, "session.step_up", person.id, {"factor": kind})
        return SignedIn(session, token)

    async def _prove(
        self, ticket: str, purpose: str, proof: Proof, session: str | None = None
    ) -> tuple[Person, str, str]:
        seen, content = await self.tickets.look(ticket, purpose)
        if seen.person is None or content.get("session") != session:
            raise Unauthorized("this is over or was never begun; begin again", code="bad_ticket")
        name = f"factor:{seen.person}"
        locked = await self.throttles.enter(seen.tenant, name)
        state = content.get("state")
        try:
            kind = await self.factors.prove(seen.tenant, seen.person, proof, state if isinstance(state, dict) else None)
        except Unauthorized:
            self._failed("second", locked)
            raise
        except Conflict as error:  # the same code, taken by a request beside this one
            raise Unauthorized("this proves nothing", code="bad_code") from error
        await self.tickets.close(seen)
        await self.throttles.forgive(seen.tenant, name)
        return await self.roster.get(seen.tenant, seen.person), str(content.get("first", "")), kind

    def _failed(self, step: str, locked: list[str]) -> None:
        self.meter.note("sign_in.failed", step=step)
        for name in locked:
            self.meter.note("sign_in.locked", by=name.partition(":")[0])

    async def accept(self, ticket: str, password: str) -> Person:
        """An invitation taken up: the password is set, the account in force. The ticket is gone then."""
        seen, _ = await self.tickets.look(ticket, "invitation")
        if seen.person is None:
            raise Unauthorized("this is over or was never begun; begin again", code="bad_ticket")
        person = await self.roster.get(seen.tenant, seen.person)
        if person.state == "disabled":
            raise Unauthorized("this is over or was never begun; begin again", code="bad_ticket")
        secret = await self.new_secret(person, password)
        await self.tickets.close(seen)
        async with self.store.work() as work:
            changed = await work.change_record(
                replace(person, state="active", secret=secret, secret_at=self.clock.now(), seen_at=self.clock.now())
            )
            await self.sessions.end_all(work, person.tenant, person.id)
            await note(work, self.clock, person.tenant, person.id, "password.set", person.id)
        return changed

    async def change_password(self, signed: Signed, old: str, new: str) -> SignedIn:
        """Raises Unauthorized (`bad_login`) for a wrong old one, Invalid. All other sessions end."""
        person = signed.person
        locked = await self.throttles.enter(person.tenant, f"login:{person.login}")
        if not await self._fits(person, old):
            self._failed("change", locked)
            raise bad_login()
        await self.throttles.forgive(person.tenant, f"login:{person.login}")
        secret = await self.new_secret(person, new)
        async with self.store.work() as work:
            await work.change_record(replace(person, secret=secret, secret_at=self.clock.now()))
            await self.sessions.end_all(work, person.tenant, person.id, keep=signed.session.id)
            await note(work, self.clock, person.tenant, person.id, "password.change", person.id)
        session, token = await self.sessions.turn(signed.session)
        return SignedIn(session, token)

    async def new_secret(self, person: Person, password: str) -> bytes:
        """The sealed hash of a new password, with those before it. Raises Invalid (`password_*`)."""
        profile = await self.sealing.profile(person)
        must_be_strong(password, profile.login, profile.name, profile.email or "")
        before = await self._hashes(person)
        for old in before:
            if await self.passwords.fits(old, password):
                raise Invalid(f"one of the last {REMEMBERED} passwords", code="password_used", at="password")
        hashes = [await self.passwords.hash(password), *before][:REMEMBERED]
        return await self._sealed(person, hashes)

    async def _fits(self, person: Person | None, password: str) -> bool:
        hashes = [] if person is None else await self._hashes(person)
        if not hashes:
            await self.passwords.hash(password)  # as long as a real one takes: silence tells nothing either
            return False
        return await self.passwords.fits(hashes[0], password)

    async def _rehash(self, person: Person, password: str) -> None:
        hashes = await self._hashes(person)
        if self.passwords.stale(hashes[0]):
            secret = await self._sealed(person, [await self.passwords.hash(password), *hashes[1:]])
            async with self.store.work() as work:
                await work.change_record(replace(person, secret=secret))

    async def _hashes(self, person: Person) -> list[str]:
        if person.secret is None:
            return []
        found = await self.sealing.open(person.tenant, "person", person.id, "secret", person.secret, secret=True)
        hashes = found["hashes"]
        assert isinstance(hashes, list)
        return [str(one) for one in hashes]

    async def _sealed(self, person: Person, hashes: list[str]) -> bytes:
        content: Document = {"hashes": [*hashes]}
        return await self.sealing.seal(person.tenant, "person", person.id, "secret", content, secret=True)

    def _expired(self, person: Person) -> bool:
        at = person.secret_at
        return (
            bool(self.password_days) and at is not None and self.clock.now() - at > timedelta(days=self.password_days)
        )


def bad_login() -> Unauthorized:
    """One answer for every fault."""
    return Unauthorized("login or password is wrong", code="bad_login")
