"""Access tokens: fetched once, renewed in time, refused for good when the vendor says so, never guessed."""

from __future__ import annotations

import asyncio
import base64
import json
from urllib.parse import parse_qs, unquote_plus

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from hub.ports.transport import Blocked, HttpRequest, NeedsReauth, NotSent

ODD = "a+b%c:d/e&f=ü 林"


class Office:
    """A vendor with a token endpoint at /token and an API at /api. Tokens are t1, t2, ... and `revoked` ones get 401."""

    def __init__(self) -> None:
        self.calls: list = []
        self.api: list[str] = []
        self.revoked: set[str] = set()
        self.reply = lambda n: (200, json.dumps({"access_token": f"t{n}", "expires_in": 100}).encode())
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()

    async def __call__(self, line) -> None:
        while seen := await line.request():
            if seen.target != "/token":
                token = seen.headers.get("authorization", "").removeprefix("Bearer ")
                self.api.append(token)
                line.answer(401 if token in self.revoked else 200)
                continue
            self.calls.append(seen)
            self.asked.set()
            await self.gate.wait()
            status, body = self.reply(len(self.calls))
            line.answer(status, body)


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
async def town(open_vendor, office):
    return await open_vendor(office)


@pytest.fixture
def line(town, channel):
    def make(timeout: float = 5.0, secret: str = ODD, client: str = "id", apply: dict | None = None, **token: object):
        spec = {
            "url": "{config.token_url}",
            "client_id": "{config.client_id}",
            "client_secret": "{config.client_secret}",
            "params": {"grant_type": "client_credentials", "sub": "{config.acting?}"},
            "response": {"access_token": "access_token", "expires_in": "expires_in"},
            **token,
        }
        auth = {"mode": "oauth2_client_credentials", "token": spec, "apply": apply or {}}
        config = {"client_id": client, "token_url": town.url("/token")}
        return channel({"auth": auth}, config, {"client_secret": secret}, timeout=timeout)

    return make


@pytest.fixture
def ask(transport, town):
    return lambda channel: transport.send(channel, HttpRequest("GET", town.url("/api")))


def basic(seen) -> list[str]:
    """As a server does that follows RFC 6749, 2.3.1 to the letter."""
    user, _, password = base64.b64decode(seen.headers["authorization"].removeprefix("Basic ")).decode().partition(":")
    return [user, password]


async def test_an_odd_secret_passes_a_strict_server(ask, line, office):
    assert (await ask(line(client="a:b", client_auth="basic_rfc6749"))).status == 200
    assert [unquote_plus(part) for part in basic(office.calls[0])] == ["a:b", ODD]
    assert parse_qs(office.calls[0].body.decode()) == {"grant_type": ["client_credentials"]}
    assert office.api == ["t1"]


async def test_the_other_ways_to_name_the_client(ask, line, office):
    await ask(line(client_auth="basic_raw"))
    await ask(line(client_auth="post", secret=ODD + "2"))
    await ask(line(client_auth="post", body_format="json", secret=ODD + "3"))
    raw, form, document = office.calls
    assert basic(raw) == ["id", ODD]
    assert parse_qs(form.body.decode())["client_secret"] == [ODD + "2"]
    assert json.loads(document.body)["client_secret"] == ODD + "3"
    assert "authorization" not in form.headers


async def test_a_signed_assertion_proves_the_client(ask, transport, town, channel, office, clock):
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    token = {"url": town.url("/token"), "client_id": "id", "client_auth": "private_key_jwt", "alg": "ES256"}
    token |= {"private_key": "{config.private_key}", "key_id": "k7"}
    auth = {"mode": "oauth2_client_credentials", "token": token}
    await ask(channel({"auth": auth}, {}, {"private_key": pem}))
    form = parse_qs(office.calls[0].body.decode())
    proof = jwt.decode(form["client_assertion"][0], ECKey.import_key(key.public_key()), algorithms=["ES256"])
    now = int(clock.now().timestamp())
    assert proof.header["kid"] == "k7"
    assert (proof.claims["iss"], proof.claims["sub"], proof.claims["aud"]) == ("id", "id", town.url("/token"))
    assert proof.claims["iat"] == now - 30
    assert now < proof.claims["exp"] <= now + 300
    with pytest.raises(NeedsReauth):
        await ask(channel({"auth": auth}, {}, {"private_key": "no key"}))


async def test_many_requests_wait_for_one_token_call(ask, line, office):
    office.gate.clear()
    asks = [asyncio.create_task(ask(line())) for _ in range(20)]
    await office.asked.wait()
    office.gate.set()
    assert {answer.status for answer in await asyncio.gather(*asks)} == {200}
    assert (len(office.calls), office.api) == (1, ["t1"] * 20)


async def test_one_refusal_counts_for_everyone_who_waited(ask, line, office):
    office.gate.clear()
    office.reply = lambda _: (401, b'{"error": "invalid_client"}')
    asks = [asyncio.create_task(ask(line())) for _ in range(20)]
    await office.asked.wait()
    office.gate.set()
    errors = await asyncio.gather(*asks, return_exceptions=True)
    assert {type(error) for error in errors} == {NeedsReauth}
    assert (len(office.calls), office.api) == (1, [])
    with pytest.raises(NeedsReauth):
        await ask(line())
    assert len(office.calls) == 2


async def test_a_caller_who_gives_up_leaves_the_call_to_the_next(ask, line, office):
    office.gate.clear()
    first = asyncio.create_task(ask(line()))
    await office.asked.wait()
    second = asyncio.create_task(ask(line()))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    office.gate.set()
    assert (await second).status == 200


