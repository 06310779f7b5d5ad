"""What is over goes, what something still needs stays, on every store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from hub.adapters.db import SqlStore
from hub.adapters.db import retention as sql
from hub.adapters.db.statements import Identity
from hub.adapters.memory import retention as settled
from hub.app.tags import words_then
from hub.domain.deliveries import Final, Finish, Hold, Planned
from hub.domain.errors import Conflict
from hub.domain.ids import DEFAULT_TENANT, EventId, RuleId, RunId, TenantId
from hub.domain.replays import ReplayState, ReplayWanted
from hub.domain.retention import Keep, Kind
from hub.domain.runs import RunState, end
from hub.ports.arrivals import Arrival
from hub.ports.rules import Backtest, Evaluated, first_id
from hub.ports.runs import CandidateTag, Start
from hub.ports.store import Page, Store
from tests.support.arrivals import accept, arrival, claim, complete, completion, event, event_number, make_lane
from tests.support.stores import T0

HOUR = timedelta(hours=1)
KEEP = Keep()
OTHER = TenantId(2)
OTHERS = tuple(kind for kind in Kind if kind is not Kind.ATTEMPTS)  # those go by weeks on PostgreSQL


def after_days(days: int) -> datetime:
    """So many days after everything happened, and an hour."""
    return T0 + timedelta(days=days) + 2 * HOUR


async def sweep(
    store: Store, now: datetime, keep: Keep = KEEP, *, limit: int = 500, kinds: Sequence[Kind] = OTHERS
) -> dict[Kind, int]:
    """Every kind to its end; what went, of each."""
    gone = {}
    for kind in kinds:
        rows, place = 0, ""
        while True:
            async with store.work() as work:
                removed = await work.remove(kind, keep.cuts(now), after=place, limit=limit)
            rows += removed.rows
            if removed.after is None:
                break
            place = removed.after
        gone[kind] = rows
    return {kind: count for kind, count in gone.items() if count}


async def counted(store: Store, now: datetime, tenant: TenantId | None = None) -> dict[Kind, int]:
    async with store.look() as look:
        found = {kind: await look.removable(kind, KEEP.cuts(now), tenant) for kind in OTHERS}
    return {kind: count for kind, count in found.items() if count}


async def there(store: Store) -> list[EventId]:
    async with store.look() as look:
        return sorted(one.id for one in await look.events(DEFAULT_TENANT, Page(200)))


async def told(store: Store, now: datetime) -> dict[Kind, int]:
    """What a look says before a sweep that is then made; both must say the same."""
    said = await counted(store, now)
    gone = await sweep(store, now)
    assert said == gone
    return gone


async def test_a_whole_story_goes_when_its_time_is_over_and_not_before(store: Store) -> None:
    lane = await make_lane(store)
    await accept(store, *[arrival(n, Planned(lane.id, "s")) for n in range(1, 4)])
    await complete(store, *[completion(one) for one in await claim(store, lane.id)])
    assert await told(store, after_days(89)) == {}
    assert await told(store, after_days(179)) == {}
    assert await told(store, after_days(181)) == {Kind.EVENTS: 3, Kind.DELIVERIES: 3}
    assert await there(store) == []
    async with store.look() as look:
        assert await look.deliveries(DEFAULT_TENANT, Page(50)) == []
        assert await look.oldest(Kind.EVENTS) is None
        assert await look.oldest(Kind.DELIVERIES) is None


async def test_small_steps_go_as_far_as_one_large_one(store: Store) -> None:
    lane = await make_lane(store)
    await accept(store, *[arrival(n, *[Planned(lane.id, f"s{k}") for k in range(n % 3)]) for n in range(1, 30)])
    claimed = await claim(store, lane.id)
    await complete(store, *[completion(one) for one in claimed[:-1]])
    gone = await sweep(store, after_days(400), limit=4)
    assert gone[Kind.EVENTS] == 28
    assert gone[Kind.DELIVERIES] == len([one for one in claimed if one.delivery.event != claimed[-1].delivery.event])
    assert await there(store) == [claimed[-1].delivery.event]


async def test_what_a_live_or_held_delivery_needs_stays_for_good(store: Store) -> None:
    lane = await make_lane(store)
    await accept(store, *[arrival(n, Planned(lane.id, "s", okey="k" if n < 3 else None)) for n in range(1, 5)])
    first, third, fourth = await claim(store, lane.id)
    await complete(store, completion(third, Hold("a person")), completion(fourth))
    assert await told(store, after_days(3000)) == {Kind.EVENTS: 1, Kind.DELIVERIES: 1}
    assert await there(store) == [event_number(1), event_number(2), event_number(3)]  # leased, waiting, held
    assert first.delivery.event == event_number(1)


async def test_a_dead_letter_keeps_its_event_for_its_own_time_and_what_else_its_event_owed(store: Store) -> None:
    lane, other = await make_lane(store), await make_lane(store, "other")
    await accept(store, arrival(1, Planned(lane.id, "s"), Planned(other.id, "t")))
    [dead] = await claim(store, lane.id)
    [good] = await claim(store, other.id)
    await complete(store, completion(dead, Finish(Final.DEAD), error="http_400"), completion(good))
    assert await told(store, after_days(364)) == {}
    async with store.work() as work:  # that the good one was delivered must be known as long as it could be made again
        assert await work.owe(DEFAULT_TENANT, event_number(1), [Planned(other.id, "t")], T0) == []
        await work.replay(DEFAULT_TENANT, dead.delivery.id, now=T0, again=False)
    [again] = await claim(store, lane.id)
    await complete(store, completion(again))
    assert await told(store, after_days(366)) == {Kind.EVENTS: 1, Kind.DELIVERIES: 2, Kind.DEAD_LETTERS: 1}


async def test_a_run_that_has_not_ended_keeps_its_event_and_the_one_it_stands_at(store: Store) -> None:
    async with store.work() as work:
        rule = await work.put_rule(DEFAULT_TENANT, "r", {"a": 1}, state="live", by="cli", now=T0)
    await accept(store, Arrival(event(1), starts=(Start(rule.id, rule.latest.id),)), arrival(2), arrival(3), arrival(4))
    async with store.work() as work:
        [run] = await work.due_runs(T0 + HOUR)
        waiting = replace(run, at=event_number(3), state=RunState.WAITING, awaits="a.b", due_at=None)
        await work.save_runs([waiting])
    assert await told(store, after_days(1000)) == {Kind.EVENTS: 2}
    assert await there(store) == [event_number(1), event_number(3)]
    async with store.work() as work:
        await work.save_runs([end(waiting, RunState.DONE, T0 + HOUR)])
    assert await told(store, after_days(1000)) == {Kind.EVENTS: 2, Kind.RUNS: 1}


async def test_nothing_of_a_tenant_goes_while_a_replay_of_theirs_runs(store: Store) -> None:
    await accept(store, arrival(1), arrival(2, tenant=OTHER))
    async with store.work() as work:
        job = await work.add_replay_job(DEFAULT_TENANT, ReplayWanted(), 1, "cli", T0)
    assert await told(store, after_days(1000)) == {Kind.EVENTS: 1}
    assert await there(store) == [event_number(1)]
    async with store.work() as work:
        await work.put_replay_job(replace(job, state=ReplayState.DONE, finished_at=T0))
    assert await counted(store, after_days(1000), OTHER) == {}
    assert await told(store, after_days(1000)) == {Kind.EVENTS: 1, Kind.REPLAYS: 1}


async def test_a_repeat_is_known_within_its_life_and_each_repeat_prolongs_it(store: Store) -> None:
    life = timedelta(days=10)
    await accept(store, replace(arrival(1, key="k"), known_until=T0 + life))
    assert await sweep(store, T0 + life - HOUR) == {}
    [again] = await accept(store, replace(arrival(2, key="k"), known_until=T0 + 2 * life))
    assert (again.fresh, again.id) == (False, event_number(1))
    assert await sweep(store, T0 + 2 * life - HOUR) == {}
    assert await told(store, T0 + 2 * life) == {Kind.IDENTITIES: 1}
    [fresh] = await accept(store, replace(arrival(3, key="k"), known_until=T0 + 3 * life))
    assert (fresh.fresh, fresh.id) == (True, event_number(3))


async def test_an_identity_without_an_end_goes_with_its_event_and_one_with_an_end_outlives_it(store: Store) -> None:
    await accept(store, arrival(1), replace(arrival(2), known_until=after_days(9999)))
    assert await sweep(store, after_days(181)) == {Kind.EVENTS: 2}
    without, with_ = await accept(store, arrival(3, key="key-1"), arrival(4, key="key-2"))
    assert without.fresh
    assert (with_.fresh, with_.id) == (False, event_number(2))


async def test_observations_and_backtests_go_by_their_own_time(store: Store) -> None:
    async with store.work() as work:
        rule = await work.put_rule(DEFAULT_TENANT, "r", {"a": 1}, state="observe", by="cli", now=T0)
        for state in ("done", "running"):
            ended = T0 if state == "done" else None
            job = Backtest(f"bkt_{state}", DEFAULT_TENANT, rule.id, rule.latest.id, 90, state, T0, "cli")
            await work.add_backtest(replace(job, finished_at=ended))
    new = EventId(first_id(after_days(100))[:-1] + "1")
    seen = (Evaluated(rule.latest.id, True, "observed"),)
    late = replace(event(2), id=new, received_at=after_days(100))
    await accept(store, Arrival(event(1), evaluated=seen), Arrival(late, evaluated=seen))
    assert await told(store, after_days(91)) == {Kind.OBSERVATIONS: 1, Kind.BACKTESTS: 1}
    async with store.look() as look:
        assert await look.observed(rule.latest.id, 10) == [new]
        assert [one.state for one in await look.backtests(RuleId(rule.id))] == ["running"]
        assert await look.evaluated(DEFAULT_TENANT, event_number(1)) == list(seen)  # stands with the event


CAME = (1, 3, 4, 9)  # hours at which the rules were told of the candidate
CHANGED = [
    (2, "on", True),
    (2, "off", True),
    (5, "off", False),  # the event of hour 9 would be met with it; none at all stands for it then
    (6, "twice", True),
    (7, "twice", False),
    (8, "twice", True),
    (8, "brief", True),
    (8, "brief", False),
]


async def test_changes_of_tags_go_and_every_event_that_stays_is_as_it_was(store: Store) -> None:
    """Whatever subset of the events stays, and after each step."""
    people = [f"cand_{number}" for number in range(2 ** len(CAME))]
    for number, subject in enumerate(people):
        for n, hours in enumerate(CAME):
            if number & 1 << n:
                one = replace(event(10 * number + n + 1), subject=subject, received_at=T0 + hours * HOUR)
                await accept(store, Arrival(one))
        async with store.work() as work:
            for hours, tag, put in CHANGED:
                change = CandidateTag(tag, RunId(1), T0 + hours * HOUR)
                await (work.put_tag if put else work.drop_tag)(DEFAULT_TENANT, subject, change)
    await store_tag(store, OTHER)
    async with store.look() as look:
        all_ = await look.tag_changes(DEFAULT_TENANT, people)
    keep = Keep.read("events=0,tag_changes=180")
    assert await sweep(store, T0 + timedelta(days=180) + HOUR, keep) == {}
    gone = 0
    for now, expected in ((T0 + timedelta(days=180, hours=8), None), (after_days(200), None), (after_days(300), 0)):
        async with store.look() as look:
            said = await look.removable(Kind.TAG_CHANGES, keep.cuts(now))
        swept = (await sweep(store, now, keep, limit=7)).get(Kind.TAG_CHANGES, 0)
        assert said == swept
        assert expected in (None, swept)
        gone += swept
        async with store.look() as look:
            left = await look.tag_changes(DEFAULT_TENANT, people)
        for number, subject in enumerate(people):
            asked = [hours for n, hours in enumerate(CAME) if number & 1 << n]
            for hours in (*asked, 9999):
                then = T0 + hours * HOUR
                assert words_then(left.get(subject, ()), then) == words_then(all_[subject], then), (subject, hours)
    assert gone > 50
    assert [(one.tag, one.put) for one in left["cand_0"]] == [("on", True), ("twice", True)]  # of no event: what is on
    async with store.look() as look:
        assert await look.tags_of(DEFAULT_TENANT, ["cand_0"]) == {"cand_0": ["on", "twice"]}


async def test_a_sweep_of_tags_that_asks_no_event_is_caught(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: what is old and replaced goes, whoever was met with it."""
    real, blind = settled._settled, f"t.at < {{cut}} AND (({sql.AFTER}) < {{cut}} OR NOT t.put)"
    remove = f"DELETE FROM tag_change AS t WHERE t.id > $1 AND t.id <= $2 AND {blind.format(cut='$3')} RETURNING id"
    monkeypatch.setattr(settled, "_settled", lambda change, later, came, cut: real(change, later, (), cut))
    monkeypatch.setattr(sql, "SETTLED", blind)
    monkeypatch.setattr(sql, "TAG_REMOVE", remove)
    with pytest.raises(AssertionError, match="cand_"):
        await test_changes_of_tags_go_and_every_event_that_stays_is_as_it_was(store)


