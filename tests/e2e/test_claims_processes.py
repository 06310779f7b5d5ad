"""What the product promises when its processes are killed or stopped, on both stores, with real processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.processes import IN_FLIGHT, Product, cloud_event, producer, product
from tests.support.sink import Sink, run_sink

DELIVERIES = 800


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    """The vendor; each answer takes a little, so that work is under way when a process dies."""
    async with run_sink(0.01) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgres"])
async def made(request: pytest.FixtureRequest, tmp_path: Path, sink: Sink) -> AsyncIterator[Product]:
    """An installation with one lane to the sink, on each store."""
    database = str(request.getfixturevalue(f"{request.param}_database"))
    async with product(tmp_path, database) as installed:
        await installed.configure(sink.url)
        yield installed


async def test_a_worker_killed_again_and_again_loses_nothing_and_repeats_little(made: Product, sink: Sink) -> None:
    """After kill -9 of the worker nothing is missing, and repeats are at most kills times what may be in flight."""
    await made.put(0, DELIVERIES)
    kills = 4
    for kill in range(kills):
        worker = await made.start("work")
        await sink.until(DELIVERIES * (kill + 1) // 6)
        await made.kill(worker)
    assert len(sink.tries) < DELIVERIES, "the kills came too late to prove anything"
    await made.start("work")
    await sink.until(DELIVERIES)
    await made.drained()
    assert set(sink.candidates) == {f"cand_{n}" for n in range(DELIVERIES)}
    assert len(sink.tries) == DELIVERIES
    assert sink.repeats <= kills * IN_FLIGHT
    assert sink.doubled == 0
    assert sink.confused == []


async def test_events_sent_again_after_serve_was_killed_are_the_same_events(made: Product, sink: Sink) -> None:
    """After kill -9 of `serve` under load a client sends all again: one event per id, and answered ids stay."""
    events = [cloud_event(n) for n in range(300)]
    serve = await made.start("serve")
    async with producer(made, at_once=32) as client:
        sending = [asyncio.create_task(client.send(event)) for event in events]
        while len(client.answered) < 100:
            await asyncio.wait([task for task in sending if not task.done()], return_when=asyncio.FIRST_COMPLETED)
        await made.kill(serve)
        acknowledged = await asyncio.gather(*sending)
        assert 100 <= sum(acknowledged) < len(events)
        await made.start("serve")
        await asyncio.gather(*(client.insist(event) for event in events))
    assert len(set(client.answered.values())) == len(events)
    await made.start("work")
    await sink.until(len(events))
    await made.drained()
    assert set(sink.candidates) == {f"cand_{n}" for n in range(len(events))}
    assert len(sink.tries) == len(events) == sink.requests


async def test_what_was_acknowledged_before_the_kill_is_delivered_by_a_worker_that_starts_later(
    made: Product, sink: Sink
) -> None:
    """`serve` killed right after its 202, with no worker there to hear of it: the next worker delivers."""
    serve = await made.start("serve")
    async with producer(made) as client:
        assert await client.send(cloud_event(1))
        await made.kill(serve)
    await made.start("work")
    await sink.until(1)
    await made.drained()
    assert sink.candidates == {"cand_1": 1}


async def test_a_worker_asked_to_stop_finishes_or_gives_back(made: Product, sink: Sink) -> None:
    """SIGTERM under load: exit code 0, nothing left leased, nothing lost, nothing sent twice."""
    await made.put(0, DELIVERIES)
    worker = await made.start("work")
    await sink.until(DELIVERIES // 4)
    code = await made.stop(worker)
    assert code == 0, made.logs()
    async with made.opened.hub.store.look() as look:
        [lane] = await look.lanes()
    assert lane.leased == 0
    assert lane.ready == DELIVERIES - len(sink.tries) > 0
    await made.start("work")
    await sink.until(DELIVERIES)
    await made.drained()
    assert set(sink.candidates) == {f"cand_{n}" for n in range(DELIVERIES)}
    assert sink.requests == DELIVERIES


async def test_a_hundred_posts_of_one_event_are_one_event(made: Product, sink: Sink) -> None:
    """100 posts of one event at once: one event, the same bytes in every answer; other content under its id: 422."""
    await made.start("serve")
    async with producer(made, at_once=100) as client:
        answers = await asyncio.gather(*(client.post(cloud_event(7)) for _ in range(100)))
        status, problem = await client.post(cloud_event(7, score=12))
    assert {status for status, _ in answers} == {202}
    assert len({body for _, body in answers}) == 1
    assert status == 422
    assert b"key_reused" in problem
    await made.start("work")
    await sink.until(1)
    await made.drained()
    assert sink.requests == 1
