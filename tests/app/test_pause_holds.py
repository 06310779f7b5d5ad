"""A rule that is paused holds what it caused and has not left, and nothing of other rules."""

from __future__ import annotations

from typing import Any

import pytest

from hub.app.library import REFRESH_S
from hub.domain.deliveries import PAUSED, Delivery, Final, State
from hub.domain.errors import Invalid
from hub.ports.queue import DoneDelivery
from tests.app.conftest import REFERRALS, REPORT
from tests.app.test_runs import SINK, accept, call
from tests.support.hubs import TENANT, Bench, bench, report

CREATED = b'{"id":"ref_9","status":"submitted"}'


def rule(*then: Any) -> Any:
    return {"rule": {"schema": 1, "trigger": {"event": REPORT}, "then": list(then)}}


async def two_rules() -> Bench:
    b = bench()
    await b.hub.vault.prepare(TENANT)
    rules = {"wrong": rule(call("one"), call("two")), "right": rule(call("three"))}
    await b.configure({"connections": {"sink": SINK, "referrals": REFERRALS}, "rules": rules})
    b.vendor.answers(201, CREATED)
    return b


async def turn(b: Bench, state: str, **more: Any) -> dict[str, int]:
    changed, _ = await b.hub.lifecycle.turn(TENANT, "wrong", state, "ann", **more)
    return await b.hub.lifecycle.held(changed)


async def stand(b: Bench) -> dict[str, list[str]]:
    """The steps of deliveries by how they stand."""
    found: dict[str, list[str]] = {}
    for one in await b.deliveries():
        how = one.state.name if isinstance(one, Delivery) else str(one.final)
        found.setdefault(how, []).append(one.step.partition(".")[2])
    return {how: sorted(steps) for how, steps in found.items()}


async def test_what_has_not_left_is_held_and_sent_when_the_rule_is_live_again() -> None:
    b = await two_rules()
    await accept(b, report())
    assert await turn(b, "paused") == {"sink": 2}
    await b.deliver()
    assert await stand(b) == {"delivered": ["three"], "HELD": ["one", "two"]}
    assert dict((await b.hub.kill_switch.standing(TENANT)).held) == {"sink": 2}
    assert await turn(b, "live") == {"sink": 2}  # it acts, and nobody has decided about these yet
    await b.deliver()
    assert await stand(b) == {"delivered": ["three"], "HELD": ["one", "two"]}
    await turn(b, "paused")
    assert await turn(b, "live", held="release") == {}
    await b.deliver()
    assert await stand(b) == {"delivered": ["one", "three", "two"]}


async def test_what_has_not_left_can_be_discarded_and_is_on_record() -> None:
    b = await two_rules()
    await accept(b, report(), report(key="2", candidate="cand_2"))
    await turn(b, "paused")
    assert await turn(b, "paused", held="discard", reason="wrong template") == {}
    await b.deliver()
    assert await stand(b) == {"delivered": ["three"] * 2, "cancelled": ["one", "one", "two", "two"]}
    ended = [one for one in await b.deliveries() if isinstance(one, DoneDelivery) and one.final is Final.CANCELLED]
    assert {one.error for one in ended} == {PAUSED}
    async with b.hub.store.look() as look:
        acts = [(row.act.action, row.act.object, row.act.detail) for row in await look.acts(TENANT, 2)]
    assert acts[0] == ("rule.discard", "wrong", {"deliveries": 4})
    assert acts[1][:2] == ("rule.paused", "wrong")


async def test_the_switch_of_all_rules_leaves_to_a_paused_rule_what_is_its_own() -> None:
    b = await two_rules()
    await accept(b, report())
    await b.hub.kill_switch.stop(TENANT, "ann")
    assert await turn(b, "paused") == {"sink": 2}
    for fate in ("release", "discard"):
        standing = await b.hub.kill_switch.resume(TENANT, "ann", held=fate)
        assert dict(standing.held) == {"sink": 2}
    await b.deliver()
    assert await stand(b) == {"delivered": ["three"], "HELD": ["one", "two"]}
    await turn(b, "live")
    await b.hub.kill_switch.resume(TENANT, "ann", held="release")
    await b.deliver()
    assert await stand(b) == {"delivered": ["one", "three", "two"]}


async def test_a_pause_by_configuration_holds_too() -> None:
    b = await two_rules()
    await accept(b, report())
    await b.configure({"rules": {"wrong": {**rule(call("one"), call("two")), "state": "paused"}}})
    assert (await stand(b))["HELD"] == ["one", "two"]


async def test_what_a_worker_has_in_hand_when_its_rule_is_paused_is_held_before_it_speaks() -> None:
    b = await two_rules()
    await accept(b, report())
    b.clock.advance(REFRESH_S)
    async with b.hub.store.work() as work:  # the state by itself: the worker claims before anything is swept
        found = await work.rule(TENANT, "wrong")
        assert found is not None
        assert found.current is not None
        await work.set_rule(found.id, "paused", found.current.id)
    await b.deliver()
    assert await stand(b) == {"delivered": ["three"], "HELD": ["one", "two"]}
    [held, _] = [one for one in await b.deliveries() if isinstance(one, Delivery) and one.state is State.HELD]
    async with b.hub.store.look() as look:
        assert [one.error for one in await look.attempts(TENANT, held.id)] == [PAUSED]
    assert await turn(b, "live", held="release") == {}
    await b.deliver()
    assert len((await stand(b))["delivered"]) == 3


@pytest.mark.parametrize(("state", "held"), [("paused", "release"), ("live", "burn")])
async def test_a_fate_that_makes_no_sense_is_refused(state: str, held: str) -> None:
    b = await two_rules()
    with pytest.raises(Invalid) as caught:
        await turn(b, state, held=held)
    assert (caught.value.code, caught.value.at) == ("enum", "held")