async def store_tag(store: Store, tenant: TenantId) -> None:
    """Somebody else's candidate of the same name, whose tag came and went."""
    async with store.work() as work:
        await work.put_tag(tenant, "cand_0", CandidateTag("on", RunId(1), after_days(300)))


async def test_changes_of_tags_go_with_the_events_that_needed_them(store: Store) -> None:
    await accept(store, Arrival(replace(event(1), subject="c", received_at=T0 + 2 * HOUR)))
    async with store.work() as work:
        for hours, act in ((1, work.put_tag), (3, work.drop_tag)):
            await act(DEFAULT_TENANT, "c", CandidateTag("t", RunId(1), T0 + hours * HOUR))
    assert await told(store, after_days(179)) == {}
    assert await told(store, after_days(181)) == {Kind.EVENTS: 1, Kind.TAG_CHANGES: 2}
    async with store.look() as look:
        assert await look.tag_changes(DEFAULT_TENANT, ["c"]) == {}
        assert await look.oldest(Kind.TAG_CHANGES) is None


async def test_kinds_that_are_kept_for_good_are_never_touched(store: Store) -> None:
    lane = await make_lane(store)
    await accept(store, arrival(1, Planned(lane.id, "s")))
    await complete(store, *[completion(one) for one in await claim(store, lane.id)])
    keep = Keep.read(",".join(f"{kind}=0" for kind in Kind))
    assert await sweep(store, after_days(9000), keep) == {}
    assert keep.known_until(T0) is None
    only = Keep.read(",".join(f"{kind}=0" for kind in Kind if kind is not Kind.DELIVERIES))
    assert await sweep(store, after_days(9000), only) == {}  # its event is there


