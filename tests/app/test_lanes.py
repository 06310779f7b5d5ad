"""Lanes: a destination in trouble is left alone and started gently, limits hold, the newest state wins, order is kept."""

from __future__ import annotations

import re
from collections import Counter
from datetime import timedelta

import pytest

from hub.adapters.clock import ManualClock
from hub.app.delivery.lanes import LaneLoop, LoopLimits
from hub.domain.connections import ConnectionState
from hub.domain.deliveries import Delivery, State
from hub.domain.errors import Invalid
from hub.ports.queue import DoneDelivery
from hub.ports.transport import HttpRequest, HttpResponse, NotSent, Request, Response
from mappings.documents import Document
from tests.app.conftest import FEED, REPORT, action, rule
from tests.support.hubs import TENANT, Bench, bench, report

OK = HttpResponse(200, {}, b"{}")


async def feeding(lane: Document, *, limits: LoopLimits | None = None, names: tuple[str, ...] = ("feed",)) -> Bench:
    """A bench whose every report goes to each of these feeds."""
    b = bench(limits=limits)
    await b.configure(
        {
            "connections": {name: {**FEED, "lane": lane} for name in names},
            "rules": {
                name: rule(REPORT, "report.overall.score", "gt", 0, action(name, "event.send")) for name in names
            },
        }
    )
    return b


async def accept(b: Bench, count: int, candidate: str | None = None, start: int = 0) -> None:
    await b.accept(*(report(key=f"r{n}", candidate=candidate or f"cand_{n}") for n in range(start, start + count)))


async def states(b: Bench) -> Counter[str]:
    rows = await b.deliveries()
    return Counter(row.state.name.lower() if isinstance(row, Delivery) else str(row.final) for row in rows)


def notes(b: Bench, event: str) -> list[dict[str, object]]:
    return [fields for name, fields in b.meter.notes if name == event]


def told(request: Request) -> int:
    """The number of the report that a request carries."""
    assert isinstance(request, HttpRequest)
    found = re.search(r"rep_r(\d+)", f"{request.json}{request.body!r}")
    assert found is not None
    return int(found[1])


async def test_a_destination_that_cannot_be_reached_is_left_alone_then_probed_once() -> None:
    b = await feeding({"concurrency": 10})
    b.vendor.fails(NotSent("refused"))
    await accept(b, 30)
    await b.deliver()
    assert len(b.vendor.asked) == 10, "what was started before the breaker opened"
    assert notes(b, "breaker.opened") == [{"connection": "feed", "seconds": 30}]
    b.clock.advance(29)
    await b.deliver()
    assert len(b.vendor.asked) == 10
    b.clock.advance(2)
    await b.deliver()
    assert len(b.vendor.asked) == 11, "one probe, not ten"
    assert notes(b, "breaker.opened")[-1] == {"connection": "feed", "seconds": 60}
    b.clock.advance(59)
    await b.deliver()
    assert len(b.vendor.asked) == 11


async def test_after_the_outage_it_starts_slowly_and_delivers_all() -> None:
    b = await feeding({"concurrency": 16})
    b.vendor.fails(NotSent("refused"))
    await accept(b, 40)
    await b.deliver()
    b.vendor.script[:] = [OK]
    b.clock.advance(31)
    sizes = []
    for _ in range(12):
        before = len(b.vendor.asked)
        await b.hub.lanes.turn()
        await b.hub.lanes.idle()
        sizes.append(len(b.vendor.asked) - before)
        b.clock.advance(1)
    assert sizes[:4] == [1, 1, 2, 4], sizes
    assert max(sizes) <= 16
    assert notes(b, "breaker.closed") == [{"connection": "feed"}]
    assert await states(b) == {"delivered": 40}


async def test_many_failing_answers_open_it_too_but_refusals_do_not() -> None:
    b = await feeding({"concurrency": 16})
    b.vendor.answers(500)
    await accept(b, 16)
    await b.deliver()
    assert len(notes(b, "breaker.opened")) == 1
    other = await feeding({"concurrency": 16})
    other.vendor.answers(422)
    await accept(other, 16)
    await other.deliver()
    assert notes(other, "breaker.opened") == []


async def test_a_storm_costs_a_bounded_number_of_requests() -> None:
    b = await feeding({"concurrency": 8})
    b.vendor.answers(503)
    await accept(b, 50)
    for _ in range(3600):
        await b.deliver()
        b.clock.advance(1)
    assert len(b.vendor.asked) <= 8 + 10 + 8, "what was under way, and one probe per open period"


