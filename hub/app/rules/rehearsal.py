"""What a rule's steps would have done on past events: calls with their hour, waits that later events answered, ends."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hub.domain.hours import BusinessHours
from hub.domain.ids import EventId, RevisionId, RuleId, RunId, TenantId
from hub.domain.rules import Action, CompiledRule, compile_program
from hub.domain.rules.program import Program
from hub.domain.rules.tree import Same, Wait
from hub.domain.runs import Effect, Run, RunState, go_on, meet
from hub.ports.rules import Mark
from mappings.documents import Document, Json

HOUR_S = 3600
_NOBODY = (TenantId(0), RuleId(0), RevisionId(0))  # a rehearsed run belongs to no rule that could act


@dataclass(slots=True)
class Rehearsal:
    """Steps of one revision, in a time that is over. Nothing is sent, stored or told.

    Waits end with events that were really there; whether a person would have said yes at a gate nobody knows, so that
    a run ends there. Tags that the rehearsed rule itself would have put are not seen by its later firings.
    """

    rule: CompiledRule
    hours: BusinessHours
    until: datetime  # the end of the time that is known
    program: Program = field(init=False)
    calls: defaultdict[tuple[str, str], Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    ends: Counter[str] = field(default_factory=Counter)
    waiting: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.program = compile_program(self.rule.body)
        for step in self.rule.steps:
            self.calls[step.connection, step.operation] = Counter()

    @property
    def needs_data(self) -> bool:
        """Whether going on from a wait asks what is in an event."""
        return bool(self.program.asks)

    def begin(self, event: EventId, at: datetime, subject: str | None, data: Document) -> None:
        """One firing that the guards let pass; firings come in order of time."""
        if not self.rule.needs_run:
            self._count(self.rule.steps, at)
            return
        run = Run(RunId(0), *_NOBODY, event, event, subject, RunState.READY, at, at, at, began_at=at)
        self._move(run, data, at, met=False)

    def answered(self, came: Mapping[str, Iterable[Mark]]) -> list[tuple[Run, Mark | None]]:
        """The runs that wait, each with the event that ends its wait; None: time was up. Others are still waiting.

        `came`: per candidate the events of awaited types, oldest first, each after its type (see `awaited_by`).
        """
        moving, self.waiting = self.waiting, []
        found: list[tuple[Run, Mark | None]] = []
        for run in moving:
            mark = self._mark(run, came)
            if mark is None and (run.until is None or run.until > self.until):
                self.ends[RunState.WAITING] += 1
            else:
                found.append((run, mark))
        return found

    def go_on(self, run: Run, mark: Mark | None, data: Document) -> None:
        """A run whose wait is over. `data` is of the event that ended it, else of the one it stood at."""
        if mark is None:
            assert run.until is not None
            self._move(run, data, run.until, met=False)
            return
        now = max(mark.received_at, run.changed_at)
        self._move(meet(run, mark.id, now), data, now, met=True)

    def _mark(self, run: Run, came: Mapping[str, Iterable[Mark]]) -> Mark | None:
        step = self.program.steps[run.step or ""]
        assert isinstance(step, Wait)
        known = {run.event, *run.met}
        for mark in came.get(awaited_by(run), ()):
            if mark.received_at < run.created_at or mark.id in known:
                continue
            if run.until is not None and mark.received_at >= run.until:
                return None
            if step.same is Same.SUBJECT or mark.cause in known:
                return mark
        return None

    def _move(self, run: Run, data: Document, now: datetime, *, met: bool) -> None:
        while True:
            moved = go_on(run, self.program, data, now, self.hours, met=met)
            self._count(moved.effects, now)
            run, met = moved.run, False
            if run.state is not RunState.WAITING:
                self.ends[run.state] += 1
                return
            if run.awaits is not None:
                self.waiting.append(run)
                return
            if run.until is None or run.until > self.until:
                self.ends[RunState.WAITING] += 1
                return
            now = run.until

    def _count(self, effects: Iterable[Effect], now: datetime) -> None:
        whole = self.rule.body.guards.business_hours
        for effect in effects:
            if isinstance(effect, Action):
                due = self.hours.open_from(now) if whole or effect.business_hours else now
                self.calls[effect.connection, effect.operation][int(due.timestamp()) // HOUR_S] += 1

    def actions(self) -> Iterator[Json]:
        """What would have been sent, by connection and operation, with its busiest hour."""
        for (connection, operation), hours in self.calls.items():
            busiest, most = max(hours.items(), key=lambda pair: (pair[1], pair[0]), default=(0, 0))
            yield {
                "connection": connection,
                "operation": operation,
                "count": hours.total(),
                "peak_per_hour": most,
                "peak_hour": (datetime.fromtimestamp(0, UTC) + timedelta(hours=busiest)).isoformat() if most else None,
            }


def awaited_by(run: Run) -> str:
    """Under which name the events are that may end the run's wait: its candidate and the type."""
    return f"{run.awaits}\n{run.subject or ''}"


def by_candidate(type: str, marks: Iterable[Mark], subjects: Collection[str]) -> dict[str, list[Mark]]:
    """Marks of one type under the names that `awaited_by` gives, of these candidates."""
    found: defaultdict[str, list[Mark]] = defaultdict(list)
    for mark in marks:
        if mark.subject in subjects:
            found[f"{type}\n{mark.subject}"].append(mark)
    return dict(found)
