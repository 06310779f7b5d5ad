"""Delivering: retries are rows, Retry-After moves the lane, what cannot succeed is dead, nobody drags others down."""

from __future__ import annotations

from hub.domain.connections import ConnectionState
from hub.domain.deliveries import Delivery, Final, RetryPolicy, State
from hub.ports.queue import DoneDelivery
from hub.ports.transport import NeedsReauth, NotSent, Unknown
from tests.app.conftest import CHECKS, FEED, ORDER_CHECK, REPORT, action, rule
from tests.support.hubs import TENANT, Bench, bench, report

CREATED = b'{"id":"ref_9","status":"submitted"}'


async def ended(b: Bench) -> DoneDelivery:
    [delivery] = await b.deliveries()
    assert isinstance(delivery, DoneDelivery)
    return delivery


async def live(b: Bench) -> Delivery:
    [delivery] = await b.deliveries()
    assert isinstance(delivery, Delivery)
    return delivery


async def test_a_delivery_reaches_the_vendor_once(referring: Bench) -> None:
    referring.vendor.answers(201, CREATED)
    await referring.accept(report())
    await referring.deliver(rounds=3)
    done = await ended(referring)
    assert (done.final, done.attempts, done.reference) == (Final.DELIVERED, 1, "ref_9")
    assert len(referring.vendor.posts) == 1


async def test_a_failure_is_tried_again_later_with_the_same_key(referring: Bench) -> None:
    referring.vendor.answers(503).then(201, CREATED)
    await referring.accept(report())
    await referring.deliver()
    waiting = await live(referring)
    assert (waiting.state, waiting.attempt) == (State.READY, 1)
    assert waiting.due_at > referring.clock.now()
    await referring.deliver()
    assert len(referring.vendor.posts) == 1
    referring.clock.advance(6.1)
    await referring.deliver()
    assert (await ended(referring)).final is Final.DELIVERED
    assert len({post.headers["idempotency-key"] for post in referring.vendor.posts}) == 1


async def test_retry_after_holds_the_lane_and_costs_no_try(referring: Bench) -> None:
    referring.vendor.answers(429, headers={"retry-after": "7"}).then(201, CREATED)
    await referring.accept(report(key="one"))
    await referring.deliver()
    held = await live(referring)
    assert (held.attempt, held.deferrals) == (0, 1)
    await referring.accept(report(key="two"))
    await referring.deliver()
    assert len(referring.vendor.posts) == 1
    referring.clock.advance(7.1)
    await referring.deliver()
    assert len(referring.vendor.posts) == 3


async def test_the_last_failed_try_is_dead() -> None:
    b = bench(retry=RetryPolicy(delays_s=(1, 1)))
    await b.configure(
        {
            "connections": {"feed": FEED},
            "rules": {"all": rule(REPORT, "report.overall.score", "gt", 0, action("feed", "event.send"))},
        }
    )
    b.vendor.answers(500)
    await b.accept(report())
    for _ in range(5):
        await b.deliver()
        b.clock.advance(2)
    assert (await ended(b)).final is Final.DEAD
    assert (await ended(b)).attempts == 3


async def test_a_wrong_payload_gets_three_tries_and_then_is_dead(referring: Bench) -> None:
    referring.vendor.answers(422, b'{"error":"no"}')
    await referring.accept(report())
    for _ in range(5):
        await referring.deliver()
        referring.clock.advance(3600)
    done = await ended(referring)
    assert done.final is Final.DEAD
    assert done.attempts <= 3


async def test_an_answer_that_may_have_been_lost_is_tried_again_with_the_same_key(referring: Bench) -> None:
    referring.vendor.fails(Unknown("cut")).then(201, CREATED)
    await referring.accept(report())
    await referring.deliver()
    referring.clock.advance(6.1)
    await referring.deliver()
    assert (await ended(referring)).final is Final.DELIVERED
    assert len({post.key for post in referring.vendor.posts}) == 1


