"""Credentials: applies one of the manifest's ways to sign in to a request that is otherwise ready to go."""

from __future__ import annotations

import base64

from hub.adapters.http import standard_webhooks
from hub.adapters.http.message import Outgoing, pieces
from hub.adapters.http.wire import bad_manifest, needed, optional, part
from hub.ports.clock import Clock
from hub.ports.transport import ByteSource, Channel, NeedsReauth, NotSent, Unknown
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


async def sign_streamed(
    out: Outgoing, spec: Document, channel: Channel, *, key: str | None, token: str | None, clock: Clock
) -> Outgoing:
    """`sign_in` for a body that is streamed: where it is to be signed it is read once for that. Raises Unknown too."""
    if spec.get("mode") != "standard_webhooks" or out.body is None or isinstance(out.body, bytes):
        return sign_in(out, spec, channel, key=key, token=token, clock=clock)
    id, timestamp = _webhook_id(out, key), int(clock.now().timestamp())
    try:
        signing = standard_webhooks.Signing(needed(spec, "secret", channel), id, timestamp)
    except standard_webhooks.BadSecret as error:
        raise _bad_secret() from error
    try:
        async for piece in pieces(out.body):
            signing.update(piece)
    except Unknown as error:
        raise NotSent("the body could not be read to be signed", code="not_sent") from error
    return _signed(out, id, timestamp, signing.header())


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
    id, timestamp = _webhook_id(out, key), int(clock.now().timestamp())
    assert not isinstance(out.body, ByteSource)
    try:
        signature = standard_webhooks.sign(secret, id, timestamp, out.body or b"")
    except standard_webhooks.BadSecret as error:
        raise _bad_secret() from error
    return _signed(out, id, timestamp, signature)


def _webhook_id(out: Outgoing, key: str | None) -> str:
    id = key or out.headers.get("webhook-id")
    if not id:
        raise bad_manifest("a signed webhook needs a key")
    return id


def _bad_secret() -> NeedsReauth:
    return NeedsReauth("the connection's signing secret cannot be used", code="bad_secret")


def _signed(out: Outgoing, id: str, timestamp: int, signature: str) -> Outgoing:
    signed = {"webhook-id": id, "webhook-timestamp": str(timestamp), "webhook-signature": signature}
    return out.with_headers(signed, again=True)
