"""What is missing for stored events is begun once: runs of rules that came later, and never a second one."""

from __future__ import annotations

from typing import Any

from hub.domain.replays import ReplayJob, ReplayKind, ReplayWanted
from hub.domain.runs import RunState
from tests.app.conftest import REFERRALS, REPORT
from tests.app.test_runs import SINK, WAIT, accept, call, checked, only, steps
from tests.support.hubs import START, TENANT, Bench, bench, report


def rule(*then: Any, **guards: Any) -> Any:
    stored = {"schema": 1, "trigger": {"event": REPORT}, "then": list(then)}
    return {"rule": {**stored, **({"guards": guards} if guards else {})}}


async def hub_with(**rules: Any) -> Bench:
    b = bench()
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"sink": SINK, "referrals": REFERRALS}, "rules": rules})
    return b


async def missing(b: Bench, **more: Any) -> ReplayJob:
    wanted = ReplayWanted(kind=ReplayKind.MISSING, since=START, event_type=REPORT, **more)
    job = await b.hub.replays.start(TENANT, wanted, "test")
    await b.hub.replays.advance(60)
    await b.advance()
    return await b.hub.replays.job(TENANT, job.id)


async def test_a_rule_that_came_later_begins_its_runs_once() -> None:
    b = await hub_with()
    await accept(b, report(), report(key="2", candidate="cand_2"))
    b.clock.advance(3600)
    await accept(b, checked())
    b.clock.advance(3600)
    await b.configure({"rules": {"r": rule(call("order"), WAIT, call("offer"))}})
    first = await missing(b)
    assert (first.done, first.skipped) == (2, 0)
    assert sorted(await steps(b)) == ["offer", "order", "order"]  # one had its answer long ago
    runs = await b.hub.runs.every(TENANT)
    assert sorted(view.run.state for view in runs) == [RunState.DONE, RunState.WAITING]
    again = await missing(b)
    assert (again.done, again.skipped) == (0, 2)
    assert len(await b.hub.runs.every(TENANT)) == 2
    assert len(await b.deliveries()) == 3


async def test_what_a_rule_has_sent_already_is_not_run_through_again() -> None:
    b = await hub_with(r=rule(call("order")))
    await accept(b, report())
    await b.configure({"rules": {"r": rule(call("order"), WAIT, call("offer"))}})
    assert (await missing(b)).done == 0
    assert await steps(b) == ["order"]


async def test_guards_hold_for_what_is_begun_late() -> None:
    b = await hub_with()
    await accept(b, report(), report(key="2"))
    await b.configure({"rules": {"r": rule(call("order"), once_per=["candidate"])}})
    assert (await missing(b)).done == 2
    assert await steps(b) == ["order"]


async def test_at_one_connection_only_runs_that_lead_there() -> None:
    b = await hub_with()
    await accept(b, report())
    other = {**call("refer"), "connection": "referrals"}
    await b.configure({"rules": {"r": rule(call("order"), WAIT), "s": rule(other, WAIT)}})
    lane = (await b.hub.library.book(TENANT)).by_name["referrals"].id
    assert (await missing(b, connection=lane)).done == 1
    assert (await only(b)).rule == "s"
