"""Legal holds, erasures and what vendors were asked, as records; and what an erasure needs of the store besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol

from hub.domain.ids import ConnectionId, EventId, TenantId
from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class LegalHold:
    """Nothing of this person is removed. It holds from the moment somebody asks for it until a second person lets go."""

    unique: ClassVar[tuple[tuple[str, ...], ...]] = ()
    id: str  # hld_ + hex
    tenant: TenantId
    subject: str
    state: str  # asked | in_force | lift_asked | lifted | refused
    sealed: bytes  # the reasons
    asked_by: str
    asked_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    lift_asked_by: str | None = None
    lift_asked_at: datetime | None = None
    lifted_by: str | None = None
    lifted_at: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Erasure:
    """One person's erasure, and how far it has come. It stays for good: it is the proof.

    `closed`: nothing is accepted about the person, and no key is made, until an application comes anew.
    """

    unique: ClassVar[tuple[tuple[str, ...], ...]] = ()
    id: str  # ers_ + hex
    tenant: TenantId
    subject: str
    state: str  # see `hub.domain.subjects`
    sealed: bytes  # the reason
    digest: str  # of what was asked
    asked_by: str
    asked_at: datetime
    approved_by: tuple[str, ...] = ()
    approved_at: datetime | None = None
    closed: bool = False
    event: str | None = None
    keys: tuple[str, ...] = ()  # ids of what was destroyed
    receipt: str | None = None
    destroyed_at: datetime | None = None
    counts: Document = field(default_factory=dict)  # what was removed, by kind
    cleared_at: datetime | None = None
    done_at: datetime | None = None
    reopened_at: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """One connection that has the person, told to erase: by a delivery, or by somebody who then says so.

    `sealed`: the external ids, under a key of the erasure that is destroyed with the last acknowledgement.
    """

    unique: ClassVar[tuple[tuple[str, ...], ...]] = ()
    id: str  # ntc_ + hex
    tenant: TenantId
    erasure: str
    connection: int
    name: str  # of the connection
    connector: str
    operation: str | None  # None: a person has to do it
    state: str  # open | acknowledged
    created_at: datetime
    sealed: bytes | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None  # a delivery, or who said so
    reference: str | None = None
    version: int = 0


Held = Mapping[ConnectionId, Mapping[str, Sequence[str]]]  # connection -> object -> external ids


@dataclass(frozen=True, slots=True)
class ErasureStats:
    """Since when erasures that were approved are not carried out, and since when vendors owe an acknowledgement."""

    running: Sequence[datetime]
    notices: Sequence[datetime]


class Subjects(Protocol):
    """Part of `hub.ports.store.Work`."""

    async def holders(self, tenant: TenantId, subject: str) -> Held:
        """The connections that were told of the person or told us, with the external ids they know it by."""

    async def stop_subject(self, tenant: TenantId, subject: str, now: datetime, limit: int = 500) -> tuple[int, int]:
        """End (CANCELLED) deliveries and runs of the person that nobody has in hand; (how many, how many still live)."""

    async def clear_subject(self, tenant: TenantId, subject: str) -> dict[str, int]:
        """Remove look-ups, tags and their changes, orders, what rules said of the events; vendors' references.

        Events, deliveries and tries stay without anything readable. How many rows of each.
        """

    async def add_marks(self, tenant: TenantId, event: EventId, marks: Mapping[ConnectionId, Sequence[str]]) -> None:
        """Blind indexes of an erased person's external ids: look-ups of the object `erased`, found by `find_cause`."""

    async def replace_body(self, event: EventId, body: bytes) -> None:
        """Put another sealed body in the place of an event's."""

    async def erasures_under_way(self, *, telling: bool, after: str = "", limit: int = 50) -> list[Erasure]:
        """Of all tenants, approved and not done, with ids behind `after`, by id.

        `telling`: those that only wait for vendors, else the others.
        """

    async def erasure_stats(self) -> ErasureStats:
        """Of all tenants."""
