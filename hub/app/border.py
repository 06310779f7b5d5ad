"""The border: asked before a vendor abroad is spoken to, shown to who answers for it, opened when there is room again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from hub.app.consents import About, person_of
from hub.app.library import Library
from hub.domain.border import (
    ANYWHERE,
    ASSESSED_PERSONS,
    ASSESSED_SENSITIVE,
    BORDER_LIMIT,
    CLASS_NOT_APPROVED,
    SENSITIVE,
    BorderPolicy,
    Counted,
    Crossing,
    Duty,
    Kept,
    Tally,
    duty,
    held_from,
)
from hub.domain.connections import Connection
from hub.domain.deliveries import Delivery
from hub.domain.ids import ConnectionId, TenantId
from hub.ports.border import KeptDeliveries
from hub.ports.clock import Clock
from hub.ports.meter import Meter
from hub.ports.store import Store
from mappings.canonical import UnknownType
from mappings.canonical.files import shared_event_schema
from mappings.documents import Document
from mappings.engine import Mapping as FieldMapping
from mappings.engine.sensitivity import Schema, of_value

BATCH = 1000
LONGEST_TRY = timedelta(minutes=10)  # whose try says nothing for so long is counted: it may have reached the vendor
KEPT_YEARS = 3  # so long it is known who was counted; the counts stay


class Stays(Exception):
    """Nothing of this may go abroad now."""

    def __init__(self, kept: Kept) -> None:
        super().__init__(kept.reason)
        self.kept = kept


@dataclass(frozen=True, slots=True)
class Gauge:
    """One count of one region. `limit` as it was set, else the law's figure; `set`: at `held_from` nobody new is sent."""

    region: str
    counted: Counted
    count: int
    limit: int
    set: bool
    held_from: int | None

    @property
    def ratio(self) -> float:
        """The count as a share of the limit."""
        return self.count / self.limit if self.limit else 1.0


@dataclass(frozen=True, slots=True)
class Target:
    """A connection and where it is. `class_4`: whether sensitive data may go there; always so at home."""

    name: str
    region: str | None
    abroad: bool
    class_4: bool
    needs_consent: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A tenant's border in one year."""

    home: str | None
    year: int
    duty: Duty
    tallies: Mapping[str, Tally]
    gauges: tuple[Gauge, ...]
    targets: tuple[Target, ...]
    kept: tuple[KeptDeliveries, ...]
    names: Mapping[ConnectionId, str]  # of the connections that hold something
    sensitive_from: int = SENSITIVE


