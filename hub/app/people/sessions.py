"""Sessions: rows of ours, known by the hash of a random cookie, short, and new after every step that changes them."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from hub.app.people.sealing import hashed
from hub.domain.errors import Conflict, Unauthorized
from hub.domain.ids import TenantId
from hub.domain.permissions import POWERS, Role
from hub.ports.accounts import Person, RoleGrant, Session
from hub.ports.clock import Clock, Ids
from hub.ports.store import Store, Work

SEEN_EVERY = timedelta(seconds=30)
PREFIX = "hs_"


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long a session lives: unused, unused by an administrator, and at all."""

    idle: timedelta = timedelta(minutes=15)
    idle_admin: timedelta = timedelta(minutes=10)
    life: timedelta = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class Signed:
    """A session with whose it is."""

    session: Session
    person: Person
    grants: tuple[RoleGrant, ...]


@dataclass(frozen=True, slots=True)
class Sessions:
    """Opens, checks, turns and ends them."""

    store: Store
    clock: Clock
    ids: Ids
    policy: SessionPolicy

    async def open(self, work: Work, person: Person, factors: tuple[str, ...], *, full: bool) -> tuple[Session, str]:
        """A new session and its cookie. An administrator has one at a time."""
        now, token = self.clock.now(), PREFIX + self.ids.token(32)
        stepped = now if full else None
        session = Session(
            hashed(token), person.tenant, person.id, now, now, now + self.policy.life, full, factors, stepped
        )
        if is_admin(await work.records(RoleGrant, person.tenant, person=person.id)):
            await self.end_all(work, person.tenant, person.id)
        await work.add_record(session)
        return session, token

    async def check(self, token: str) -> Signed:
        """Who is signed in. Raises Unauthorized (`bad_session`), in the same words whatever is wrong."""
        now = self.clock.now()
        async with self.store.look() as look:
            session = await look.bearer(Session, hashed(token)) if token.startswith(PREFIX) else None
            if session is None:
                raise _bad()
            person = await look.record(Person, session.tenant, session.person)
            grants = tuple(await look.records(RoleGrant, session.tenant, person=session.person))
        if person is None or person.state != "active" or self.is_over(session, grants, now):
            raise _bad()
        if now - session.seen_at >= SEEN_EVERY:
            session = await self._seen(session, now)
        return Signed(session, person, grants)

    def is_over(self, session: Session, grants: tuple[RoleGrant, ...], now: datetime) -> bool:
        """Whether its time is up: it was unused too long, or is too old."""
        idle = self.policy.idle_admin if is_admin(grants) else self.policy.idle
        return session.ends_at <= now or session.seen_at + idle <= now

    async def _seen(self, session: Session, now: datetime) -> Session:
        try:
            async with self.store.work() as work:
                return await work.change_record(replace(session, seen_at=now))
        except Conflict:  # another request of the same session said so already, or turned it
            return session

    async def turn(self, session: Session, *, factor: str | None = None) -> tuple[Session, str]:
        """The same session under a new cookie; the old one is worth nothing from now on. With a `factor`: stepped up."""
        now, token = self.clock.now(), PREFIX + self.ids.token(32)
        fresh = replace(session, id=hashed(token), seen_at=now, version=0)
        if factor is not None:
            factors = (*session.factors, *(() if factor in session.factors else (factor,)))
            fresh = replace(fresh, full=True, factors=factors, stepped_up_at=now)
        async with self.store.work() as work:
            there = await work.record(Session, session.tenant, session.id)
            if there is None or not await work.drop_record(there):
                raise _bad()
            await work.add_record(fresh)
        return replace(fresh, version=1), token

    async def end(self, session: Session) -> None:
        """Signed out."""
        async with self.store.work() as work:
            there = await work.record(Session, session.tenant, session.id)
            if there is not None:
                await work.drop_record(there)

    async def end_all(self, work: Work, tenant: TenantId, person: str, keep: str | None = None) -> int:
        """End every session of a person, but the one to be kept."""
        mine = [one for one in await work.records(Session, tenant, person=person) if one.id != keep]
        for one in mine:
            await work.drop_record(one)
        return len(mine)


def is_admin(grants: tuple[RoleGrant, ...] | list[RoleGrant]) -> bool:
    """Whether one of the three powers is among them."""
    return any(Role(one.role) in POWERS for one in grants)


def csrf_token(token: str) -> str:
    """What a page sends back with every change: it follows from the cookie and is of no use with another one."""
    return hashlib.sha256(f"csrf:{token}".encode()).hexdigest()


def csrf_fits(token: str, given: str) -> bool:
    """In constant time."""
    return hmac.compare_digest(csrf_token(token).encode(), given.encode())


def _bad() -> Unauthorized:
    return Unauthorized("sign in again", code="bad_session")
