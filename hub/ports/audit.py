"""The audit trail: who noted what, the store's part of it, and where signed ends of chains are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hub.domain.audit import Act, Chain, Grade, Linked, Outcome
from hub.domain.ids import TenantId
from hub.ports.signing import Signature


class Audit(Protocol):
    """Puts on record what is not itself a change in the store: reads, refusals, exports."""

    async def note(self, act: Act) -> None:
        """Durable when it returns. Raises Unavailable: then what was to be noted must not happen."""


@dataclass(frozen=True, slots=True)
class ActFilter:
    """Which acts. `action` may end in `*`; `since` and `until` are a half-open span."""

    actor: str | None = None
    action: str | None = None
    object: str | None = None
    outcome: Outcome | None = None
    least: Grade = Grade.OPEN
    since: datetime | None = None
    until: datetime | None = None


EVERY = ActFilter()


@dataclass(frozen=True, slots=True)
class OwedHead:
    """A signed head that is still to be told elsewhere, as it will be told."""

    tenant: TenantId
    seq: int
    body: str
    tries: int
    due_at: datetime


class Acts(Protocol):
    """The chains in the store, one per tenant."""

    async def audit(self, act: Act) -> None:
        """Append the act to its tenant's chain, when this transaction commits and only then."""

    async def acts(
        self, tenant: TenantId, limit: int, *, before: int | None = None, where: ActFilter = EVERY
    ) -> list[Linked]:
        """Newest first, with numbers below `before`."""

    async def acts_after(self, tenant: TenantId, seq: int, limit: int) -> list[Linked]:
        """In the order of the chain, with numbers above `seq`."""

    async def chain(self, tenant: TenantId) -> Chain:
        """Where the chain begins and ends."""

    async def chains(self) -> list[Chain]:
        """Those of all tenants that have one."""

    async def mark_signed(self, tenant: TenantId, seq: int) -> None:
        """The end at this number was signed and is kept elsewhere."""

    async def owe_head(self, owed: OwedHead) -> None:
        """It is to be told; again is the same."""

    async def owed_heads(self, now: datetime, limit: int) -> list[OwedHead]:
        """Those that are due, oldest first."""

    async def put_off_head(self, owed: OwedHead, until: datetime) -> None:
        """It was not taken: one more try, due then."""

    async def settle_head(self, owed: OwedHead) -> None:
        """It was taken."""

    async def prune_acts(self, tenant: TenantId, through: int) -> int:
        """Remove the acts up to this number and raise the floor to it; returns how many."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain at some time, signed."""

    tenant: TenantId
    seq: int
    hash: bytes
    at: datetime
    signature: Signature


class Heads(Protocol):
    """Where signed ends are kept: a place that whoever can write in the database cannot rewrite."""

    async def keep(self, head: Head) -> None:
        """Raises Unavailable."""

    async def kept(self, tenant: TenantId) -> list[Head]:
        """The last of each day and all of the newest day, by number. Raises Unavailable."""
