"""Sending many again: counted, paced behind live traffic, cancelled, by the old rule or today's; edited and discarded."""

from __future__ import annotations

from collections import Counter

import pytest

from hub.app.delivery.fixes import UNKNOWN_FIX, suggested_fix
from hub.domain.deliveries import Delivery, Final, RetryPolicy
from hub.domain.errors import Conflict, Invalid, NotFound
from hub.domain.ids import DeliveryId
from hub.domain.replays import ReplayKind, ReplayState, ReplayWanted
from hub.ports.queue import DoneDelivery
from hub.ports.transport import HttpRequest
from tests.app.conftest import FEED, REPORT, action, rule
from tests.support.hubs import START, TENANT, Bench, bench, report

EVERY = rule(REPORT, "report.overall.score", "gt", 0, action("feed", "event.send"))


async def feed(**more: object) -> Bench:
    b = bench(retry=RetryPolicy(delays_s=()))
    await b.configure({"connections": {"feed": {**FEED, **more}}, "rules": {"all": EVERY}})  # type: ignore[dict-item]
    return b


async def dead(count: int, status: int = 500) -> Bench:
    b = await feed()
    b.vendor.answers(status)
    for start in range(0, count, 4):  # a few at a time: the breaker is for others to test
        await b.accept(*(report(key=f"r{n}", candidate=f"cand_{n}") for n in range(start, min(start + 4, count))))
        await b.deliver()
        b.clock.advance(120)
        await b.deliver()
    b.vendor.script.clear()
    b.vendor.answers(200)
    b.clock.advance(3600)
    return b


async def counts(b: Bench) -> Counter[str]:
    rows = await b.deliveries()
    return Counter(row.state.name.lower() if isinstance(row, Delivery) else str(row.final) for row in rows)


async def finish(b: Bench, ticks: int = 20) -> None:
    for _ in range(ticks):
        await b.hub.replays.advance()
        await b.deliver()
        b.clock.advance(1)


async def test_dead_letters_are_counted_then_released_all() -> None:
    b = await dead(8)
    assert await counts(b) == {"dead": 8}
    [group] = await b.hub.replays.dead(TENANT)
    assert (group.connection, group.operation, group.error, group.count) == ("feed", "event.send", "http_500", 8)
    wanted = ReplayWanted(error=group.error)
    assert await b.hub.replays.count(TENANT, wanted) == 8
    job = await b.hub.replays.start(TENANT, wanted, "hr")
    await finish(b)
    job = await b.hub.replays.job(TENANT, job.id)
    assert (job.state, job.done, job.skipped, job.total) == (ReplayState.DONE, 8, 0, 8)
    assert await counts(b) == {"dead": 8, "delivered": 8}
    assert await b.hub.replays.dead(TENANT) == []
    keys = Counter(post.headers["webhook-id"] for post in b.vendor.posts)
    assert set(keys.values()) == {2}, "what never succeeded keeps its key"


async def test_a_replay_keeps_its_pace() -> None:
    b = await dead(12)
    b.vendor.asked.clear()
    await b.hub.replays.start(TENANT, ReplayWanted(per_second=3), "hr")
    seen = []
    for _ in range(5):
        await b.hub.replays.advance()
        await b.deliver()
        seen.append(len(b.vendor.asked))
        b.clock.advance(1)
    assert seen == [3, 6, 9, 12, 12]


async def test_a_replay_waits_while_its_lane_is_behind() -> None:
    b = await dead(4)
    await b.accept(report(key="live", candidate="cand_live"))
    b.clock.advance(60)
    job = await b.hub.replays.start(TENANT, ReplayWanted(), "hr")
    await b.hub.replays.advance()
    assert (await b.hub.replays.job(TENANT, job.id)).done == 0
    await b.deliver()
    await finish(b)
    assert (await b.hub.replays.job(TENANT, job.id)).done == 4


async def test_a_cancelled_replay_goes_no_further() -> None:
    b = await dead(8)
    job = await b.hub.replays.start(TENANT, ReplayWanted(per_second=2), "hr")
    await b.hub.replays.advance()
    await b.hub.replays.cancel(TENANT, job.id, "hr")
    await finish(b)
    job = await b.hub.replays.job(TENANT, job.id)
    assert (job.state, job.done) == (ReplayState.CANCELLED, 2)
    with pytest.raises(Conflict):
        await b.hub.replays.cancel(TENANT, job.id, "hr")
    with pytest.raises(NotFound):
        await b.hub.replays.cancel(TENANT, 99, "hr")


async def test_each_replay_delivers_exactly_once_more() -> None:
    b = await feed()
    b.vendor.answers(200)
    await b.accept(report())
    await b.deliver()
    for round in (2, 3):
        await b.hub.replays.start(TENANT, ReplayWanted(finals=(Final.DELIVERED,)), "hr")
        await finish(b)
        assert len(b.vendor.posts) == round
    keys = [post.headers["webhook-id"] for post in b.vendor.posts]
    assert len(set(keys)) == 3, "a second effect was asked for, so no vendor may swallow it"


