"""The buckets of limits, in memory."""

from __future__ import annotations

from datetime import datetime

from hub.adapters.memory.events import MemoryEvents
from hub.domain.limits import Drawn, Rate, draw


class MemoryLimits(MemoryEvents):
    """`hub.ports.limits.Limits` over tables."""

    async def draw(self, key: str, rate: Rate, want: int, now: datetime) -> Drawn:
        bucket, drawn = draw(self._tables.buckets.get(key), rate, want, now)
        self._tables.buckets.put(key, bucket)
        return drawn

    async def forget_buckets(self, before: datetime, limit: int = 500) -> int:
        old = [key for key, bucket in self._tables.buckets.items() if bucket.at < before][:limit]
        for key in old:
            self._tables.buckets.drop(key)
        return len(old)
