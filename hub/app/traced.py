"""What a tracer sees of deliveries and requests: wrappers that are left away where nothing is traced."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from hub.ports.clock import Clock
from hub.ports.queue import Claimed, Completion
from hub.ports.tracer import Tracer
from hub.ports.transport import Channel, HttpRequest, HttpResponse, Request, Response, Transport


@dataclass(frozen=True, slots=True)
class TracedDeliver:
    """A delivery's try as a span, and the events that the vendor's answer told us."""

    deliver: Callable[[Claimed], Awaitable[Completion]]
    tracer: Tracer
    clock: Clock

    async def __call__(self, claimed: Claimed) -> Completion:
        with self.tracer.attempt(claimed) as ended:
            completion = await self.deliver(claimed)
            ended(completion)
        for arrival in completion.arrivals:
            self.tracer.accepted(arrival, self.clock.now())
        return completion


@dataclass(frozen=True, slots=True)
class TracedTransport:
    """Each request as a span; HTTP requests carry `traceparent`, so that a vendor's own trace goes on from ours."""

    inner: Transport
    tracer: Tracer

    async def send(self, channel: Channel, request: Request) -> Response:
        method = request.method if isinstance(request, HttpRequest) else "MAIL"
        with self.tracer.request(channel, method) as (traceparent, answered):
            if traceparent is not None and isinstance(request, HttpRequest):
                request = replace(request, headers={**request.headers, "traceparent": traceparent})
            response = await self.inner.send(channel, request)
            answered(response.status if isinstance(response, HttpResponse) else response.code)
        return response

    async def close(self) -> None:
        await self.inner.close()
