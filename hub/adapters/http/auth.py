"""Credentials: applies one of the manifest's ways to sign in to a request that is otherwise ready to go."""

from __future__ import annotations

import base64

from hub.adapters.http import standard_webhooks
from hub.adapters.http.message import Outgoing
from hub.adapters.http.wire import bad_manifest, needed, optional, part
from hub.ports.clock import Clock
from hub.ports.transport import Channel, NeedsReauth
from mappings.documents import Document

OAUTH = "oauth2_client_credentials"


def way(channel: Channel, name: str) -> Document:
    """The spec that `auth: name` of a request means: `default`, `none`, or one of the manifest's `named`. Raises Blocked."""
    auth = part(channel.wire, "auth")
    if name == "none":
        return {"mode": "none"}
    if name == "default":
        if not auth:
            raise bad_manifest("it has no auth")
        return auth
    spec = part(auth, "named", name)
    if not spec:
        raise bad_manifest("a request names an unknown way to sign in")
    return spec


def sign_in(
    out: Outgoing, spec: Document, channel: Channel, *, key: str | None, token: str | None, clock: Clock
) -> Outgoing:
    """The request with credentials. `token` is the access token of the OAuth modes, `key` becomes a webhook's id.

    Raises NeedsReauth where the connection lacks a secret, Blocked where the manifest cannot be used.
    """
    match spec.get("mode"):
        case "none":
            return out
        case "basic":
            credentials = basic(needed(spec, "username", channel), _password(spec, channel))
            return out.with_headers({"authorization": credentials})
        case "bearer":
            return _apply(out, spec, needed(spec, "token", channel))
        case "api_key":
            return _api_key(out, spec, channel)
        case "standard_webhooks":
            return _standard_webhook(out, needed(spec, "secret", channel), key, clock)
        case mode if mode == OAUTH and token is not None:
            return _apply(out, spec, token)
        case _:
            raise bad_manifest("its auth mode is unknown")


def basic(username: str, password: str) -> str:
    """The Basic credentials of RFC 7617 in UTF-8."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _password(spec: Document, channel: Channel) -> str:
    """A password may be empty by the manifest, never by a missing setting."""
    return "" if spec.get("password", "") == "" else needed(spec, "password", channel)


def _apply(out: Outgoing, spec: Document, token: str) -> Outgoing:
    """Put the token where `apply` says; RFC 6750 without it."""
    apply = part(spec, "apply")
    header, form = apply.get("header", "authorization"), apply.get("format", "Bearer {token}")
    if not isinstance(header, str) or not isinstance(form, str) or "{token}" not in form:
        raise bad_manifest("its apply is not a header with a format for {token}")
    return out.with_headers({header.lower(): form.replace("{token}", token)})


def _api_key(out: Outgoing, spec: Document, channel: Channel) -> Outgoing:
    value = needed(spec, "value", channel)
    header, query = optional(spec, "header", channel), optional(spec, "query", channel)
    if (header is None) == (query is None):
        raise bad_manifest("an api_key goes into exactly one of header and query")
    return out.with_headers({header.lower(): value}) if header is not None else out.with_query(query or "", value)


def _standard_webhook(out: Outgoing, secret: str, key: str | None, clock: Clock) -> Outgoing:
    id = key or out.headers.get("webhook-id")
    if not id:
        raise bad_manifest("a signed webhook needs a key")
    body = out.body or b""
    timestamp = int(clock.now().timestamp())
    try:
        signature = standard_webhooks.sign(secret, id, timestamp, body)
    except standard_webhooks.BadSecret as error:
        raise NeedsReauth("the connection's signing secret cannot be used", code="bad_secret") from error
    signed = {"webhook-id": id, "webhook-timestamp": str(timestamp), "webhook-signature": signature}
    return out.with_headers(signed, again=True)
