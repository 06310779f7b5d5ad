"""Who may call: the manifest's ways to authenticate, from the vendor's side of the counter."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote_plus

from hub.adapters.twins.bodies import Refusal
from hub.adapters.twins.signing import setting, standard_holds
from hub.ports.clock import Clock
from mappings.documents import Document, Json

_FORM_TEXT = re.compile(r"(?:[A-Za-z0-9*\-._+]|%[0-9A-Fa-f]{2})*")


class TokenRefused(Exception):
    """A token was refused; `code` and `status` as in RFC 6749 section 5.2."""

    def __init__(self, code: str, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.status = code, status


class Gate:
    """Checks callers; gives out and forgets OAuth 2 tokens."""

    def __init__(self, manifest: Document, config: Mapping[str, Json], clock: Clock, token_ttl_s: float) -> None:
        auth = manifest.get("auth")
        self._auth: Document = auth if isinstance(auth, dict) else {}
        self._config, self._clock, self.token_ttl_s = config, clock, token_ttl_s
        self._tokens: dict[str, float] = {}

    @property
    def gives_tokens(self) -> bool:
        """Whether the vendor has a token endpoint."""
        return self._auth.get("mode") == "oauth2_client_credentials"

    def check(self, way: str, headers: Mapping[str, str], body: bytes) -> None:
        """Raises Refusal (`unauthorized`). `way` is `default`, a name in the manifest's `auth.named`, or `none`."""
        auth = self._auth
        if way == "none":
            return
        if way != "default":
            named = auth.get("named")
            found = named.get(way) if isinstance(named, dict) else None
            auth = found if isinstance(found, dict) else {}
        if not self._holds(auth, headers, body):
            raise Refusal("unauthorized", "the credentials are missing or not valid")

    def _holds(self, auth: Document, headers: Mapping[str, str], body: bytes) -> bool:
        given = headers.get("authorization", "")
        match auth.get("mode"):
            case "none":
                return True
            case "basic":
                wanted = (setting(auth.get("username"), self._config), setting(auth.get("password"), self._config))
                return wanted[0] != "" and _same(_basic(given), wanted)
            case "bearer":
                token = setting(auth.get("token"), self._config)
                return token != "" and hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
            case "oauth2_client_credentials":
                scheme, _, token = given.partition(" ")
                expires = self._tokens.get(token)
                return scheme == "Bearer" and expires is not None and self._clock.monotonic() < expires
            case "standard_webhooks":
                secret = setting(auth.get("secret"), self._config)
                return standard_holds(secret, headers, body, self._clock.now().timestamp())
            case _:
                return False

    def token(self, headers: Mapping[str, str], body: bytes) -> Document:
        """Answer the token endpoint (RFC 6749 section 4.4). Raises TokenRefused."""
        found = self._auth.get("token")
        terms: Document = found if isinstance(found, dict) else {}
        params = _token_params(terms, headers, body)
        basic = _basic(headers.get("authorization", ""))
        if basic is not None and terms.get("client_auth") == "basic_rfc6749":
            # section 2.3.1: id and secret are form-encoded before they are joined and encoded
            if not all(_FORM_TEXT.fullmatch(part) for part in basic):
                raise TokenRefused("invalid_client", 401)
            basic = (unquote_plus(basic[0]), unquote_plus(basic[1]))
        wanted = (setting(terms.get("client_id"), self._config), setting(terms.get("client_secret"), self._config))
        if "" in wanted or not _same(basic, wanted):
            raise TokenRefused("invalid_client", 401)
        if params.get("grant_type") != "client_credentials":
            raise TokenRefused("unsupported_grant_type" if params.get("grant_type") else "invalid_request")
        subject = setting((terms.get("params") or {}).get("sub"), self._config)  # type: ignore[union-attr]
        if subject and params.get("sub") != subject:
            raise TokenRefused("invalid_grant")
        token = secrets.token_urlsafe(32)
        self._tokens[token] = self._clock.monotonic() + self.token_ttl_s
        return {"access_token": token, "token_type": "Bearer", "expires_in": max(int(self.token_ttl_s), 0)}

    def revoke(self) -> None:
        """Forget all tokens: the next call with one is refused."""
        self._tokens.clear()


def _basic(header: str) -> tuple[str, str] | None:
    """User and password of RFC 7617, None for anything that is not exactly that."""
    scheme, _, text = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


def _same(given: tuple[str, str] | None, wanted: tuple[str, str]) -> bool:
    if given is None:
        return False
    same = [hmac.compare_digest(a.encode(), b.encode()) for a, b in zip(given, wanted, strict=True)]
    return all(same)


def _token_params(terms: Document, headers: Mapping[str, str], body: bytes) -> Mapping[str, Json]:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "application/x-www-form-urlencoded" and terms.get("body_format", "form") == "form":
            return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True))
        if kind == "application/json" and terms.get("body_format") == "json":
            value = json.loads(body)
            return value if isinstance(value, dict) else {}
    except ValueError as error:
        raise TokenRefused("invalid_request") from error
    raise TokenRefused("invalid_request")
