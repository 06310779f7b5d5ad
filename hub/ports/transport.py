"""The way out: requests that connectors yield and answers that they get."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from hub.domain.connections import Connection
from hub.domain.errors import Unavailable
from mappings.documents import Document, Json


@runtime_checkable
class ByteSource(Protocol):
    """A body too large to hold: read piece by piece as it is sent, and never as a whole.

    It may be read several times (to sign it, to send it again), and gives the same `size` bytes each time.
    """

    @property
    def size(self) -> int: ...

    def chunks(self) -> AsyncIterator[bytes]:
        """From its beginning. What it raises ends the exchange as Unknown: part of the request is out."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A body made of several: text around a file, or a file in parts."""

    parts: tuple[bytes | ByteSource, ...]

    @property
    def size(self) -> int:
        """Of all parts."""
        return sum(len(part) if isinstance(part, bytes) else part.size for part in self.parts)

    async def chunks(self) -> AsyncIterator[bytes]:
        """One part after the other."""
        for part in self.parts:
            if isinstance(part, bytes):
                yield part
                continue
            async for chunk in part.chunks():
                yield chunk


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request without credentials. At most one of `json`, `form`, `body` is given.

    `auth`: which of the manifest's ways applies (`default`, a named one, or `none`). `key`: the idempotency key
    to sign or send where the manifest says so. `headers` have lower-case names.
    """

    method: str
    url: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Json = None
    form: Mapping[str, str] | None = None
    body: bytes | ByteSource | None = None
    auth: str = "default"
    key: str | None = None


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer; header names are lower-case; the body is cut at the transport's cap."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self) -> Json:
        """The body as JSON, None where it is not (a vendor may answer anything)."""
        try:
            return json.loads(self.body)  # type: ignore[no-any-return]
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file on a mail. `method` is the iTIP method of a text/calendar part (RFC 6047), e.g. REQUEST."""

    filename: str
    content_type: str
    content: bytes
    method: str | None = None


@dataclass(frozen=True, slots=True)
class MailRequest:
    """One mail (RFC 5322). `message_id` is equal over all tries of one delivery; the sender is the connection's."""

    to: tuple[str, ...]
    subject: str
    text: str
    message_id: str
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class MailReply:
    """The SMTP reply (RFC 5321) that ended the conversation."""

    code: int
    text: str = ""


Request = HttpRequest | MailRequest
Response = HttpResponse | MailReply


class NotSent(Unavailable):
    """The request certainly never reached the vendor (name, connect, TLS, refused by the egress guard is `Blocked`)."""

    code = "not_sent"


class Unknown(Unavailable):
    """The request may have reached the vendor: time-out or cut connection. What happened there is not known."""

    code = "unknown_outcome"


class Blocked(Unavailable):
    """The egress guard refuses the address; trying again will not help until the configuration changes."""

    code = "egress_blocked"


class NeedsReauth(Unavailable):
    """The vendor refused our credentials for good (invalid_grant, invalid_client): a person must reconnect."""

    code = "needs_reauth"


@dataclass(frozen=True, slots=True)
class Channel:
    """All the transport needs to speak for one connection. `secrets` never leave the transport.

    `wire` is the manifest's protocol part as the connector gives it: auth, allowed hosts, time-outs.
    """

    connection: Connection
    secrets: Mapping[str, str]
    wire: Document


class Transport(Protocol):
    """Sends one request for one connection."""

    async def send(self, channel: Channel, request: Request) -> Response:
        """The answer, whatever its status. Raises NotSent, Unknown, Blocked, NeedsReauth."""

    async def close(self) -> None: ...


class Signatures(Protocol):
    """Verifies what vendors send us."""

    def verify(self, channel: Channel, headers: Mapping[str, str], body: bytes) -> None:
        """Check the raw bytes by the manifest's scheme, fail-closed. Raises Unauthorized (code `bad_signature`)."""

    def authenticate(self, channel: Channel, headers: Mapping[str, str]) -> None:
        """Check a partner call's credentials by the manifest's `provides.auth`. Raises Unauthorized."""
