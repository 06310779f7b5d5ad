"""The guards of a rule: what it has run once for, how many runs an hour, how long a chain of causes may be."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hub.domain.ids import EventId
from hub.domain.rules.tree import Guards, Once
from hub.domain.runs import MAX_DEPTH
from mappings.documents import Document, lookup

HOUR = timedelta(hours=1)


def once_key(guards: Guards, subject: str | None, event: EventId, data: Document) -> str:
    """One text for what the rule may run once for. No subject is one candidate of its own: the event decides."""
    job = lookup(data, "job.id")
    parts = [subject or event]
    if Once.JOB in guards.once_per:
        parts.append(job if isinstance(job, str) else "")
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(slots=True)
class GuardsThen:
    """The guards over past firings, told in order of time: what began, and what was kept back for which reason.

    What the rule did before the first of them is not known here.
    """

    guards: Guards
    kept_back: Counter[str] = field(default_factory=Counter)  # once_per | rate_cap | loop
    _once: set[str] = field(default_factory=set)
    _begun: deque[datetime] = field(default_factory=deque)

    def passes(self, event: EventId, at: datetime, subject: str | None, depth: int, data: Document) -> bool:
        """Whether the rule would have begun; the order of questions is that of a real run."""
        why = self._why_not(event, at, subject, depth, data)
        if why is not None:
            self.kept_back[why] += 1
        return why is None

    def _why_not(self, event: EventId, at: datetime, subject: str | None, depth: int, data: Document) -> str | None:
        if depth >= MAX_DEPTH:
            return "loop"
        if self.guards.once_per:
            key = once_key(self.guards, subject, event, data)
            if key in self._once:
                return "once_per"
            self._once.add(key)
        if self.guards.max_per_hour is not None:
            while self._begun and self._begun[0] <= at - HOUR:
                self._begun.popleft()
            if len(self._begun) >= self.guards.max_per_hour:
                return "rate_cap"
            self._begun.append(at)
        return None
