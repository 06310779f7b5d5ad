"""Consent: what a candidate said of a purpose, and whether it is in force."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from hub.domain.ids import TenantId

NEEDS_CONSENT = "needs_consent"  # why a delivery is held whose purpose the candidate has not agreed to


@dataclass(frozen=True, slots=True)
class Consent:
    """One statement of a candidate: given or taken back at a time. Statements are added, never changed."""

    tenant: TenantId
    subject: str  # the candidate's opaque id
    purpose: str
    given: bool
    at: datetime
    recorded_at: datetime
    source: str  # the event that told it, or who recorded it
    text_version: str | None = None
    locale: str | None = None
    expires_at: datetime | None = None
    evidence: bytes | None = None  # sealed

    @property
    def id(self) -> str:
        """Equal for the same statement, however often it is told."""
        said = f"{self.tenant}\n{self.subject}\n{self.purpose}\n{self.given}\n{self.at.timestamp():.6f}"
        return f"cns_{hashlib.sha256(said.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"

    @property
    def awaited(self) -> Awaited:
        """What deliveries may be waiting for it."""
        return Awaited(self.tenant, self.subject, self.purpose)


@dataclass(frozen=True, slots=True, order=True)
class Awaited:
    """Whose consent to what a delivery waits for."""

    tenant: TenantId
    subject: str
    purpose: str

    @property
    def key(self) -> str:
        """As a delivery's row names it."""
        return f"{self.purpose} {self.subject}"

    @classmethod
    def read(cls, tenant: TenantId, key: str) -> Awaited:
        """From a delivery's row."""
        purpose, _, subject = key.partition(" ")
        return cls(tenant, subject, purpose)


def in_force(said: Iterable[Consent], now: datetime) -> bool:
    """Whether the last of these statements of one purpose is a consent that has not expired.

    Of two at the same moment the withdrawal counts.
    """
    last = max((one for one in said if one.at <= now), key=lambda one: (one.at, not one.given), default=None)
    return last is not None and last.given and (last.expires_at is None or last.expires_at > now)