async def test_a_destination_that_only_fails_is_announced_then_switched_off_and_nothing_is_lost() -> None:
    b = await feeding({"retry": {"default": [3600.0] * 50}})
    b.vendor.fails(NotSent("refused"))
    for hour in range(130):
        if hour % 24 == 0:
            await accept(b, 1, start=hour)
        await b.deliver()
        b.clock.advance(3600)
    assert [fields["percent"] for fields in notes(b, "destination.failing")] == [50, 70, 90, 100]
    async with b.hub.store.look() as look:
        feed = await look.connection(TENANT, "feed")
    assert feed is not None
    assert feed.state is ConnectionState.DISABLED
    asked = len(b.vendor.asked)
    await accept(b, 1, start=1000)
    await b.deliver()
    assert len(b.vendor.asked) == asked
    assert (await states(b)).total() == 7
    assert (await states(b))["ready"] >= 3


async def test_in_an_outage_only_the_newest_state_of_a_candidate_is_sent() -> None:
    b = await feeding({"ordering": "key", "on_failure": "coalesce"})
    b.vendor.fails(NotSent("refused"))
    await accept(b, 1, candidate="cand_1")
    await b.deliver()
    await accept(b, 99, candidate="cand_1", start=1)
    b.vendor.script[:] = [OK]
    b.clock.advance(60)
    await b.deliver()
    assert await states(b) == {"superseded": 99, "delivered": 1}
    assert told(b.vendor.posts[-1]) == 99


async def test_where_nothing_replaces_anything_each_is_sent_in_order() -> None:
    b = await feeding({"ordering": "key"})
    b.vendor.answers(200)
    await accept(b, 5, candidate="cand_1")
    await b.deliver(rounds=6)
    assert await states(b) == {"delivered": 5}
    assert [told(post) for post in b.vendor.posts] == [0, 1, 2, 3, 4]


async def test_a_delivery_that_keeps_failing_steps_aside_for_the_next_of_its_candidate() -> None:
    b = await feeding({"ordering": "key", "on_failure": "park", "park_after": 2, "retry": {"default": [1, 1, 1, 1]}})

    def answer(request: Request) -> Response:
        return HttpResponse(500, {}, b"") if told(request) == 0 else OK

    b.vendor.does(answer)
    await accept(b, 3, candidate="cand_1")
    for _ in range(4):
        await b.deliver(rounds=3)
        b.clock.advance(2)
    assert await states(b) == {"held": 1, "delivered": 2}
    [held] = [row for row in await b.deliveries() if isinstance(row, Delivery)]
    assert held.state is State.HELD
    await b.hub.replay(TENANT, held.id, "test")
    b.vendor.script[:] = [OK]
    await b.deliver()
    assert await states(b) == {"delivered": 3}


async def test_a_whole_lane_in_order() -> None:
    b = await feeding({"ordering": "fifo"})
    b.vendor.answers(503).then(200)
    await accept(b, 4)
    await b.deliver()
    assert len(b.vendor.posts) == 1, "the second waits for the first"
    b.clock.advance(7)
    await b.deliver(rounds=5)
    assert [told(post) for post in b.vendor.posts] == [0, 0, 1, 2, 3]


async def test_a_delivery_past_its_deadline_expires_where_people_see_it() -> None:
    b = await feeding({"deadline_s": 60})
    b.vendor.fails(NotSent("refused"))
    await accept(b, 1)
    await b.deliver()
    b.clock.advance(66)
    await b.deliver()
    assert await states(b) == {"expired": 1}
    assert notes(b, "deliveries.expired") == [{"count": 1}]
    assert len(b.vendor.asked) == 1


async def test_waits_between_tries_are_the_operations_own_then_the_lanes() -> None:
    b = await feeding({"retry": {"event.send": [100.0], "default": [1.0]}})
    b.vendor.answers(500)
    await accept(b, 1)
    await b.deliver()
    [waiting] = await b.deliveries()
    assert isinstance(waiting, Delivery)
    assert timedelta(seconds=80) <= waiting.due_at - b.clock.now() <= timedelta(seconds=120)
    b.clock.advance(121)
    await b.deliver()
    assert await states(b) == {"dead": 1}


async def test_a_rate_is_never_exceeded_by_three_workers_together() -> None:
    b = await feeding({"rate": 10.0, "concurrency": 100})
    b.vendor.answers(200)
    await accept(b, 300)
    hub = b.hub
    workers = [hub.lanes] + [
        LaneLoop(
            hub.store, hub.library, hub.deliver, hub.clock, hub.ids, hub.meter, type(hub.lanes.breakers)(hub.clock, hub.meter)
        )
        for _ in range(2)
    ]  # fmt: skip
    sent: list[int] = []
    for _ in range(100):
        for worker in workers:
            await worker.turn()
            await worker.idle()
        sent.append(len(b.vendor.asked))
        b.clock.advance(0.25)
    assert all(count <= 10 + 10 * 0.25 * step for step, count in enumerate(sent)), "burst + rate x time"
    assert sent[-1] >= 0.95 * (10 + 10 * 0.25 * 99), "and all of it is used"


