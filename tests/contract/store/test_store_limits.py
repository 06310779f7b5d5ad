"""Buckets of limits: shared by all who draw from them, on every store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from hub.domain.limits import Drawn, Rate
from hub.ports.store import Store
from tests.support.stores import T0

RATE = Rate(10, 60.0)


async def drawn(store: Store, want: int, seconds: float = 0, key: str = "token:tok_1", rate: Rate = RATE) -> Drawn:
    async with store.work() as work:
        return await work.draw(key, rate, want, T0 + timedelta(seconds=seconds))


async def test_a_bucket_grants_what_the_rate_says_and_leaks(store: Store) -> None:
    assert await drawn(store, 4) == Drawn(4)
    assert await drawn(store, 9) == Drawn(6)
    for seconds, after in ((0, 6.0), (5, 1.0)):
        refused = await drawn(store, 1, seconds)
        assert (refused.granted, round(refused.after, 6)) == (0, after)
    assert await drawn(store, 3, 6) == Drawn(1)
    assert await drawn(store, 99, 600) == Drawn(10)


async def test_callers_have_buckets_of_their_own(store: Store) -> None:
    assert await drawn(store, 10) == Drawn(10)
    assert await drawn(store, 10, key="token:tok_2") == Drawn(10)


async def test_a_clock_that_goes_back_gives_nothing_away(store: Store) -> None:
    await drawn(store, 10, 60)
    assert (await drawn(store, 1, 0)).granted == 0
    assert (await drawn(store, 1, 61)).granted == 0


async def test_a_smaller_rate_holds_at_once(store: Store) -> None:
    await drawn(store, 10)
    assert (await drawn(store, 1, 30, rate=Rate(2, 60.0))).granted == 0


async def test_many_who_draw_at_once_get_the_rate_together(open_another: Callable[[], Store]) -> None:
    """Two processes, the first draw of all included: each call that is granted is granted once."""
    stores = [open_another(), open_another()]
    found = await asyncio.gather(*(drawn(stores[n % 2], 3) for n in range(12)))
    assert sum(one.granted for one in found) == 10


async def test_who_has_not_come_for_long_is_forgotten(store: Store) -> None:
    for number in range(5):
        await drawn(store, 1, number, key=f"token:{number}")
    async with store.work() as work:
        assert await work.forget_buckets(T0 + timedelta(seconds=3), limit=2) == 2
        assert await work.forget_buckets(T0 + timedelta(seconds=3), limit=2) == 1
        assert await work.forget_buckets(T0 + timedelta(seconds=3)) == 0
    assert (await drawn(store, 10, 4, key="token:4")).granted == 9
