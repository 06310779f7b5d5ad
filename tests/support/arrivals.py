"""Ready-made events, lanes and completions for tests of the store."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from hub.domain.connections import Connection, Lane
from hub.domain.deliveries import Again, Attempt, Delivery, Final, Finish, Hold, Next, Planned
from hub.domain.events import Cause
from hub.domain.ids import DEFAULT_TENANT, ConnectionId, DeliveryId, EventId, TenantId
from hub.ports.arrivals import Arrival, Receipt, StoredEvent
from hub.ports.lanes import BusyLane
from hub.ports.queue import Claimed, Completion, LaneCall
from hub.ports.store import Store, Work
from mappings.documents import Document
from tests.support.stores import T0

LEASE = timedelta(seconds=60)


def event_number(number: int) -> EventId:
    """An event id that grows with the number."""
    return EventId(f"evt_{number:032x}")


def event(
    number: int,
    *,
    key: str | None = None,
    subject: str | None = "cand-1",
    type: str = "interview.report.completed",
    content: bytes = b"sealed",
    tenant: TenantId = DEFAULT_TENANT,
    received_at: datetime = T0,
    cause: Cause | None = None,
) -> StoredEvent:
    """Event number `number`; `content` is what makes a repeat or a clash."""
    return StoredEvent(
        id=event_number(number),
        tenant=tenant,
        type=type,
        version=1,
        source="/engine",
        key=key or f"key-{number}",
        subject=subject,
        occurred_at=received_at - timedelta(minutes=5, microseconds=1),
        received_at=received_at,
        body=content + b"\x00\xff",
        request_hash=hashlib.sha256(content).digest(),
        cause=cause,
    )


def arrival(number: int, *planned: Planned, **fields: object) -> Arrival:
    """Event number `number` with what it owes."""
    return Arrival(event(number, **fields), planned)  # type: ignore[arg-type]


async def make_lane(
    store: Store, name: str = "ats", tenant: TenantId = DEFAULT_TENANT, lane: Lane = Lane(), **fields: object
) -> Connection:
    """A connection to plan deliveries for."""
    wanted = {"handle": f"con_{tenant}{name}", "connector": "acme", "config": {"base": "https://ats.example"}}
    async with store.work() as work:
        return await work.put_connection(tenant, name, lane=lane, secrets=b"sealed", **{**wanted, **fields})  # type: ignore[arg-type]


def busy(lanes: Sequence[BusyLane]) -> list[ConnectionId]:
    """Which lanes they are."""
    return [lane.connection for lane in lanes]


async def accept(store: Store, *arrivals: Arrival) -> list[Receipt]:
    """Accept in one transaction."""
    async with store.work() as work:
        return await work.accept(arrivals)


async def fill(store: Store, lane: ConnectionId, count: int, *, okey: str | None = None, start: int = 1) -> None:
    """`count` events that owe one delivery each at the lane, received a second apart from T0."""
    await accept(
        store,
        *[
            arrival(n, Planned(lane, "step", okey=okey), received_at=T0 + timedelta(seconds=n - start))
            for n in range(start, start + count)
        ],
    )


async def claim(
    store: Store, lane: ConnectionId, cap: int = 100, *, now: datetime = T0 + timedelta(hours=1), token: str = "w1"
) -> list[Claimed]:
    """Claim from one lane in one transaction."""
    async with store.work() as work:
        return await work.claim([LaneCall(lane, cap)], now=now, lease=LEASE, token=token)


def completion(
    claimed: Claimed | Delivery,
    following: Next = Finish(Final.DELIVERED),
    *,
    outcome: str | None = None,
    error: str | None = None,
    refs: Mapping[str, str] = {},
    arrivals: Sequence[Arrival] = (),
    reference: str | None = None,
) -> Completion:
    """The end of a try."""
    delivery = claimed.delivery if isinstance(claimed, Claimed) else claimed
    named = {Finish: "delivered", Again: "try_later", Hold: "needs_human"}[type(following)]
    detail: Document = {"connector": "acme 1.0.0", "vendor_ms": 11.5}
    attempt = Attempt(delivery.id, delivery.attempt, T0, 12, outcome or named, 200, error, b"talk", detail)
    return Completion(delivery, following, attempt, reference=reference, refs=refs, arrivals=tuple(arrivals))


async def complete(
    store: Store, *completions: Completion, now: datetime = T0 + timedelta(hours=1)
) -> frozenset[DeliveryId]:
    """Complete in one transaction."""
    async with store.work() as work:
        return await work.complete(completions, now=now)


@asynccontextmanager
async def undone(store: Store) -> AsyncIterator[Work]:
    """A transaction that ends in an error."""
    try:
        async with store.work() as work:
            yield work
            raise ZeroDivisionError
    except ZeroDivisionError:
        return