async def test_a_rate_holds_between_workers_whose_clocks_differ() -> None:
    """Or of whom one waits for the lane while another claims: time that was counted is not counted again."""
    few = LoopLimits(in_flight=3, batch=3)
    b = await feeding({"rate": 10.0, "concurrency": 100}, limits=few)
    b.vendor.answers(200)
    await accept(b, 100)
    ahead = bench(b.hub.store, clock=ManualClock(b.clock.now() + timedelta(seconds=0.4)), limits=few)
    ahead.vendor.answers(200)
    for _ in range(20):
        for worker in (ahead, b):
            await worker.hub.lanes.turn()
            await worker.hub.lanes.idle()
    sent = len(b.vendor.asked) + len(ahead.vendor.asked)
    assert sent <= 10 + 10 * 0.4, "no time has passed"


async def test_a_small_concurrency_holds_over_all_workers() -> None:
    b = await feeding({"concurrency": 2})
    b.vendor.answers(200)
    await accept(b, 10)
    async with b.hub.store.work() as work:
        [lane] = await work.busy_lanes(b.clock.now())
        room = (await work.rooms([lane.connection], b.clock.now()))[lane.connection]
    assert room.leased == 0
    hub, other = b.hub, bench(b.hub.store, clock=b.clock)
    assert await hub.lanes.turn()
    assert not await other.hub.lanes.turn(), "two are under way at the first worker"
    await hub.lanes.idle()
    assert len(b.vendor.asked) == 2


async def test_one_busy_lane_leaves_room_for_the_others() -> None:
    b = await feeding({"concurrency": 100}, limits=LoopLimits(in_flight=16, batch=16), names=("a", "b", "c"))
    b.vendor.answers(200)
    await accept(b, 50)
    await b.hub.lanes.turn()
    await b.hub.lanes.idle()
    assert len(b.vendor.asked) == 12
    lanes = Counter(channel.connection.name for channel in b.vendor.channels)
    assert lanes == {"a": 4, "b": 4, "c": 4}, "and a fourth lane would find as much"


async def test_a_try_says_what_it_was_made_with() -> None:
    b = await feeding({})
    b.vendor.answers(200)
    await accept(b, 1)
    await b.deliver()
    [done] = await b.deliveries()
    assert isinstance(done, DoneDelivery)
    async with b.hub.store.look() as look:
        [attempt] = await look.attempts(TENANT, done.id)
    assert attempt.detail is not None
    assert attempt.detail["operation"] == "event.send"
    assert str(attempt.detail["connector"]).startswith("webhook ")
    assert {"prepare_ms", "vendor_ms", "revision"} <= set(attempt.detail)


@pytest.mark.parametrize(
    ("lane", "at"),
    [
        ({"ordering": "sideways"}, "ordering"),
        ({"on_failure": "ignore"}, "on_failure"),
        ({"deadline_s": 0}, "deadline_s"),
        ({"park_after": 0}, "park_after"),
        ({"retry": {"nothing.there": [1]}}, "retry.nothing.there"),
        ({"retry": {"default": [-1]}}, "retry.default.0"),
        ({"retry": {"default": 5}}, "retry.default"),
        ({"retry": []}, "retry"),
        ({"rate": True}, "rate"),
        ({"speed": 1}, "speed"),
    ],
)
async def test_a_lane_that_makes_no_sense_is_refused_at_its_place(lane: Document, at: str) -> None:
    b = bench()
    with pytest.raises(Invalid) as refused:
        await b.configure({"connections": {"feed": {**FEED, "lane": lane}}})
    assert refused.value.at == f"connections.feed.lane.{at}"


async def test_manners_survive_export_and_apply() -> None:
    lane: Document = {
        "concurrency": 4, "rate": 2.5, "ordering": "key", "timeout_s": 7.0, "on_failure": "park", "park_after": 4,
        "deadline_s": 600.0, "retry": {"default": [1.0, 2.0]},
    }  # fmt: skip
    b = await feeding(lane)
    document = await b.hub.configure.export(TENANT)
    connections = document["connections"]
    assert isinstance(connections, dict)
    feed = connections["feed"]
    assert isinstance(feed, dict)
    assert feed["lane"] == lane
