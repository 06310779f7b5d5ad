"""Time, ids and chance: asked for, never taken."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from hub.domain.ids import EventId


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The time in UTC; it never moves back within a process."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment, for measuring spans."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class Ids(Protocol):
    """Where ids and chance come from."""

    def event(self) -> EventId:
        """A new event id, larger than those before it (UUID version 7)."""

    def token(self, size: int = 16) -> str:
        """`size` random bytes in hex, fit for secrets."""

    def spread(self) -> float:
        """A random number in [0, 1), for jitter."""
