"""Every route of the API: as a stranger, as each role, as programs; what nobody allowed is denied."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from litestar import get
from litestar.testing import AsyncTestClient

from hub.app.access import SCOPES, Access
from hub.domain.permissions import ACTIONS, Reason, Role
from hub.ports.people import ApiToken
from hub.web import auth
from hub.web.app import create_app
from tests.support.hubs import TENANT
from tests.support.one_app import no_metrics
from tests.web.company import Company, expected

# Open to who has no account, each for a reason: health, the document, what vendors sign, and what makes a session.
REVIEWED = {
    "/health/live",
    "/health/ready",
    "/schema",
    "/v1/hooks/{connection:str}",
    "/v1/partner/{connection:str}/{path:path}",
    "/v1/auth/login",
    "/v1/auth/second-factor",
    "/v1/auth/accept",
    "/v1/setup",
    "/oauth/token",
    "/v1/auth/elsewhere",
    "/v1/auth/elsewhere/{provider_id:str}",
    "/v1/auth/elsewhere/{provider_id:str}/callback",
}


def handlers(app: Any) -> list[tuple[str, str, Any]]:
    """(method, path, handler) of everything that answers."""
    return [
        (method, route.path, handler)
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        if "OPTIONS" not in handler.http_methods
        for method in handler.http_methods
    ]


def code_of(answer: Any) -> str | None:
    """The problem's code, where it is a problem."""
    kind = answer.headers.get("content-type", "")
    said = kind.startswith("application/problem") or (kind.startswith("application/scim") and answer.status_code >= 400)
    return answer.json()["code"] if said else None


def address(path: str) -> str:
    """A path with something in its holes that is not there."""
    known = {
        "event_id": "evt_" + "0" * 32,
        "delivery_id": "dlv_9",
        "run_id": "run_9",
        "replay_id": "rpl_9",
        "number": "1",
    }
    return re.sub(r"\{(\w+):\w+\}", lambda m: known.get(m[1], "x"), path)


async def test_every_route_has_an_action_or_is_reviewed_and_is_closed_to_strangers(company: Company) -> None:
    """Deny by default: a new route without an action, or a new public one, fails here."""
    closed = 0
    for method, path, handler in handlers(company.client.app):
        if handler.opt.get("public"):
            assert path in REVIEWED or path.startswith("/schema"), path
            continue
        assert handler.opt.get("action") in ACTIONS, (method, path)
        for headers in ({}, {"cookie": "__Host-hirewire=hs_" + "0" * 64}, {"authorization": "Bearer hw_none"}):
            company.client.cookies.clear()
            answer = await company.client.request(method, address(path), headers=headers)
            assert answer.status_code == 401, (method, path, headers)
        closed += 1
    assert closed > 60


async def test_no_way_of_writing_a_path_gets_around_the_guard(company: Company) -> None:
    """`exclude=["/health"]` of the framework's own middleware is a pattern that matches anywhere."""
    for path in (
        "/v1/events/health/live", "/v1/people/health", "/v1/events/../health/live", "/v1/events%2F..%2Fhealth/live",
        "//v1/events", "/v1/events;/health/live", "/v1/people?/health/live", "/health/live/../../v1/people",
    ):  # fmt: skip
        answer = await company.client.get(path)
        assert answer.status_code in (401, 404) or answer.json() == {"status": "ok", "detail": ""}, path


async def test_every_route_for_every_role(company: Company) -> None:
    """Each route of the API as each person: what the matrix denies is 403, what it allows gets past the guard."""
    checked = 0
    reasons = {str(reason) for reason in Reason} - {"granted", "missing_scope"}  # the latter: personal values on top
    for method, path, handler in handlers(company.client.app):
        action = handler.opt.get("action")
        if action is None or action.startswith("self."):
            continue
        for role, person in company.staff.items():
            letters = "".join(sorted(ACTIONS[action].cells[role].letters)) or "-"
            answer = await person.call(method, address(path), {} if method in ("POST", "PUT", "PATCH") else None)
            code = code_of(answer)
            wanted = expected(letters, action, assigned=False, purpose=False, fresh=True)
            if wanted == "granted":
                assert code not in reasons, (method, path, role, code)
                assert answer.status_code not in (401, 500), (method, path, role)
            elif action == "event.send":  # the bare way in knows programs only
                assert (answer.status_code, code) == (401, "bad_token"), role
            else:
                assert (answer.status_code, code) == (403, wanted), (method, path, role)
            checked += 1
    assert checked > 350


