"""Replays send again with a stated key; tokens open what their scopes say."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.domain.deliveries import Final
from hub.domain.errors import Conflict, Invalid, NotFound, Unauthorized
from hub.domain.ids import DeliveryId
from hub.ports.queue import DoneDelivery
from tests.support.hubs import TENANT, Bench, report

CREATED = b'{"id":"ref_9","status":"submitted"}'


async def test_replaying_what_was_delivered_asks_for_a_second_effect(referring: Bench) -> None:
    referring.vendor.answers(201, CREATED)
    await referring.accept(report())
    await referring.deliver()
    [done] = await referring.deliveries()
    for _ in range(2):
        await referring.hub.replay(TENANT, done.id, "somebody")
        await referring.deliver()
    keys = [post.headers["idempotency-key"] for post in referring.vendor.posts]
    assert len(keys) == len(set(keys)) == 3


async def test_replaying_what_died_keeps_its_key(referring: Bench) -> None:
    referring.vendor.answers(400)
    await referring.accept(report())
    for _ in range(4):
        await referring.deliver()
        referring.clock.advance(3600)
    [dead] = await referring.deliveries()
    assert isinstance(dead, DoneDelivery)
    assert dead.final is Final.DEAD
    referring.vendor.script[:] = []
    referring.vendor.answers(201, CREATED)
    fresh = await referring.hub.replay(TENANT, dead.id, "somebody")
    await referring.deliver()
    assert len({post.headers["idempotency-key"] for post in referring.vendor.posts}) == 1
    again = await referring.hub.queries.delivery(TENANT, fresh)
    assert isinstance(again, DoneDelivery)
    assert (again.final, again.replay_of) == (Final.DELIVERED, dead.id)
    async with referring.hub.store.look() as look:
        actions = [e.action for e in [row.act for row in await look.acts(TENANT, 50)]]
    assert "delivery.replay" in actions


async def test_what_is_under_way_cannot_be_replayed(referring: Bench) -> None:
    await referring.accept(report())
    [ready] = await referring.deliveries()
    with pytest.raises(Conflict):
        await referring.hub.replay(TENANT, ready.id, "somebody")
    with pytest.raises(NotFound):
        await referring.hub.replay(TENANT, DeliveryId(999), "somebody")


async def test_a_token_is_known_by_its_hash_alone(b: Bench) -> None:
    token, secret = await b.hub.access.make(TENANT, "ops", ["events:read"], "test")
    caller = await b.hub.access.check(secret)
    assert (caller.id, caller.scopes) == (token.id, frozenset({"events:read"}))
    async with b.hub.store.look() as look:
        assert secret not in repr(await look.tokens(TENANT))


async def test_a_wrong_a_revoked_and_an_expired_token_are_refused_alike(b: Bench) -> None:
    now = b.clock.now()
    gone, gone_secret = await b.hub.access.make(TENANT, "gone", ["events:read"], "test")
    _, late_secret = await b.hub.access.make(TENANT, "late", ["events:read"], "test", now + timedelta(seconds=5))
    assert await b.hub.access.revoke(TENANT, gone.id, "test")
    b.clock.advance(6)
    messages = set()
    for secret in ("hw_nobody", gone_secret, late_secret):
        with pytest.raises(Unauthorized) as caught:
            await b.hub.access.check(secret)
        messages.add(str(caught.value))
    assert len(messages) == 1


async def test_an_unknown_scope_is_refused(b: Bench) -> None:
    with pytest.raises(Invalid) as caught:
        await b.hub.access.make(TENANT, "x", ["everything"], "test")
    assert caught.value.code == "unknown_scope"


async def test_a_token_that_another_process_revoked_is_refused_a_second_later(b: Bench) -> None:
    token, secret = await b.hub.access.make(TENANT, "ops", ["events:read"], "test")
    await b.hub.access.check(secret)
    async with b.hub.store.work() as work:
        assert await work.revoke_token(TENANT, token.id, b.clock.now())
    b.clock.advance(1)
    with pytest.raises(Unauthorized):
        await b.hub.access.check(secret)
