"""Credentials: applies one of the manifest's ways to sign in to a request that is otherwise ready to go."""

from __future__ import annotations

import base64
from collections.abc import Callable

from hub.adapters.http import standard_webhooks
from hub.adapters.http.message import Outgoing, pieces
from hub.adapters.http.wire import bad_manifest, needed, optional, part
from hub.ports.clock import Clock
from hub.ports.transport import Channel, NeedsReauth, NotSent, Unknown
from mappings.documents import Document

OAUTH = "oauth2_client_credentials"
WEBHOOK = "standard_webhooks"
Sign = Callable[[Outgoing, str | None, str | None], Outgoing]
"""The request with credentials, from the request, its key (a webhook's id) and the access token (OAuth modes)."""


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


async def sign_streamed(out: Outgoing, spec: Document, channel: Channel, key: str | None, clock: Clock) -> Outgoing:
    """A webhook whose body is streamed, signed: the body is read once for that, and not held. Raises NotSent too."""
    id, timestamp = _webhook_id(out, key), int(clock.now().timestamp())
    try:
        signing = standard_webhooks.Signing(needed(spec, "secret", channel), id, timestamp)
    except standard_webhooks.BadSecret as error:
        raise _bad_secret() from error
    assert out.body is not None
    assert not isinstance(out.body, bytes)
    try:
        async for piece in pieces(out.body):
            signing.update(piece)
    except Unknown as error:
        raise NotSent("the body could not be read to be signed", code="not_sent") from error
    return _signed(out, id, timestamp, signing.header())


def signer(spec: Document, channel: Channel, clock: Clock) -> Sign:
    """A way to sign in made ready: what the manifest and the connection's settings say is read once.

    Raises NeedsReauth where the connection lacks a secret, Blocked where the manifest cannot be used.
    """
    match spec.get("mode"):
        case "none":
            return lambda out, _key, _token: out
        case "basic":
            credentials = basic(needed(spec, "username", channel), _password(spec, channel))
            return lambda out, _key, _token: out.with_headers({"authorization": credentials})
        case "bearer":
            return _fixed(_applied(spec), needed(spec, "token", channel))
        case "api_key":
            return _api_key(spec, channel)
        case mode if mode == WEBHOOK:
            return _standard_webhooks(needed(spec, "secret", channel), clock)
        case mode if mode == OAUTH:
            return _applied(spec)
        case _:
            raise bad_manifest("its auth mode is unknown")


def basic(username: str, password: str) -> str:
    """The Basic credentials of RFC 7617 in UTF-8."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _password(spec: Document, channel: Channel) -> str:
    """A password may be empty by the manifest, never by a missing setting."""
    return "" if spec.get("password", "") == "" else needed(spec, "password", channel)


def _applied(spec: Document) -> Sign:
    """Put the token where `apply` says; RFC 6750 without it."""
    apply = part(spec, "apply")
    header, form = apply.get("header", "authorization"), apply.get("format", "Bearer {token}")
    if not isinstance(header, str) or not isinstance(form, str) or "{token}" not in form:
        raise bad_manifest("its apply is not a header with a format for {token}")
    name = header.lower()

    def sign(out: Outgoing, _key: str | None, token: str | None) -> Outgoing:
        if token is None:
            raise bad_manifest("there is no token")
        return out.with_headers({name: form.replace("{token}", token)})

    return sign


def _fixed(sign: Sign, token: str) -> Sign:
    return lambda out, key, _token: sign(out, key, token)


def _api_key(spec: Document, channel: Channel) -> Sign:
    value = needed(spec, "value", channel)
    header, query = optional(spec, "header", channel), optional(spec, "query", channel)
    if header is not None and query is None:
        name = header.lower()
        return lambda out, _key, _token: out.with_headers({name: value})
    if query is not None and header is None:
        parameter = query
        return lambda out, _key, _token: out.with_query(parameter, value)
    raise bad_manifest("an api_key goes into exactly one of header and query")


def _standard_webhooks(secret: str, clock: Clock) -> Sign:
    try:
        keys = standard_webhooks.keys(secret)
    except standard_webhooks.BadSecret as error:
        raise _bad_secret() from error

    def sign(out: Outgoing, key: str | None, _token: str | None) -> Outgoing:
        assert out.body is None or isinstance(out.body, bytes), "a streamed body is signed by sign_streamed"
        id, timestamp = _webhook_id(out, key), int(clock.now().timestamp())
        return _signed(out, id, timestamp, standard_webhooks.signature(keys, id, timestamp, out.body or b""))

    return sign


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
