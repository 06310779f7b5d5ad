"""What is counted and written down: metrics and the one wide log line per attempt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol


class Meter(Protocol):
    """Names and units are the adapter's; labels are bounded and free of personal data."""

    def accepted(self, type: str, count: int, duplicates: int) -> None: ...

    def commit(self, size: int, seconds: float) -> None:
        """One group commit of ingest."""

    def request(self, operation: str, status: int, seconds: float) -> None:
        """One answered call of the API; `operation` is its id in the OpenAPI document."""

    def claim(self, seconds: float) -> None:
        """One claim of due deliveries over the lanes."""

    def record(self, size: int, seconds: float) -> None:
        """One group commit of ended tries."""

    def attempt(
        self, connector: str, connection: str, outcome: str, seconds: float, fields: Mapping[str, object]
    ) -> None:
        """One try; `fields` becomes the wide log line."""

    def gave_up(self, connection: str, error: str, delivery: str) -> None:
        """A delivery is dead although no try of it has ended."""

    def delivered(self, connection: str, seconds: float) -> None:
        """Time from acceptance to the vendor's acknowledgement."""

    def rule(self, rule: str, verdict: str, count: int = 1) -> None:
        """One evaluation: fired | no | unknown."""

    def task(self, name: str, outcome: str, due: datetime, leads: bool | None = None) -> None:
        """A recurring task was planned | ok | failed | skipped | led_elsewhere, and is to have run again by `due`.

        `leads`: whether this process holds the task's role; None for a task that every process runs.
        """

    def run_started(self, rule: str) -> None:
        """A run was looked at for the first time."""

    def run_ended(self, rule: str, outcome: str) -> None:
        """`outcome`: the state in which it ended."""

    def refused(self, reason: str) -> None:
        """An event or webhook that was refused before acceptance: queue | backlog | tenant_backlog | disk | memory."""

    def limited(self, limit: str) -> None:
        """A call was refused because its caller is over a limit: token | tenant | hook | stranger."""

    def pressure(self, ratio: float) -> None:
        """How much is owed, as a share of how much may be."""

    def swept(self, kind: str, rows: int, oldest: datetime | None, behind: bool, at: datetime) -> None:
        """A sweep removed so many rows of a kind. `behind`: its time was up before everything that is over was gone."""

    def backup_media(self, blobs: int, copied: int, compared: int) -> None:
        """Of the newest backup: blobs of recordings in it, those that were new, those that were read back and compared."""

    def backup(self, step: str, at: datetime | None) -> None:
        """When the newest backup was made, and the newest one that was restored and found whole; None: there is none."""

    def scanned(self, verdict: str) -> None:
        """A file was judged: clean | malware | unknown (no verdict could be had)."""

    def note(self, event: str, **fields: object) -> None:
        """A log line that is not an attempt; values are ids, counts, names, never personal data."""
