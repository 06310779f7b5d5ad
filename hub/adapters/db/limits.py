"""The buckets of limits, in the database: a row each, locked while somebody draws from it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update

from hub.adapters.db.events import DbEvents
from hub.adapters.db.tables import metadata
from hub.domain.limits import Bucket, Drawn, Rate, draw

_BUCKET = metadata.tables["rate_bucket"]


class DbLimits(DbEvents):
    """`hub.ports.limits.Limits` on one open connection."""

    async def draw(self, key: str, rate: Rate, want: int, now: datetime) -> Drawn:
        mine = _BUCKET.c.key == key
        asked = select(_BUCKET.c.level, _BUCKET.c.at).where(mine).with_for_update()
        row = await self._link.row(asked)
        if row is None:  # of two that come first, one waits here for the other's row
            added = "INSERT INTO rate_bucket (key, level, at) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING"
            await self._link.driver(added, key, self._hot.moment(now))
            row = await self._link.row(asked)
        bucket, drawn = draw(None if row is None else Bucket(*row), rate, want, now)
        await self._link.rows(update(_BUCKET).where(mine).values(level=bucket.level, at=bucket.at))
        return drawn

    async def forget_buckets(self, before: datetime, limit: int = 500) -> int:
        old = select(_BUCKET.c.key).where(_BUCKET.c.at < before).limit(limit)
        gone = delete(_BUCKET).where(_BUCKET.c.key.in_(old), _BUCKET.c.at < before).returning(_BUCKET.c.key)
        return len(await self._link.rows(gone))
