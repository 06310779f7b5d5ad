"""A run: one firing of a rule whose steps take time, and how it moves from step to step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from hub.domain.errors import Conflict
from hub.domain.hours import BusinessHours
from hub.domain.ids import EventId, RevisionId, RuleId, RunId, TenantId
from hub.domain.rules.compiling import call_of
from hub.domain.rules.program import Program
from hub.domain.rules.tags import tagged
from hub.domain.rules.tree import (
    Action,
    Branch,
    Delay,
    Emit,
    Gate,
    Message,
    OnTimeout,
    Step,
    Tag,
    Wait,
)
from mappings.documents import Document

MAX_DEPTH = 8  # events that follow from each other before a person has to look
FIRST_LOOK = timedelta(seconds=2)  # a wait looks for its event again after this, then ever more rarely
LAST_LOOK = timedelta(hours=1)


class RunState(StrEnum):
    """Where a run stands."""

    READY = "ready"  # to be moved on at once
    WAITING = "waiting"  # for an event or for time to pass
    GATE = "gate"  # a person decides
    HELD = "held"  # by a guard, or because time was up: until a person releases or discards it
    DONE = "done"
    STOPPED = "stopped"  # time was up or a person said no, and no steps were written for it
    SKIPPED = "skipped"  # the rule had run for this candidate before
    CANCELLED = "cancelled"  # by a person
    DISCARDED = "discarded"  # by a person, out of HELD
    FAILED = "failed"  # a step cannot be taken: `reason` says which fault


LIVE = frozenset({RunState.READY, RunState.WAITING, RunState.GATE, RunState.HELD})
# What a person may say, and of runs in which state.
ANSWERED = {
    "approve": frozenset({RunState.GATE}),
    "reject": frozenset({RunState.GATE}),
    "release": frozenset({RunState.HELD}),
    "discard": frozenset({RunState.HELD}),
    "cancel": LIVE,
}


@dataclass(frozen=True, slots=True)
class Run:
    """`event` made the rule fire, `at` is the event that conditions and mappings read now, `met` all that were awaited.

    `step` is the step that the run stands at. `due_at` is when it must be looked at; `until` is when the step's time
    is up. `began_at` is set once the guards let it pass.
    """

    id: RunId
    tenant: TenantId
    rule: RuleId
    revision: RevisionId
    event: EventId
    at: EventId
    subject: str | None
    state: RunState
    created_at: datetime
    changed_at: datetime
    due_at: datetime | None = None
    step: str | None = None
    awaits: str | None = None  # the event type that wakes it
    until: datetime | None = None
    reason: str | None = None
    answer: str | None = None  # approved | rejected | released: what a person said
    met: tuple[EventId, ...] = ()
    began_at: datetime | None = None


Effect = Action | Tag | Emit


@dataclass(frozen=True, slots=True)
class Moved:
    """A run further on, and what is to be done for it in the same transaction."""

    run: Run
    effects: tuple[Effect, ...] = ()


def hold(run: Run, reason: str, now: datetime) -> Run:
    """Kept until a person releases or discards it."""
    return replace(run, state=RunState.HELD, reason=reason, due_at=None, awaits=None, changed_at=now)


def end(run: Run, state: RunState, now: datetime, reason: str | None = None) -> Run:
    """Over."""
    return replace(run, state=state, reason=reason or run.reason, due_at=None, until=None, awaits=None, changed_at=now)


def meet(run: Run, event: EventId, now: datetime) -> Run:
    """The awaited event is there: the run stands at it from now on."""
    return replace(run, at=event, met=(*run.met, event), awaits=None, changed_at=now)


def decide(run: Run, answer: str, now: datetime) -> Run:
    """What a person says: approve or reject at a gate, release or discard what is held, cancel what lives.

    Raises Conflict (`run_state`).
    """
    if run.state not in ANSWERED[answer]:
        raise Conflict(f"the run is {run.state}: one cannot {answer} it", code="run_state")
    if answer == "discard":
        return end(run, RunState.DISCARDED, now)
    if answer == "cancel":
        return end(run, RunState.CANCELLED, now)
    told = {"approve": "approved", "reject": "rejected", "release": "released"}[answer]
    began = run.began_at or (now if answer == "release" else None)
    return replace(
        run, state=RunState.READY, answer=told, reason=None, due_at=now, until=None, began_at=began, changed_at=now
    )


def go_on(run: Run, program: Program, data: Document, now: datetime, hours: BusinessHours, *, met: bool) -> Moved:
    """The run as far as it can go now. `data` is of the event it stands at; `met`: the event it waited for has come."""
    if run.step is None:
        return _walk(replace(run, answer=None), program, program.first, data, now, hours)
    step = program.steps[run.step]
    match step:
        case Gate(rejected=rejected) if run.answer == "rejected":
            rejected_run = replace(run, answer=None, reason="rejected")
            if not rejected:
                return Moved(end(rejected_run, RunState.STOPPED, now))
            return _walk(rejected_run, program, rejected[0].id, data, now, hours)
        case Wait() | Gate() if not met and run.answer is None:
            return _not_yet(run, step, program, data, now, hours)
        case Delay() if run.until is not None and now < run.until:
            return Moved(replace(run, state=RunState.WAITING, due_at=run.until))
        case _:
            return _walk(replace(run, answer=None), program, program.after[step.id], data, now, hours)


def still_waits(run: Run, program: Program, now: datetime, *, met: bool) -> bool:
    """Whether `go_on` would change nothing but the time of the next look: it asks nothing of the event's data."""
    step = program.steps.get(run.step or "")
    waits = isinstance(step, Wait | Gate) and not met and run.answer is None
    return waits and (run.until is None or now < run.until)


