"""Nothing that needs a consent leaves without one: not at first, not on a retry, not on a replay, in no process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from datetime import timedelta

import pytest

from hub.adapters.clock import ManualClock
from hub.app.consents import Told
from hub.app.delivery.deliver import Deliver
from hub.domain.audit import Act
from hub.domain.deliveries import Delivery, Final, State
from hub.domain.errors import Invalid
from hub.ports.queue import DoneDelivery
from hub.ports.store import Store
from tests.app.conftest import CHECKS, HIGH_SCORE, ORDER_CHECK, REFERRALS
from tests.support.hubs import TENANT, Bench, bench, report

PURPOSE = "background_check"
CREATED = b'{"id":"c_1","object":"candidate","status":"pending","data":[]}'
GIVEN = Told(PURPOSE, text_version="2026-03", locale="zh-CN", evidence="sign-4711")


async def checking(b: Bench) -> Bench:
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"checks": CHECKS}, "rules": {"check": ORDER_CHECK}})
    return b


async def only(b: Bench) -> Delivery | DoneDelivery:
    [one] = await b.deliveries()
    return one


async def why(b: Bench) -> str | None:
    views = await b.hub.queries.attempts(TENANT, (await only(b)).id)
    return views[-1].attempt.error


async def test_it_is_held_and_goes_by_itself_when_consent_is_recorded(b: Bench) -> None:
    await checking(b)
    await b.accept(report(consents=()))
    await b.deliver()
    held = await only(b)
    assert isinstance(held, Delivery)
    assert (held.state, await why(b), b.vendor.asked) == (State.HELD, "needs_consent:background_check", [])
    await b.hub.consents.record(TENANT, "cand_2", GIVEN, "ann")
    await b.hub.consents.record(TENANT, "cand_1", Told("recording"), "ann")
    assert (await only(b)).state is State.HELD  # type: ignore[union-attr]
    b.vendor.answers(200, CREATED)
    await b.hub.consents.record(TENANT, "cand_1", GIVEN, "ann")
    await b.deliver(rounds=2)
    assert (await only(b)).final is Final.DELIVERED  # type: ignore[union-attr]


async def test_it_goes_by_itself_when_an_event_tells_of_the_consent(b: Bench) -> None:
    await checking(b)
    await b.accept(report(consents=()))
    await b.deliver()
    b.vendor.answers(200, CREATED)
    await b.accept(report(key="later", recommendation="hold"))
    await b.deliver(rounds=2)
    assert (await only(b)).final is Final.DELIVERED  # type: ignore[union-attr]


async def test_a_release_by_a_person_does_not_pass_the_gate(b: Bench) -> None:
    await checking(b)
    await b.accept(report(consents=()))
    await b.deliver()
    await b.hub.replay(TENANT, (await only(b)).id, "ann")
    await b.deliver()
    assert ((await only(b)).state, b.vendor.asked) == (State.HELD, [])  # type: ignore[union-attr]


async def test_a_retry_and_a_replay_ask_again(b: Bench) -> None:
    await checking(b)
    b.vendor.answers(503)
    await b.accept(report())
    await b.deliver()
    asked = len(b.vendor.asked)
    assert asked > 0
    b.clock.advance(1)
    await b.hub.consents.withdraw(TENANT, "cand_1", Told(PURPOSE), "ann")
    assert (await only(b)).state is State.HELD  # type: ignore[union-attr]  # at once, not when it falls due
    b.clock.advance(3600)
    await b.deliver(rounds=3)
    assert len(b.vendor.asked) == asked
    b.vendor.script[:] = []
    b.vendor.answers(200, CREATED)
    b.clock.advance(1)
    await b.hub.consents.record(TENANT, "cand_1", GIVEN, "ann")
    await b.deliver(rounds=2)
    done = await only(b)
    assert isinstance(done, DoneDelivery)
    assert done.final is Final.DELIVERED
    asked = len(b.vendor.asked)
    b.clock.advance(1)
    await b.hub.consents.withdraw(TENANT, "cand_1", Told(PURPOSE), "ann")
    again = await b.hub.replay(TENANT, done.id, "ann")  # the event still tells of the old consent
    await b.deliver(rounds=2)
    [fresh] = [one for one in await b.deliveries() if one.id == again]
    assert isinstance(fresh, Delivery)
    assert (fresh.state, len(b.vendor.asked)) == (State.HELD, asked)


async def test_what_an_event_takes_back_holds_what_others_planned(b: Bench) -> None:
    await checking(b)
    b.vendor.answers(503)
    await b.accept(report())
    await b.deliver()
    asked = len(b.vendor.asked)
    taken = report(key="back", recommendation="hold")
    [consent] = taken.data["candidate"]["consents"]  # type: ignore[index, call-overload]
    consent["withdrawn_at"] = "2026-03-02T09:00:00Z"
    await b.accept(taken)
    assert (await only(b)).state is State.HELD  # type: ignore[union-attr]
    b.clock.advance(3600)
    await b.deliver(rounds=2)
    assert len(b.vendor.asked) == asked


async def test_a_consent_that_ran_out_is_none(b: Bench) -> None:
    await checking(b)
    await b.hub.consents.record(TENANT, "cand_1", replace(GIVEN, expires_at=b.clock.now() + timedelta(hours=1)), "ann")
    b.clock.advance(3601)
    await b.accept(report(consents=()))
    await b.deliver()
    assert (await only(b)).state is State.HELD  # type: ignore[union-attr]


async def test_a_connection_may_need_a_consent_of_its_own(b: Bench) -> None:
    await b.hub.vault.prepare(TENANT)
    abroad = {**REFERRALS, "lane": {"needs_consent": "cross_border"}}
    await b.configure({"connections": {"referrals": abroad}, "rules": {"high score": HIGH_SCORE}})
    await b.accept(report())
    await b.deliver()
    assert (b.vendor.asked, await why(b)) == ([], "needs_consent:cross_border")
    b.vendor.answers(201, b'{"id":"ref_9"}')
    await b.hub.consents.record(TENANT, "cand_1", Told("cross_border"), "ann")
    await b.deliver(rounds=2)
    assert (await only(b)).final is Final.DELIVERED  # type: ignore[union-attr]
    kept = await b.hub.configure.export(TENANT)
    assert kept["connections"]["referrals"]["lane"]["needs_consent"] == "cross_border"  # type: ignore[index, call-overload]
    with pytest.raises(Invalid, match="needs_consent is one of"):
        await b.configure({"connections": {"referrals": {**REFERRALS, "lane": {"needs_consent": "whatever"}}}})


async def test_the_sweep_finds_what_fell_between_two_transactions(b: Bench) -> None:
    """A worker found no consent, then it was recorded, then the worker recorded that the delivery is held."""
    await checking(b)
    await b.accept(report(consents=()))
    record = b.hub.lanes.deliver

    class Slow:
        async def __call__(self, claimed: object) -> object:
            completion = await record(claimed)  # type: ignore[arg-type]
            await b.hub.consents.record(TENANT, "cand_1", GIVEN, "ann")
            return completion

    b.hub.lanes.deliver = Slow()  # type: ignore[assignment]
    await b.deliver()
    assert (await only(b)).state is State.HELD  # type: ignore[union-attr]
    await b.hub.consents.sweep()
    assert (await only(b)).state is State.READY  # type: ignore[union-attr]


async def test_the_ledger_tells_who_said_what_and_every_act_is_on_record(b: Bench) -> None:
    await checking(b)
    first = await b.hub.consents.record(TENANT, "cand_1", GIVEN, "ann")
    assert b"sign-4711" not in (first.evidence or b"")
    b.clock.advance(60)
    await b.hub.consents.withdraw(TENANT, "cand_1", Told(PURPOSE), "bob")
    given, taken = await b.hub.consents(TENANT, "cand_1")
    assert (given.evidence, given.in_force, given.consent.source, given.consent.locale) == (
        "sign-4711", False, "ann", "zh-CN",
    )  # fmt: skip
    assert (taken.consent.given, taken.evidence, taken.in_force) == (False, None, False)
    async with b.hub.store.look() as look:
        acts: list[Act] = [row.act for row in await look.acts(TENANT, 50)]
    told = {(act.action, act.actor, act.object) for act in acts}
    assert told >= {("consent.record", "ann", "cand_1"), ("consent.withdraw", "bob", "cand_1")}
    assert "sign-4711" not in str([act.detail for act in acts])


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"purpose": "anything"}, "purpose"),
        ({"evidence": ""}, "evidence"),
        ({"text_version": "a\x00b"}, "text_version"),
        ({"locale": "x" * 21}, "locale"),
        ({"expires_in": -1}, "expires_at"),
        ({"at_in": 5}, "at"),
    ],
)
async def test_what_nobody_can_have_said_is_refused(b: Bench, change: dict[str, object], at: str) -> None:
    now, said = b.clock.now(), dict(change)
    if "expires_in" in said:
        said = {"expires_at": now + timedelta(seconds=int(str(said["expires_in"])))}
    if "at_in" in said:
        said = {"at": now + timedelta(seconds=int(str(said["at_in"])))}
    with pytest.raises(Invalid) as caught:
        await b.hub.consents.record(TENANT, "cand_1", replace(GIVEN, **said), "ann")  # type: ignore[arg-type]
    assert caught.value.at == at
    for subject in ("", "x" * 257, "a\nb"):
        with pytest.raises(Invalid):
            await b.hub.consents.record(TENANT, subject, GIVEN, "ann")


@pytest.fixture
async def two(store: Store, open_another: Callable[[], Store]) -> tuple[Bench, Bench]:
    """Two hubs on one database, as two processes have them."""
    one, other = bench(store, seed=1), bench(open_another(), clock=ManualClock(), seed=2)
    other.clock.advance((one.clock.now() - other.clock.now()).total_seconds())
    await checking(one)
    await other.hub.vault.prepare(TENANT)
    return one, other


async def withdrawn_while_a_retry_waits(one: Bench, other: Bench) -> int:
    """How often the other process asked the vendor after the withdrawal in this one, without a moment in between."""
    other.vendor.answers(503)
    await one.accept(report())
    await other.deliver()
    asked = len(other.vendor.asked)
    assert asked > 0
    for b in (one, other):
        b.clock.advance(6.1)  # the retry is due: the other worker would take it now
    await one.hub.consents.withdraw(TENANT, "cand_1", Told(PURPOSE), "ann")
    await other.deliver(rounds=2)
    return len(other.vendor.asked) - asked


async def test_a_withdrawal_stops_the_other_process_at_its_next_try(two: tuple[Bench, Bench]) -> None:
    one, other = two
    assert await withdrawn_while_a_retry_waits(one, other) == 0
    assert (await only(other)).state is State.HELD  # type: ignore[union-attr]
    for b in two:
        b.clock.advance(1)
    other.vendor.script[:] = []
    other.vendor.answers(200, CREATED)
    rung = other.hub.store.wait(5.0)
    await one.hub.consents.record(TENANT, "cand_1", GIVEN, "ann")
    assert await rung  # the bell, not the time
    await other.deliver(rounds=2)
    assert (await only(other)).final is Final.DELIVERED  # type: ignore[union-attr]


class Unguarded(Deliver):
    """The planted fault: nobody asks for the consent."""

    async def _refuse_without_consent(self, *_: object) -> None:
        return None


async def claimed_here_and_withdrawn_there(here: Bench, there: Bench) -> int:
    """How often a worker asked the vendor for a delivery that it held already when another process withdrew."""
    here.vendor.answers(200, CREATED)
    await there.accept(report())
    carry: Callable[..., Awaitable[object]] = here.hub.lanes.deliver

    class Between:
        async def __call__(self, claimed: object) -> object:
            await there.hub.consents.withdraw(TENANT, "cand_1", Told(PURPOSE), "ann")
            return await carry(claimed)

    here.hub.lanes.deliver = Between()  # type: ignore[assignment]
    await here.deliver()
    return len(here.vendor.asked)


async def test_what_a_worker_has_in_hand_is_asked_about_too(two: tuple[Bench, Bench]) -> None:
    one, other = two
    assert await claimed_here_and_withdrawn_there(other, one) == 0
    assert (await only(one)).state is State.HELD  # type: ignore[union-attr]


async def test_a_skipped_consent_turns_that_red(two: tuple[Bench, Bench]) -> None:
    one, other = two
    guarded = other.hub.lanes.deliver
    assert isinstance(guarded, Deliver)
    other.hub.lanes.deliver = Unguarded(**{one.name: getattr(guarded, one.name) for one in fields(guarded)})
    assert await claimed_here_and_withdrawn_there(other, one) > 0
