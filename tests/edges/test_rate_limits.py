"""Limits on calls: counted over all processes, cheap, told with the time after which to come again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import AsyncTestClient

from hub.adapters.clock import ManualClock
from hub.adapters.db import migrate
from hub.adapters.http import standard_webhooks
from hub.app.access import SCOPES
from hub.app.limits import HANDFULS, KEPT_S, KNOWN, Limiter
from hub.domain.errors import Invalid, Unavailable
from hub.domain.limits import Limit, Rate
from hub.settings import Settings
from hub.web.app import create_app
from tests.edges.probes import HOOK, SINGLE, event
from tests.edges.served import WHSEC, request, served
from tests.support.hubs import START, TENANT, Bench, bench
from tests.support.one_app import no_metrics


def counted(b: Bench) -> list[str]:
    """Keys that the store was asked for, from now on."""
    asked: list[str] = []
    real = b.hub.store.work

    @asynccontextmanager
    async def work() -> AsyncIterator[Any]:
        asked.append("work")
        async with real() as one:
            yield one

    b.hub.store.work = work  # type: ignore[method-assign]
    return asked


def limiter(b: Bench, **rates: Rate) -> Limiter:
    chosen = {Limit(name): rate for name, rate in rates.items()}
    return Limiter(b.hub.store, b.hub.vault, b.clock, b.meter, chosen)


async def let_through(limits: Limiter, calls: int, limit: Limit = Limit.TOKEN, key: str = "k") -> int:
    passed = 0
    for _ in range(calls):
        with contextlib.suppress(Unavailable):
            await limits(limit, key)
            passed += 1
    return passed


async def test_what_is_over_is_refused_and_may_come_again() -> None:
    b = bench()
    limits = limiter(b, token=Rate(32, 60.0))
    assert await let_through(limits, 50) == 32
    with pytest.raises(Unavailable) as caught:
        await limits(Limit.TOKEN, "k")
    assert caught.value.after is not None
    b.clock.advance(caught.value.after + 0.001)
    assert await let_through(limits, 5) == 1
    assert b.meter.limits.count("token") == 18 + 1 + 4
    assert ("limit.reached", {"limit": "token"}) in b.meter.notes


async def test_processes_share_a_limit_and_overshoot_by_no_more_than_a_handful_each() -> None:
    b = bench()
    rate = Rate(320, 60.0)
    fleet = [limiter(b, token=rate) for _ in range(4)]
    passed = 0
    for _ in range(200):
        for one in fleet:
            passed += await let_through(one, 1)
    assert 320 - 4 * (320 // HANDFULS) <= passed <= 320
    b.clock.advance(60)
    again = sum([await let_through(one, 200) for one in fleet])
    assert again <= 320 + 4 * (320 // HANDFULS)


async def test_planted_processes_that_share_nothing_are_seen() -> None:
    """The check above can fail: with a store each, four processes let through four times as much."""
    fleet = [limiter(bench(), token=Rate(320, 60.0)) for _ in range(4)]
    assert sum([await let_through(one, 400) for one in fleet]) == 4 * 320


async def test_hardly_any_call_asks_the_store() -> None:
    b = bench()
    asked = counted(b)
    limits = limiter(b, token=Rate(300_000, 60.0))
    assert await let_through(limits, 5000) == 5000
    assert len(asked) == 10
    assert await let_through(limits, 300, key="other") == 300
    assert len(asked) == 11


async def test_a_crowd_that_comes_at_once_draws_once() -> None:
    b = bench()
    asked = counted(b)
    limits = limiter(b, token=Rate(3200, 60.0))
    await asyncio.gather(*(limits(Limit.TOKEN, "k") for _ in range(150)))
    assert len(asked) == 1


async def test_refusals_ask_nobody() -> None:
    b = bench()
    limits = limiter(b, token=Rate(1, 60.0))
    assert await let_through(limits, 2) == 1
    asked = counted(b)
    assert await let_through(limits, 500) == 0
    assert asked == []


async def test_a_handful_does_not_keep_for_ever() -> None:
    b = bench()
    limits = limiter(b, token=Rate(160, 3600.0))
    await limits(Limit.TOKEN, "k")
    asked = counted(b)
    b.clock.advance(KEPT_S + 1)
    await limits(Limit.TOKEN, "k")
    assert len(asked) == 1


async def test_a_process_keeps_a_bounded_number_of_callers_in_mind() -> None:
    b = bench()
    limits = limiter(b, token=Rate(100, 60.0))
    for number in range(KNOWN + 200):
        await limits(Limit.TOKEN, str(number))
    assert len(limits._drawn) <= KNOWN


async def test_without_a_rate_there_is_no_limit_and_no_cost() -> None:
    b = bench()
    asked = counted(b)
    assert await let_through(limiter(b), 100) == 100
    assert asked == []


async def test_no_address_is_stored() -> None:
    b = bench()
    await b.hub.vault.prepare(TENANT)
    limits = limiter(b, stranger=Rate(9, 60.0))
    for address in ("192.0.2.77", "::ffff:192.0.2.77", "2001:db8::1", "2001:db8::2", "not an address"):
        await limits.stranger(address)
    keys = {key for _, key in limits._drawn}
    assert len(keys) == 3  # one of IPv4, one /64, one for what is none
    assert not any("192" in key or "2001" in key for key in keys)


@asynccontextmanager
async def api(b: Bench, **rates: Rate) -> AsyncIterator[tuple[AsyncTestClient[Any], dict[str, str]]]:
    await b.hub.vault.prepare(TENANT)
    for name, rate in rates.items():
        b.hub.limits.rates[Limit(name)] = rate  # type: ignore[index]
    _, token = await b.hub.access.make(TENANT, "test", SCOPES, "test")
    async with AsyncTestClient(create_app(b.hub, no_metrics, "0")) as client:
        yield client, {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize("name", ["token", "tenant"])
async def test_a_caller_over_its_limit_gets_429(name: str) -> None:
    async with api(bench(clock=ManualClock(START)), **{name: Rate(3, 60.0)}) as (client, auth):
        answers = [await client.get("/v1/rules", headers=auth) for _ in range(5)]
        assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
        assert answers[-1].json()["code"] == "rate_limited"
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 20
        assert (await client.get("/health/ready")).status_code == 200


async def test_strangers_are_shut_out_and_neighbours_who_are_known_are_not() -> None:
    b = bench(clock=ManualClock(START))
    async with api(b, stranger=Rate(5, 60.0)) as (client, auth):
        assert (await client.get("/v1/rules", headers=auth)).status_code == 200
        wrong = [await client.get("/v1/rules", headers={"authorization": f"Bearer hw_{n}"}) for n in range(9)]
        assert [one.status_code for one in wrong] == [401] * 5 + [429] * 4
        assert (await client.get("/v1/rules", headers=auth)).status_code == 200
        asked: list[str] = []
        b.hub.store.look = lambda: asked.append("look")  # type: ignore[method-assign,assignment,return-value]
        assert (await client.get("/v1/rules", headers={"authorization": "Bearer hw_x"})).status_code == 429
        assert asked == []


async def test_a_forged_hook_counts_against_its_address_and_not_its_connection() -> None:
    b = bench(clock=ManualClock(START))
    async with api(b, stranger=Rate(3, 60.0), hook=Rate(2, 60.0)) as (client, _):
        from tests.app.conftest import REFERRALS

        await b.configure({"connections": {"referrals": REFERRALS}})
        async with b.hub.store.look() as look:
            handle = (await look.connections(TENANT))[0].handle
        forged = [await client.post(f"/v1/hooks/{handle}", content=b"{}") for _ in range(5)]
        assert [one.status_code for one in forged] == [401, 401, 401, 429, 429]
        good = {"x-test-signature": "good"}
        bodies = [
            json.dumps({"id": f"w{n}", "type": "referral.updated", "data": {"id": "r"}}).encode() for n in range(4)
        ]
        proved = [await client.post(f"/v1/hooks/{handle}", content=body, headers=good) for body in bodies]
        assert [one.status_code for one in proved] == [200, 200, 429, 429]


@pytest.mark.parametrize("text", ["0/60", "60", "60/0", "x/60", "-1/60", "60/60/60", "1/90000", "1e3/60", "٣/60"])
def test_rates_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        Settings.read({"HIREWIRE_LIMIT_TOKEN": text})
    assert caught.value.at == "HIREWIRE_LIMIT_TOKEN"


def test_rates_can_be_switched_off() -> None:
    assert Limit.TOKEN not in Settings.read({"HIREWIRE_LIMIT_TOKEN": "off"}).rates
    assert Settings.read({}).rates[Limit.STRANGER] == Rate(1000, 60.0)


def test_a_burst_of_hooks_is_cut_off_per_connection(tmp_path: Path) -> None:
    """Two processes on one store let through what one may, and what was answered 200 is stored."""
    database = f"sqlite:///{tmp_path}/hirewire.db"
    migrate(database)
    with served(tmp_path, database, HIREWIRE_LIMIT_HOOK="48/600", HIREWIRE_LIMIT_TOKEN="32/600") as hub:
        hub.start()
        handle = hub.handles["hooks"]
        there = [hub.send(request("POST", f"/v1/hooks/{handle}", proved(n), HOOK)) for n in range(30)]
        assert {answer.status for answer in there} == {200}

        async def here(use: Any) -> list[bool]:
            passed = []
            for number in range(30, 60):
                try:
                    passed.append((await use.receive(handle, proved(number), HOOK)).fresh)
                except Unavailable as error:
                    passed.append(error.code != "rate_limited")
            return passed

        passed = 30 + sum(hub.act(here))
        assert 48 - 48 // HANDFULS <= passed <= 48
        refused = [hub.send(request("POST", f"/v1/hooks/{handle}", proved(n), HOOK)) for n in range(60, 64)]
        assert {(answer.status, answer.code) for answer in refused[-2:]} == {(429, "rate_limited")}
        assert 1 <= int(refused[-1].headers["retry-after"]) <= 600
        listed = json.loads(hub.ask("GET", "/v1/events?type=hook.received&limit=200").body)["items"]
        assert len(listed) == passed + sum(answer.status == 200 for answer in refused)
        body = json.dumps(event(key="after")).encode()
        assert hub.ask("POST", "/v1/events", body, content_type=SINGLE).status == 202


def proved(number: int) -> dict[str, str]:
    """The headers of a vendor's hook of this number."""
    now = int(time.time())
    return {
        "webhook-id": f"msg_{number}",
        "webhook-timestamp": str(now),
        "webhook-signature": standard_webhooks.sign(WHSEC, f"msg_{number}", now, HOOK),
    }
