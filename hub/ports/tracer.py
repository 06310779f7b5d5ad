"""Traces: one per event, from its acceptance over the rule and the delivery to the vendor."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from hub.ports.arrivals import Arrival
from hub.ports.queue import Claimed, Completion
from hub.ports.transport import Channel


class Tracer(Protocol):
    """Spans carry ids, names and outcomes, never personal data. Nothing here waits, and nothing raises."""

    def accepted(self, arrival: Arrival, until: datetime) -> None:
        """An event was stored for the first time, and with it what the rules owe."""

    def attempt(self, claimed: Claimed) -> AbstractContextManager[Callable[[Completion], None]]:
        """One try of a delivery, as long as the block lasts; tell it the completion."""

    def request(
        self, channel: Channel, method: str
    ) -> AbstractContextManager[tuple[str | None, Callable[[int], None]]]:
        """One request to a vendor inside a try: (the `traceparent` to send, what takes the status of the answer)."""

    def close(self) -> None:
        """Send what is left; wait a few seconds at most."""
