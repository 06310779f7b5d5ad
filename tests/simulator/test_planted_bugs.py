"""The simulator is believed because it finds bugs: each of these, put into the real code, turns it red within N seeds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from hub.adapters.memory import deliveries, events
from hub.adapters.memory.deliveries import MemoryDeliveries
from hub.adapters.memory.events import MemoryEvents
from hub.adapters.memory.tables import Key, LiveTable, Tables
from hub.app.delivery import deliver
from hub.app.delivery.suspects import Suspects
from hub.app.groups import GroupCommit
from hub.bootstrap import assembly
from hub.domain.deliveries import Delivered, Delivery, State, delivery_key
from hub.ports.arrivals import Arrival, Receipt
from tests.simulator.world import simulate

Patch = Callable[[pytest.MonkeyPatch], None]


def no_dedupe(patch: pytest.MonkeyPatch) -> None:
    """What was accepted before is not recognised."""
    real = MemoryEvents.accept

    async def accept(self: MemoryEvents, arrivals: Any) -> Any:
        self._tables.identities._rows.clear()
        return await real(self, arrivals)

    patch.setattr(MemoryEvents, "accept", accept)


def no_fence(patch: pytest.MonkeyPatch) -> None:
    """Whoever completes is believed, lease or not."""
    patch.setattr(deliveries, "_held_by", lambda row, claimed: True)


def key_per_attempt(patch: pytest.MonkeyPatch) -> None:
    """Every try has an idempotency key of its own."""

    def key(self: Delivery) -> str:
        return delivery_key(self.event, self.connection, f"{self.step}#{self.attempt}")

    patch.setattr(Delivery, "key", property(key))


def completes_before_sending(patch: pytest.MonkeyPatch) -> None:
    """The delivery is recorded as done, then the vendor is told."""
    real, kept = deliver.converse, set()

    async def converse(*args: Any) -> Any:
        kept.add(asyncio.get_running_loop().create_task(real(*args)))
        return Delivered()

    patch.setattr(deliver, "converse", converse)


def promotes_over_a_live_head(patch: pytest.MonkeyPatch) -> None:
    """The next of a key is let go although the one before is still under way."""

    def promote(tables: Tables, keys: Mapping[Key, None], now: datetime | None = None) -> int:
        for key in keys:
            waiting = tables.live.waiting.get(key)
            if waiting:
                first = tables.live.get(waiting[0])
                assert first is not None
                tables.live.put(first.id, replace(first, state=State.READY))
        return 0

    real = LiveTable._index

    def index(self: LiveTable, old: Delivery | None, new: Delivery | None) -> None:
        """As the unique index would not be there."""
        try:
            real(self, old, new)
        except AssertionError:
            assert new is not None
            assert new.okey is not None
            self.heads[(new.connection, new.okey)] = new.id

    patch.setattr(LiveTable, "_index", index)
    patch.setattr(events, "promote", promote)
    patch.setattr(deliveries, "promote", promote)


def no_renewal(patch: pytest.MonkeyPatch) -> None:
    """Leases are not prolonged."""

    async def renew(self: MemoryDeliveries, *args: Any) -> int:
        return 0

    patch.setattr(MemoryDeliveries, "renew", renew)


def answers_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    """The client hears yes while the event is still on its way to the store."""
    real, kept = assembly.commit_arrivals, set()

    class Hasty:
        def __init__(self, group: GroupCommit[Arrival, Receipt]) -> None:
            self._group = group

        async def put(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
            kept.add(asyncio.get_running_loop().create_task(self._group.put(arrivals)))
            return [Receipt(arrival.event.id, fresh=True) for arrival in arrivals]

    patch.setattr(assembly, "commit_arrivals", lambda *args: Hasty(real(*args)))


def never_counts_crashes(patch: pytest.MonkeyPatch) -> None:
    """Whatever a worker dies of is handed to the next."""
    patch.setattr(deliveries, "CRASHES", 10**9)


def blames_the_whole_batch(patch: pytest.MonkeyPatch) -> None:
    """Suspects are handed out together as if nothing had happened."""
    patch.setattr(Suspects, "admit", lambda self, claimed, out, now, busy: (claimed, []))


BUGS: list[tuple[Patch, int, str]] = [
    (no_dedupe, 20, "twice|two events|deliveries to|keys"),
    (no_fence, 60, "stale completion"),
    (key_per_attempt, 20, "took effect twice"),
    (completes_before_sending, 20, "took effect 0 times"),
    (promotes_over_a_live_head, 40, "after dlv_"),
    (no_renewal, 20, "while"),
    (answers_before_the_commit, 20, "acknowledged"),
    (never_counts_crashes, 20, "still something to do"),
    (blames_the_whole_batch, 60, "taken for a killer"),
]


@pytest.fixture(params=BUGS, ids=[bug.__name__ for bug, _, _ in BUGS])
def planted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """One bug in the real code."""
    bug, seeds, words = request.param
    bug(monkeypatch)
    return seeds, words


def test_a_planted_bug_is_found(planted: tuple[int, str]) -> None:
    """Within so many seeds one world breaks, and says what it should."""
    seeds, words = planted
    told = []
    for seed in range(seeds):
        told += simulate(seed).broken
        if any(word in line for line in told for word in words.split("|")):
            return
    raise AssertionError(f"{seeds} worlds did not say any of {words!r}; they said {told[:5]}")
