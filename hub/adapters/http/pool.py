"""What the transport asks of an HTTP client: one exchange over the connections of one lane, and what came of it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from hub.adapters.http.message import Outgoing
from hub.ports.transport import HttpResponse


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one exchange. `body` is the cap of a body in bytes as we keep it, `*_s` are seconds.

    `slowest`: bytes a second of a streamed body that are waited for beyond the time-out.
    `resend_within_s`: a pooled connection that fails this soon without an answer was closed by the vendor before our request.
    """

    connect_s: float = 5.0
    body: int = 65536
    headers: int = 128
    header_bytes: int = 8190
    idle_s: float = 30.0
    names_s: float = 60.0
    resend_within_s: float = 1.0
    slowest: float = 1e6


@dataclass(slots=True)
class Trial:
    """How far a request came: `sent` from the moment it has a connection, `reused` if that one was pooled."""

    sent: bool = False
    reused: bool = False


class Cut(Exception):
    """The connection ended before an answer."""


class Pool(Protocol):
    """The connections of one lane."""

    async def once(self, out: Outgoing, trial: Trial, *, fresh: bool) -> HttpResponse:
        """Send once and read the answer; `fresh`: over a connection of its own, which is closed after it.

        No redirect, proxy, cookie, netrc or second try. Raises Cut, NotSent, Unknown, Blocked; cancelling closes the connection.
        """

    async def close(self) -> None:
        """Close every connection; what is under way raises."""


def expanded(body: bytes, encoding: str, cap: int) -> bytes:
    """A body that was compressed although we asked for none, expanded up to the cap; unreadable ones as they are."""
    if encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, cap)
    except zlib.error:
        return body


def joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Lower-case names; repeated ones joined as RFC 9110 section 5.3 allows; cookies are not for us."""
    found: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        if lower != "set-cookie":
            found[lower] = f"{found[lower]}, {value}" if lower in found else value
    return found