async def test_every_route_for_programs(company: Company) -> None:
    """A service account with every scope that it may have, and the same with all but the one that the route needs."""
    programs, b = company.bench.hub.people.programs, company.bench
    scopes = sorted({a.scope for a in ACTIONS.values() if a.scope and "k" in a.cells[Role.CLIENT_SYSTEM].letters})
    account, secret = await programs.add(TENANT, "all", scopes, "test", clearance=4)
    every = await programs.issue(account.id, secret, [], None)
    for method, path, handler in handlers(company.client.app):
        if (action := handler.opt.get("action")) is None:
            continue
        scope = handler.opt.get("scope")
        allowed = "k" in ACTIONS[action].cells[Role.CLIENT_SYSTEM].letters and scope is not None
        narrow = await programs.issue(account.id, secret, [one for one in scopes if one != scope], None)
        await is_let_in(company, method, path, every.token, allowed)
        await is_let_in(company, method, path, narrow.token, False)
        b.clock.advance(1)
        every = await programs.issue(account.id, secret, [], None)


async def test_every_route_for_api_tokens(company: Company) -> None:
    """A token of the command line does what its scopes say and nothing else; when its time is over, nothing."""
    access, clock = company.bench.hub.access, company.bench.clock
    _, every = await access.make(TENANT, "every", SCOPES, "test")
    for method, path, handler in handlers(company.client.app):
        if handler.opt.get("action") is None:
            continue
        scope = handler.opt.get("scope")
        _, narrow = await access.make(TENANT, "narrow", [one for one in SCOPES if one != scope], "test")
        await is_let_in(company, method, path, every, scope is not None)
        await is_let_in(company, method, path, narrow, False)
        _, brief = await access.make(TENANT, "brief", SCOPES, "test", expires_at=clock.now() + timedelta(seconds=1))
        clock.advance(1)
        assert (await as_program(company, method, path, brief)).status_code == 401, (method, path, "over")


async def as_program(company: Company, method: str, path: str, token: str) -> Any:
    headers = {"authorization": f"Bearer {token}"}
    return await company.client.request(method, address(path), headers=headers, json={})


async def is_let_in(company: Company, method: str, path: str, token: str, may: bool) -> None:
    """Past the guard, whatever the handler then says of an empty body."""
    answer = await as_program(company, method, path, token)
    refused = answer.status_code == 403 and code_of(answer) in ("missing_scope", "no_role")
    assert refused is not may, (method, path, code_of(answer))
    assert answer.status_code != 401, (method, path)


def with_route(company: Company, handler: Any) -> AsyncTestClient[Any]:
    """A client of an application of its own, with one route more."""
    app = create_app(company.bench.hub, no_metrics, "0.0.0")
    app.register(handler)
    for person in company.staff.values():
        person.client = AsyncTestClient(app)
    return AsyncTestClient(app)


async def test_a_planted_route_that_says_nothing_is_closed_and_found(company: Company) -> None:
    @get("/v1/planted", sync_to_thread=False)
    def silent() -> str:
        return "open"

    company.client = with_route(company, silent)
    program = {"authorization": f"Bearer {(await company.bench.hub.access.make(TENANT, 'all', SCOPES, 'test'))[1]}"}
    for headers, status in (({}, 401), (program, 403)):
        assert (await company.client.get("/v1/planted", headers=headers)).status_code == status
    assert (await company.staff[Role.SYSTEM_ADMIN].call("GET", "/v1/planted")).status_code == 403
    with pytest.raises(AssertionError, match="/v1/planted"):
        await test_every_route_has_an_action_or_is_reviewed_and_is_closed_to_strangers(company)


async def test_a_planted_public_route_is_found(company: Company) -> None:
    @get("/v1/planted", sync_to_thread=False, opt=auth.PUBLIC)
    def public() -> str:
        return "open"

    company.client = with_route(company, public)
    with pytest.raises(AssertionError, match="/v1/planted"):
        await test_every_route_has_an_action_or_is_reviewed_and_is_closed_to_strangers(company)


async def test_a_planted_guard_that_asks_for_no_scope_is_found(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_refusal", lambda *_: None)
    for check in (test_every_route_for_programs, test_every_route_for_api_tokens):
        with pytest.raises(AssertionError):
            await check(company)


async def test_planted_tokens_without_an_end_are_found(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    find = Access._find

    async def timeless(access: Access, hash: bytes) -> ApiToken | None:
        token = await find(access, hash)
        return token and replace(token, expires_at=None)

    monkeypatch.setattr(Access, "_find", timeless)
    with pytest.raises(AssertionError, match="over"):
        await test_every_route_for_api_tokens(company)
