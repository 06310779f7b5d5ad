"""Service accounts over OAuth 2: client credentials, asked for by a library's client, and what tokens are good for."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import pytest
from authlib.deprecate import AuthlibDeprecationWarning
from authlib.integrations.base_client.errors import OAuthError
from httpx import ASGITransport, Response
from litestar.testing import AsyncTestClient

from hub.app.people.people import PeoplePolicy
from hub.web.app import create_app
from tests.support.hubs import SITE, TENANT, bench
from tests.support.one_app import no_metrics
from tests.web.conftest import Api

with warnings.catch_warnings():  # the library would rather have httpx's successor
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import AsyncOAuth2Client

SCOPES = ["deliveries:read", "events:read"]
TOKEN = "/oauth/token"
FORM = "application/x-www-form-urlencoded"


@dataclass
class Program:
    """A service account of the hub and its secret."""

    api: Api
    id: str
    secret: str

    def client(self, secret: str | None = None, how: str = "client_secret_basic") -> AsyncOAuth2Client:
        transport = ASGITransport(app=self.api.client.app)
        return AsyncOAuth2Client(
            self.id, secret or self.secret, token_endpoint_auth_method=how, transport=transport, base_url=SITE
        )

    async def ask(self, **fields: str) -> Response:
        whole = {"grant_type": "client_credentials", "client_id": self.id, "client_secret": self.secret} | fields
        return await self.api.client.post(TOKEN, data=whole)

    async def reads(self, token: str, path: str = "/v1/events") -> int:
        return (await self.api.client.get(path, headers={"authorization": f"Bearer {token}"})).status_code


@pytest.fixture
async def program(api: Api) -> Program:
    account, secret = await api.bench.hub.people.programs.add(TENANT, "warehouse", SCOPES, "test")
    return Program(api, account.id, secret)


@pytest.mark.parametrize("how", ["client_secret_basic", "client_secret_post"])
async def test_a_client_gets_a_token_and_uses_it(program: Program, how: str) -> None:
    async with program.client(how=how) as client:
        token = await client.fetch_token(SITE + TOKEN, grant_type="client_credentials")
        assert (token["token_type"], token["expires_in"], token["scope"]) == (
            "Bearer",
            300,
            "deliveries:read events:read",
        )
        assert (await client.get(f"{SITE}/v1/events")).status_code == 200
        narrow = await client.fetch_token(SITE + TOKEN, grant_type="client_credentials", scope="events:read")
    assert await program.reads(narrow["access_token"]) == 200
    assert await program.reads(narrow["access_token"], "/v1/deliveries") == 403


@pytest.mark.parametrize(
    ("secret", "fields", "error"),
    [
        ("not it", {}, "invalid_client"),
        (None, {"scope": "events:write"}, "invalid_scope"),
        (None, {"resource": "https://elsewhere.example"}, "invalid_target"),
        (None, {"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
async def test_a_client_reads_why_it_is_refused(
    program: Program, secret: str | None, fields: dict[str, str], error: str
) -> None:
    async with program.client(secret) as client:
        with pytest.raises(OAuthError) as refused:
            await client.fetch_token(SITE + TOKEN, **({"grant_type": "client_credentials"} | fields))
    assert refused.value.error == error


async def test_refusals_have_the_status_of_the_standard_and_repeat_nothing(program: Program) -> None:
    wrong = await program.ask(client_secret="canary-1")
    assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, 'Basic realm="hirewire"')
    others = [
        await program.ask(scope="canary-1"),
        await program.ask(resource="canary-1"),
        await program.ask(grant_type="canary-1"),
        await program.api.client.post(TOKEN, content=b"a=canary-1&a=2", headers={"content-type": FORM}),
        await program.api.client.post(TOKEN, content=b"\xff", headers={"content-type": FORM}),
    ]
    assert [one.status_code for one in others] == [400] * 5
    for answer in (wrong, *others):
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        assert {"error", "error_description", "code"} <= answer.json().keys()
        assert "canary-1" not in answer.text


async def test_a_token_is_good_for_five_minutes(program: Program) -> None:
    token = (await program.ask()).json()["access_token"]
    program.api.bench.clock.advance(299)
    assert await program.reads(token) == 200
    program.api.bench.clock.advance(1)
    assert await program.reads(token) == 401


async def test_a_new_secret_and_the_end_of_an_account_end_its_tokens(program: Program) -> None:
    programs, clock = program.api.bench.hub.people.programs, program.api.bench.clock
    token = (await program.ask()).json()["access_token"]
    assert await program.reads(token) == 200
    renewed = await programs.renew_secret(TENANT, program.id, "test")
    clock.advance(1)
    assert await program.reads(token) == 401
    assert (await program.ask()).status_code == 401
    token = (await program.ask(client_secret=renewed)).json()["access_token"]
    await programs.revoke(TENANT, program.id, "test")
    clock.advance(1)
    assert await program.reads(token) == 401
    assert (await program.ask(client_secret=renewed)).status_code == 401


async def test_a_token_for_another_deployment_on_the_same_store_is_refused(program: Program) -> None:
    token = (await program.ask()).json()["access_token"]
    assert await program.reads(token) == 200
    ours = program.api.bench
    other = bench(ours.hub.store, clock=ours.clock, people=PeoplePolicy(site="https://elsewhere.example"))
    async with AsyncTestClient(create_app(other.hub, no_metrics, "0.0.0")) as client:
        answer = await client.get("/v1/events", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 401
