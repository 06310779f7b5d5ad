"""Clocks that never go back, ids that only grow."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.adapters.clock import ManualClock, SeededIds, SystemClock, SystemIds
from hub.domain.ids import event_id
from hub.ports.clock import Clock, Ids

FAR = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)


def grows(values: list[datetime]) -> bool:
    return all(a <= b for a, b in itertools.pairwise(values))


def test_the_system_clock_tells_utc_and_starts_at_the_machines_time() -> None:
    clock: Clock = SystemClock()
    before = datetime.now(UTC)
    told = clock.now()
    assert told.utcoffset() == timedelta()
    assert abs(told - before) < timedelta(seconds=30)
    assert clock.monotonic() <= clock.monotonic()


def test_an_anchored_clock_follows_the_database_and_goes_on_from_there() -> None:
    beijing = timezone(timedelta(hours=8))
    clock = SystemClock.anchored(FAR.astimezone(beijing))
    told = clock.now()
    assert told.utcoffset() == timedelta()
    assert FAR <= told < FAR + timedelta(seconds=30)


def test_a_wall_clock_set_back_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SystemClock()
    first = clock.now()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert clock.now() >= first


@given(st.lists(st.integers(min_value=-(10**6), max_value=10**6), max_size=20))
def test_anchoring_anywhere_never_moves_it_back(offsets: list[int]) -> None:
    clock = SystemClock.anchored(FAR)
    told = [clock.now()]
    for offset in offsets:
        clock.anchor(FAR + timedelta(seconds=offset))
        told += [clock.now(), clock.now()]
    assert grows(told)


def test_a_clock_ahead_of_its_anchor_goes_slowly_until_it_comes_and_one_behind_jumps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It must not stand: retries and the leases of dead workers would wait for as long as the clock was wrong."""
    passed = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: passed)
    clock = SystemClock.anchored(FAR)
    clock.anchor(FAR - timedelta(hours=1))
    assert clock.now() == FAR
    passed = 600.0
    assert clock.now() == FAR + timedelta(minutes=5)
    passed = 7200.0
    assert clock.now() == FAR + timedelta(hours=1)
    passed = 10800.0
    assert clock.now() == FAR + timedelta(hours=2), "caught up, and as quick as any other"
    clock.anchor(FAR + timedelta(hours=5))
    assert clock.now() == FAR + timedelta(hours=5)


def test_a_clock_that_nobody_has_asked_begins_where_it_is_told_to() -> None:
    """A worker on a machine whose clock is an hour ahead of the database's."""
    clock = SystemClock()
    clock.begin(clock.now() - timedelta(hours=1))
    there = clock.now()
    assert there < datetime.now(UTC) - timedelta(minutes=59)
    clock.anchor(there + timedelta(seconds=1))
    assert clock.now() >= there + timedelta(seconds=1)


async def test_the_system_clock_sleeps_not_at_all_for_a_time_that_passed() -> None:
    await asyncio.wait_for(SystemClock().sleep(-5), 5)


@pytest.mark.parametrize("kind", ["system", "seeded"])
def test_event_ids_are_version_7_carry_the_time_and_grow(kind: str) -> None:
    clock = ManualClock(FAR)
    ids: Ids = SystemIds(clock) if kind == "system" else SeededIds(clock)
    made = []
    for step in range(2000):
        made.append(ids.event())
        if step % 500 == 499:
            clock.advance(0.001)
    assert made == sorted(set(made))
    for text in made:
        value = uuid.UUID(event_id(text).removeprefix("evt_"))
        assert (value.version, value.variant) == (7, uuid.RFC_4122)
        assert 0 <= (value.int >> 80) - int(FAR.timestamp() * 1000) <= 4


def test_event_ids_grow_even_where_the_clock_goes_back() -> None:
    class Wayward(ManualClock):
        """Goes back a second at each look."""

        def now(self) -> datetime:
            self._passed -= timedelta(seconds=1)
            return super().now()

    ids = SystemIds(Wayward(FAR))
    made = [ids.event() for _ in range(100)]
    assert made == sorted(set(made))


def test_event_ids_grow_past_a_full_counter() -> None:
    ids = SystemIds(ManualClock(FAR))
    first = ids.event()
    ids._uuid7._counter = (1 << 42) - 1
    assert first < ids.event() < ids.event()


def test_threads_never_get_the_same_id() -> None:
    ids = SystemIds(SystemClock())
    made: list[list[str]] = [[] for _ in range(4)]
    threads = [
        threading.Thread(target=lambda mine=mine: mine.extend(ids.event() for _ in range(2000))) for mine in made
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id for mine in made for id in mine}) == 8000
    assert all(mine == sorted(mine) for mine in made)


def test_a_forked_process_does_not_repeat_its_parents_ids() -> None:
    ids = SystemIds(SystemClock())
    ids.event()
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(theirs, ids.event().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert ids.event()[-8:] != os.read(ours, 100).decode()[-8:]
    os.close(ours)
    os.close(theirs)


def test_tokens_are_hex_of_the_size_and_differ() -> None:
    ids = SystemIds(SystemClock())
    assert len(ids.token()) == 32
    assert len(bytes.fromhex(ids.token(24))) == 24
    assert len({ids.token() for _ in range(1000)}) == 1000


@pytest.mark.parametrize("ids", [SystemIds(SystemClock()), SeededIds(ManualClock())])
def test_spread_stays_within_its_bounds(ids: Ids) -> None:
    assert all(0 <= ids.spread() < 1 for _ in range(1000))


def test_one_seed_gives_one_story_and_another_gives_another() -> None:
    def story(seed: int) -> list[object]:
        clock = ManualClock(FAR)
        ids = SeededIds(clock, seed)
        return [ids.event(), ids.token(), ids.spread(), ids.event()]

    assert story(1) == story(1) != story(2)


async def test_a_manual_clock_wakes_sleepers_in_their_order_and_not_before() -> None:
    clock = ManualClock(FAR)
    woken: list[str] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(name)

    async with asyncio.TaskGroup() as tasks:
        for name, seconds in (("late", 9.0), ("early", 1.0), ("same", 1.0)):
            tasks.create_task(sleeper(name, seconds))
        await clock.until_asleep(3)
        assert clock.next_wake == 1.0
        clock.advance(0.5)
        assert clock.sleeping == 3
        clock.advance(100)
        assert clock.sleeping == 0
    assert woken == ["early", "same", "late"]
    assert clock.now() == FAR + timedelta(seconds=100.5)
    assert clock.monotonic() == 100.5
    assert clock.next_wake is None


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(5))
    await clock.until_asleep()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert clock.sleeping == 0
    assert clock.next_wake is None
    clock.advance(10)


async def test_sleeping_for_nothing_lets_others_run_and_returns() -> None:
    clock = ManualClock()
    await clock.sleep(0)
    await clock.sleep(-1)
    assert clock.sleeping == 0


def test_a_manual_clock_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="back"):
        ManualClock().advance(-1)