async def test_what_was_sent_cannot_be_sent_again_without_its_event(store: Store) -> None:
    lane = await make_lane(store)
    await accept(store, arrival(1, Planned(lane.id, "s")))
    [one] = await claim(store, lane.id)
    await complete(store, completion(one))
    await sweep(store, after_days(400), Keep.read("deliveries=0"))
    async with store.work() as work:
        with pytest.raises(Conflict) as caught:
            await work.replay(DEFAULT_TENANT, one.delivery.id, now=T0, again=True)
        assert caught.value.code == "event_gone"
        assert await work.owe(DEFAULT_TENANT, event_number(1), [Planned(lane.id, "x")], T0) == []


async def test_a_sweep_and_a_replay_of_the_same_event_never_both_win(open_another: Callable[[], Store]) -> None:
    store, second = open_another(), open_another()
    if not isinstance(store, SqlStore) or store._sqlite:
        return  # there one transaction is after the other
    lane = await make_lane(store)
    await accept(store, *[arrival(n, Planned(lane.id, "s")) for n in (1, 2)])
    claimed = await claim(store, lane.id)
    await complete(store, *[completion(one) for one in claimed])
    async with store.work() as work:  # under way while the sweep goes by
        kept = await work.replay(DEFAULT_TENANT, claimed[0].delivery.id, now=T0, again=True)
        async with second.work() as sweeping:
            removed = await sweeping.remove(Kind.EVENTS, KEEP.cuts(after_days(400)))
            too_late = asyncio.create_task(_replay(open_another(), claimed[1].delivery.id))
            await asyncio.sleep(0.05)
            assert not too_late.done()  # waits to know whether its event stays
        assert removed.rows == 1
    assert await too_late == "event_gone"
    assert await there(store) == [event_number(1)]
    assert [one.delivery.id for one in await claim(store, lane.id)] == [kept]


