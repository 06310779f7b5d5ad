"""Every answered call is counted, by operation and class of status."""

from __future__ import annotations

from collections.abc import Callable

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from hub.ports.clock import Clock
from hub.ports.meter import Meter


def measured(meter: Meter, clock: Clock) -> Callable[[ASGIApp], ASGIApp]:
    """The middleware. A path that is nobody's is no operation and is not counted."""

    def around(app: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            began = clock.monotonic()

            async def answer(message: Message) -> None:
                if message["type"] == "http.response.start":
                    operation = getattr(scope.get("route_handler"), "operation_id", None)
                    name = operation if isinstance(operation, str) else "other"
                    meter.request(name, message["status"], clock.monotonic() - began)
                await send(message)

            await app(scope, receive, answer)

        return call

    return around
