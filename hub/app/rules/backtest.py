"""A rule tried on past events: what it would have done, and which clause kept it from doing more."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from hub.app.evaluate import versus
from hub.app.guards import GuardsThen
from hub.app.rules.rehearsal import Rehearsal
from hub.domain.ids import EventId
from hub.domain.rules import CompiledRule, RunMode
from mappings.documents import Document, Json

SAMPLES = 20  # of each kind, the newest


@dataclass(slots=True)
class Sieve:
    """One clause: how often it said no or did not know, and how often nothing else stood in the way."""

    false: int = 0
    unknown: int = 0
    alone: int = 0


class Past(NamedTuple):
    """An event as it stood when it came, with the words that were on its candidate."""

    id: EventId
    at: datetime
    data: Document
    subject: str | None = None
    depth: int = 0


@dataclass(slots=True)
class Tally:
    """Counts events one after another, oldest first. `live` is the revision to compare with, None where none is in force.

    An event on which all conditions hold `fires`; it is `touched` if the guards let it begin too.
    """

    rule: CompiledRule
    live: CompiledRule | None
    rehearsal: Rehearsal | None = None
    events: int = 0
    unreadable: int = 0
    fires: int = 0
    unknown: int = 0
    live_fires: int = 0
    touched: int = 0
    newly: int = 0
    no_longer: int = 0
    sieves: dict[str, Sieve] = field(default_factory=dict)
    candidates: set[str] = field(default_factory=set)
    samples: dict[str, deque[Past]] = field(default_factory=dict)
    guards: GuardsThen = field(init=False)
    live_guards: GuardsThen | None = field(init=False)

    def __post_init__(self) -> None:
        self.sieves = {leaf.id: Sieve() for leaf in self.rule.leaves}
        self.samples = {kind: deque(maxlen=SAMPLES) for kind in ("fires", "newly", "no_longer")}
        self.guards = GuardsThen(self.rule.body.guards)
        self.live_guards = None if self.live is None else GuardsThen(self.live.body.guards)

    def add(self, events: Sequence[Past]) -> None:
        """Count these, each as it stood when it came."""
        self.events += len(events)
        decide = self.rule.decide
        before = None if self.live is None else self.live.decide
        for past in events:
            data, at = past.data, past.at
            verdict = decide(data, at)
            acts = verdict is True and self._acts(past)
            if verdict is not True:
                self.unknown += verdict is None
                self._sift(data, at)
            if before is not None:
                fired = before(data, at) is True
                self.live_fires += fired
                self._compare(past, acts, fired and self._would_act(past))

    def _acts(self, past: Past) -> bool:
        self.fires += 1
        if not self.guards.passes(past.id, past.at, past.subject, past.depth, past.data):
            return False
        self.touched += 1
        self.samples["fires"].append(past)
        if past.subject is not None:
            self.candidates.add(past.subject)
        if self.rehearsal is not None:
            self.rehearsal.begin(past.id, past.at, past.subject, past.data)
        return True

    def _would_act(self, past: Past) -> bool:
        guards = self.live_guards
        return guards is not None and guards.passes(past.id, past.at, past.subject, past.depth, past.data)

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

    def _compare(self, past: Past, now: bool, before: bool) -> None:
        match versus(now, before):
            case "newly":
                self.newly += 1
                self.samples["newly"].append(past)
            case "no_longer":
                self.no_longer += 1
                self.samples["no_longer"].append(past)

    def result(self, since: datetime, until: datetime, compared_with: int | None) -> Document:
        """As it is stored with the revision: counts and ids, nothing personal."""
        compared, kept_back = self.live is not None, self.guards.kept_back
        observes = self.rule.mode is RunMode.OBSERVE
        rehearsal = self.rehearsal
        return {
            "since": since.isoformat(),
            "until": until.isoformat(),
            "events": self.events,
            "unreadable": self.unreadable,
            "fires": self.fires,
            "unknown": self.unknown,
            "mode": self.rule.mode.value,
            "touched": self.touched,
            "kept_back": {why: kept_back[why] for why in ("once_per", "rate_cap", "loop")},
            "ends": {} if rehearsal is None else dict(sorted(rehearsal.ends.items())),
            "compared_with": compared_with if compared else None,
            "live_fires": self.live_fires if compared else None,
            "newly": self.newly if compared else self.touched,
            "no_longer": self.no_longer,
            "clauses": [
                {"id": id, "false": one.false, "unknown": one.unknown, "alone": one.alone}
                for id, one in self.sieves.items()
            ],
            "actions": [] if rehearsal is None or observes else list(rehearsal.actions()),
            "candidates": len(self.candidates),
            "samples": {kind: [past.id for past in reversed(found)] for kind, found in self.samples.items()},
            "who": {kind: _who(found) for kind, found in self.samples.items()},
        }


def _who(found: deque[Past]) -> list[Json]:
    """The candidates of these, newest first, each once."""
    return list[Json](dict.fromkeys(past.subject for past in reversed(found) if past.subject is not None))
