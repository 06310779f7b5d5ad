"""How long each kind of record is kept, and what stands in the way of its removal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from hub.domain.errors import Invalid


class Kind(StrEnum):
    """What is kept. The order is the order of removal: what hangs on an event goes after it."""

    EVENTS = "events"  # with their data and with what the rules said of them
    DELIVERIES = "deliveries"  # that ended other than dead
    DEAD_LETTERS = "dead_letters"
    RUNS = "runs"  # that ended
    OBSERVATIONS = "observations"  # that a rule would have acted
    ATTEMPTS = "attempts"
    IDENTITIES = "identities"  # by which a repeated event is known
    BACKTESTS = "backtests"  # that ended
    REPLAYS = "replays"  # of many, that ended
    TAG_CHANGES = "tag_changes"  # that no kept event was met with; the newest of each tag stays
    CONSENTS = (
        "consents"  # all that was said of a purpose, once it stopped to hold; what holds stays with its candidate
    )


DEFAULT_DAYS: Mapping[Kind, int] = MappingProxyType(
    {
        Kind.EVENTS: 180,
        Kind.DELIVERIES: 180,
        Kind.DEAD_LETTERS: 365,
        Kind.RUNS: 180,
        Kind.OBSERVATIONS: 90,
        Kind.ATTEMPTS: 90,
        Kind.IDENTITIES: 180,
        Kind.BACKTESTS: 90,
        Kind.REPLAYS: 180,
        Kind.TAG_CHANGES: 180,
        Kind.CONSENTS: 1095,  # claims become time-barred after three years: Civil Code of the PRC, article 188
    }
)
LONGEST = 36500  # days
Cuts = Mapping[Kind, datetime]  # what is older goes; a kind without a cut stays for good


@dataclass(frozen=True, slots=True)
class Keep:
    """Days per kind; 0 keeps for good."""

    days: Mapping[Kind, int] = field(default_factory=lambda: DEFAULT_DAYS)

    def cuts(self, now: datetime) -> dict[Kind, datetime]:
        """Where each kind is cut. Identities carry their own end: they are cut now."""
        found = {kind: now - timedelta(days=days) for kind, days in self.days.items() if days}
        return found | {Kind.IDENTITIES: now}

    def known_until(self, now: datetime) -> datetime | None:
        """Until when a repeat of what comes now is known; None for good."""
        days = self.days[Kind.IDENTITIES]
        return now + timedelta(days=days) if days else None

    @classmethod
    def read(cls, text: str) -> Keep:
        """`events=90,attempts=30`: what is not named keeps its default, tag changes as long as events. Raises Invalid."""
        named = dict[Kind, int]()
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, _, number = part.partition("=")
            if name.strip() not in tuple(Kind):
                raise Invalid(f"one keeps {', '.join(Kind)}", code="bad_setting")
            if not (number.strip().isascii() and number.strip().isdigit()) or int(number) > LONGEST:
                raise Invalid(f"{name.strip()} is a whole number of days, at most {LONGEST}", code="bad_setting")
            named[Kind(name.strip())] = int(number)
        as_events = {Kind.TAG_CHANGES: named.get(Kind.EVENTS, DEFAULT_DAYS[Kind.EVENTS])}
        return cls({**DEFAULT_DAYS, **as_events, **named})

    def written(self) -> str:
        """As `read` reads it."""
        return ",".join(f"{kind}={self.days[kind]}" for kind in Kind)
