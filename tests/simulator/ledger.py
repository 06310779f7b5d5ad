"""The observer: writes down what every part of the world did, and says at once where a promise was broken."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hub.app.delivery.suspects import QUIET
from hub.domain.ids import DeliveryId
from hub.ports.queue import Claimed, Completion, LaneCall
from hub.ports.store import Work
from tests.simulator.faults import LEASE_S, Weather
from tests.simulator.loop import Process, VirtualLoop


@dataclass
class Lease:
    """Who may work on a delivery now."""

    token: str
    run_lease: int
    until: datetime
    began: float
    witness: Witness


@dataclass
class Witness:
    """A process seen at a moment, to tell later whether it was well all the time."""

    process: Process
    freezes: int
    troubles: int
    shaken: bool  # it, or the store, had not been well for long: its lease may have been over before it began

    @classmethod
    def of(cls, process: Process, weather: Weather) -> Witness:
        shaken = process.loop.time() < max(weather.shaken_until, process.thawed + 2 * LEASE_S)
        return cls(process, process.freezes, weather.store_troubles, shaken)

    def was_well(self, weather: Weather) -> bool:
        """Alive, never frozen and with a working store since then: nothing excuses it."""
        process = self.process
        return (
            process.alive
            and not self.shaken
            and not process.frozen
            and process.freezes == self.freezes
            and weather.store_troubles == self.troubles
        )


@dataclass
class Flight:
    """A request under way, as its sender sees it."""

    witness: Witness
    vendor: str
    key: str


@dataclass
class Ledger:
    """Everything that was seen."""

    loop: VirtualLoop
    weather: Weather
    trace: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    leases: dict[DeliveryId, Lease] = field(default_factory=dict)
    wronged: set[DeliveryId] = field(
        default_factory=set
    )  # last lost while its worker lived, or died at once of another
    fell: dict[Process, float] = field(default_factory=dict)  # who died of what it did, and when
    newest: dict[DeliveryId, int] = field(default_factory=dict)  # the run lease last given
    flights: list[Flight] = field(default_factory=list)
    well_answered: dict[str, Witness] = field(default_factory=dict)  # idempotency key -> who heard of its success
    effects: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # (vendor, event key) -> idempotency keys
    order: list[tuple[str, str, str]] = field(
        default_factory=list
    )  # (vendor, event key, idempotency key), effects only
    requests: dict[str, int] = field(default_factory=dict)
    answered: dict[str, str] = field(default_factory=dict)  # event key -> event id, as clients were told
    late: int = 0
    interruptions: int = 0
    _hash: Any = field(default_factory=hashlib.sha256)

    def tell(self, who: str, what: str) -> None:
        """One line of the trace."""
        line = f"{self.loop.time():.6f} {who} {what}"
        self.trace.append(line)
        self._hash.update(line.encode() + b"\n")

    def accuse(self, what: str) -> None:
        """A promise was broken."""
        self.tell("BROKEN", what)
        self.broken.append(f"at {self.loop.time():.3f} s: {what}")

    @property
    def digest(self) -> str:
        """The trace in one word."""
        return str(self._hash.hexdigest())

    def claimed(self, owner: Process, claims: Sequence[Claimed], now: datetime, until: datetime, token: str) -> None:
        for one in claims:
            delivery = one.delivery
            held = self.leases.get(delivery.id)
            if held is not None and held.until > now:
                self.accuse(f"dlv_{delivery.id} was claimed by {owner.name} while another lease on it was valid")
            if delivery.run_lease <= self.newest.get(delivery.id, 0):
                self.accuse(f"the run lease of dlv_{delivery.id} did not grow")
            self.newest[delivery.id] = delivery.run_lease
            self.leases[delivery.id] = Lease(
                token, delivery.run_lease, until, self.loop.time(), Witness.of(owner, self.weather)
            )
            self.tell(owner.name, f"claims dlv_{delivery.id} try {delivery.attempt}")

    def completed(self, owner: Process, completions: Sequence[Completion], stale: frozenset[DeliveryId]) -> None:
        for one in completions:
            delivery = one.delivery
            held = self.leases.get(delivery.id)
            mine = held is not None and (held.token, held.run_lease) == (delivery.lease_token, delivery.run_lease)
            if (one.attempt.error or "").startswith("internal:"):
                self.accuse(f"dlv_{delivery.id}: {one.attempt.error}")
            if delivery.id in stale:
                self.late += 1
                self.tell(owner.name, f"is late with dlv_{delivery.id}")
                continue
            if not mine:
                self.accuse(f"a stale completion of dlv_{delivery.id} by {owner.name} took effect")
            self.leases.pop(delivery.id, None)
            self.tell(owner.name, f"completes dlv_{delivery.id} {one.attempt.outcome} -> {type(one.next).__name__}")

    def released(self, owner: Process, token: str, ids: Sequence[DeliveryId]) -> None:
        for id_ in ids:
            held = self.leases.get(id_)
            if held is not None and held.token == token:
                del self.leases[id_]
                self.tell(owner.name, f"gives dlv_{id_} back")

    def expired(self, now: datetime) -> None:
        for id_ in [id_ for id_, held in self.leases.items() if held.until <= now]:
            self.tell("store", f"takes dlv_{id_} back")
            lease = self.leases.pop(id_)
            died = self.fell.get(lease.witness.process)
            told = not lease.witness.shaken and lease.witness.troubles == self.weather.store_troubles  # of its claim
            beside = told and died is not None and died - lease.began < QUIET.total_seconds()
            if beside or lease.witness.was_well(self.weather):
                self.wronged.add(id_)
            else:
                self.wronged.discard(id_)

    def renewed(self, token: str, ids: Sequence[DeliveryId], until: datetime) -> None:
        for id_ in ids:
            held = self.leases.get(id_)
            if held is not None and held.token == token:
                held.until = until

    def sends(self, owner: Process, vendor: str, key: str, limit: int) -> Flight:
        """A request leaves; `limit` is how many may be under way to this vendor at once, over all workers."""
        self.requests[key] = self.requests.get(key, 0) + 1
        for other in self.flights:
            if other.key != key:
                continue
            if other.witness.process is owner:
                self.accuse(f"{owner.name} sends {key} to {vendor} while it is still at it itself")
            elif other.witness.was_well(self.weather):
                self.accuse(f"{owner.name} sends {key} to {vendor} while {other.witness.process.name} is at it")
        heard = self.well_answered.get(key)
        if heard is not None and heard.was_well(self.weather):
            self.accuse(
                f"{owner.name} sends {key} to {vendor} again, though its success was heard by a worker that is well"
            )
        flight = Flight(Witness.of(owner, self.weather), vendor, key)
        self.flights.append(flight)
        at_once = sum(one.vendor == vendor and one.witness.was_well(self.weather) for one in self.flights)
        if at_once > limit:
            self.accuse(f"{at_once} requests to {vendor} are under way, {limit} are allowed")
        self.tell(owner.name, f"sends {key} to {vendor}")
        return flight

    def effect(self, vendor: str, event: str, key: str) -> None:
        """Something came into being at a vendor, or would have, had the key not been known."""
        keys = self.effects.setdefault((vendor, event), [])
        if key in keys:
            return
        keys.append(key)
        self.order.append((vendor, event, key))
        self.tell(vendor, f"has {event} by {key}")
        if len(keys) > 1:
            self.accuse(f"{event} took effect twice at {vendor}")

    def hears(self, flight: Flight, status: int) -> None:
        """The answer is there."""
        if 200 <= status < 300:
            self.well_answered[flight.key] = flight.witness


class Watched:
    """A transaction whose acts the ledger learns when it commits."""

    def __init__(
        self, work: Work, ledger: Ledger, owner: Process, before: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._work, self._ledger, self._owner, self._before = work, ledger, owner, before
        self._acts: list[Callable[[], None]] = []

    def committed(self) -> None:
        """It is durable."""
        for act in self._acts:
            act()

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        ask = getattr(self._work, name)

        async def asked(*args: Any, **kwargs: Any) -> Any:
            if self._before is not None:
                await self._before()
            return await ask(*args, **kwargs)

        return asked

    async def claim(
        self, lanes: Sequence[LaneCall], *, now: datetime, lease: timedelta, token: str, **more: Any
    ) -> Any:
        given = await self.__getattr__("claim")(lanes, now=now, lease=lease, token=token, **more)
        self._acts.append(lambda: self._ledger.claimed(self._owner, given, now, now + lease, token))
        return given

    async def complete(self, completions: Sequence[Completion], *, now: datetime, **more: Any) -> Any:
        stale = await self.__getattr__("complete")(completions, now=now, **more)
        self._acts.append(lambda: self._ledger.completed(self._owner, completions, stale))
        return stale

    async def release(self, token: str, ids: Sequence[DeliveryId], due_at: datetime | None = None) -> Any:
        given = await self.__getattr__("release")(token, ids, due_at)
        self._acts.append(lambda: self._ledger.released(self._owner, token, ids))
        return given

    async def renew(self, token: str, ids: Sequence[DeliveryId], until: datetime) -> Any:
        given = await self.__getattr__("renew")(token, ids, until)
        self._acts.append(lambda: self._ledger.renewed(token, ids, until))
        return given

    async def expire_leases(self, now: datetime, limit: int = 500) -> Any:
        given = await self.__getattr__("expire_leases")(now, limit)
        self._acts.append(lambda: self._ledger.expired(now))
        return given