async def test_by_the_rule_as_it_is_now_or_as_it_was() -> None:
    b = await dead(2)
    mapping = {"name": "mine", "version": 1, "fields": [{"to": "score", "from": "report.overall.score"}]}
    changed = rule(REPORT, "report.overall.score", "gt", 0, action("feed", "event.send", mapping="mine@1"))
    await b.configure({"mappings": [mapping], "rules": {"all": changed}})  # type: ignore[list-item]
    b.vendor.asked.clear()
    await b.hub.replay(TENANT, DeliveryId(1), "hr")
    await b.deliver()
    await b.hub.replays.start(TENANT, ReplayWanted(current=True), "hr")
    await finish(b)
    old, new = (post for post in b.vendor.posts)
    assert "summary" in f"{old.json}{old.body!r}"
    assert "summary" not in f"{new.json}{new.body!r}"
    rows = [row for row in await b.deliveries() if row.replay_of is not None]
    assert [row.revision for row in rows] == [1, 2]


async def test_a_step_that_the_rule_no_longer_has_is_skipped_and_counted() -> None:
    b = await dead(2)
    changed = rule(REPORT, "report.overall.score", "gt", 0, action("feed", "event.send", id="other"))
    await b.configure({"rules": {"all": changed}})
    job = await b.hub.replays.start(TENANT, ReplayWanted(current=True), "hr")
    await finish(b)
    job = await b.hub.replays.job(TENANT, job.id)
    assert (job.state, job.done, job.skipped) == (ReplayState.DONE, 0, 2)


async def test_what_a_new_rule_wants_of_old_events_is_made_once() -> None:
    b = await feed()
    b.vendor.answers(200)
    await b.accept(*(report(key=f"r{n}", candidate=f"cand_{n}") for n in range(5)))
    await b.deliver()
    second = rule(REPORT, "report.overall.score", "gt", 0, action("late", "event.send", id="late"))
    await b.configure({"connections": {"late": FEED}, "rules": {"late": second}})
    for done in (5, 0):
        wanted = ReplayWanted(kind=ReplayKind.MISSING, since=START)
        job = await b.hub.replays.start(TENANT, wanted, "hr")
        await finish(b)
        job = await b.hub.replays.job(TENANT, job.id)
        assert (job.state, job.done) == (ReplayState.DONE, done)
    assert await counts(b) == {"delivered": 10}


@pytest.mark.parametrize(
    ("wanted", "at"),
    [(ReplayWanted(per_second=0), "per_second"), (ReplayWanted(kind=ReplayKind.MISSING), "since")],
)
async def test_a_replay_that_makes_no_sense_is_refused(wanted: ReplayWanted, at: str) -> None:
    with pytest.raises(Invalid) as refused:
        await bench().hub.replays.start(TENANT, wanted, "hr")
    assert refused.value.at == at


async def test_an_edited_payload_is_an_event_of_its_own_with_its_reason_on_record() -> None:
    b = await dead(1, status=422)
    data = {**report().data, "job": {"id": "job_2", "title": "Other"}}
    fresh = await b.hub.replay.edited(TENANT, DeliveryId(1), data, "the title was wrong", "hr")
    await b.deliver()
    [row] = [row for row in await b.deliveries() if row.id == fresh]
    assert isinstance(row, DoneDelivery)
    assert row.final is Final.DELIVERED
    last = b.vendor.posts[-1]
    assert isinstance(last, HttpRequest)
    assert "Other" in f"{last.json}{last.body!r}"
    event, _ = await b.hub.queries.event(TENANT, row.event)
    assert (event.source, event.cause.delivery if event.cause else None) == ("/hub/edited", 1)
    async with b.hub.store.look() as look:
        entry = next(row.act for row in await look.acts(TENANT, 1))
    assert (entry.action, entry.detail["reason"]) == ("delivery.edit", "the title was wrong")


async def test_an_edit_must_fit_and_say_why() -> None:
    b = await dead(1)
    with pytest.raises(Invalid):
        await b.hub.replay.edited(TENANT, DeliveryId(1), {"report": 7}, "x", "hr")
    with pytest.raises(Invalid):
        await b.hub.replay.edited(TENANT, DeliveryId(1), report().data, " ", "hr")
    with pytest.raises(NotFound):
        await b.hub.replay.edited(TENANT, DeliveryId(9), report().data, "x", "hr")
    assert await counts(b) == {"dead": 1}


def test_every_fix_is_said_in_both_languages() -> None:
    for error in (
        None,
        "http_422",
        "http_503",
        "mapping m@1: missing at name",
        "dns_failed",
        "internal:KeyError",
        "smtp_550",
    ):
        assert suggested_fix(error, "en") != suggested_fix(error, "zh-CN")
    assert suggested_fix("http_503", "en") != suggested_fix("http_422", "en") != UNKNOWN_FIX[0]
    assert suggested_fix("invalid_input:http_422", "en") == suggested_fix("http_422", "en")
