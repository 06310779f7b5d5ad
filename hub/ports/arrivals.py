"""Events as they are stored, with what they owe, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.domain.consents import Consent
from hub.domain.deliveries import Planned
from hub.domain.events import Cause
from hub.domain.ids import EventId, TenantId
from hub.ports.lookup import Found
from hub.ports.rules import Evaluated
from hub.ports.runs import Start
from hub.ports.vault import KeyRow


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is stored: the data sealed, everything else in the clear and free of personal data."""

    id: EventId
    tenant: TenantId
    type: str
    version: int
    source: str
    key: str
    subject: str | None
    occurred_at: datetime
    received_at: datetime
    body: bytes  # sealed
    request_hash: bytes  # 32 bytes: SHA-256 of the canonical request; tells a repeat from a clash
    cause: Cause | None = None
    depth: int = 0  # how many events lie between this one and the first cause
    traceparent: str | None = None  # the sender's place in its own trace (W3C), if it told one that is valid


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event, the deliveries that it owes, the runs that it starts and what the rules said: stored together or not at all.

    `wakes`: some run may wait for an event of this type.
    `known_until`: a repeat is known as one at least so long, and each repeat prolongs that; None: as long as the event is there.
    """

    event: StoredEvent
    planned: tuple[Planned, ...] = ()
    starts: tuple[Start, ...] = ()
    wakes: bool = False
    evaluated: tuple[Evaluated, ...] = ()
    known_until: datetime | None = None
    consents: tuple[Consent, ...] = ()  # what the event tells of them
    lookups: tuple[Found, ...] = ()  # what its candidate is found by
    key: KeyRow | None = None  # drafted for the candidate, and stored with what it sealed here


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an arrival. `id` is the event under this identity; `clash`: it was there with other content.

    `taken`: nothing was stored, because the candidate has another key than the drafted one by now, or was erased: seal it again.
    """

    id: EventId
    fresh: bool
    clash: bool = False
    taken: bool = False
