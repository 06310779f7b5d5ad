"""Limits on calls: a leaky bucket for each caller. It fills with every call and leaks at a steady rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Limit(StrEnum):
    """Whose calls are counted together."""

    TOKEN = "token"  # noqa: S105 - the name of a limit
    TENANT = "tenant"
    HOOK = "hook"  # proved calls of one connection's vendor
    STRANGER = "stranger"  # calls from one network address that proved nothing


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` calls at once, and so many in `seconds` for as long as they last."""

    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Bucket:
    """How full it was, and when."""

    level: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Drawn:
    """How many calls were granted; `after`: where none was, the seconds until the next one may be."""

    granted: int
    after: float = 0.0


def draw(bucket: Bucket | None, rate: Rate, want: int, now: datetime) -> tuple[Bucket, Drawn]:
    """Grant up to `want` calls. A clock that went back leaks nothing."""
    level = 0.0
    if bucket is not None:
        elapsed = max(0.0, (now - bucket.at).total_seconds())
        level = max(0.0, bucket.level - elapsed * rate.count / rate.seconds)
        now = max(now, bucket.at)
    granted = max(0, min(want, math.floor(rate.count - level + 1e-9)))
    level += granted
    after = 0.0 if granted else max(0.0, (level - rate.count + 1) * rate.seconds / rate.count)
    return Bucket(level, now), Drawn(granted, after)
