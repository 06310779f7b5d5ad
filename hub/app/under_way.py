"""Persons who are being sent abroad by this process and are not counted yet: they take their place before they are counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from hub.domain.border import ANYWHERE, PERSONAL, SENSITIVE, Crossing, Tally
from hub.domain.ids import TenantId

LONGEST_S = 600.0  # longer is no try: its record was lost, and another try will be counted
Crossed = Callable[[str], Awaitable[Mapping[str, int]]]  # person -> region -> the class that was counted


@dataclass(frozen=True, slots=True)
class _Going:
    data_class: int
    before: int | None  # what was counted of the person when it set out
    since: float


@dataclass(slots=True)
class UnderWay:
    """By tenant, year and place (a region, or `*`)."""

    _going: dict[tuple[TenantId, int, str], dict[str, _Going]] = field(default_factory=dict)

    def sets_out(self, crossing: Crossing, before: Mapping[str, int], now: float) -> None:
        """From now on the person has a place."""
        for place in (crossing.region, ANYWHERE):
            mine = self._going.setdefault((crossing.tenant, crossing.year, place), {})
            known = mine.get(crossing.person)
            highest = max(crossing.data_class, known.data_class if known else 0)
            mine[crossing.person] = _Going(highest, known.before if known else before.get(place), now)

    def never_left(self, crossing: Crossing) -> None:
        """Nothing reached the vendor: the place is free."""
        for place in (crossing.region, ANYWHERE):
            self._going.get((crossing.tenant, crossing.year, place), {}).pop(crossing.person, None)

    def known(self, tenant: TenantId, year: int, place: str, person: str) -> int | None:
        """The class with which this person is under way already."""
        going = self._going.get((tenant, year, place), {}).get(person)
        return None if going is None else going.data_class

    def added(self, tenant: TenantId, year: int, place: str, tally: Tally) -> Tally:
        """The count as it will be when all who are under way are counted."""
        going = self._going.get((tenant, year, place), {}).values()
        return Tally(
            tally.persons + sum(one.before is None for one in going),
            tally.personal + sum((one.before or 0) < PERSONAL <= one.data_class for one in going),
            tally.sensitive + sum((one.before or 0) < SENSITIVE <= one.data_class for one in going),
        )

    async def arrived(self, tenant: TenantId, year: int, place: str, crossed: Crossed, now: float) -> None:
        """Take out who is counted by now."""
        mine = self._going.get((tenant, year, place), {})
        for person, going in list(mine.items()):
            counted = (await crossed(person)).get(place, 0) >= going.data_class
            if counted or now - going.since > LONGEST_S:
                mine.pop(person, None)
