"""The life of a rule in the record: drafts over what is in force, reviews, verdicts, backtests - on every store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.domain.errors import NotFound
from hub.domain.ids import DEFAULT_TENANT, RevisionId, RuleId, TenantId
from hub.ports.arrivals import Arrival
from hub.ports.rules import Backtest, Compared, Evaluated, Mark, Review, Rule, Sealed, first_id
from hub.ports.store import Store
from tests.support.arrivals import accept, event, event_number
from tests.support.stores import T0

BODY = {"on": "a.b@1", "名": "林悦"}
TYPE = "interview.report.completed"


async def draft(store: Store, body: dict[str, object], by: str = "tok_1") -> Rule:
    async with store.work() as work:
        return await work.draft_rule(DEFAULT_TENANT, "invite", body, by=by, now=T0, reason="because")


async def force(store: Store, rule: Rule, state: str) -> Rule:
    async with store.work() as work:
        await work.set_rule(rule.id, state, rule.latest.id)
        found = await work.rule(DEFAULT_TENANT, "invite")
    assert found is not None
    return found


async def test_a_draft_is_edited_while_another_revision_is_in_force(store: Store) -> None:
    first = await draft(store, BODY)
    assert (first.state, first.live, first.current, first.latest.reason) == ("draft", None, None, "because")
    live = await force(store, first, "live")
    assert (live.state, live.live, live.latest) == ("live", first.latest, first.latest)
    second = await draft(store, {**BODY, "n": 1}, by="tok_2")
    assert (second.state, second.live, second.latest.number) == ("live", first.latest, 2)
    same = await draft(store, {"n": 1, **BODY}, by="tok_3")
    assert (same.latest.id, same.latest.created_by) == (second.latest.id, "tok_2")
    observed = await force(store, second, "observe")
    assert (observed.state, observed.live) == ("observe", second.latest)
    paused = await force(store, second, "paused")
    assert (paused.state, paused.live, paused.current) == ("paused", None, second.latest)
    async with store.look() as look:
        assert await look.revisions(first.id) == [second.latest, first.latest]
        assert await look.rules(DEFAULT_TENANT) == [paused]
        assert await look.rule(TenantId(2), "invite") is None
    with pytest.raises(NotFound):
        async with store.work() as work:
            await work.set_rule(RuleId(99), "live", None)


async def test_put_makes_its_own_revision_the_current_one(store: Store) -> None:
    await draft(store, BODY)
    async with store.work() as work:
        put = await work.put_rule(DEFAULT_TENANT, "invite", {**BODY, "n": 1}, state="observe", by="cli", now=T0)
    assert (put.state, put.live, put.latest.number) == ("observe", put.latest, 2)
    drafted = await draft(store, {**BODY, "n": 2})
    async with store.work() as work:
        same = await work.put_rule(DEFAULT_TENANT, "invite", {"n": 1, **BODY}, state="live", by="cli", now=T0)
    assert (same.live, same.latest) == (put.latest, drafted.latest)


async def test_reviews_are_kept_in_order(store: Store) -> None:
    rule = await draft(store, BODY)
    said = [
        Review(rule.latest.id, "submit", "tok_1", T0),
        Review(rule.latest.id, "return", "tok_2", T0 + timedelta(minutes=1), "分数太低"),
    ]
    for one in said:
        async with store.work() as work:
            await work.add_review(rule.id, one)
    async with store.look() as look:
        assert await look.reviews(rule.id) == said
        assert await look.reviews(RuleId(99)) == []


async def test_the_kill_switch_is_one_tenants_and_moves_the_configuration_version(store: Store) -> None:
    async with store.look() as look:
        before = await look.config_version()
        assert not await look.rules_stopped(DEFAULT_TENANT)
    for stopped in (True, True, False, True):
        async with store.work() as work:
            await work.stop_rules(DEFAULT_TENANT, stopped)
        async with store.look() as look:
            assert await look.rules_stopped(DEFAULT_TENANT) is stopped
            assert not await look.rules_stopped(TenantId(2))
            assert await look.config_version() > before


async def test_what_rules_said_is_kept_with_the_event(store: Store) -> None:
    said = (
        Evaluated(RevisionId(1), True, "live"),
        Evaluated(RevisionId(2), True, "observe"),
        Evaluated(RevisionId(3), None, "stopped", ("c1", "c2")),
    )
    await accept(store, *[Arrival(event(n), evaluated=said) for n in range(1, 5)], Arrival(event(9)))
    await accept(store, Arrival(event(1), evaluated=said))  # a repeat adds nothing
    async with store.look() as look:
        assert await look.evaluated(DEFAULT_TENANT, event_number(1)) == list(said)
        assert await look.evaluated(TenantId(2), event_number(1)) is None
        assert await look.evaluated(DEFAULT_TENANT, event_number(9)) is None
        assert await look.observed(RevisionId(2), 2) == [event_number(4), event_number(3)]
        assert await look.observed(RevisionId(2), 9, event_number(3)) == [event_number(2), event_number(1)]
        assert await look.observed(RevisionId(1), 9) == await look.observed(RevisionId(3), 9) == []


async def test_a_revision_is_told_beside_the_one_in_force_until_the_state_is_set(store: Store) -> None:
    live = await force(store, await draft(store, BODY), "live")
    drafted = await draft(store, {**BODY, "n": 1})
    async with store.work() as work:
        before = await work.config_version()
        await work.set_beside(live.id, drafted.latest.id, T0)
        assert await work.config_version() > before
        beside = await work.rule(DEFAULT_TENANT, "invite")
    assert beside is not None
    assert (beside.live, beside.beside, beside.beside_since) == (live.latest, drafted.latest, T0)
    assert (await draft(store, {**BODY, "n": 2})).beside == drafted.latest
    ended = await force(store, drafted, "live")
    assert (ended.live, ended.beside, ended.beside_since) == (drafted.latest, None, None)
    with pytest.raises(NotFound):
        async with store.work() as work:
            await work.set_beside(RuleId(99), None, T0)


async def test_what_a_revision_said_beside_the_one_in_force_is_counted(store: Store) -> None:
    hows = ("both", "both", "newly", "no_longer", "beside")
    arrivals = [
        Arrival(event(n), evaluated=(Evaluated(RevisionId(7), how in ("both", "newly"), how),))
        for n, how in enumerate(hows, 1)
    ]
    await accept(store, *arrivals)
    async with store.look() as look:
        assert await look.compared(RevisionId(7)) == Compared(both=2, newly=1, no_longer=1)
        assert await look.compared(RevisionId(8)) == Compared()
        assert await look.observed(RevisionId(7), 9) == [event_number(n) for n in (3, 2, 1)]
        assert await look.observed(RevisionId(7), 9, versus="no_longer") == [event_number(4)]


async def test_sealed_events_and_marks_are_read_oldest_first_within_a_window(store: Store) -> None:
    await accept(store, *[Arrival(event(n, received_at=T0 + timedelta(seconds=n))) for n in range(1, 7)])
    await accept(store, Arrival(event(7, type="other.thing")), Arrival(event(8, tenant=TenantId(2))))
    window = {"since": event_number(2), "before": event_number(6)}
    async with store.look() as look:
        found = await look.sealed(DEFAULT_TENANT, TYPE, **window, limit=3)
        assert [one.id for one in found] == [event_number(n) for n in (2, 3, 4)]
        assert found[0] == Sealed(event_number(2), T0 + timedelta(seconds=2), event(2).body, "cand-1", 0)
        marks = await look.marks(DEFAULT_TENANT, TYPE, **window, limit=2)
        assert marks == [Mark(event_number(n), T0 + timedelta(seconds=n), "cand-1") for n in (2, 3)]
        assert await look.count_events(DEFAULT_TENANT, TYPE, event_number(2), event_number(6)) == 4


def test_the_first_id_of_a_moment() -> None:
    assert first_id(T0 - timedelta(milliseconds=1)) < first_id(T0)
    assert len(first_id(T0)) == 36


def job(number: int, rule: Rule) -> Backtest:
    at = T0 + timedelta(seconds=number)
    return Backtest(f"bkt_{number}", DEFAULT_TENANT, rule.id, rule.latest.id, 90, "queued", at, "tok_1")


async def test_a_backtest_is_leased_kept_and_ended_by_its_owner(store: Store) -> None:
    first = job(1, await draft(store, BODY))
    async with store.work() as work:
        await work.add_backtest(first)
        assert await work.backtest(DEFAULT_TENANT, "bkt_1") == first
        assert await work.backtest(TenantId(2), "bkt_1") is None
    until = T0 + timedelta(seconds=60)
    async with store.work() as work:
        assert await work.backtest_waits(T0)
        claimed = await work.claim_backtest("a", now=T0, until=until)
        assert not await work.backtest_waits(T0)
        assert await work.backtest_waits(until)
        assert claimed == replace(first, state="running", owner="a", lease_until=until)
        assert await work.claim_backtest("b", now=T0, until=until) is None
        assert await work.keep_backtest("bkt_1", "a", seen=5, total=10, until=until)
        assert not await work.keep_backtest("bkt_1", "b", seen=9, total=10, until=until)
    async with store.work() as work:  # the worker is lost
        again = await work.claim_backtest("b", now=until, until=until + timedelta(seconds=60))
        assert again is not None
        assert (again.owner, again.seen) == ("b", 0)
        assert not await work.end_backtest("bkt_1", "a", "done", now=until, result={})
        assert await work.end_backtest("bkt_1", "b", "done", now=until, seen=10, result={"fires": 3})
        assert not await work.end_backtest("bkt_1", None, "cancelled", now=until)
        done = await work.backtest(DEFAULT_TENANT, "bkt_1")
    assert done is not None
    assert (done.state, done.seen, done.result, done.open, done.owner) == ("done", 10, {"fires": 3}, False, None)


async def test_a_cancelled_backtest_keeps_its_progress_and_tells_its_owner(store: Store) -> None:
    rule = await draft(store, BODY)
    async with store.work() as work:
        for number in (2, 1):
            await work.add_backtest(job(number, rule))
        claimed = await work.claim_backtest("a", now=T0, until=T0)
        assert claimed is not None
        assert claimed.id == "bkt_1"
        await work.keep_backtest("bkt_1", "a", seen=4, total=9, until=T0)
        assert await work.end_backtest("bkt_1", None, "cancelled", now=T0)
        assert not await work.keep_backtest("bkt_1", "a", seen=5, total=9, until=T0)
        newest, cancelled = await work.backtests(rule.id)
    assert (newest.id, cancelled.state, cancelled.seen) == ("bkt_2", "cancelled", 4)


async def test_two_workers_never_get_the_same_backtest(store: Store, open_another) -> None:
    rule = await draft(store, BODY)
    async with store.work() as work:
        for number in range(6):
            await work.add_backtest(job(number, rule))

    async def worker(one: Store, name: str) -> list[str]:
        got = []
        for _ in range(6):
            async with one.work() as work:
                claimed = await work.claim_backtest(name, now=T0, until=T0 + timedelta(seconds=9))
            if claimed is not None:
                got.append(claimed.id)
        return got

    first, second = await asyncio.gather(worker(store, "a"), worker(open_another(), "b"))
    assert sorted(first + second) == [f"bkt_{n}" for n in range(6)]
