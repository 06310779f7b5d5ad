"""What the tests of the HTTP client share: a call, and the beginnings of answers."""

from __future__ import annotations

from hub.adapters.http.router import Router
from hub.ports.transport import Channel, HttpRequest, HttpResponse

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"
QUICK = 0.15  # seconds; the time-out under test where a vendor never ends


async def call(transport: Router, channel: Channel, request: HttpRequest) -> HttpResponse:
    """The HTTP answer."""
    answer = await transport.send(channel, request)
    assert isinstance(answer, HttpResponse)
    return answer
