"""Counting persons who are sent abroad, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from hub.adapters.memory.tables import Tables
from hub.domain.border import ANYWHERE, PERSONAL, SENSITIVE, Crossing, Tally


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
