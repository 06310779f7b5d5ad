"""The three administrators sign in with an authenticator, and with nothing less, where they are kept apart."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from litestar.testing import AsyncTestClient

from hub.app.people.people import PeoplePolicy
from hub.app.people.rights import Rights
from hub.domain.permissions import Role
from tests.support.authenticator import SoftAuthenticator
from tests.support.hubs import SITE, TENANT, bench
from tests.support.one_app import app_over
from tests.support.visitors import Visitor, visitor

CLOSED = ("/v1/people", "/v1/permissions/matrix", "/v1/audit")
FACTORS, SECOND = "/v1/auth/factors", "/v1/auth/second-factor"


@pytest.fixture
async def site(request: pytest.FixtureRequest) -> AsyncIterator[Visitor]:
    """A stranger in front of a hub that keeps its administrators apart."""
    b = bench(people=PeoplePolicy(site=SITE, apart=getattr(request, "param", True)))
    await b.hub.vault.prepare(TENANT)
    async with AsyncTestClient(app_over(b.hub)) as client:
        yield Visitor(client, b)


@dataclass
class Device:
    """An authenticator and how it is used over HTTP."""

    soft: SoftAuthenticator

    async def enrol(self, who: Visitor) -> None:
        begun = await who.json("POST", FACTORS, {"kind": "webauthn"})
        answer = self.soft.create(begun["options"])
        await who.json("POST", f"{FACTORS}/confirm", {"ticket": begun["ticket"], "name": "key", "answer": answer})

    async def step_up(self, who: Visitor) -> None:
        begun = await who.json("POST", "/v1/auth/step-up")
        assertion = self.soft.get(begun["options"])
        await who.json("POST", "/v1/auth/step-up", {"ticket": begun["ticket"], "assertion": assertion})


async def is_kept_out(who: Visitor) -> None:
    for path in CLOSED:
        refused = await who.call("GET", path)
        assert refused.status_code == 403, path
        assert refused.json()["code"] == "authenticator_missing", path
    assert (await who.json("GET", "/v1/auth/session"))["full"] is False


async def an_administrator_needs_it(site: Visitor, role: Role) -> None:
    admin, device = await visitor(site.client, site.bench, "admin", role), Device(SoftAuthenticator())
    await is_kept_out(admin)
    await device.enrol(admin)
    assert (await admin.call("GET", "/v1/permissions/matrix")).status_code == 200
    assert (await admin.json("GET", "/v1/auth/session"))["full"] is True
    await admin.sign_in("admin")  # with the app's code
    await is_kept_out(admin)
    await device.step_up(admin)
    assert (await admin.call("GET", "/v1/permissions/matrix")).status_code == 200


@pytest.mark.parametrize("role", [Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDITOR])
async def test_an_administrator_needs_an_authenticator(site: Visitor, role: Role) -> None:
    await an_administrator_needs_it(site, role)


async def test_planted_where_nobody_asks_for_it_that_is_red(site: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rights, "needs_authenticator", lambda *_: False)
    with pytest.raises(AssertionError):
        await an_administrator_needs_it(site, Role.SYSTEM_ADMIN)


async def test_whoever_has_password_and_app_cannot_bring_an_authenticator(site: Visitor) -> None:
    admin = await visitor(site.client, site.bench, "admin", Role.SECURITY_ADMIN)
    await Device(SoftAuthenticator()).enrol(admin)
    factors = await admin.json("GET", FACTORS)
    thief = Visitor(site.client, site.bench, secret=admin.secret)
    begun = await thief.login("admin")
    await thief.json("POST", SECOND, {"ticket": begun["ticket"], "code": thief.code()})
    key = next(one["id"] for one in factors if one["kind"] == "webauthn")
    for method, path, body in (
        ("POST", FACTORS, {"kind": "webauthn"}),
        ("DELETE", f"{FACTORS}/{key}", None),
        ("POST", f"{FACTORS}/recovery", None),
    ):
        refused = await thief.call(method, path, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "authenticator_missing"), (method, path)


async def test_a_lost_authenticator_is_replaced_with_a_recovery_code(site: Visitor) -> None:
    admin = await visitor(site.client, site.bench, "admin", Role.SYSTEM_ADMIN)
    await Device(SoftAuthenticator()).enrol(admin)
    code = (await admin.json("POST", f"{FACTORS}/recovery"))["codes"][0]
    again, device = Visitor(site.client, site.bench), Device(SoftAuthenticator())
    begun = await again.login("admin")
    await again.json("POST", SECOND, {"ticket": begun["ticket"], "recovery": code})
    await is_kept_out(again)
    await device.enrol(again)
    assert (await again.call("GET", "/v1/permissions/matrix")).status_code == 200


async def test_others_may_use_an_app(site: Visitor) -> None:
    person = await visitor(site.client, site.bench, "person", Role.HR_ADMIN)
    assert (await person.call("GET", "/v1/permissions/matrix")).status_code == 200


@pytest.mark.parametrize("site", [False], indirect=True)
async def test_where_they_are_not_kept_apart_an_app_will_do(site: Visitor) -> None:
    admin = await visitor(site.client, site.bench, "admin", Role.SYSTEM_ADMIN)
    assert (await admin.call("GET", "/v1/permissions/matrix")).status_code == 200