async def test_a_401_renews_once_and_tries_once(ask, line, office):
    office.revoked = {"t1"}
    assert (await ask(line())).status == 200
    assert office.api == ["t1", "t2"]
    office.revoked = {"t2", "t3"}
    assert (await ask(line())).status == 401
    assert (office.api[2:], len(office.calls)) == (["t2", "t3"], 3)


async def test_parallel_401s_renew_once(ask, line, office):
    await ask(line())
    office.revoked = {"t1"}
    await asyncio.gather(*(ask(line()) for _ in range(10)))
    assert len(office.calls) == 2


async def test_a_token_is_renewed_at_four_fifths_of_its_life(ask, line, office, clock):
    await ask(line())
    clock.advance(79)
    await ask(line())
    clock.advance(2)
    await ask(line())
    assert office.api == ["t1", "t1", "t2"]


async def test_while_the_old_token_lives_a_failed_renewal_does_no_harm(ask, line, office, clock):
    await ask(line())
    office.reply = lambda _: (503, b"")
    clock.advance(90)
    assert (await ask(line())).status == 200
    clock.advance(11)
    with pytest.raises(NotSent):
        await ask(line())
    assert office.api == ["t1", "t1"]


NEVER_TOLD = [{}] + [{"expires_in": value} for value in (0, -1, "NaN", float("inf"), None, True, "soon", [5])]


@pytest.mark.parametrize(("told", "kept"), [({"expires_in": "200"}, 200), *((told, 600) for told in NEVER_TOLD)])
async def test_a_life_that_is_not_told_is_the_manifest_s(ask, line, office, clock, told, kept):
    office.reply = lambda n: (200, json.dumps({"access_token": f"t{n}"} | told).encode())
    settings = line(default_ttl="PT10M")
    await ask(settings)
    clock.advance(kept * 0.8 - 1)
    await ask(settings)
    assert len(office.calls) == 1
    clock.advance(2)
    await ask(settings)
    assert len(office.calls) == 2


async def test_a_wrapped_answer_is_read_by_the_manifest_s_paths(ask, line, office):
    paths = {"access_token": "data.token", "expires_in": "data.expire"}
    office.reply = lambda _: (200, b'{"code": 0, "data": {"token": "w1", "expire": 7200}}')
    settings = line(response=paths, ok={"path": "code", "equals": 0}, secret="s1")
    await ask(settings)
    assert office.api == ["w1"]
    office.reply = lambda _: (200, b'{"code": 10014, "data": {"token": "w2", "expire": 7200}}')
    with pytest.raises(NotSent):
        await ask(line(response=paths, ok={"path": "code", "equals": 0}, secret="s2"))


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b'{"error": "invalid_grant"}', NeedsReauth),
        (400, b'{"error": "invalid_client", "error_description": "secret a+b is wrong"}', NeedsReauth),
        (401, b"<html>no</html>", NeedsReauth),
        (400, b'{"error": "unauthorized_client"}', NeedsReauth),
        (200, b'{"error": "invalid_client"}', NeedsReauth),
        (500, b'{"error": "invalid_client"}', NotSent),
        (500, b"", NotSent),
        (503, b'{"error": "temporarily_unavailable"}', NotSent),
        (400, b'{"error": "temporarily_unavailable"}', NotSent),
        (429, b'{"error": "rate_limited"}', NotSent),
        (403, b"<html>firewall</html>", NotSent),
        (302, b"", NotSent),
        (200, b"<html>maintenance</html>", NotSent),
        (200, b'{"expires_in": 100}', NotSent),
        (200, b'{"access_token": ""}', NotSent),
        (200, b'{"access_token": "a\\r\\nx-evil: 1"}', NotSent),
        (200, b'{"access_token": ["t"]}', NotSent),
        (200, b"[" * 100_000, NotSent),
    ],
)
async def test_what_the_token_endpoint_says_decides_who_acts(ask, line, office, status, body, error):
    office.reply = lambda _: (status, body)
    with pytest.raises(error) as caught:
        await ask(line())
    assert office.api == []
    assert ODD not in str(caught.value)
    assert "a+b" not in str(caught.value)


async def test_a_slow_or_broken_token_endpoint_means_nothing_was_sent(ask, line, office, open_vendor, town, channel):
    office.gate.clear()
    with pytest.raises(NotSent):
        await ask(line(timeout=0.15))
    office.gate.set()

    async def cuts(there):
        await there.request()
        there.cut()

    broken = await open_vendor(cuts)
    settings = line()
    settings.connection.config["token_url"] = broken.url("/token")
    with pytest.raises(NotSent) as caught:
        await ask(settings)
    assert caught.value.code == "token_unavailable"
    assert office.api == []


async def test_changed_credentials_never_meet_an_old_token(ask, line, office):
    await ask(line(secret="old"))
    await ask(line(secret="new"))
    assert office.api == ["t1", "t2"]


async def test_a_token_call_goes_only_where_the_manifest_allows(ask, line, office):
    settings = line()
    settings.connection.config["token_url"] = "https://evil.example/token"
    with pytest.raises(Blocked):
        await ask(settings)
    assert office.calls == []


async def test_a_missing_secret_needs_a_person(ask, line):
    with pytest.raises(NeedsReauth) as caught:
        await ask(line(secret=""))
    assert caught.value.code == "setting_missing"


async def test_the_token_goes_where_the_manifest_puts_it(ask, line, town):
    await ask(line(apply={"header": "x-access-token", "format": "ID {token}"}))
    assert town.seen[-1].headers["x-access-token"] == "ID t1"
    assert "authorization" not in town.seen[-1].headers
