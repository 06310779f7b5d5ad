"""OpenID Connect Core 1.0, authorisation code with PKCE, as a relying party: nothing is believed that is not checked."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from hub.adapters.oauth.rfc7636 import s256
from hub.domain.errors import Invalid, Unauthorized
from hub.ports.clock import Clock
from hub.ports.identity import Elsewhere, Handover
from hub.ports.transport import HttpRequest
from mappings.documents import Document, Json

Ask = Callable[[HttpRequest], Awaitable[Document]]
ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")  # neither none nor HMAC, whatever a header says
LONGEST_TOKEN = 16 * 1024
LEEWAY_S = 60
TWO_FACTORS = frozenset({"mfa", "hwk", "otp", "fpt"})  # RFC 8176


@dataclass(frozen=True, slots=True)
class Oidc:
    """`hub.ports.identity.SignInProvider`; `ask` sends a request by the guarded way out."""

    ask: Ask
    clock: Clock
    needs: tuple[str, ...] = ("issuer", "client_id", "client_secret")

    async def begin(self, config: Document, back: str, state: str, nonce: str, verifier: str) -> Handover:
        about = await self._discover(config)
        query = {
            "response_type": "code",
            "client_id": _text(config, "client_id"),
            "redirect_uri": back,
            "scope": _text(config, "scope") or "openid profile email",
            "state": state,
            "nonce": nonce,
            "code_challenge": s256(verifier),
            "code_challenge_method": "S256",
        }
        url = _text(about, "authorization_endpoint")
        return Handover(f"{url}{'&' if '?' in url else '?'}{urlencode(query)}", {"nonce": nonce, "verifier": verifier})

    async def end(
        self, config: Document, secret: str, back: str, begun: Document, answer: Mapping[str, str]
    ) -> Elsewhere:
        about = await self._discover(config)
        issuer, named = _text(config, "issuer"), answer.get("iss")
        must_name = about.get("authorization_response_iss_parameter_supported") is True
        if answer.get("error") or not answer.get("code") or ((named or must_name) and named != issuer):
            raise _refused()  # RFC 9207: an answer of another issuer is no answer
        token = await self.ask(_exchange(about, config, secret, back, begun, answer["code"]))
        claims = await self._claims(about, config, token, str(begun["nonce"]))
        return _elsewhere(config, await self._more(about, config, token, claims))

    async def _discover(self, config: Document) -> Document:
        issuer = _text(config, "issuer")
        about = await self.ask(_get(f"{issuer.rstrip('/')}/.well-known/openid-configuration"))
        if about.get("issuer") != issuer:
            raise Invalid("the provider calls itself otherwise", code="bad_provider", at="issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if urlsplit(_text(about, name)).scheme not in _schemes(issuer):
                raise Invalid("the provider's addresses cannot be used", code="bad_provider", at="issuer")
        return about

    async def _claims(self, about: Document, config: Document, token: Document, nonce: str) -> dict[str, Any]:
        raw = _text(token, "id_token")
        if not raw or len(raw) > LONGEST_TOKEN:
            raise _refused()
        keys = await self.ask(_get(_text(about, "jwks_uri")))
        try:
            found = jwt.decode(raw, KeySet.import_key_set(keys), algorithms=list(ALGORITHMS))  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise _refused() from error
        if not self._holds(found.claims, config, nonce) or not _same_access(found, token):
            raise _refused()
        return dict(found.claims)

    def _holds(self, claims: Mapping[str, Any], config: Document, nonce: str) -> bool:
        """OpenID Connect Core, 3.1.3.7."""
        client, now = _text(config, "client_id"), self.clock.now().timestamp()
        audience, expires, issued = claims.get("aud"), claims.get("exp"), claims.get("iat")
        among = audience if isinstance(audience, list) else [audience]
        return (
            claims.get("iss") == config["issuer"]
            and client in among
            and (len(among) == 1 or claims.get("azp") == client)
            and claims.get("azp", client) == client
            and isinstance(expires, int | float)
            and expires > now - LEEWAY_S
            and isinstance(issued, int | float)
            and issued <= now + LEEWAY_S
            and isinstance(claims.get("nonce"), str)
            and hmac.compare_digest(claims["nonce"].encode(), nonce.encode())
            and isinstance(claims.get("sub"), str)
            and bool(claims["sub"])
        )

    async def _more(self, about: Document, config: Document, token: Document, claims: dict[str, Any]) -> dict[str, Any]:
        """What the ID token leaves out, where the provider is asked for it."""
        url = _text(about, "userinfo_endpoint")
        if config.get("userinfo") is not True or not url:
            return claims
        request = _get(url)
        headers = {**request.headers, "authorization": f"Bearer {_text(token, 'access_token')}"}
        more = await self.ask(HttpRequest("GET", url, headers=headers, auth="none"))
        if more.get("sub") != claims["sub"]:
            raise _refused()
        return {**more, **claims}


def _exchange(about: Document, config: Document, secret: str, back: str, begun: Document, code: str) -> HttpRequest:
    client = _text(config, "client_id")
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back,
        "code_verifier": str(begun["verifier"]),
    }
    headers = {"accept": "application/json"}
    if _text(config, "client_auth") == "post":
        form |= {"client_id": client, "client_secret": secret}
    else:
        pair = f"{quote_plus(client)}:{quote_plus(secret)}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return HttpRequest("POST", _text(about, "token_endpoint"), headers=headers, form=form, auth="none")


def _elsewhere(config: Document, claims: Mapping[str, Any]) -> Elsewhere:
    subject, email = str(claims["sub"]), claims.get("email")
    verified = email if isinstance(email, str) and claims.get("email_verified") is not False else None
    login = claims.get("preferred_username") or verified or subject
    groups = claims.get(_text(config, "groups_claim") or "groups")
    ways = claims.get("amr")
    return Elsewhere(
        subject,
        str(login),
        str(claims.get("name") or login),
        verified,
        tuple(one for one in groups if isinstance(one, str)) if isinstance(groups, list) else (),
        isinstance(ways, list) and any(one in TWO_FACTORS for one in ways if isinstance(one, str)),
    )


def _same_access(found: Any, token: Document) -> bool:
    """The access token is the one that the ID token was given with (3.1.3.8), where it says so."""
    said, access = found.claims.get("at_hash"), token.get("access_token")
    if said is None:
        return True
    algorithm = str(found.header.get("alg", ""))
    if algorithm == "EdDSA":
        return (
            True  # its hash depends on the curve and is not used to fetch anything unless userinfo names the same sub
        )
    digest = hashlib.new(f"sha{algorithm[-3:]}", str(access).encode()).digest()
    wanted = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    return isinstance(said, str) and hmac.compare_digest(said.encode(), wanted.encode())


def _schemes(issuer: str) -> tuple[str, ...]:
    """HTTPS; a provider on this machine, which the egress guard lets in for tests alone, may do without."""
    return ("https", "http") if issuer.startswith("http://") else ("https",)


def _get(url: str) -> HttpRequest:
    return HttpRequest("GET", url, headers={"accept": "application/json"}, auth="none")


def _text(document: Mapping[str, Json], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else ""


def _refused() -> Unauthorized:
    return Unauthorized("this sign-in does not hold; begin again", code="sign_in_refused")
