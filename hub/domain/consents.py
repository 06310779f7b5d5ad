"""Consent: what a candidate said of a purpose, and whether it is in force."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from hub.domain.ids import TenantId

RECORDING = "recording"  # the purpose under which interviews are recorded and watched
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
        ends = "" if self.expires_at is None else self.expires_at.isoformat()
        said = "\n".join((str(self.tenant), self.subject, self.purpose, str(self.given), self.at.isoformat(), ends))
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


def taken_back(said: Iterable[Consent], now: datetime) -> bool:
    """Whether a consent of one purpose was there and is no longer."""
    statements = list(said)
    return bool(statements) and not in_force(statements, now)


def in_force(said: Iterable[Consent], now: datetime) -> bool:
    """Whether the last of these statements of one purpose is a consent that has not expired.

    Of several at the same moment the strictest counts: a withdrawal, else the end that comes first.
    """
    past = [
        one for one in said if one.at <= now or not one.given
    ]  # whoever took it back may have a clock ahead of ours
    at = max((one.at for one in past), default=None)
    last = [one for one in past if one.at == at]
    return bool(last) and all(one.given and (one.expires_at is None or one.expires_at > now) for one in last)
