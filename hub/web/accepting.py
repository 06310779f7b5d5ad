"""`acceptEvents` answered on the bare connection: the framework's way to a handler and back costs more than an event does."""

from __future__ import annotations

import msgspec
from litestar import Request
from litestar.types import ASGIApp, Receive, Scope, Send

from hub.app.hub import Hub
from hub.web import dto
from hub.web.auth import admit
from hub.web.cloudevents import read_events
from hub.web.inflow import inflow_of

_JSON = (b"content-type", b"application/json")
_encode = msgspec.json.Encoder().encode


def accepting(app: ASGIApp) -> ASGIApp:
    """The middleware of that one route. What it raises becomes a problem where every other error does."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        hub: Hub = scope["litestar_app"].state["hub"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed([*scope["headers"]])}
        client = scope.get("client")
        caller = await admit(hub, headers, scope["route_handler"].opt, client[0] if client else "")
        async with inflow_of(scope).body(Request(scope, receive, send)) as body:
            incoming = read_events(headers.get("content-type", ""), headers, body)
            receipts = await hub.ingest(caller.tenant, incoming)
        pairs = zip(incoming, receipts, strict=True)
        answer = _encode(dto.Accepted([dto.AcceptedEvent(one.source, one.key, receipt.id) for one, receipt in pairs]))
        length = (b"content-length", b"%d" % len(answer))
        await send({"type": "http.response.start", "status": 202, "headers": [_JSON, length]})
        await send({"type": "http.response.body", "body": answer, "more_body": False})

    return call
