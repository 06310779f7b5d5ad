"""When a destination is left alone: the breaker with its slow start, and the alarm that ends in switching it off."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum


class Heard(StrEnum):
    """What a try says about the destination itself, whatever it says about the delivery."""

    WELL = "well"  # it answered, be it that it refused this one
    BADLY = "badly"  # it answered that it cannot work now
    NOTHING = "nothing"  # no connection, or no answer in time


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """Open after `strikes` tries in a row without an answer, or when `share` of at least `least` tries in `window_s`
    seconds failed; for `open_s` seconds, doubled at every failed probe up to `longest_s`. A destination that did
    nothing but fail for `disable_after_s` is switched off.
    """

    strikes: int = 5
    window_s: float = 60.0
    least: int = 10
    share: float = 0.7
    open_s: float = 30.0
    longest_s: float = 1800.0
    disable_after_s: float = 5 * 86400.0


ALARMS = (50, 70, 90, 100)  # per cent of `disable_after_s`


@dataclass(frozen=True, slots=True)
class Trouble:
    """What the store keeps of a destination that fails. `opens`: how often its breaker opened since it last worked;
    `alarmed`: the highest alarm given, in per cent.
    """

    opens: int = 0
    failing_since: datetime | None = None
    alarmed: int = 0


@dataclass(slots=True)
class Window:
    """The latest tries at one destination as one worker saw them."""

    policy: BreakerPolicy
    _strikes: int = 0
    _bad: int = 0  # of those seen
    _seen: deque[tuple[float, bool]] = field(default_factory=deque)

    def add(self, heard: Iterable[Heard], now_s: float) -> bool:
        """Take in tries that have just ended; whether the breaker must open. Opening forgets what was seen."""
        for one in heard:
            self._strikes = self._strikes + 1 if one is Heard.NOTHING else 0
            self._seen.append((now_s, one is Heard.WELL))
            self._bad += one is not Heard.WELL
        while self._seen and self._seen[0][0] < now_s - self.policy.window_s:
            self._bad -= not self._seen.popleft()[1]
        many = len(self._seen) >= self.policy.least and self._bad >= self.policy.share * len(self._seen)
        if self._strikes < self.policy.strikes and not many:
            return False
        self._strikes = self._bad = 0
        self._seen.clear()
        return True


def opened(trouble: Trouble, policy: BreakerPolicy) -> tuple[Trouble, timedelta]:
    """The trouble after one more opening, and how long nothing is sent."""
    seconds = min(policy.open_s * 2**trouble.opens, policy.longest_s)
    return replace(trouble, opens=min(trouble.opens + 1, 32)), timedelta(seconds=seconds)


def failing(trouble: Trouble, policy: BreakerPolicy, now: datetime) -> tuple[Trouble, int | None]:
    """The trouble after a failed try, and the alarm in per cent that is due now; 100 means: switch it off."""
    since = trouble.failing_since or now
    percent = 100 * (now - since).total_seconds() / policy.disable_after_s
    due = max((alarm for alarm in ALARMS if trouble.alarmed < alarm <= percent), default=None)
    return replace(trouble, failing_since=since, alarmed=due or trouble.alarmed), due
