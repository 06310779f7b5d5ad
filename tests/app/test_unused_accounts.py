"""Accounts that nobody used for 90 days are disabled, and somebody who may grant stays."""

from __future__ import annotations

from hub.app.people.sealing import Profile
from hub.app.people.unused import Unused
from hub.domain.permissions import Role
from hub.ports.accounts import Person
from hub.ports.audit import ActFilter
from tests.support.hubs import TENANT, Bench, bench

DAY = 86_400.0


async def person(b: Bench, login: str, role: Role | None = None) -> Person:
    made = await b.hub.people.roster.add(TENANT, Profile(login, login), "test", external=login, state="active")
    if role is not None:
        await b.hub.people.rights.grant(TENANT, made.id, role, "test")
    return made


async def state(b: Bench, one: Person) -> str:
    return (await b.hub.people.roster.get(TENANT, one.id)).state


async def used(b: Bench, one: Person) -> None:
    async with b.hub.store.work() as work:
        await b.hub.people.roster.seen(work, await b.hub.people.roster.get(TENANT, one.id))


async def test_after_90_days_and_not_before() -> None:
    b = bench()
    await b.hub.vault.prepare(TENANT)
    kept, gone = await person(b, "kept", Role.SECURITY_ADMIN), await person(b, "gone", Role.RECRUITER)
    b.clock.advance(90 * DAY)
    assert await b.hub.people.unused() == 0
    await used(b, kept)
    b.clock.advance(1)
    assert await b.hub.people.unused() == 1
    assert (await state(b, kept), await state(b, gone)) == ("active", "disabled")
    [act] = await b.hub.trail.page(TENANT, 5, where=ActFilter(action="person.disable"))
    assert (act.act.actor, act.act.object) == ("hub", gone.id)
    assert ("people.unused", {"count": 1}) in [(name, fields) for name, fields in b.meter.notes]
    await b.hub.people.roster.remove(await b.hub.people.roster.get(TENANT, gone.id), "test")
    assert b.meter.notes.count(("person.shut_out", {"tenant": TENANT})) == 2
    assert await b.hub.people.unused() == 0


async def test_the_last_who_may_grant_stays() -> None:
    b = bench()
    await b.hub.vault.prepare(TENANT)
    older = await person(b, "older", Role.SECURITY_ADMIN)
    b.clock.advance(DAY)
    newer = await person(b, "newer", Role.SECURITY_ADMIN)
    b.clock.advance(400 * DAY)
    assert await b.hub.people.unused() == 1
    assert (await state(b, older), await state(b, newer)) == ("disabled", "active")
    await used(b, newer)
    assert await b.hub.people.unused() == 0


async def test_zero_days_disable_nobody() -> None:
    b = bench()
    await b.hub.vault.prepare(TENANT)
    one = await person(b, "one")
    b.clock.advance(4000 * DAY)
    people = b.hub.people
    assert await Unused(b.hub.store, people.roster, b.clock, b.meter, 0)() == 0
    assert await state(b, one) == "active"
