"""Drive one exchange between a connector and its vendor, and keep what was said."""

from __future__ import annotations

from dataclasses import dataclass, field

from hub.domain.deliveries import Outcome
from hub.ports.connector import Exchange
from hub.ports.transport import (
    ByteSource,
    Channel,
    HttpRequest,
    HttpResponse,
    MailReply,
    Request,
    Response,
    Transport,
    Unknown,
)
from mappings.documents import Document, written

REQUESTS_LIMIT = 50  # requests one delivery may make; more is a connector that loops
EXCERPT = 4_000  # characters kept of a body
QUIET_HEADERS = frozenset({"authorization", "cookie", "set-cookie", "proxy-authorization", "x-api-key"})


@dataclass(slots=True)
class Talk:
    """What was said, redacted and capped; it is sealed before it is stored."""

    lines: list[Document] = field(default_factory=list)
    status: int | None = None
    reached: bool = False  # what was asked reached the vendor, or may have


async def converse(exchange: Exchange, channel: Channel, transport: Transport, talk: Talk) -> Outcome:
    """The outcome that the connector returns. Transport errors pass through, after they are written down."""
    try:
        request = next(exchange)
        for _ in range(REQUESTS_LIMIT):
            response = await _send(channel, transport, request, talk)
            request = exchange.send(response)
    except StopIteration as done:
        outcome: Outcome = done.value
        return outcome
    finally:
        exchange.close()
    raise RuntimeError(f"a connector made more than {REQUESTS_LIMIT} requests in one delivery")


async def _send(channel: Channel, transport: Transport, request: Request, talk: Talk) -> Response:
    line = _asked(request)
    talk.lines.append(line)
    try:
        response = await transport.send(channel, request)
    except Exception as error:
        line["failed"] = getattr(error, "code", type(error).__name__)
        talk.reached |= isinstance(error, Unknown)
        raise
    talk.reached = True
    match response:
        case HttpResponse(status=status, headers=headers, body=body):
            talk.status = status
            line["answer"] = {"status": status, "headers": _headers(dict(headers)), "body": _excerpt(body)}
        case MailReply(code=code, text=text):
            talk.status = code
            line["answer"] = {"status": code, "body": text[:EXCERPT]}
    return response


def _asked(request: Request) -> Document:
    match request:
        case HttpRequest():
            body: object = request.json if request.json is not None else request.form
            return {
                "method": request.method,
                "url": request.url,
                "query": dict(request.query),
                "headers": _headers(dict(request.headers)),
                "body": _short(body) if request.body is None else _told(request.body),
            }
        case _:
            return {
                "method": "MAIL",
                "to": list(request.to),
                "subject": request.subject,
                "message_id": request.message_id,
            }


def _headers(headers: dict[str, str]) -> Document:
    return {name: "***" if name.lower() in QUIET_HEADERS else value[:500] for name, value in headers.items()}


def _told(body: bytes | ByteSource) -> str:
    """What is sent; of a streamed body only how much, because reading it twice for the record would be dear."""
    return _excerpt(body) if isinstance(body, bytes) else f"<{body.size} bytes, streamed>"


def _excerpt(body: bytes) -> str:
    return body[:EXCERPT].decode("utf-8", "replace")


def _short(body: object) -> str | None:
    return None if body is None else _excerpt(written(body))
