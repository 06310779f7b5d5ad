"""Bounds on every call: one Host, no compressed body, a body that comes in time; and the headers of every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send

from hub.domain.errors import Invalid, Rejected, Unavailable

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Server": "hirewire",  # else the server's own name and, some day, version
}
WHILE_SHUT = ("live", "metrics")  # what operations need to see why
HSTS = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a body may take to arrive as a whole, and whether callers reach the API over TLS.

    `shut`: whether it is unknown whose certificate was revoked, so that nobody is let in.
    """

    body_s: float = 20.0
    tls: bool = False
    shut: Callable[[], bool] = lambda: False


def bounded(bounds: Bounds) -> Callable[[ASGIApp], ASGIApp]:
    """The middleware. A body of which the first part is there costs no timer."""

    def around(app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != ScopeType.WEBSOCKET:
                if bounds.shut() and getattr(scope.get("route_handler"), "operation_id", None) not in WHILE_SHUT:
                    text = "the list of revoked client certificates is over"
                    raise Unavailable(text, code="revocations_over", after=60.0)
                _check_headers(scope)
            await app(scope, _Deadline(receive, bounds.body_s), send)

        return call

    return around


def _check_headers(scope: Scope) -> None:
    """Raises Invalid (`bad_header`, `unsupported_media_type`)."""
    hosts = 0
    for name, value in scope["headers"]:
        if name == b"host":
            hosts += 1 if value else 2  # the server writes an empty one where there was none
        elif name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            raise Invalid(
                "compressed bodies are not taken: send it as it is",
                code="unsupported_media_type",
                at="content-encoding",
            )
    if hosts != 1:
        raise Invalid("a request names one Host", code="bad_header", at="host")


class _Deadline:
    """`receive` of a whole body until a time counted from its first call. Raises Rejected (`too_slow`, `cut_off`)."""

    __slots__ = ("_end", "_receive", "_seconds", "_whole")

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive, self._seconds = receive, seconds
        self._end: float | None = None
        self._whole = False

    async def __call__(self) -> HTTPReceiveMessage:
        if self._whole:
            return await self._receive()  # type: ignore[return-value]
        message = await self._in_time()
        if message["type"] == "http.disconnect":
            raise Rejected("the body ended before it was whole", code="cut_off")
        self._whole = not message.get("more_body", False)
        return message

    async def _in_time(self) -> HTTPReceiveMessage:
        loop = asyncio.get_running_loop()
        if self._end is None:
            self._end = loop.time() + self._seconds
        try:
            async with asyncio.timeout_at(self._end):
                return await self._receive()  # type: ignore[return-value]
        except TimeoutError as error:
            raise Rejected("the body did not arrive in time", code="too_slow") from error


def safely(bounds: Bounds) -> Callable[[Message, Scope], Awaitable[None]]:
    """Puts the headers on every answer, those of errors and of paths that are nobody's included."""
    own = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
    if bounds.tls:
        own.append((HSTS[0].lower().encode(), HSTS[1].encode()))
    names = [name for name, _ in own]

    async def before_send(message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start":
            return
        headers = [*message["headers"]]
        said = {name.lower() for name, _ in headers}.intersection(names)
        message["headers"] = [*headers, *(own if not said else [one for one in own if one[0] not in said])]

    return before_send
