"""Deliveries whose last worker did not come back from them: few at a time, so that the guilty one is found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.domain.deliveries import CRASHES, Delivery
from hub.ports.queue import Claimed

TOGETHER = 8  # of one lane in one process, after their first crash; who crashed again goes alone
WAIT = timedelta(seconds=0.25)  # how long the others stand aside, so that the lane's innocent flow
QUIET = timedelta(seconds=2)  # how long a process takes nothing else for the sake of one that goes alone


@dataclass(slots=True)
class Suspects:
    """Who of one process may go."""

    _quiet_until: datetime | None = None

    def quiet(self, now: datetime) -> bool:
        """Whether nothing more is to be claimed while something is under way."""
        return self._quiet_until is not None and now < self._quiet_until

    def admit(
        self, claimed: Sequence[Claimed], out: Iterable[Delivery], now: datetime, *, busy: bool
    ) -> tuple[list[Claimed], list[Claimed]]:
        """Which of the claimed may go and which have to wait. `out`: suspects under way; `busy`: anything is."""
        out = list(out)
        alone = next((one for one in claimed if _alone(one.delivery)), None)
        if alone is not None and self._goes_alone(now, busy=busy, others=bool(out)):
            return [alone], [one for one in claimed if one is not alone]
        go, wait = [], []
        for one in claimed:
            if not one.delivery.crashes:
                go.append(one)
            elif alone is None and _room(one.delivery, out):
                go.append(one)
                out.append(one.delivery)
            else:
                wait.append(one)
        return go, wait

    def _goes_alone(self, now: datetime, *, busy: bool, others: bool) -> bool:
        """At once where nothing is under way; after a while in spite of what is, but never beside other suspects."""
        until = self._quiet_until
        fresh = until is None or now >= until + QUIET
        free = not busy or not (others or fresh or self.quiet(now))
        if free or fresh:
            self._quiet_until = now + QUIET
        return free


def _room(delivery: Delivery, out: Sequence[Delivery]) -> bool:
    mine = sum(other.connection == delivery.connection for other in out)
    return mine < TOGETHER and not any(map(_alone, out))


def _alone(delivery: Delivery) -> bool:
    """One crash more and it is dead: nothing else may be there to blame."""
    return delivery.crashes >= CRASHES - 1
