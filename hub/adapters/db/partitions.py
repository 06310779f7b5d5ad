"""Attempts on PostgreSQL in partitions of a week: made ahead, dropped whole.

A first partition from the beginning of time and a last one to its end take what falls out of the weeks, so that no
write ever fails for want of a partition. There is no DEFAULT partition: it would have to be read at every change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hub.adapters.db.link import Link

WEEK = timedelta(days=7)
AHEAD = 8  # weeks that stand ready: the scheduler may be away for so long
PATIENCE = "500ms"  # of a change that waits for readers: whoever comes after it waits with it
COUNTED = 1 << 30  # bytes of a partition up to which its rows are counted and not estimated
_BOUNDS = re.compile(r"FROM \((?:MINVALUE|'([^']+)')\) TO \((?:MAXVALUE|'([^']+)')\)")
_PARTS = (
    "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "WHERE i.inhparent = 'attempt'::regclass"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A partition: `lower` inclusive, `upper` exclusive, None without end."""

    name: str
    lower: datetime | None
    upper: datetime | None


_HELD = (  # tries of persons whom a legal hold keeps
    "FROM {part} a WHERE (SELECT 1 FROM event e WHERE e.id = a.event_id AND (SELECT 1 FROM legal_hold h "
    "WHERE h.tenant_id = e.tenant_id AND h.subject = e.subject AND h.state IN ('asked', 'in_force', 'lift_asked') "
    "LIMIT 1) IS NOT NULL LIMIT 1) IS NOT NULL"
)
_ANY_HOLD = "SELECT 1 FROM legal_hold WHERE state IN ('asked', 'in_force', 'lift_asked') LIMIT 1"


class WeeklyParts:
    """The partitions of `attempt`, inside a transaction."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def all(self) -> list[Part]:
        """In their order."""
        found = []
        for name, bounds in await self._link.driver(_PARTS):
            read = _BOUNDS.search(bounds)
            assert read is not None, bounds
            lower, upper = (None if text is None else _moment(text) for text in read.groups())
            found.append(Part(name, lower, upper))
        return sorted(found, key=lambda part: (part.lower is not None, part.lower))

    async def ahead(self, now: datetime) -> int:
        """Weeks that stand ready, cut off the last partition; returns how many were made."""
        last = (await self.all())[-1]
        assert last.lower is not None
        first, wanted = last.lower, week_of(now) + (AHEAD + 1) * WEEK
        if first >= wanted:
            return 0
        await self._impatiently()
        await self._link.driver("ALTER TABLE attempt DETACH PARTITION " + last.name)
        [(newest,)] = await self._link.driver(f"SELECT max(started_at) FROM {last.name}")  # noqa: S608
        if newest is None:
            await self._link.driver("DROP TABLE " + last.name)
        else:  # weeks went by without us: what came meanwhile becomes one long partition
            upto, name = week_of(newest) + WEEK, _name(first)
            await self._link.driver(f"ALTER TABLE {last.name} RENAME TO {name}")
            await self._link.driver(f"ALTER TABLE attempt ATTACH PARTITION {name} {_range(first, upto)}")
            first = upto
        made = 0
        while first < wanted:
            await self._make(_name(first), first, first + WEEK)
            first, made = first + WEEK, made + 1
        await self._make("attempt_later", first, None)
        return made

    async def drop_before(self, cut: datetime) -> int:
        """Drop the partitions in which everything is older; returns how many rows that were.

        What is about a person under a legal hold is put aside and goes into the first partition, which has no beginning.
        """
        old = self._older(await self.all(), cut)
        holds = bool(await self._link.driver(_ANY_HOLD))
        held = sum([await self._held(part) for part in old]) if holds else 0
        rows = sum([await self._count(part) for part in old]) - held
        if not old or (len(old) == 1 and old[0].lower is None and rows <= 0):
            return 0
        await self._impatiently()
        if held:
            await self._link.driver("CREATE TEMP TABLE attempt_aside (LIKE attempt) ON COMMIT DROP")
        for part in old:
            if held:
                aside = f"INSERT INTO attempt_aside SELECT a.* {_HELD.format(part=part.name)}"
                await self._link.driver(aside)
            await self._link.driver("DROP TABLE " + part.name)
        await self._make("attempt_before", None, old[-1].upper)
        if held:
            await self._link.driver("INSERT INTO attempt OVERRIDING SYSTEM VALUE SELECT * FROM attempt_aside")
        return rows

    async def _held(self, part: Part) -> int:
        [(rows,)] = await self._link.driver(f"SELECT count(*) {_HELD.format(part=part.name)}")
        return int(rows)

    async def cut_before(self, cut: datetime) -> datetime:
        """Up to where `drop_before` would drop."""
        ends = [part.upper for part in self._older(await self.all(), cut) if part.upper is not None]
        return max(ends, default=datetime(1, 1, 1, tzinfo=UTC))

    async def oldest(self) -> datetime | None:
        """When about the oldest attempt began."""
        for part in await self.all():
            rows = await self._link.driver(f"SELECT started_at FROM {part.name} LIMIT 1")  # noqa: S608
            if rows:
                found: datetime = rows[0][0]
                return found
        return None

    def _older(self, parts: list[Part], cut: datetime) -> list[Part]:
        return [part for part in parts if part.upper is not None and part.upper <= cut]

    async def _count(self, part: Part) -> int:
        [(size, estimate)] = await self._link.driver(
            "SELECT pg_relation_size(oid), reltuples::bigint FROM pg_class WHERE oid = $1::text::regclass", part.name
        )
        if size > COUNTED and estimate >= 0:
            return int(estimate)
        [(rows,)] = await self._link.driver(f"SELECT count(*) FROM {part.name}")  # noqa: S608
        return int(rows)

    async def _make(self, name: str, lower: datetime | None, upper: datetime | None) -> None:
        await self._link.driver(f"CREATE TABLE {name} PARTITION OF attempt {_range(lower, upper)}")

    async def _impatiently(self) -> None:
        """Rather fail and come again than let everybody wait behind us."""
        await self._link.driver(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        await self._link.driver("LOCK TABLE attempt IN ACCESS EXCLUSIVE MODE")


def week_of(moment: datetime) -> datetime:
    """The Monday on which its week began."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def _name(lower: datetime) -> str:
    return f"attempt_w{lower:%Y%m%d}"


def _range(lower: datetime | None, upper: datetime | None) -> str:
    begin = "MINVALUE" if lower is None else f"'{lower.isoformat()}'"
    end = "MAXVALUE" if upper is None else f"'{upper.isoformat()}'"
    return f"FOR VALUES FROM ({begin}) TO ({end})"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
