"""Tries that take persons abroad where there is a limit: one transaction after the other gives places away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, delete, func, select, true, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from hub.adapters.db.border_tables import PERSON, TALLY, UNDER_WAY
from hub.adapters.db.crossings import count
from hub.adapters.db.link import Link
from hub.domain.border import ANYWHERE, PERSONAL, SENSITIVE, Crossing, Standing, Tally
from hub.domain.deliveries import Delivery
from hub.domain.ids import TenantId

_TRY = (UNDER_WAY.c.delivery_id, UNDER_WAY.c.run_lease)


async def standings(link: Link, crossing: Crossing) -> dict[str, Standing]:
    """See `hub.ports.border.Border.at_border`: who comes after waits for the rows of the two tallies."""
    places = (crossing.region, ANYWHERE)
    names = ("tenant_id", "year", "region")
    rows = [dict(zip(names, (crossing.tenant, crossing.year, place), strict=True)) for place in sorted(places)]
    insert = sqlite.insert if link.sqlite else postgresql.insert
    await link.rows(insert(TALLY).values(rows).on_conflict_do_nothing())
    mine = (TALLY.c.tenant_id == crossing.tenant, TALLY.c.year == crossing.year, TALLY.c.region.in_(places))
    columns = (TALLY.c.region, TALLY.c.persons, TALLY.c.personal, TALLY.c.sensitive)
    locked = await link.rows(select(*columns).where(*mine).order_by(TALLY.c.region).with_for_update())
    counted = {row[0]: Tally(*row[1:]) for row in locked}
    return {place: await _standing(link, crossing, place, counted[place]) for place in places}


async def _standing(link: Link, crossing: Crossing, place: str, counted: Tally) -> Standing:
    here = UNDER_WAY.outerjoin(
        PERSON,
        and_(
            PERSON.c.tenant_id == UNDER_WAY.c.tenant_id,
            PERSON.c.year == UNDER_WAY.c.year,
            PERSON.c.person == UNDER_WAY.c.person,
            PERSON.c.region == place,
        ),
    )
    before = func.coalesce(PERSON.c.data_class, 0)
    people = func.count(UNDER_WAY.c.person.distinct())
    more = select(
        people.filter(PERSON.c.person.is_(None)),
        people.filter(and_(UNDER_WAY.c.data_class >= PERSONAL, before < PERSONAL)),
        people.filter(and_(UNDER_WAY.c.data_class >= SENSITIVE, before < SENSITIVE)),
    ).select_from(here)
    mine = (UNDER_WAY.c.tenant_id == crossing.tenant, UNDER_WAY.c.year == crossing.year)
    region = true() if place == ANYWHERE else UNDER_WAY.c.region == place
    [row] = await link.rows(more.where(*mine, region))
    going = select(func.max(UNDER_WAY.c.data_class)).where(*mine, region, UNDER_WAY.c.person == crossing.person)
    gone = select(PERSON.c.data_class).where(
        PERSON.c.tenant_id == crossing.tenant,
        PERSON.c.year == crossing.year,
        PERSON.c.person == crossing.person,
        PERSON.c.region == place,
    )
    classes = [one[0] for one in (*await link.rows(going), *await link.rows(gone)) if one[0] is not None]
    tally = Tally(counted.persons + row[0], counted.personal + row[1], counted.sensitive + row[2])
    return Standing(tally, max(classes, default=None))


async def set_out(link: Link, crossing: Crossing, delivery: Delivery, until: datetime) -> None:
    """See `hub.ports.border.Border.set_out`."""
    insert = sqlite.insert if link.sqlite else postgresql.insert
    made = insert(UNDER_WAY).values(
        delivery_id=delivery.id,
        run_lease=delivery.run_lease,
        tenant_id=crossing.tenant,
        year=crossing.year,
        region=crossing.region,
        person=crossing.person,
        data_class=crossing.data_class,
        until=until,
    )
    again = {name: made.excluded[name] for name in ("year", "region", "person", "data_class", "until")}
    await link.rows(made.on_conflict_do_update(index_elements=["delivery_id", "run_lease"], set_=again))


async def ended(link: Link, tries: Sequence[Delivery]) -> None:
    """Their places are free; who got there is counted in the same transaction."""
    await link.rows(delete(UNDER_WAY).where(tuple_(*_TRY).in_([(one.id, one.run_lease) for one in tries])))


async def count_overdue(link: Link, now: datetime, limit: int) -> int:
    """See `hub.ports.border.Border.count_overdue`."""
    columns = (UNDER_WAY.c.tenant_id, UNDER_WAY.c.year, UNDER_WAY.c.region, UNDER_WAY.c.person, UNDER_WAY.c.data_class)
    some = select(*_TRY).where(UNDER_WAY.c.until <= now).order_by(UNDER_WAY.c.until).limit(limit)
    gone = delete(UNDER_WAY).where(tuple_(*_TRY).in_(some.with_for_update(skip_locked=True))).returning(*columns)
    crossings = [Crossing(TenantId(row[0]), *row[1:]) for row in await link.rows(gone)]
    if crossings:
        await count(link, crossings, now)
    return len(crossings)
