"""Retention passes by whom a legal hold keeps; a sweep that does not is caught."""

from __future__ import annotations

import pytest

from hub.adapters.memory.retention import MemoryRetention
from tests.app.test_retain import Passing
from tests.support.hubs import START, TENANT, Bench, bench, report
from tests.support.subjects import CANDIDATE

YEARS = 3 * 366 * 86_400


async def passed_by(b: Bench) -> None:
    """A held person's data are read as before when those of another are gone."""
    await b.hub.vault.prepare(TENANT)
    held, other = await b.accept(report(), report(key="other", candidate="cand_2"))
    hold = await b.hub.holds.ask(TENANT, CANDIDATE, "a court", "usr_hr")
    b.clock.advance(YEARS)
    await b.hub.retain()
    async with b.hub.store.look() as look:
        assert await look.event(TENANT, other) is None
        assert await look.event(TENANT, held) is not None
    assert (await b.hub.queries.event(TENANT, held))[1]["candidate"]
    await b.hub.holds.decide(TENANT, hold.id, "usr_s1", approve=False)
    await b.hub.retain()
    async with b.hub.store.look() as look:
        assert await look.event(TENANT, held) is None


async def test_a_held_person_is_passed_by() -> None:
    await passed_by(bench(clock=Passing(START)))


async def test_a_sweep_that_ignores_holds_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: nobody is held."""
    monkeypatch.setattr(MemoryRetention, "_held", lambda self: set())
    with pytest.raises(AssertionError):
        await passed_by(bench(clock=Passing(START)))
