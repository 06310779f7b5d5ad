"""What is counted and written down: metrics and the one wide log line per attempt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Meter(Protocol):
    """Names and units are the adapter's; labels are bounded and free of personal data."""

    def accepted(self, type: str, count: int, duplicates: int) -> None: ...

    def commit(self, size: int, seconds: float) -> None:
        """One group commit of ingest."""

    def attempt(
        self, connector: str, connection: str, outcome: str, seconds: float, fields: Mapping[str, object]
    ) -> None:
        """One try; `fields` becomes the wide log line."""

    def delivered(self, connection: str, seconds: float) -> None:
        """Time from acceptance to the vendor's acknowledgement."""

    def rule(self, rule: str, verdict: str, count: int = 1) -> None:
        """One evaluation: fired | no | unknown."""

    def note(self, event: str, **fields: object) -> None:
        """A log line that is not an attempt; values are ids, counts, names, never personal data."""
