"""Time, ids and chance: the machine's own, and ones that a person or a test moves by hand."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import os
import random
import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hub.domain.ids import EventId
from hub.ports.clock import Clock

_START = datetime(2026, 1, 1, tzinfo=UTC)


class SystemClock:
    """UTC that never moves back: read once, then carried on by the monotonic clock, whatever the wall clock does."""

    def __init__(self) -> None:
        self._line = _Line(datetime.now(UTC), time.monotonic(), datetime.min.replace(tzinfo=UTC))

    @classmethod
    def anchored(cls, at: datetime) -> SystemClock:
        """A clock that agrees with `at`, usually the database's time, so that replicas agree on what is due."""
        clock = cls()
        clock._line = _Line(at.astimezone(UTC), time.monotonic(), datetime.min.replace(tzinfo=UTC))
        return clock

    def begin(self, at: datetime) -> None:
        """Agree with `at` before anything was told the time: a machine that is hours ahead must not hold us there."""
        self._line = SystemClock.anchored(at)._line

    def anchor(self, at: datetime) -> None:
        """Agree with `at` again, after a suspend or a drift. If that is in the past, go at half speed until it has come.

        To stand still instead would keep every retry and every lease of a dead worker waiting for as long.
        """
        self._line = _Line(at.astimezone(UTC), time.monotonic(), self.now())

    def now(self) -> datetime:
        line = self._line
        passed = timedelta(seconds=time.monotonic() - line.since)
        at, low = line.at + passed, line.floor + passed / 2
        return at if at > low else low

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))


class _Line:
    """`at` was the time when the monotonic clock said `since`, and `floor` had been told by then."""

    __slots__ = ("at", "floor", "since")

    def __init__(self, at: datetime, since: float, floor: datetime) -> None:
        self.at, self.since, self.floor = at, since, floor


class _Uuid7:
    """UUIDs of version 7 that only grow (RFC 9562, 6.2 method 1): milliseconds, a counter of 42 bits, 32 random bits."""

    def __init__(self, clock: Clock, bits: Callable[[int], int]) -> None:
        self._clock, self._bits = clock, bits
        self._millis = self._counter = -1
        self._lock = threading.Lock()

    def next(self) -> str:
        """32 hex digits."""
        with self._lock:
            millis = int(self._clock.now().timestamp() * 1000)
            if millis > self._millis:
                self._millis = millis
                self._counter = self._bits(41)  # the top bit stays free, so that counting has room
            else:
                self._counter += 1
                if self._counter >> 42:
                    self._millis, self._counter = self._millis + 1, self._bits(41)
            high, low = self._counter >> 30, self._counter & 0x3FFFFFFF
            value = self._millis << 80 | 7 << 76 | high << 64 | 2 << 62 | low << 32 | self._bits(32)
        return f"{value:032x}"


class _Chance:
    """Random bits of the operating system, asked for by the page: a call of it costs more than the rest of an id."""

    def __init__(self) -> None:
        self._page, self._at, self._process = b"", 0, 0

    def __call__(self, bits: int) -> int:
        size, start = (bits + 7) // 8, self._at
        if (
            start + size > len(self._page) or self._process != os.getpid()
        ):  # a forked process must not repeat its parent's
            self._page, start, self._process = os.urandom(4096), 0, os.getpid()
        self._at = start + size
        return int.from_bytes(self._page[start : self._at]) >> (size * 8 - bits)


class SystemIds:
    """Event ids in the order they were asked for, and chance from the operating system."""

    def __init__(self, clock: Clock) -> None:
        self._uuid7 = _Uuid7(clock, _Chance())
        self._random = random.SystemRandom()

    def event(self) -> EventId:
        return EventId("evt_" + self._uuid7.next())

    def token(self, size: int = 16) -> str:
        return secrets.token_hex(size)

    def spread(self) -> float:
        return self._random.random()


class ManualClock:
    """A clock that stands still until it is advanced. Sleepers wake in the order of their time."""

    def __init__(self, start: datetime = _START) -> None:
        self._start, self._passed = start, timedelta()
        self._order = itertools.count()
        self._sleepers: list[tuple[timedelta, int, asyncio.Future[None]]] = []
        self._fell_asleep = asyncio.Event()

    def now(self) -> datetime:
        return self._start + self._passed

    def monotonic(self) -> float:
        return self._passed.total_seconds()

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was advanced that far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._passed + timedelta(seconds=seconds), next(self._order), waiter))
        self._fell_asleep.set()
        await waiter

    def advance(self, seconds: float) -> None:
        """Move on and wake who is due; they run when the loop gets to them. A clock does not go back: ValueError."""
        if seconds < 0:
            raise ValueError("a clock does not go back")
        self._passed += timedelta(seconds=seconds)
        while self._sleepers and self._sleepers[0][0] <= self._passed:
            waiter = heapq.heappop(self._sleepers)[2]
            if not waiter.done():
                waiter.set_result(None)

    @property
    def sleeping(self) -> int:
        """How many are asleep now."""
        return sum(not waiter.done() for _, _, waiter in self._sleepers)

    @property
    def next_wake(self) -> float | None:
        """Seconds until the first sleeper is due, None if nobody sleeps."""
        due = [at for at, _, waiter in self._sleepers if not waiter.done()]
        return (min(due) - self._passed).total_seconds() if due else None

    async def until_asleep(self, count: int = 1) -> None:
        """Until at least `count` are asleep: only then does advancing move them."""
        while self.sleeping < count:
            self._fell_asleep.clear()
            await self._fell_asleep.wait()


class SeededIds:
    """The same ids, tokens and spread for the same seed and clock: for replays. Its tokens are no secrets."""

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._uuid7 = _Uuid7(clock, self._random.getrandbits)

    def event(self) -> EventId:
        return EventId("evt_" + self._uuid7.next())

    def token(self, size: int = 16) -> str:
        return self._random.randbytes(size).hex()

    def spread(self) -> float:
        return self._random.random()
