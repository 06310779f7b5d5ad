"""Counting persons who are sent abroad: once each, exactly, whoever counts at the same time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from hub.adapters.db.border_tables import PERSON, TALLY
from hub.adapters.db.link import Link
from hub.domain.border import ANYWHERE, PERSONAL, SENSITIVE, Crossing

STEP = 500  # rows of one statement
_KEY = (PERSON.c.tenant_id, PERSON.c.year, PERSON.c.person, PERSON.c.region)
Key = tuple[int, int, str, str]
Counts = tuple[int, int, int]  # persons, personal, sensitive


async def count(link: Link, crossings: Sequence[Crossing], now: datetime) -> None:
    """See `hub.ports.border.Border.add_crossings`.

    A person that somebody else inserts meanwhile is waited for; then its row is there, and is locked before it is read.
    """
    wanted: dict[Key, int] = {}
    for one in crossings:
        for region in (one.region, ANYWHERE):
            key = (int(one.tenant), one.year, one.person, region)
            wanted[key] = max(wanted.get(key, 0), one.data_class)
    more: dict[tuple[int, int, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    keys = sorted(wanted)
    for at in range(0, len(keys), STEP):
        for key, before in (await _stored(link, keys[at : at + STEP], wanted, now)).items():
            tally = more[key[0], key[1], key[3]]
            for index, (old, new) in enumerate(zip(_counts(before), _counts(wanted[key]), strict=True)):
                tally[index] += max(0, new - old)
    for place, counts in sorted(more.items()):
        if any(counts):
            await _add(link, place, counts)


async def _stored(link: Link, keys: Sequence[Key], wanted: dict[Key, int], now: datetime) -> dict[Key, int | None]:
    """What went before of each of these persons, None: nothing; the rows say the highest class afterwards."""
    insert = sqlite.insert if link.sqlite else postgresql.insert
    names = ("tenant_id", "year", "person", "region")
    rows = [{**dict(zip(names, key, strict=True)), "data_class": wanted[key], "first_at": now} for key in keys]
    fresh = insert(PERSON).values(rows).on_conflict_do_nothing().returning(*_KEY)
    before: dict[Key, int | None] = {(row[0], row[1], row[2], row[3]): None for row in await link.rows(fresh)}
    known = [key for key in keys if key not in before]
    if known:
        there = select(*_KEY, PERSON.c.data_class).where(tuple_(*_KEY).in_(known)).order_by(*_KEY).with_for_update()
        for row in await link.rows(there):
            before[row[0], row[1], row[2], row[3]] = row[4]
    for key in known:
        if wanted[key] > (before.get(key) or 0):
            mine = tuple_(*_KEY) == tuple_(*key)
            await link.rows(update(PERSON).where(mine).values(data_class=wanted[key]))
    return before


def _counts(data_class: int | None) -> Counts:
    """How a person with this class counts; None: it does not."""
    known = data_class or 0
    return int(data_class is not None), int(known >= PERSONAL), int(known >= SENSITIVE)


async def _add(link: Link, place: tuple[int, int, str], counts: Sequence[int]) -> None:
    values = dict(
        zip(("tenant_id", "year", "region", "persons", "personal", "sensitive"), (*place, *counts), strict=True)
    )
    made = (sqlite.insert if link.sqlite else postgresql.insert)(TALLY).values(values)
    sums = {name: TALLY.c[name] + made.excluded[name] for name in ("persons", "personal", "sensitive")}
    await link.rows(made.on_conflict_do_update(index_elements=["tenant_id", "year", "region"], set_=sums))
