"""Traces by OpenTelemetry, sent to a collector by OTLP over HTTP. Needs the extra `otel`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import requests
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from hub.domain.deliveries import Finish
from hub.domain.errors import HubError
from hub.domain.ids import RevisionId
from hub.domain.traceparent import SpanPlace, chosen, place_of, read
from hub.ports.arrivals import Arrival
from hub.ports.queue import Claimed, Completion
from hub.ports.transport import Channel

_PATH = "/v1/traces"
_CLOSE_MS = 3000
_Attributes = dict[str, str | int | bool]


class OtelTracer:
    """A `hub.ports.tracer.Tracer` with a provider of its own; nothing global is touched."""

    def __init__(self, endpoint: str, *, version: str, ratio: float = 1.0) -> None:
        self._ratio, self._ids = ratio, _Ids()
        session = requests.Session()
        session.trust_env = False  # a proxy in the environment is not a setting of ours
        exporter = OTLPSpanExporter(endpoint.rstrip("/") + _PATH, session=session, timeout=_CLOSE_MS / 1000)
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,  # which events are traced is chosen by their ids, alike in all processes
            resource=Resource.create({"service.name": "hirewire", "service.version": version}),
            shutdown_on_exit=False,
            id_generator=self._ids,
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=500))
        self._tracer = self._provider.get_tracer("hirewire", version)

    def accepted(self, arrival: Arrival, until: datetime) -> None:
        """The event's first span, below the sender's if it told one that is recorded, and one for each rule that fired."""
        event = arrival.event
        if not chosen(event.id, self._ratio):
            return
        sender = read(event.traceparent)
        place = place_of(event.id, sender=sender)
        attributes: _Attributes = {
            "hirewire.event": event.id,
            "hirewire.event_type": event.type,
            "hirewire.tenant": event.tenant,
            "hirewire.deliveries": len(arrival.planned),
        }
        above = sender if sender is not None and sender.sampled else None
        cause = None if event.cause is None else place_of(event.cause.event, sender=sender)
        links = [one for one in (sender if above is None else None, cause) if one is not None]
        times = _nanoseconds(event.received_at), _nanoseconds(until)
        kind = trace.SpanKind.CONSUMER
        self._span(f"accept {event.type}", attributes, times, kind, place=place, parent=above, links=links)
        steps: dict[RevisionId, list[str]] = {}
        for planned in arrival.planned:
            if planned.revision is not None:
                steps.setdefault(planned.revision, []).append(planned.step)
        for revision, names in steps.items():
            told: _Attributes = {"hirewire.revision": revision, "hirewire.steps": " ".join(names)}
            self._span("rule", told, times, place=place_of(event.id, revision, sender), parent=place)

    @contextmanager
    def attempt(self, claimed: Claimed) -> Iterator[Callable[[Completion], None]]:
        """Hangs on the rule's span, wherever that was made."""
        delivery = claimed.delivery
        if not chosen(delivery.event, self._ratio):
            yield lambda _: None
            return
        parent = _context(place_of(delivery.event, delivery.revision, read(claimed.event.traceparent)))
        with self._tracer.start_as_current_span("deliver", parent, record_exception=False) as span:
            span.set_attributes(
                {
                    "hirewire.event": delivery.event,
                    "hirewire.delivery": f"dlv_{delivery.id}",
                    "hirewire.step": delivery.step,
                    "hirewire.tenant": delivery.tenant,
                    "hirewire.attempt": delivery.attempt,
                }
            )

            def ended(completion: Completion) -> None:
                attempt, following = completion.attempt, completion.next
                after = str(following.final) if isinstance(following, Finish) else type(following).__name__.lower()
                span.set_attributes({"hirewire.outcome": attempt.outcome, "hirewire.next": after})
                if attempt.outcome != "delivered":
                    span.set_status(trace.StatusCode.ERROR, attempt.outcome)

            yield ended

    @contextmanager
    def request(self, channel: Channel, method: str) -> Iterator[tuple[str | None, Callable[[int], None]]]:
        """Inside a try that is traced; elsewhere nothing is."""
        if not trace.get_current_span().get_span_context().is_valid:
            yield None, lambda _: None
            return
        connection = channel.connection
        with self._tracer.start_as_current_span(
            f"{method} {connection.connector}",
            kind=trace.SpanKind.CLIENT,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            span.set_attributes(
                {
                    "http.request.method": method,
                    "hirewire.connection": connection.name,
                    "hirewire.connector": connection.connector,
                }
            )
            here = span.get_span_context()

            def answered(status: int) -> None:
                span.set_attribute("http.response.status_code", status)
                if status >= 400:
                    span.set_status(trace.StatusCode.ERROR)

            try:
                yield str(SpanPlace(here.trace_id, here.span_id)), answered
            except HubError as error:
                span.set_attribute("error.type", error.code)
                span.set_status(trace.StatusCode.ERROR, error.code)
                raise

    def close(self) -> None:
        """A collector that is away costs at most a few seconds."""
        self._provider.force_flush(_CLOSE_MS)
        self._provider.shutdown()

    def _span(
        self,
        name: str,
        attributes: _Attributes,
        times: tuple[int, int],
        kind: trace.SpanKind = trace.SpanKind.INTERNAL,
        *,
        place: SpanPlace | None = None,
        parent: SpanPlace | None = None,
        links: Sequence[SpanPlace] = (),
    ) -> None:
        """A span that is over; at `place` where others look for it."""
        with self._ids.at(place):
            span = self._tracer.start_span(
                name,
                trace.set_span_in_context(trace.INVALID_SPAN) if parent is None else _context(parent),
                kind,
                attributes,
                [trace.Link(_outside(link)) for link in links],
                times[0],
            )
        span.end(max(times))


class _Ids(RandomIdGenerator):
    """Random ids, but for a span that has its place already."""

    def __init__(self) -> None:
        self._place: SpanPlace | None = None

    @contextmanager
    def at(self, place: SpanPlace | None) -> Iterator[None]:
        """The next span is made there. Nothing is waited for inside."""
        self._place = place
        try:
            yield
        finally:
            self._place = None

    def generate_span_id(self) -> int:
        return super().generate_span_id() if self._place is None else self._place.span

    def generate_trace_id(self) -> int:
        return super().generate_trace_id() if self._place is None else self._place.trace


def _outside(place: SpanPlace) -> trace.SpanContext:
    return trace.SpanContext(place.trace, place.span, is_remote=True, trace_flags=trace.TraceFlags(place.sampled))


def _context(place: SpanPlace) -> Context:
    return trace.set_span_in_context(trace.NonRecordingSpan(_outside(place)))


def _nanoseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000) * 1000
