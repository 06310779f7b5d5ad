"""A rule tried on past events: what it would have done, and which clause kept it from doing more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hub.domain.ids import EventId
from hub.domain.rules import CompiledRule
from mappings.documents import Document, Json

SAMPLES = 20  # event ids of each kind, the newest
HOUR = 3600


@dataclass(slots=True)
class Sieve:
    """One clause: how often it said no or did not know, and how often nothing else stood in the way."""

    false: int = 0
    unknown: int = 0
    alone: int = 0


@dataclass(slots=True)
class Tally:
    """Counts events one after another. `live` is the revision to compare with, None where nothing is in force."""

    rule: CompiledRule
    live: CompiledRule | None
    events: int = 0
    unreadable: int = 0
    fires: int = 0
    unknown: int = 0
    live_fires: int = 0
    newly: int = 0
    no_longer: int = 0
    sieves: dict[str, Sieve] = field(default_factory=dict)
    hours: Counter[int] = field(default_factory=Counter)
    samples: dict[str, list[EventId]] = field(default_factory=lambda: {"fires": [], "newly": [], "no_longer": []})

    def __post_init__(self) -> None:
        self.sieves = {leaf.id: Sieve() for leaf in self.rule.leaves}

    def add(self, events: Sequence[tuple[EventId, datetime, Document]]) -> None:
        """Count these, each as it stood when it came."""
        self.events += len(events)
        decide = self.rule.decide
        before = None if self.live is None else self.live.decide
        for id, at, data in events:
            verdict = decide(data, at)
            if verdict is True:
                self.fires += 1
                self.hours[int(at.timestamp()) // HOUR] += 1
                self._sample("fires", id)
            else:
                self.unknown += verdict is None
                self._sift(data, at)
            if before is not None:
                self._compare(id, verdict is True, before(data, at) is True)

    def _sift(self, data: Document, at: datetime) -> None:
        standing = None
        several = False
        for leaf in self.rule.leaves:
            answer = leaf.decide(data, at)
            if answer is leaf.wanted:
                continue
            sieve = self.sieves[leaf.id]
            if answer is None:
                sieve.unknown += 1
            else:
                sieve.false += 1
            several = standing is not None
            standing = sieve
        if standing is not None and not several:
            standing.alone += 1

    def _compare(self, id: EventId, now: bool, before: bool) -> None:
        self.live_fires += before
        if now and not before:
            self.newly += 1
            self._sample("newly", id)
        elif before and not now:
            self.no_longer += 1
            self._sample("no_longer", id)

    def _sample(self, kind: str, id: EventId) -> None:
        known = self.samples[kind]
        if len(known) < SAMPLES:
            known.append(id)

    def result(self, since: datetime, until: datetime, compared_with: int | None) -> Document:
        """As it is stored with the revision: counts and ids, nothing personal."""
        compared = self.live is not None
        return {
            "since": since.isoformat(),
            "until": until.isoformat(),
            "events": self.events,
            "unreadable": self.unreadable,
            "fires": self.fires,
            "unknown": self.unknown,
            "compared_with": compared_with if compared else None,
            "live_fires": self.live_fires if compared else None,
            "newly": self.newly if compared else self.fires,
            "no_longer": self.no_longer,
            "clauses": [
                {"id": id, "false": one.false, "unknown": one.unknown, "alone": one.alone}
                for id, one in self.sieves.items()
            ],
            "actions": list(self._actions()),
            "samples": {kind: [*ids] for kind, ids in self.samples.items()},
        }

    def _actions(self) -> Iterator[Json]:
        """What would have been sent, by connection and operation, with its busiest hour."""
        busiest, most = max(self.hours.items(), key=lambda pair: (pair[1], pair[0]), default=(0, 0))
        for (connection, operation), times in Counter(acts(self.rule)).items():
            yield {
                "connection": connection,
                "operation": operation,
                "count": self.fires * times,
                "peak_per_hour": most * times,
                "peak_hour": _hour(busiest) if most else None,
            }


def acts(rule: CompiledRule) -> Iterator[tuple[str, str]]:
    """(connection, operation) of each step that sends something when the rule fires."""
    for step in rule.steps:
        yield step.connection, step.operation


def _hour(number: int) -> str:
    return (datetime.fromisoformat("1970-01-01T00:00:00+00:00") + timedelta(hours=number)).isoformat()
