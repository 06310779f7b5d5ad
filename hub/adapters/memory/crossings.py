"""Counting persons who are sent abroad, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from hub.adapters.memory.tables import Tables
from hub.domain.border import ANYWHERE, PERSONAL, SENSITIVE, Crossing, Standing, Tally


def count(tables: Tables, crossings: Sequence[Crossing]) -> None:
    """See `hub.ports.border.Border.add_crossings`."""
    for one in crossings:
        for region in (one.region, ANYWHERE):
            key, place = (one.tenant, one.year, one.person, region), (one.tenant, one.year, region)
            before, tally = tables.crossings.get(key), tables.tallies.get(place) or Tally()
            known = before or 0
            fresh = Tally(
                tally.persons + (before is None),
                tally.personal + (known < PERSONAL <= one.data_class),
                tally.sensitive + (known < SENSITIVE <= one.data_class),
            )
            tables.tallies.put(place, fresh)
            tables.crossings.put(key, max(known, one.data_class))


def standing(tables: Tables, crossing: Crossing, place: str) -> Standing:
    """See `hub.ports.border.Border.at_border`."""
    tally = tables.tallies.get((crossing.tenant, crossing.year, place)) or Tally()
    known = tables.crossings.get((crossing.tenant, crossing.year, crossing.person, place))
    going: dict[str, int] = {}
    for one, _ in tables.under_way.values():
        if (one.tenant, one.year) == (crossing.tenant, crossing.year) and place in (one.region, ANYWHERE):
            going[one.person] = max(one.data_class, going.get(one.person, 0))
    for person, data_class in going.items():
        before = tables.crossings.get((crossing.tenant, crossing.year, person, place))
        tally = Tally(
            tally.persons + (before is None),
            tally.personal + ((before or 0) < PERSONAL <= data_class),
            tally.sensitive + ((before or 0) < SENSITIVE <= data_class),
        )
    classes = [one for one in (known, going.get(crossing.person)) if one is not None]
    return Standing(tally, max(classes, default=None))
