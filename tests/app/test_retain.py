"""Sweeps: what is over goes in small steps, each kind by itself, and is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.adapters.clock import ManualClock
from hub.adapters.memory import MemoryStore
from hub.app import retain as module
from hub.app.retain import Retain
from hub.domain.errors import Invalid, Unavailable
from hub.domain.retention import DEFAULT_DAYS, Cuts, Keep, Kind
from hub.ports.retention import Removed
from hub.ports.store import Store
from tests.app.conftest import HIGH_SCORE, REFERRALS
from tests.support.arrivals import accept, arrival
from tests.support.hubs import START, TENANT, bench, report
from tests.support.stores import T0
from tests.support.voices import RememberingMeter


class Passing(ManualClock):
    """A clock on which waiting takes its time by itself."""

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)


async def test_a_story_from_acceptance_to_its_end(store: Store) -> None:
    clock = Passing(START)
    b = bench(store, clock=clock)
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"referrals": REFERRALS}, "rules": {"high score": HIGH_SCORE}})
    b.vendor.answers(201, b'{"referral": {"id": "r"}}')
    [event] = await b.accept(report())
    await b.deliver()
    clock.advance(timedelta(days=179).total_seconds())
    assert set((await b.hub.retain()).values()) <= {0, 1}  # its try, where those do not go by weeks
    assert [d.event for d in await b.deliveries()] == [event]
    assert (await b.hub.ingest(TENANT, [report()]))[0].id == event  # still known, and known anew from here
    clock.advance(timedelta(days=2).total_seconds())
    looked = {one.kind: one.over for one in await b.hub.retain.look(TENANT)}
    assert (looked[Kind.EVENTS], looked[Kind.DELIVERIES], looked[Kind.DEAD_LETTERS]) == (1, 1, 0)
    gone = await b.hub.retain.run("cli:test")
    assert (gone[Kind.EVENTS], gone[Kind.DELIVERIES], gone[Kind.IDENTITIES]) == (1, 1, 0)
    assert await b.deliveries() == []
    async with store.look() as look:
        [entry] = [row.act for row in await look.acts(TENANT, 1)]
    assert (entry.action, entry.actor, entry.detail["events"]) == ("retention.run", "cli:test", 1)
    assert b.meter.sweeps["events"] == (1, None, False)
    assert (await b.hub.ingest(TENANT, [report()]))[0].id == event
    assert await b.accept(report(key="new"))


async def test_steps_are_small_and_a_kind_whose_time_is_up_is_said_to_be_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, meter = Passing(T0), RememberingMeter()
    asked: list[int] = []

    class Endless(MemoryStore):
        def work(self):  # type: ignore[no-untyped-def]
            return _Endless(super().work(), asked)

    store = Endless(clock)
    retain = Retain(store, clock, meter, Keep())
    gone = await retain()
    assert set(asked) == {module.STEP}
    steps = module.KIND_S / module.PAUSE_S
    assert steps * 0.9 < gone[Kind.EVENTS] / 500 < steps * 1.1
    assert meter.sweeps["events"][2]
    assert not meter.sweeps["backtests"][2]


class _Endless:
    """A transaction in which there is always one more step of events."""

    def __init__(self, inner: object, asked: list[int]) -> None:
        self._inner, self._asked = inner, asked

    async def __aenter__(self) -> _Endless:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def remove(self, kind: Kind, cuts: Cuts, *, after: str, limit: int) -> Removed:
        self._asked.append(limit)
        return Removed(500, "next") if kind is Kind.EVENTS else Removed(0)


async def test_a_kind_that_fails_does_not_keep_the_others_and_the_sweep_counts_as_failed() -> None:
    clock, meter = Passing(T0), RememberingMeter()

    class Busy(MemoryStore):
        def work(self):  # type: ignore[no-untyped-def]
            return _Busy()

    class _Busy(_Endless):
        def __init__(self) -> None:
            super().__init__(None, [])

        async def remove(self, kind: Kind, cuts: Cuts, *, after: str, limit: int) -> Removed:
            if kind is Kind.ATTEMPTS:
                raise Unavailable("locked", code="store_unavailable")
            return Removed(0)

    with pytest.raises(Unavailable):
        await Retain(Busy(clock), clock, meter, Keep())()
    assert set(meter.sweeps) == {str(kind) for kind in Kind} - {"attempts"}
    assert ("retention.failed", {"kind": "attempts", "code": "store_unavailable"}) in meter.notes


async def test_a_stopping_process_ends_after_its_step() -> None:
    clock = Passing(T0)
    store = MemoryStore(clock)
    await accept(store, arrival(1))
    clock.advance(1e9)
    retain = Retain(store, clock, RememberingMeter(), Keep())
    retain.stop()
    assert await retain() == {}


def test_days_are_read_and_written() -> None:
    assert Keep.read("").days == DEFAULT_DAYS
    keep = Keep.read(" events = 30 , attempts=0")
    assert (keep.days[Kind.EVENTS], keep.days[Kind.ATTEMPTS], keep.days[Kind.RUNS]) == (30, 0, 180)
    assert Keep.read(keep.written()) == keep
    assert Kind.ATTEMPTS not in keep.cuts(T0)
    for text in ("event=3", "events", "events=-1", "events=1.5", "events=99999", "events=³"):
        with pytest.raises(Invalid):
            Keep.read(text)
