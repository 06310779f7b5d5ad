"""People in front of the API: a browser with one cookie, and shortcuts to people who are signed in already."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from hub.app.people.sealing import Profile
from hub.app.people.sessions import csrf_token
from hub.domain import rfc6238
from hub.domain.ids import TenantId
from hub.domain.permissions import Role
from hub.ports.accounts import Person
from hub.web.auth import COOKIE
from tests.support.hubs import SITE, TENANT, Bench

PASSWORD = "Correct-Horse-7-Battery"


@dataclass
class Visitor:
    """A browser: it keeps the cookie it was given, says where it comes from, and sends the page's token."""

    client: Any
    bench: Bench
    cookie: str | None = None
    csrf: str | None = None
    person: str = ""
    secret: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    tenant: TenantId = TENANT

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer; a new cookie and page token are kept."""
        sent = {"origin": SITE, "sec-fetch-site": "same-origin", **self.headers}
        if self.cookie is not None:
            sent["cookie"] = f"{COOKIE}={self.cookie}"
        if self.csrf is not None:
            sent["x-csrf-token"] = self.csrf
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        self.client.cookies.clear()
        answer = await self.client.request(method, path, json=body, headers=sent)
        if (given := answer.headers.get("set-cookie")) is not None:
            self.cookie = given.partition(";")[0].partition("=")[2] or None
        if answer.headers.get("content-type", "").startswith("application/json") and isinstance(answer.json(), dict):
            self.csrf = answer.json().get("csrf") or self.csrf
        return answer

    async def json(self, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        answer = await self.call(method, path, body, **headers)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def code(self) -> str:
        """What the app shows; the clock moves on by a step, because a code counts once."""
        self.bench.clock.advance(rfc6238.STEP_S)
        return rfc6238.code(self.secret, rfc6238.step_at(self.bench.clock.now()))

    async def login(self, login: str, password: str = PASSWORD) -> Any:
        return (await self.call("POST", "/v1/auth/login", {"login": login, "password": password})).json()

    async def enrol_totp(self) -> None:
        """The first second factor, or one more."""
        begun = await self.json("POST", "/v1/auth/factors", {"kind": "totp"})
        words = begun["secret"]
        self.secret = base64.b32decode(words + "=" * (-len(words) % 8))
        done = {"ticket": begun["ticket"], "name": "phone", "code": self.code()}
        assert (await self.json("POST", "/v1/auth/factors/confirm", done))["state"] == "signed_in"

    async def sign_in(self, login: str, password: str = PASSWORD) -> None:
        """All the way, with the code of the app."""
        begun = await self.login(login, password)
        if begun["state"] == "enrol":
            await self.enrol_totp()
        else:
            answer = {"ticket": begun["ticket"], "code": self.code()}
            assert (await self.json("POST", "/v1/auth/second-factor", answer))["state"] == "signed_in"
        self.person = (await self.json("GET", "/v1/auth/session"))["person_id"]

    async def sit(self) -> None:
        """A new session with a fresh second factor, whatever became of the last one."""
        people = self.bench.hub.people
        person = await people.roster.get(self.tenant, self.person)
        async with people.store.work() as work:
            _, self.cookie = await people.sessions.open(work, person, ("password", "totp"), full=True)
        self.csrf = csrf_token(self.cookie)

    async def step_up(self) -> None:
        begun = await self.json("POST", "/v1/auth/step-up")
        await self.json("POST", "/v1/auth/step-up", {"ticket": begun["ticket"], "code": self.code()})


async def employ(
    bench: Bench, login: str, *roles: Role, clearance: int = 4, tenant: TenantId = TENANT, path: str = "/"
) -> Person:
    """A person with a password and these roles."""
    people = bench.hub.people
    person = await people.roster.add(tenant, Profile(login, f"Sample {login}"), "test", clearance=clearance)
    invitation = await people.roster.invite(person, "test")
    person = await people.sign_in.accept(invitation, PASSWORD)
    for role in roles:
        await people.rights.grant(tenant, person.id, role, "test", path=path)
    return person


async def visitor(client: Any, bench: Bench, login: str, *roles: Role, clearance: int = 4, path: str = "/") -> Visitor:
    """Somebody with these roles, signed in with two factors over HTTP."""
    await employ(bench, login, *roles, clearance=clearance, path=path)
    found = Visitor(client, bench)
    await found.sign_in(login)
    return found


async def seated(
    client: Any, bench: Bench, login: str, *roles: Role, clearance: int = 4, path: str = "/", tenant: TenantId = TENANT
) -> Visitor:
    """The same, with a session of the store's making: for tests that are not about signing in."""
    people = bench.hub.people
    person = await people.roster.add(
        tenant, Profile(login, f"Sample {login}"), "test", clearance=clearance, state="active"
    )
    for role in roles:
        await people.rights.grant(tenant, person.id, role, "test", path=path)
    found = Visitor(client, bench, person=person.id, tenant=tenant)
    await found.sit()
    return found
