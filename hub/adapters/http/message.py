"""A request as it goes on the wire: body in bytes, headers checked, nothing secret in its repr."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

import orjson
from yarl import URL

from hub.ports.transport import Blocked, ByteSource, HttpRequest, Unknown

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})  # RFC 9110, 9.2.2
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")  # RFC 9110, 5.1, in lower case
_VALUE = re.compile(
    r"[\t\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]*"
)  # no control characters: a new line would begin another header
_OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer"}
)
_OURS |= {"expect", "accept-encoding", "proxy-authorization", "proxy-connection"}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is sent. `again` says that sending it twice has one effect, by the method or by an idempotency key."""

    method: str
    url: URL = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    body: bytes | ByteSource | None = field(repr=False)
    again: bool = False

    def with_headers(self, headers: Mapping[str, str], again: bool = False) -> Outgoing:
        """With these headers (lower-case names) set. `again`: they let the vendor tell a repeat."""
        whole = {**self.headers, **{name: check(value) for name, value in headers.items()}}
        return Outgoing(self.method, self.url, whole, self.body, self.again or again)

    def with_query(self, name: str, value: str) -> Outgoing:
        """With this query parameter set."""
        return replace(self, url=self.url.update_query({name: value}))


def compose(request: HttpRequest, url: URL) -> Outgoing:
    """The request in bytes. Raises Blocked (`bad_request`) where it would not be one HTTP request."""
    if request.method.upper() not in _METHODS:
        raise Blocked("not an HTTP method that may be used", code="bad_request")
    body, kind = _body(request)
    headers = {"content-type": kind} if kind else {}
    for name, value in request.headers.items():
        lower = name.lower()
        if lower in _OURS or not _NAME.fullmatch(lower):
            raise Blocked("a header is not one that a connector may set", code="bad_request")
        headers[lower] = check(value)
    # A body that is compressed anyway is expanded by us, up to the cap.
    headers["accept-encoding"] = "identity"
    headers.setdefault("accept", "application/json, */*;q=0.5")
    headers.setdefault("user-agent", "hirewire")
    method = request.method.upper()
    target = url.extend_query(request.query) if request.query else url
    again = method in _IDEMPOTENT or (request.key is not None and request.key in headers.values())
    return Outgoing(method, target, headers, body, again)


def check(value: str) -> str:
    """A header value without control characters. Raises Blocked (`bad_request`)."""
    if not _VALUE.fullmatch(value):
        raise Blocked("a header value holds a control character", code="bad_request")
    return value


def length(body: bytes | ByteSource | None) -> int:
    """Bytes of a body."""
    return 0 if body is None else len(body) if isinstance(body, bytes) else body.size


async def pieces(source: ByteSource) -> AsyncGenerator[bytes, None]:
    """Exactly the bytes that were announced. Raises Unknown (`cut`): what is out is no whole request, as its reader sees."""
    left = source.size
    try:
        async for chunk in source.chunks():
            left -= len(chunk)
            if left < 0:
                raise Unknown("the body is longer than was announced", code="cut")
            if chunk:
                yield chunk
    except Unknown:
        raise
    except Exception as error:
        raise Unknown("the body could not be read to its end", code="cut") from error
    if left:
        raise Unknown("the body is shorter than was announced", code="cut")


def _body(request: HttpRequest) -> tuple[bytes | ByteSource | None, str | None]:
    if request.body is not None:
        return request.body, None
    if request.form is not None:
        return urlencode(request.form).encode(), "application/x-www-form-urlencoded"
    if request.json is None:
        return None, None
    try:
        return orjson.dumps(request.json), "application/json"
    except TypeError:  # whole numbers beyond 64 bits
        return json.dumps(request.json, ensure_ascii=False, separators=(",", ":")).encode(), "application/json"
