"""A hostile provider's answers, one by one: what does not hold exactly is refused, in the same words."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from hub.adapters.clock import ManualClock
from hub.adapters.oauth.oidc import Oidc
from hub.domain.errors import Invalid, Unauthorized
from hub.ports.transport import HttpRequest

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ISSUER, CLIENT, NONCE = "https://id.example", "hirewire", "n-1"
KEY = RSAKey.generate_key(2048, {"kid": "k1"})
OTHER = RSAKey.generate_key(2048, {"kid": "k1"})
CONFIG: dict[str, Any] = {"issuer": ISSUER, "client_id": CLIENT}
BEGUN: dict[str, Any] = {"nonce": NONCE, "verifier": "v"}
ABOUT: dict[str, Any] = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
    "userinfo_endpoint": f"{ISSUER}/me",
}


def claims(**changed: Any) -> dict[str, Any]:
    seconds = int(NOW.timestamp())
    good = {"iss": ISSUER, "aud": CLIENT, "sub": "ada", "nonce": NONCE, "iat": seconds, "exp": seconds + 300}
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def token(*, key: Any = KEY, header: dict[str, Any] | None = None, **changed: Any) -> str:
    return jwt.encode({"alg": "RS256", "kid": "k1", **(header or {})}, claims(**changed), key, algorithms=ALL)


ALL = ["RS256", "HS256", "ES256", "PS256"]


def oidc(id_token: str, about: dict[str, Any] | None = None, me: dict[str, Any] | None = None) -> Oidc:
    """A relying party whose provider answers this."""

    async def ask(request: HttpRequest) -> Any:
        answers = {
            f"{ISSUER}/.well-known/openid-configuration": about or ABOUT,
            f"{ISSUER}/token": {"access_token": "at", "id_token": id_token},
            f"{ISSUER}/keys": {"keys": [KEY.as_dict(private=False)]},
            f"{ISSUER}/me": me or {},
        }
        return answers[request.url]

    return Oidc(ask, ManualClock(NOW))


async def end(party: Oidc, config: dict[str, Any] | None = None, **answer: str) -> Any:
    return await party.end(config or CONFIG, "secret", "https://hub.example/back", BEGUN, {"code": "c", **answer})


async def test_a_good_answer_says_who_it_is() -> None:
    at_hash = base64.urlsafe_b64encode(hashlib.sha256(b"at").digest()[:16]).rstrip(b"=").decode()
    good = token(name="Ada", email="ada@hr.example", groups=["HR"], amr=["pwd", "mfa"], at_hash=at_hash)
    who = await end(oidc(good), iss=ISSUER)
    assert (who.subject, who.login, who.name, who.groups, who.two_factors) == (
        "ada", "ada@hr.example", "Ada", ("HR",), True
    )  # fmt: skip


def _unsigned() -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "kid": "k1"}, claims())]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def _mac() -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "k1"}, claims())]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mac = hmac.digest(KEY.as_pem(private=False), signed, "sha256")
    return (signed + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


SECONDS = int(NOW.timestamp())
HOSTILE = {
    "not a token": "x",
    "alg none": _unsigned(),
    "HMAC with the public key": _mac(),
    "another key": token(key=OTHER),
    "a key in its own header": token(key=OTHER, header={"jwk": OTHER.as_dict(private=False)}),
    "a key from an address": token(key=OTHER, header={"jku": "https://evil.example/keys"}),
    "a key of another kind": token(key=ECKey.generate_key("P-256", {"kid": "k1"}), header={"alg": "ES256"}),
    "an unknown kid": token(key=OTHER, header={"kid": "../../dev/null"}),
    "another audience": token(aud="other"),
    "no audience": token(aud=None),
    "audiences without azp": token(aud=[CLIENT, "other"]),
    "azp of another": token(azp="other"),
    "another issuer": token(iss="https://evil.example"),
    "another nonce": token(nonce="n-2"),
    "no nonce": token(nonce=None),
    "over": token(exp=SECONDS - 61),
    "endless": token(exp=None),
    "from the future": token(iat=SECONDS + 61),
    "undated": token(iat=None),
    "nobody": token(sub=None),
    "an empty name": token(sub=""),
    "another access token": token(at_hash="AAAA"),
    "too long": token(more="x" * 20_000),
    "none at all": "",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_does_not_hold_is_refused(name: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        await end(oidc(HOSTILE[name]))
    assert (caught.value.code, str(caught.value)) == ("sign_in_refused", "this sign-in does not hold; begin again")


async def test_an_answer_of_another_issuer_or_with_an_error_is_refused() -> None:
    for answer in ({"iss": "https://evil.example"}, {"error": "access_denied"}, {"code": ""}):
        with pytest.raises(Unauthorized):
            await end(oidc(token()), **answer)
    with pytest.raises(Unauthorized):  # a provider that names itself in answers always does (RFC 9207)
        await end(oidc(token(), {**ABOUT, "authorization_response_iss_parameter_supported": True}))


async def test_userinfo_must_be_about_the_same_person() -> None:
    config = {**CONFIG, "userinfo": True}
    assert (await end(oidc(token(), me={"sub": "ada", "name": "Ada"}), config)).name == "Ada"
    with pytest.raises(Unauthorized):
        await end(oidc(token(), me={"sub": "eve", "name": "Eve"}), config)


@pytest.mark.parametrize(
    "wrong", [{"issuer": "https://evil.example"}, {"token_endpoint": "http://id.example/token"}, {"jwks_uri": ""}]
)
async def test_a_provider_that_calls_itself_otherwise_is_not_begun_with(wrong: dict[str, str]) -> None:
    with pytest.raises(Invalid) as caught:
        await oidc(token(), {**ABOUT, **wrong}).begin(CONFIG, "https://hub.example/back", "s", NONCE, "v")
    assert caught.value.code == "bad_provider"


async def test_a_sign_in_begins_with_pkce_state_and_nonce() -> None:
    begun = await oidc(token()).begin(CONFIG, "https://hub.example/back", "state-1", NONCE, "verifier")
    assert "code_challenge_method=S256" in begun.url
    assert "state=state-1" in begun.url
    assert "verifier" not in begun.url
    assert begun.state == {"nonce": NONCE, "verifier": "verifier"}