async def _replay(store: Store, delivery: object) -> str:
    try:
        async with store.work() as work:
            await work.replay(DEFAULT_TENANT, delivery, now=T0, again=True)  # type: ignore[arg-type]
    except Conflict as error:
        return error.code
    return "sent"


async def test_an_identity_swept_between_two_looks_counts_as_new(open_another: Callable[[], Store]) -> None:
    store, second = open_another(), open_another()
    if not isinstance(store, SqlStore) or store._sqlite:
        return
    await accept(store, replace(arrival(1, key="k"), known_until=T0))
    async with store.work() as work:
        hot = work._hot  # type: ignore[attr-defined]
        known, swept = hot.known, list[int]()

        async def later(identities: Sequence[Identity]) -> dict[Identity, tuple[EventId, bytes]]:
            if not swept:
                async with second.work() as sweeping:
                    swept.append((await sweeping.remove(Kind.IDENTITIES, KEEP.cuts(after_days(1)))).rows)
            found: dict[Identity, tuple[EventId, bytes]] = await known(identities)
            return found

        hot.known = later
        [receipt] = await work.accept([arrival(2, key="k")])
    assert swept == [1]
    assert (receipt.fresh, receipt.id) == (True, event_number(2))


async def test_what_is_owed_is_told_at_a_glance_and_counted_only_when_it_matters(store: Store) -> None:
    async with store.look() as look:
        assert (await look.owing(10, 100)).total == 0
    lane, other = await make_lane(store), await make_lane(store, "b", OTHER)
    await accept(store, *[arrival(n, Planned(lane.id, "s")) for n in range(1, 8)])
    await accept(store, arrival(8, Planned(other.id, "s"), tenant=OTHER))
    async with store.look() as look:
        glance, exact = await look.owing(10, 100), await look.owing(3, 100)
        bounded = await look.owing(3, 5)
    assert glance.at_most
    assert 8 <= glance.of(OTHER) <= 10
    assert (exact.total, exact.of(DEFAULT_TENANT), exact.of(OTHER)) == (8, 7, 1)
    assert bounded.total == 5