async def test_a_vendor_that_cannot_be_reached_is_tried_again(referring: Bench) -> None:
    referring.vendor.fails(NotSent("refused")).then(201, CREATED)
    await referring.accept(report())
    await referring.deliver()
    referring.clock.advance(6.1)
    await referring.deliver()
    assert (await ended(referring)).final is Final.DELIVERED


async def test_gone_switches_the_connection_off_and_holds(referring: Bench) -> None:
    referring.vendor.answers(410)
    await referring.accept(report(key="one"))
    await referring.deliver()
    assert (await live(referring)).state is State.HELD
    await referring.accept(report(key="two"))
    await referring.deliver()
    assert len(referring.vendor.posts) == 1
    async with referring.hub.store.look() as look:
        connection = await look.connection(TENANT, "referrals")
    assert connection is not None
    assert connection.state is ConnectionState.DISABLED
    referring.vendor.script[:] = []
    referring.vendor.answers(201, CREATED)
    async with referring.hub.store.work() as work:
        await work.set_connection_state(connection.id, ConnectionState.ACTIVE)
    await referring.deliver(rounds=2)
    assert {d.final for d in await referring.deliveries() if isinstance(d, DoneDelivery)} == {Final.DELIVERED}
    assert len(await referring.deliveries()) == 2


async def test_refused_credentials_stop_the_connection(referring: Bench) -> None:
    referring.vendor.fails(NeedsReauth("invalid_client"))
    await referring.accept(report())
    await referring.deliver()
    async with referring.hub.store.look() as look:
        connection = await look.connection(TENANT, "referrals")
    assert connection is not None
    assert connection.state is ConnectionState.NEEDS_REAUTH


async def test_a_poisoned_delivery_does_not_stop_the_batch(referring: Bench) -> None:
    def explode(request: object) -> None:
        raise RecursionError("a fault in a connector")

    referring.vendor.does(explode)  # type: ignore[arg-type]
    referring.vendor.then(201, CREATED)
    await referring.accept(report(key="one"))
    await referring.accept(report(key="two"))
    await referring.deliver()
    states = sorted(type(d).__name__ for d in await referring.deliveries())
    assert states == ["Delivery", "DoneDelivery"]


async def test_without_consent_nothing_is_ordered(b: Bench) -> None:
    await b.configure({"connections": {"checks": CHECKS}, "rules": {"check": ORDER_CHECK}})
    await b.accept(report(consents=()))
    await b.deliver()
    assert b.vendor.asked == []
    [held] = await b.deliveries()
    assert isinstance(held, Delivery)
    assert held.state is State.HELD


async def test_a_dead_worker_s_delivery_is_taken_over(referring: Bench) -> None:
    referring.vendor.answers(201, CREATED)
    await referring.accept(report())
    from datetime import timedelta

    from hub.ports.queue import LaneCall

    [delivery] = await referring.deliveries()
    now = referring.clock.now()
    async with referring.hub.store.work() as work:
        calls = [LaneCall(delivery.connection, 1)]
        [stolen] = await work.claim(calls, now=now, lease=timedelta(seconds=60), token="dead")
    await referring.deliver()
    assert referring.vendor.posts == []
    referring.clock.advance(61)
    await referring.deliver()
    done = await ended(referring)
    assert (done.final, done.attempts) == (Final.DELIVERED, 2)
    late = await referring.hub.deliver(stolen)
    async with referring.hub.store.work() as work:
        assert await work.complete([late], now=referring.clock.now()) == frozenset({delivery.id})
    assert (await ended(referring)).final is Final.DELIVERED


async def test_an_attempt_keeps_what_was_said_but_no_credentials(referring: Bench) -> None:
    referring.vendor.answers(201, CREATED)
    await referring.accept(report())
    await referring.deliver()
    [view] = await referring.hub.queries.attempts(TENANT, (await ended(referring)).id)
    assert view.attempt.status == 201
    assert "ada@example.com" in str(view.talk)
    assert view.attempt.talk is not None
    assert b"ada@example.com" not in view.attempt.talk
    assert "Bearer" not in str(view.talk)
