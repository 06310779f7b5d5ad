"""From an event to its vendor in one trace: within a process, and over `serve` and `work`, at a real collector."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub.adapters.tracing import OtelTracer
from hub.domain.traceparent import read
from hub.ports.store import Page
from hub.ports.transport import HttpRequest
from mappings.documents import Document
from tests.app.conftest import HIGH_SCORE, REFERRALS
from tests.support.collector import Collector, Span, collector
from tests.support.hubs import TENANT, bench, report
from tests.support.processes import ROOT, cloud_event, producer, product, until
from tests.support.sink import run_sink

SENDER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SENDER_TRACE, SENDER_SPAN = SENDER.split("-")[1:3]
ADA = ("ada@", "Ada", "Sample", "202555", "cand_", "Risk analyst")


@pytest.fixture
async def seen() -> AsyncIterator[Collector]:
    async with collector() as running:
        yield running


def one(spans: list[Span]) -> Span:
    assert len(spans) == 1, spans
    return spans[0]


def is_one_trace(seen: Collector, event: str, trace: str | None = None, above: str | None = None) -> list[Span]:
    """accept > rule > deliver > POST, under the event's own id or the sender's; nothing personal. In that order."""
    inside = [span for span in seen.spans if span.trace == (trace or event.removeprefix("evt_"))]
    accept = one([span for span in inside if span.name.startswith("accept ")])
    rule = one([span for span in inside if span.name == "rule"])
    deliver = one([span for span in inside if span.name == "deliver"])
    post = one([span for span in inside if span.name.startswith("POST ")])
    assert (accept.parent, rule.parent, deliver.parent, post.parent) == (above, accept.id, rule.id, deliver.id)
    assert (accept.kind, post.kind) == ("consumer", "client")
    assert {span.service for span in inside} == {"hirewire"}
    assert not any(word in repr(inside) for word in ADA)
    return [accept, rule, deliver, post]


async def test_an_event_its_rule_its_delivery_and_its_vendor_are_one_trace(seen: Collector) -> None:
    tracer = OtelTracer(seen.url, version="0")
    b = bench(tracer=tracer)
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"referrals": REFERRALS}, "rules": {"high": HIGH_SCORE}})
    b.vendor.answers(503).then(201, b'{"id":"ref_9","status":"submitted"}')
    [event] = await b.accept(report())
    await b.deliver()
    b.clock.advance(60)
    await b.deliver()
    await _flushed(tracer)
    first, second = seen.named("deliver")
    assert (first.attributes["hirewire.outcome"], first.failed) == ("try_later", True)
    assert (second.attributes["hirewire.outcome"], second.failed) == ("delivered", False)
    assert (first.attributes["hirewire.next"], second.attributes["hirewire.next"]) == ("again", "delivered")
    seen.spans.remove(first)
    seen.spans.remove(next(span for span in seen.spans if span.parent == first.id))
    accept, _, deliver, post = is_one_trace(seen, event)
    assert accept.attributes["hirewire.event"] == event
    assert deliver.attributes["hirewire.attempt"] == 2
    assert post.attributes["http.response.status_code"] == 201
    sent = read(b.vendor.posts[-1].headers["traceparent"])
    assert sent is not None
    assert (f"{sent.trace:032x}", f"{sent.span:016x}") == (post.trace, post.id)


async def test_a_share_of_nothing_traces_nothing_and_sends_no_header(seen: Collector) -> None:
    tracer = OtelTracer(seen.url, version="0", ratio=0)
    b = bench(tracer=tracer)
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"referrals": REFERRALS}, "rules": {"high": HIGH_SCORE}})
    b.vendor.answers(201, b'{"id":"ref_9","status":"submitted"}')
    await b.accept(report())
    await b.deliver()
    await _flushed(tracer)
    assert seen.spans == []
    assert not any("traceparent" in asked.headers for asked in b.vendor.asked if isinstance(asked, HttpRequest))


async def test_a_collector_that_is_away_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    tracer = OtelTracer("http://127.0.0.1:9", version="0")
    b = bench(tracer=tracer)
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"referrals": REFERRALS}, "rules": {"high": HIGH_SCORE}})
    b.vendor.answers(201, b'{"id":"ref_9","status":"submitted"}')
    await b.accept(report())
    await b.deliver()
    assert len(b.vendor.posts) == 1
    await _flushed(tracer)


async def test_two_processes_and_a_vendor_are_one_trace(seen: Collector, tmp_path: Path, sqlite_database: str) -> None:
    async with run_sink() as sink, product(tmp_path, sqlite_database) as made:
        await made.configure(sink.url)
        made.environment["HIREWIRE_TRACES"] = seen.url
        await made.start("serve")
        worker = await made.start("work")
        async with producer(made) as client:
            assert await client.send({**cloud_event(1), "traceparent": SENDER})
        await sink.until(1)
        await made.drained()
        assert await made.stop(worker) == 0

        async def all_came() -> bool:
            return bool(seen.named("POST ") and seen.named("accept "))

        await until(all_came, "the spans of both processes came")
    [event] = client.answered.values()
    accept, _, _, post = is_one_trace(seen, event, SENDER_TRACE, SENDER_SPAN)
    [came] = sink.traceparents.values()
    assert came == f"00-{SENDER_TRACE}-{post.id}-01"
    assert accept.links == ()
    assert {span.trace for span in seen.spans} == {SENDER_TRACE}


async def test_a_sender_that_is_not_recorded_is_linked_and_not_followed(seen: Collector) -> None:
    tracer = OtelTracer(seen.url, version="0")
    b = bench(tracer=tracer)
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"referrals": REFERRALS}, "rules": {"high": HIGH_SCORE}})
    b.vendor.answers(201, b'{"id":"ref_9","status":"submitted"}')
    [event] = await b.accept(replace(report(), traceparent=SENDER[:-2] + "00"))
    await b.deliver()
    await _flushed(tracer)
    accept, *_ = is_one_trace(seen, event)
    assert accept.links == ((SENDER_TRACE, SENDER_SPAN),)


async def test_what_a_vendor_answers_goes_on_in_the_sender_s_trace(seen: Collector) -> None:
    tracer = OtelTracer(seen.url, version="0")
    b = bench(tracer=tracer)
    await b.hub.vault.prepare(TENANT)
    tell: Document = {"kind": "emit", "id": "e", "event": "application.updated", "with": {"application": {"id": "a"}}}
    rule: Document = {"schema": 1, "trigger": {"event": "interview.report.completed"}, "then": [tell]}
    await b.configure({"rules": {"r": {"rule": rule}}})
    await b.accept(replace(report(), traceparent=SENDER))
    await b.advance()
    async with b.hub.store.look() as look:
        told = await look.events(TENANT, Page(2))
    assert [one.traceparent for one in told] == [SENDER, SENDER]
    await _flushed(tracer)
    accepted = {span.name for span in seen.spans if span.trace == SENDER_TRACE and span.name.startswith("accept ")}
    assert accepted == {"accept interview.report.completed", "accept application.updated"}


def test_without_the_extra_the_setting_says_what_is_missing_and_nothing_else_needs_it(tmp_path: Path) -> None:
    """The product runs with OpenTelemetry made unfindable."""
    script = """
import sys
sys.modules["opentelemetry"] = None
from hub.bootstrap import open_hub
from hub.domain.errors import Invalid
from hub.settings import Settings
home = {"HIREWIRE_HOME": sys.argv[1]}
open_hub(Settings.read(home))
try:
    open_hub(Settings.read({**home, "HIREWIRE_TRACES": "http://127.0.0.1:4318"}))
except Invalid as error:
    print(error.code, error.at)
"""
    command = [sys.executable, "-c", script, str(tmp_path)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.stdout == "extra_missing HIREWIRE_TRACES\n", told.stderr


async def _flushed(tracer: OtelTracer) -> None:
    await asyncio.to_thread(tracer.close)