@dataclass(frozen=True, slots=True)
class Border:
    """Counted in the transaction that records a try (`Completion.crossing`); held before the vendor is spoken to.

    Where there is a limit, a new person takes a place in the store first: no two processes give the last one away.
    """

    store: Store
    library: Library
    clock: Clock
    meter: Meter

    async def gate(
        self, delivery: Delivery, event: About, kind: tuple[str, int], data: Document, connection: Connection,
        mapping: FieldMapping | None, to_candidate: bool = False,
    ) -> Crossing | None:  # fmt: skip
        """What a try counts as; None: it stays at home. Raises Stays."""
        policy = (await self.library.book(event.tenant)).border
        region = policy.abroad(connection.lane.region)
        if region is None:
            return None
        schema = _schema(*kind)
        level = of_value(data, schema) if mapping is None else mapping.sensitivity(data, schema)
        level = max(level, 3) if to_candidate else level
        if level >= SENSITIVE and not connection.lane.class_4:
            raise Stays(Kept(CLASS_NOT_APPROVED, region))
        person = person_of(event, data) or f"event:{event.id}"
        year = self.clock.now().year
        crossing = Crossing(event.tenant, year, region, person, level)
        if _limited(policy, region):
            await self._takes_its_place(crossing, policy, delivery)
        return crossing

    async def _takes_its_place(self, crossing: Crossing, policy: BorderPolicy, delivery: Delivery) -> None:
        """Among those who are counted and those who are under way. Raises Stays."""
        async with self.store.look() as look:
            before = await look.crossed(crossing.tenant, crossing.year, crossing.person)
        if all(before.get(place, -1) >= crossing.data_class for place in (crossing.region, ANYWHERE)):
            return
        async with self.store.work() as work:
            for place, there in (await work.at_border(crossing)).items():
                counted = policy.stops(place, there.tally, there.known, crossing.data_class)
                if counted is not None:
                    raise Stays(Kept(BORDER_LIMIT, place, counted))
            await work.set_out(crossing, delivery, self.clock.now() + LONGEST_TRY)

    async def show(self, tenant: TenantId, year: int | None = None) -> Shown:
        """Counts, limits, targets and what is held; of this year unless another is asked for."""
        book, year = await self.library.book(tenant), year or self.clock.now().year
        policy = book.border
        async with self.store.look() as look:
            tallies = await look.tallies(tenant, year)
            kept = tuple(one for one in await look.kept_at_border() if one.tenant == tenant)
        targets = (_target(one, policy) for _, one in sorted(book.by_name.items()))
        names = {one.connection: book.by_id[one.connection].name for one in kept}
        everywhere = tallies.get(ANYWHERE, Tally())
        gauges = tuple(_gauges(policy, tallies))
        return Shown(
            policy.home, year, duty(everywhere), tallies, gauges, tuple(targets), kept, names, policy.sensitive_from
        )  # fmt: skip

    async def sweep(self) -> int:
        """Count who is overdue, let go what there is room for by now, or what was approved; forget who was counted long ago.
        How many went.
        """
        async with self.store.work() as work:
            await work.count_overdue(self.clock.now())
        async with self.store.look() as look:
            held = await look.kept_at_border()
        room: dict[tuple[TenantId, Kept], int] = {}
        gone = 0
        for one in held:
            book = await self.library.book(one.tenant)
            connection = book.by_id.get(one.connection)
            if connection is None:
                continue
            if one.kept.reason == CLASS_NOT_APPROVED:
                free = one.count if _approved(connection, book.border) else 0
            else:
                key = (one.tenant, one.kept)
                room.setdefault(key, await self._room(one, book.border))
                free = min(room[key], one.count)
                room[key] -= free
            gone += await self._let_across(one, free)
        if gone:
            self.store.ring()
        async with self.store.work() as work:
            await work.forget_crossings(self.clock.now().year - KEPT_YEARS)
        return gone

    async def _room(self, one: KeptDeliveries, policy: BorderPolicy) -> int:
        async with self.store.look() as look:
            tallies = await look.tallies(one.tenant, self.clock.now().year)
        place = one.kept.region
        room = policy.room(place, Counted(one.kept.counted), tallies.get(place, Tally()))
        return one.count if room is None or policy.home is None else room

    async def _let_across(self, one: KeptDeliveries, most: int) -> int:
        count = 0
        while count < most:
            async with self.store.work() as work:
                some = await work.let_across(one.tenant, one.connection, one.kept, min(BATCH, most - count))
            count += some
            if not some:
                break
        if count:
            self.meter.note("border.let_across", tenant=one.tenant, reason=one.kept.reason, count=count)
        return count


def _limited(policy: BorderPolicy, region: str) -> bool:
    wanted = (policy.regions.get(place) for place in (region, ANYWHERE))
    return any(one is not None and (one.persons is not None or one.sensitive is not None) for one in wanted)


def _approved(connection: Connection, policy: BorderPolicy) -> bool:
    return connection.lane.class_4 or policy.abroad(connection.lane.region) is None


def _target(connection: Connection, policy: BorderPolicy) -> Target:
    region = connection.lane.region
    abroad, asks = policy.abroad(region) is not None, policy.purpose(region) is not None
    return Target(connection.name, region, abroad, _approved(connection, policy), asks)


def _gauges(policy: BorderPolicy, tallies: Mapping[str, Tally]) -> list[Gauge]:
    found = []
    for region in sorted({ANYWHERE, *policy.regions, *tallies}):
        for counted in Counted:
            tally = tallies.get(region, Tally())
            own = policy.regions[region].of(counted) if region in policy.regions else None
            law = ASSESSED_PERSONS if counted is Counted.PERSONS else ASSESSED_SENSITIVE
            if own is None and region != ANYWHERE:
                continue  # the law counts all regions together
            limit = law if own is None else own
            count = tally.of(counted, policy.sensitive_from)
            found.append(Gauge(region, counted, count, limit, own is not None, None if own is None else held_from(own)))
    return found


def _schema(type_: str, version: int) -> Schema:
    """A kind of event that nobody describes is personal from end to end."""
    try:
        return shared_event_schema(type_, version)
    except UnknownType:
        return {}
