"""The buckets of limits, shared by all processes."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from hub.domain.limits import Drawn, Rate


class Limits(Protocol):
    """Part of `hub.ports.store.Work`."""

    async def draw(self, key: str, rate: Rate, want: int, now: datetime) -> Drawn:
        """Take up to `want` calls out of the bucket of this key; never more than the rate allows, whoever else draws."""

    async def forget_buckets(self, before: datetime, limit: int = 500) -> int:
        """Remove buckets that nobody drew from since; returns how many."""
