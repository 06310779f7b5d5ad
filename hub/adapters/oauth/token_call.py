"""The token call of the client credentials grant (RFC 6749 section 4.4), as the manifest describes it.

Written by hand because vendors bend it: JSON bodies, wrapped answers, errors inside a 200, and Basic with and without
the form encoding that RFC 6749 section 2.3.1 asks for.
"""

from __future__ import annotations

import base64
import re
from datetime import datetime, timedelta
from urllib.parse import quote_plus

from authlib.oauth2.rfc7523 import private_key_jwt_sign
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from hub.adapters.http.wire import bad_manifest, fill, needed, optional, part, seconds
from hub.ports.transport import Channel, HttpRequest, HttpResponse, NeedsReauth, NotSent
from mappings.documents import Document, Json, lookup

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523, 2.2
_KEYS: dict[str, type[RSAKey | ECKey | OKPKey]] = {"RS": RSAKey, "PS": RSAKey, "ES": ECKey, "Ed": OKPKey}
_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
_TRANSIENT = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
_UNKNOWN_TTL_S = 300.0  # where neither the vendor nor the manifest says how long a token lives
_LONGEST_TTL_S = 366 * 86400.0


def token_request(spec: Document, channel: Channel, now: datetime) -> HttpRequest:
    """The call for `spec` (the manifest's `auth`). It holds secrets: never log it. Raises NeedsReauth, Blocked."""
    token = part(spec, "token")
    url = needed(token, "url", channel)
    client = needed(token, "client_id", channel)
    params = {"grant_type": "client_credentials"}
    for name, template in part(token, "params").items():
        if isinstance(template, str) and (value := fill(template, channel)) is not None:
            params[name] = value
    headers = {"accept": "application/json"}
    match token.get("client_auth", "basic_rfc6749"):
        case "basic_rfc6749":
            headers["authorization"] = _basic(quote_plus(client), quote_plus(needed(token, "client_secret", channel)))
        case "basic_raw":
            headers["authorization"] = _basic(client, needed(token, "client_secret", channel))
        case "post":
            params |= {"client_id": client, "client_secret": needed(token, "client_secret", channel)}
        case "private_key_jwt":
            assertion = _assertion(token, channel, client, url, now)
            params |= {"client_id": client, "client_assertion_type": _ASSERTION, "client_assertion": assertion}
        case _:
            raise bad_manifest("its client_auth is unknown")
    match token.get("body_format", "form"):
        case "form":
            return HttpRequest("POST", url, headers=headers, form=params, auth="none")
        case "json":
            return HttpRequest("POST", url, headers=headers, json=dict(params), auth="none")
        case _:
            raise bad_manifest("its body_format is unknown")


def read_token(spec: Document, answer: HttpResponse) -> tuple[str, timedelta]:
    """The access token and how long it lives. Raises NeedsReauth where the vendor refuses us for good, else NotSent."""
    token = part(spec, "token")
    body = answer.json()
    paths = part(token, "response")
    value = lookup(body, str(paths.get("access_token", "access_token")))
    if 200 <= answer.status < 300 and _ok(token, body) and isinstance(value, str) and _TOKEN.fullmatch(value):
        return value, _lifetime(token, lookup(body, str(paths.get("expires_in", "expires_in"))))
    error = body.get("error") if isinstance(body, dict) else None
    refused = isinstance(error, str) and error not in _TRANSIENT and answer.status < 500 and answer.status != 429
    if refused or answer.status == 401:
        # `error` comes from a closed list (RFC 6749, 5.2); a vendor's free text could hold anything.
        known = (
            error if error in ("invalid_client", "invalid_grant", "unauthorized_client", "invalid_scope") else "refused"
        )
        raise NeedsReauth(f"the token endpoint refused the connection's credentials ({known})")
    after = answer.headers.get("retry-after", "")
    raise NotSent(
        f"the token endpoint gave no token (status {answer.status})",
        code="token_unavailable",
        after=float(after) if after.isascii() and after.isdigit() and len(after) < 8 else None,
    )


def _ok(token: Document, body: Json) -> bool:
    """The manifest's `ok`: some vendors answer errors with status 200."""
    wanted = part(token, "ok")
    return not wanted or lookup(body, str(wanted.get("path"))) == wanted.get("equals")


def _lifetime(token: Document, given: object) -> timedelta:
    try:
        told = float(given) if isinstance(given, int | float | str) and not isinstance(given, bool) else 0.0
    except ValueError:
        told = 0.0
    if not 0 < told < float("inf"):
        told = seconds(token["default_ttl"]) if "default_ttl" in token else _UNKNOWN_TTL_S
    return timedelta(seconds=min(told, _LONGEST_TTL_S))


def _basic(client: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()


def _assertion(token: Document, channel: Channel, client: str, url: str, now: datetime) -> str:
    """A client assertion (RFC 7523 section 3), issued 30 s ago for clocks that lag, good for 5 minutes."""
    algorithm = str(token.get("alg", "RS256"))
    if algorithm not in _ALGORITHMS:
        raise bad_manifest("its assertion algorithm is unknown")
    issued = int(now.timestamp()) - 30
    kid = optional(token, "key_id", channel)
    try:
        return str(
            private_key_jwt_sign(
                _KEYS[algorithm[:2]].import_key(needed(token, "private_key", channel)),
                client,
                optional(token, "audience", channel) or url,
                alg=algorithm,
                header={"kid": kid} if kid else None,
                issued_at=issued,
                expires_at=issued + 300,
            )
        )
    except (ValueError, TypeError, JoseError) as error:
        raise NeedsReauth("the connection's private key cannot be used", code="bad_secret") from error
