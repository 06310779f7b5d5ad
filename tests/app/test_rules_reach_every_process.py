"""What one process changes about rules is in force in another half a second later, on every store."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hub.adapters.clock import ManualClock
from hub.app.library import REFRESH_S
from hub.ports.store import Store
from tests.app.conftest import HIGH_SCORE, REFERRALS
from tests.support.hubs import TENANT, Bench, bench, report


@pytest.fixture
async def two(store: Store, open_another: Callable[[], Store]) -> tuple[Bench, Bench]:
    """Two hubs on one database, as two processes have them."""
    one, other = bench(store, seed=1), bench(open_another(), clock=ManualClock(), seed=2)
    other.clock.advance((one.clock.now() - other.clock.now()).total_seconds())
    for hub in (one.hub, other.hub):
        await hub.vault.prepare(TENANT)
    await one.configure({"connections": {"referrals": REFERRALS}, "rules": {"high score": HIGH_SCORE}})
    return one, other


async def test_pause_resume_and_the_kill_switch_take_effect_in_the_other_process(two: tuple[Bench, Bench]) -> None:
    one, other = two
    assert REFRESH_S <= 1.0
    count = 0

    async def acts() -> bool:
        nonlocal count
        count += 1
        other.clock.advance(REFRESH_S)
        [event] = await other.accept(report(score=91, key=f"k{count}"))
        return bool(await other.deliveries(event))

    life = one.hub.lifecycle
    assert await acts()
    await life.turn(TENANT, "high score", "paused", "ann")
    assert not await acts()
    await life.turn(TENANT, "high score", "live", "ann")
    assert await acts()
    await one.hub.kill_switch.stop(TENANT, "ann")
    assert not await acts()
    await one.hub.kill_switch.resume(TENANT, "ann")
    assert await acts()
    await life.turn(TENANT, "high score", "observe", "ann")
    assert not await acts()
