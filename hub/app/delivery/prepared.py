"""A conversation that may begin, or why there is none; with what it is tried, and how often."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hub.domain.border import Crossing, Kept
from hub.domain.connections import Connection, Ordering, Stuck
from hub.domain.consents import Awaited
from hub.domain.deliveries import Outcome, RetryPolicy
from hub.ports.connector import Connector, Exchange
from hub.ports.queue import Claimed
from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class Prepared:
    """A conversation that may begin. `idempotency` is the operation's mode, None for reads and hooks."""

    connector: Connector
    exchange: Exchange
    idempotency: str | None
    operation: str
    mapping: str | None = None
    crossing: Crossing | None = None


class Stopped(Exception):
    """The delivery cannot be talked about at all; `outcome` says what becomes of it."""

    def __init__(self, outcome: Outcome, awaits: Awaited | None = None, kept: Kept | None = None) -> None:
        super().__init__(type(outcome).__name__)
        self.outcome, self.awaits, self.kept = outcome, awaits, kept


def policy_of(policy: RetryPolicy, connection: Connection | None, prepared: Prepared | None) -> RetryPolicy:
    """The hub's retry policy as the lane changes it."""
    if connection is None:
        return policy
    lane = connection.lane
    waits = lane.waits(prepared.operation if prepared else "default")
    parks = lane.park_after if lane.stuck is Stuck.PARK and lane.ordering is not Ordering.NONE else None
    if waits is None and parks is None:
        return policy
    return replace(policy, delays_s=policy.delays_s if waits is None else waits, park_after=parks)


def detail_of(
    claimed: Claimed,
    prepared: Prepared | None,
    prepare_s: float,
    vendor_s: float,
) -> Document:
    """What a try was made with, and the milliseconds of its phases: nothing personal."""
    detail: Document = {"prepare_ms": round(prepare_s * 1000, 1), "vendor_ms": round(vendor_s * 1000, 1)}
    if claimed.delivery.revision is not None:
        detail["revision"] = claimed.delivery.revision
    if prepared is not None:
        detail |= {
            "operation": prepared.operation,
            "connector": f"{prepared.connector.name} {prepared.connector.version}",
        }
        if prepared.mapping is not None:
            detail["mapping"] = prepared.mapping
    return detail
