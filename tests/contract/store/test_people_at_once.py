"""People at the same moment, on every store: a code counts once, an approval is used once, tries are all counted."""

from __future__ import annotations

import asyncio
from typing import Any

from hub.adapters.clock import ManualClock
from hub.app.people.approvals import Wanted
from hub.app.people.factors import Proof
from hub.app.people.rights import subject_of
from hub.app.people.sign_in import Asked
from hub.domain import rfc6238
from hub.domain.permissions import Role
from hub.ports.store import Store
from tests.support.hubs import START, TENANT, Bench, bench
from tests.support.visitors import PASSWORD, employ

AT_ONCE = 4


async def hub_on(store: Store) -> Bench:
    b = bench(store, clock=ManualClock(START))
    await b.hub.vault.prepare(TENANT)
    return b


def good(outcomes: list[Any]) -> list[Any]:
    return [one for one in outcomes if not isinstance(one, BaseException)]


async def test_one_code_and_one_ticket_make_one_session(store: Store) -> None:
    b = await hub_on(store)
    people, person = b.hub.people, await employ(b, "ada", Role.RECRUITER)
    secret = people.factors.new_secret()
    step = rfc6238.step_at(b.clock.now())
    await people.factors.enrol_totp(TENANT, person.id, "phone", secret, rfc6238.code(secret, step))
    b.clock.advance(60)
    code = Proof(code=rfc6238.code(secret, rfc6238.step_at(b.clock.now())))
    tickets = [await people.sign_in.password(TENANT, "ada", PASSWORD, "net") for _ in range(2)]
    answers = [one.ticket for one in tickets if isinstance(one, Asked)] * 2
    told = await asyncio.gather(*(people.sign_in.second(one, code) for one in answers), return_exceptions=True)
    assert len(good(told)) == 1


async def test_an_approval_is_used_once(store: Store) -> None:
    b = await hub_on(store)
    people = b.hub.people
    subjects = []
    for login in ("one", "two"):
        person = await employ(b, login, Role.HR_ADMIN)
        grants = await people.rights.grants(TENANT, person.id)
        subjects.append(subject_of(person, grants, second_factor=True))
    wanted = Wanted("bulk.export", "POST", "/v1/exports", {}, {"size": 1})
    asked = await people.approvals.ask(subjects[0], wanted, "because")
    await people.approvals.decide(subjects[1], asked.id, asked.digest.hex(), approve=True)
    told = await asyncio.gather(
        *(people.approvals.redeem(subjects[0], asked.id, wanted) for _ in range(AT_ONCE)), return_exceptions=True
    )
    assert len(good(told)) == 1


async def test_tries_at_once_are_all_counted(store: Store) -> None:
    b = await hub_on(store)
    await employ(b, "ada", Role.RECRUITER)
    sign_in = b.hub.people.sign_in
    tries = [sign_in.password(TENANT, "ada", f"wrong {n}", "net") for n in range(12)]
    told = await asyncio.gather(*tries, return_exceptions=True)
    judged = [one for one in told if getattr(one, "code", "") == "bad_login"]
    assert len(judged) <= 5
    assert {getattr(one, "code", "") for one in told} == {"bad_login", "locked"}