def _not_yet(
    run: Run, step: Wait | Gate, program: Program, data: Document, now: datetime, hours: BusinessHours
) -> Moved:
    if run.until is None or now < run.until:
        if isinstance(step, Gate):
            return Moved(replace(run, state=RunState.GATE, due_at=run.until))
        return Moved(replace(run, state=RunState.WAITING, due_at=_look_again(run, now)))
    late = replace(run, reason="timed_out")
    if step.late:
        return _walk(late, program, step.late[0].id, data, now, hours)
    if step.on_timeout is OnTimeout.NOTIFY:
        return Moved(hold(late, "timed_out", now))
    return Moved(end(late, RunState.STOPPED, now))


def _look_again(run: Run, now: datetime) -> datetime:
    """An event wakes its run at once; looking is for the one that came while the wait was being written down."""
    again = now + min(max(now - run.changed_at, FIRST_LOOK), LAST_LOOK)
    return again if run.until is None else min(again, run.until)


def _walk(run: Run, program: Program, cursor: str | None, data: Document, now: datetime, hours: BusinessHours) -> Moved:
    effects: list[Effect] = []
    while cursor is not None:
        step = program.steps[cursor]
        following = program.after[cursor]
        stop = _stop_at(run, step, now, hours)
        if stop is not None:
            return Moved(stop, tuple(effects))
        match step:
            case Action() | Message():
                call = call_of(step)
                assert call is not None
                effects.append(call)
            case Tag():
                effects.append(step)
                data = tagged(data, step) if program.asks_tags and run.subject is not None else data
            case Emit():
                effects.append(step)
            case Branch(id=id, then=then, otherwise=otherwise):
                chosen = then if program.asks[id](data, now) is True else otherwise
                following = chosen[0].id if chosen else following
            case Wait() | Gate() | Delay():
                pass  # a delay that is over already
            case _:
                assert_never(step)
        cursor = following
    return Moved(end(replace(run, step=None), RunState.DONE, now), tuple(effects))


def _stop_at(run: Run, step: Step, now: datetime, hours: BusinessHours) -> Run | None:
    here = replace(run, step=step.id, state=RunState.WAITING, changed_at=now, awaits=None)
    match step:
        case Wait(event=event, timeout=timeout):
            waiting = replace(here, awaits=event, until=now + timeout)
            return replace(waiting, due_at=_look_again(waiting, now))
        case Gate(timeout=limit):
            until = None if limit is None else now + limit
            return replace(here, state=RunState.GATE, until=until, due_at=until)
        case Delay(span=span, business_hours=business_hours):
            until = hours.open_from(now + span) if business_hours else now + span
            return replace(here, until=until, due_at=until) if until > now else None
        case _:
            return None
