"""The kill switch with real runs: nothing that rules caused leaves any more, and all of it can be taken up again."""

from __future__ import annotations

import pytest

from hub.domain.approvers import Approver
from hub.domain.deliveries import STOPPED, Delivery, Final, State
from hub.domain.errors import Invalid
from hub.domain.ids import RunId
from hub.domain.runs import RunState
from hub.ports.queue import DoneDelivery
from tests.app.conftest import REFERRALS, REPORT
from tests.app.test_runs import WAIT, accept, call, checked, hub_with, later, only, steps
from tests.support.hubs import TENANT, Bench, bench, report

GATE = {"kind": "gate", "id": "g", "approvers": "hr_owner"}
CREATED = b'{"id":"ref_9","status":"submitted"}'


async def held(b: Bench) -> dict[str, int]:
    return dict((await b.hub.kill_switch.standing(TENANT)).held)


async def test_queued_deliveries_and_runs_stop_and_go_on() -> None:
    b = await hub_with(call("first"), WAIT, call("second"), GATE, call("third"))
    b.vendor.answers(201, CREATED)
    await accept(b, report())
    assert (await b.hub.kill_switch.stop(TENANT, "ann", "wrong template")).held == {"sink": 1}
    await accept(b, checked())
    await later(b, days=1)
    await b.deliver()
    assert b.vendor.posts == []
    view = await only(b)
    assert (view.run.state, view.run.step, await steps(b)) == (RunState.WAITING, "check", ["first"])
    assert view.stands["en"].endswith("It is paused: all rules are stopped.")
    assert view.stands["zh-CN"].endswith("已暂停：全部规则目前已停用。")
    assert (await b.hub.kill_switch.resume(TENANT, "ann", held="release")).held == {}
    await b.advance()
    await b.deliver()
    assert (await only(b)).run.state is RunState.GATE
    assert (await steps(b), len(b.vendor.posts)) == (["first", "second"], 1)
    await b.hub.kill_switch.stop(TENANT, "ann")
    await b.hub.runs.decide(TENANT, RunId((await only(b)).run.id), "approve", Approver("bob", frozenset({"hr_owner"})))
    await b.advance()
    assert await steps(b) == ["first", "second"]
    await b.hub.kill_switch.resume(TENANT, "ann")
    await b.advance()
    assert await steps(b) == ["first", "second", "third"]
    assert (await only(b)).run.state is RunState.DONE


async def test_time_goes_on_while_rules_are_stopped() -> None:
    b = await hub_with(WAIT, call("late"))
    await accept(b, report())
    await b.hub.kill_switch.stop(TENANT, "ann")
    await later(b, days=15)
    assert (await only(b)).run.state is RunState.WAITING
    await b.hub.kill_switch.resume(TENANT, "ann")
    await b.advance()
    assert (await only(b)).run.state is RunState.STOPPED


async def test_what_a_worker_has_in_hand_is_held_before_it_speaks() -> None:
    b = await hub_with(call("one"))
    await accept(b, report())
    async with b.hub.store.work() as work:  # the switch by itself: the worker claims before anything is swept
        await work.stop_rules(TENANT, True)
    b.hub.library.forget()
    await b.deliver()
    assert b.vendor.posts == []
    [kept] = await b.deliveries()
    assert isinstance(kept, Delivery)
    assert (kept.state, await held(b)) == (State.HELD, {"sink": 1})
    async with b.hub.store.look() as look:
        assert [one.error for one in await look.attempts(TENANT, kept.id)] == [STOPPED]
    b.vendor.answers(201, CREATED)
    await b.hub.kill_switch.resume(TENANT, "ann", held="release")
    await b.deliver()
    assert len(b.vendor.posts) == 1


async def test_what_is_held_can_be_discarded_and_is_on_record() -> None:
    b = await hub_with(call("one"))
    await accept(b, report(), report(key="2"))
    await b.hub.kill_switch.stop(TENANT, "ann")
    assert await held(b) == {"sink": 2}
    await b.hub.kill_switch.resume(TENANT, "bob")
    assert await held(b) == {"sink": 2}  # rules act, and nobody has decided about these yet
    await b.deliver()
    await b.hub.kill_switch.resume(TENANT, "bob", held="discard")
    done = await b.deliveries()
    assert [one.final for one in done if isinstance(one, DoneDelivery)] == [Final.CANCELLED] * 2
    assert b.vendor.posts == []
    async with b.hub.store.look() as look:
        acts = [(row.act.action, row.act.actor) for row in await look.acts(TENANT, 10)]
    assert acts[:2] == [("rules.discard", "bob"), ("rules.resume", "bob")]
    with pytest.raises(Invalid):
        await b.hub.kill_switch.resume(TENANT, "bob", held="burn")


async def test_a_webhook_that_waits_to_be_read_is_nobodys_rule() -> None:
    b = bench()
    await b.hub.vault.prepare(TENANT)
    plain = {"rule": {"schema": 1, "trigger": {"event": REPORT}, "then": [{**call("a"), "connection": "referrals"}]}}
    await b.configure({"connections": {"referrals": REFERRALS}, "rules": {"r": plain}})
    await b.accept(report())
    assert (await b.hub.kill_switch.stop(TENANT, "ann")).held == {"referrals": 1}
    async with b.hub.store.work() as work:
        assert await work.hold_caused(TENANT) == 0
