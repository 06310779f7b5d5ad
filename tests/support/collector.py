"""An OTLP/HTTP collector on loopback that keeps the spans it is sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


@dataclass(frozen=True)
class Span:
    """One span as it came over the wire. `links` are (trace, span)."""

    name: str
    trace: str
    id: str
    parent: str | None
    kind: str
    attributes: dict[str, object]
    links: tuple[tuple[str, str], ...]
    failed: bool
    service: str


@dataclass
class Collector:
    """What came."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)

    def named(self, start: str) -> list[Span]:
        """Spans whose name begins so."""
        return [span for span in self.spans if span.name.startswith(start)]

    async def _take(self, request: web.Request) -> web.Response:
        told = ExportTraceServiceRequest.FromString(await request.read())
        for resource in told.resource_spans:
            service = {a.key: a.value.string_value for a in resource.resource.attributes}["service.name"]
            for scope in resource.scope_spans:
                self.spans += [_span(span, service) for span in scope.spans]
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(), content_type="application/x-protobuf"
        )


def _span(span, service: str) -> Span:  # type: ignore[no-untyped-def]
    return Span(
        name=span.name,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex() or None,
        kind=KINDS[span.kind],
        attributes={a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes},
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        failed=span.status.code == 2,
        service=service,
    )


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """A collector that listens while the block runs."""
    made = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", made._take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield made
    finally:
        await runner.cleanup()
