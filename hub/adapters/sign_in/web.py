"""Calls to providers: over the same guard as deliveries, JSON in and out, faults in two kinds."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from hub.domain.connections import Connection, Lane
from hub.domain.errors import Unauthorized, Unavailable
from hub.domain.ids import ConnectionId, TenantId
from hub.ports.transport import Channel, HttpRequest, HttpResponse, NeedsReauth, NotSent, Transport, Unknown
from mappings.documents import Document

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Web:
    """Each host has a lane of its own, below those of connections."""

    transport: Transport

    async def json(self, request: HttpRequest) -> Document:
        """The object that was answered. Raises Unauthorized (`sign_in_refused`), Unavailable (`provider_away`)."""
        answer = await self._send(request)
        body = answer.json()
        if answer.status >= 500 or answer.status == 429:
            raise away()
        if answer.status >= 400 or not isinstance(body, dict):
            raise refused()
        return body

    async def _send(self, request: HttpRequest) -> HttpResponse:
        host = urlsplit(request.url).hostname or ""
        lane = ConnectionId(-1 - zlib.crc32(host.encode()))
        connection = Connection(lane, TenantId(0), "", f"sign-in at {host}", "", {}, Lane(timeout_s=TIMEOUT_S))
        try:
            answer = await self.transport.send(Channel(connection, {}, {"allowed_hosts": [host]}), request)
        except (NotSent, Unknown, NeedsReauth) as error:
            raise away() from error
        assert isinstance(answer, HttpResponse)
        return answer


def get(url: str, query: Mapping[str, str] | None = None, **headers: str) -> HttpRequest:
    """A question."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpRequest("GET", url, query=query or {}, headers={"accept": "application/json", **named}, auth="none")


def address(url: str, query: Mapping[str, str]) -> str:
    """Where a browser goes."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def text(document: Mapping[str, object], *names: str) -> str:
    """The first of these that is a text with something in it, else nothing."""
    found = (document.get(name) for name in names)
    return next((value for value in found if isinstance(value, str) and value), "")


def refused() -> Unauthorized:
    """In the same words whatever did not hold."""
    return Unauthorized("this sign-in does not hold; begin again", code="sign_in_refused")


def away() -> Unavailable:
    """Nothing is wrong with the person."""
    return Unavailable("the provider cannot be asked now", code="provider_away", after=5)
