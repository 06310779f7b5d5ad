"""The tests of the kill switch, of gates and of missing replays are believed because each of these faults turns one red."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from hub.adapters.memory.deliveries import MemoryDeliveries
from hub.adapters.memory.events import started
from hub.adapters.memory.replays import MemoryReplays
from hub.adapters.memory.runs import MemoryRuns
from hub.app import runs
from hub.app.library import Library
from hub.domain.approvers import Approver
from hub.domain.ids import RunId
from tests.app import test_kill_switch as switch
from tests.app import test_pause_holds as pauses
from tests.app import test_replay_missing_runs as missing
from tests.app import test_runs as gates

Patch = Callable[[pytest.MonkeyPatch], None]
Story = Callable[[], Awaitable[None]]


def queued_deliveries_leave(patch: pytest.MonkeyPatch) -> None:
    """The switch is turned, and what was queued before stays in the queue; no worker asks."""

    async def hold_caused(self: MemoryDeliveries, *args: Any) -> int:
        return 0

    patch.setattr(MemoryDeliveries, "hold_caused", hold_caused)
    a_worker_does_not_ask(patch)


def a_worker_does_not_ask(patch: pytest.MonkeyPatch) -> None:
    """What was claimed before the switch was turned is sent."""

    async def stopped(self: Library, *args: Any) -> None:
        return None

    patch.setattr(Library, "stopped", stopped)


def what_is_held_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Deliveries are let go to nowhere when rules act again."""

    async def let_go(self: MemoryDeliveries, *args: Any, **more: Any) -> int:
        return 0

    patch.setattr(MemoryDeliveries, "let_go", let_go)


def a_pause_does_not_reach_back(patch: pytest.MonkeyPatch) -> None:
    """Only the switch of all rules holds what is queued."""
    real = MemoryDeliveries.hold_caused

    async def hold_caused(self: MemoryDeliveries, tenant: Any, limit: int = 1000, rule: Any = None) -> int:
        return await real(self, tenant, limit) if rule is None else 0

    patch.setattr(MemoryDeliveries, "hold_caused", hold_caused)
    a_worker_does_not_ask(patch)


def a_pause_holds_everything(patch: pytest.MonkeyPatch) -> None:
    """What other rules caused is held with it."""
    real = MemoryDeliveries.hold_caused

    async def hold_caused(self: MemoryDeliveries, tenant: Any, limit: int = 1000, rule: Any = None) -> int:
        return await real(self, tenant, limit)

    patch.setattr(MemoryDeliveries, "hold_caused", hold_caused)


def runs_move(patch: pytest.MonkeyPatch) -> None:
    """A run is due by its time alone."""
    patch.setattr(MemoryRuns, "_is_due", lambda self, run, now: run.due_at is not None and run.due_at <= now)


def anybody_answers(patch: pytest.MonkeyPatch) -> None:
    """A gate is a question to whoever comes along."""
    real = runs.Runs.decide

    async def decide(self: runs.Runs, *args: Any) -> Any:
        return await real(replace(self, may_approve=lambda subject, gate: True), *args)

    patch.setattr(runs.Runs, "decide", decide)


def any_role_will_do(patch: pytest.MonkeyPatch) -> None:
    """The role is not compared with the one that the gate names."""
    real = runs.Runs.decide

    async def decide(self: runs.Runs, *args: Any) -> Any:
        return await real(replace(self, may_approve=lambda subject, gate: bool(subject.roles)), *args)

    patch.setattr(runs.Runs, "decide", decide)


def begun_again(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks whether a rule has begun for the event already."""

    async def begin_missing(self: MemoryReplays, tenant: Any, event: Any, starts: Any, now: Any) -> int:
        stored = await self.event(tenant, event)
        assert stored is not None
        for start in starts:
            run = RunId(self._tables.next("run"))
            self._tables.runs.put(run, replace(started(run, stored, start), changed_at=now, due_at=now))
        return len(starts)

    patch.setattr(MemoryReplays, "begin_missing", begin_missing)


def begun_after_it_was_sent(patch: pytest.MonkeyPatch) -> None:
    """Only runs count as begun: what a rule did without a run, it does once more."""
    real = MemoryReplays.begin_missing

    async def begin_missing(self: MemoryReplays, *args: Any) -> int:
        live, done = self._tables.live, self._tables.done
        with pytest.MonkeyPatch.context() as blind:
            blind.setattr(live, "values", lambda: iter(()))
            blind.setattr(done, "values", lambda: iter(()))
            return await real(self, *args)

    patch.setattr(MemoryReplays, "begin_missing", begin_missing)


async def somebody_else_is_refused() -> None:
    await gates.test_a_gate_is_answered_by_those_whom_it_asks(
        "hr_owner", Approver("hr_owner", frozenset({"hr"})), False
    )


FAULTS: list[tuple[Patch, Story]] = [
    (queued_deliveries_leave, switch.test_queued_deliveries_and_runs_stop_and_go_on),
    (queued_deliveries_leave, switch.test_what_is_held_can_be_discarded_and_is_on_record),
    (a_worker_does_not_ask, switch.test_what_a_worker_has_in_hand_is_held_before_it_speaks),
    (what_is_held_is_forgotten, switch.test_queued_deliveries_and_runs_stop_and_go_on),
    (runs_move, switch.test_queued_deliveries_and_runs_stop_and_go_on),
    (runs_move, switch.test_time_goes_on_while_rules_are_stopped),
    (a_pause_does_not_reach_back, pauses.test_what_has_not_left_is_held_and_sent_when_the_rule_is_live_again),
    (a_pause_holds_everything, pauses.test_what_has_not_left_is_held_and_sent_when_the_rule_is_live_again),
    (a_worker_does_not_ask, pauses.test_what_a_worker_has_in_hand_when_its_rule_is_paused_is_held_before_it_speaks),
    (anybody_answers, somebody_else_is_refused),
    (any_role_will_do, somebody_else_is_refused),
    (begun_again, missing.test_a_rule_that_came_later_begins_its_runs_once),
    (begun_again, missing.test_what_a_rule_has_sent_already_is_not_run_through_again),
    (begun_after_it_was_sent, missing.test_what_a_rule_has_sent_already_is_not_run_through_again),
]


@pytest.mark.parametrize(
    ("fault", "story"),
    FAULTS,
    ids=[f"{fault.__name__}-{story.__name__.removeprefix('test_')}" for fault, story in FAULTS],
)
async def test_a_planted_fault_turns_the_story_red(fault: Patch, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """Green as the code is, red with the fault in it."""
    await story()
    fault(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        await story()
