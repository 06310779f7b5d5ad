"""Runs in the store: started with their event, woken by another, taken by one at a time, counted, marked once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.domain.deliveries import Planned
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.domain.ids import RevisionId, RuleId, RunId, TenantId
from hub.domain.runs import Run, RunState, end
from hub.ports.arrivals import Arrival
from hub.ports.runs import CandidateTag, Owed, Start, TagChange
from hub.ports.store import Page, Store
from tests.support.arrivals import accept, arrival, claim, event, event_number, make_lane, undone
from tests.support.stores import T0

TYPE = "background_check.completed"
DAY = timedelta(days=1)


async def rule(store: Store, name: str = "r", state: str = "live") -> Start:
    async with store.work() as work:
        made = await work.put_rule(TENANT, name, {"a": 1}, state=state, by="test", now=T0)
    return Start(made.id, made.latest.id)


async def begin(store: Store, start: Start, *numbers: int, **fields: object) -> None:
    await accept(store, *[Arrival(event(n, **fields), (), (start,)) for n in numbers])  # type: ignore[arg-type]


async def due(store: Store, now: object = T0) -> list[Run]:
    async with store.look() as look:
        return await look.due_runs(now)  # type: ignore[arg-type]


async def save(store: Store, run: Run) -> None:
    async with store.work() as work:
        await work.save_runs([run])


async def test_a_run_starts_with_its_event_and_only_once(store: Store) -> None:
    start = await rule(store)
    await begin(store, start, 1)
    await begin(store, start, 1)  # a repeat
    [run] = await due(store)
    assert (run.tenant, run.rule, run.revision, run.event, run.at) == (
        TENANT, start.rule, start.revision, event_number(1), event_number(1)
    )  # fmt: skip
    assert (run.subject, run.state, run.step, run.created_at, run.due_at) == ("cand-1", RunState.READY, None, T0, T0)
    assert (run.met, run.began_at, run.until) == ((), None, None)


async def test_all_that_changes_is_kept(store: Store) -> None:
    await begin(store, await rule(store), 1)
    [run] = await due(store)
    changed = replace(
        run, at=event_number(9), state=RunState.GATE, changed_at=T0 + DAY, due_at=T0 + 2 * DAY, step="g", awaits=TYPE,
        until=T0 + 3 * DAY, reason="rejected", answer="approved", met=(event_number(9),), began_at=T0,
    )  # fmt: skip
    await save(store, changed)
    async with store.look() as look:
        assert await look.run(TENANT, run.id) == changed
        assert await look.run(TenantId(2), run.id) is None
    async with store.work() as work:
        assert await work.take_run(TENANT, run.id) == changed
        assert await work.take_run(TENANT, RunId(99)) is None


async def test_due_by_time_and_none_of_a_paused_rule(store: Store) -> None:
    await begin(store, await rule(store), 1, 2)
    await begin(store, await rule(store, "p", "paused"), 3)
    first, second = await due(store)
    await save(store, replace(first, due_at=T0 + DAY))
    assert [run.id for run in await due(store)] == [second.id]
    assert [run.id for run in await due(store, T0 + DAY)] == [second.id, first.id]
    await save(store, end(second, RunState.DONE, T0))
    async with store.work() as work:
        assert await work.take_runs([first.id, second.id], T0) == []
        assert [run.id for run in await work.take_runs([first.id, second.id], T0 + DAY)] == [first.id]


async def test_an_event_wakes_what_waits_for_its_type_and_subject(store: Store) -> None:
    start = await rule(store)
    await begin(store, start, 1, 2)
    await begin(store, start, 3, subject="cand-2")
    waiting = [replace(r, state=RunState.WAITING, awaits=TYPE, due_at=T0 + DAY) for r in await due(store)]
    for run in waiting:
        await save(store, run)
    async with store.look() as look:
        assert await look.awaited(TENANT) == {TYPE}
        assert await look.awaited(TenantId(2)) == frozenset()
    told = event(10, type=TYPE, received_at=T0 + timedelta(seconds=1))
    await accept(store, Arrival(told, wakes=True), Arrival(event(11), wakes=True))
    assert await due(store) == []
    assert sorted(run.event for run in await due(store, told.received_at)) == [event_number(1), event_number(2)]
    async with store.look() as look:
        assert await look.arrived(TENANT, TYPE, "cand-1", T0) == [event_number(10)]
        assert await look.arrived(TENANT, TYPE, "cand-1", T0 + DAY) == []
        assert await look.arrived(TENANT, TYPE, "cand-2", T0) == []


async def test_two_never_take_the_same_run(store: Store, open_another: Callable[[], Store]) -> None:
    await begin(store, await rule(store), *range(1, 21))
    ids = [run.id for run in await due(store)]
    other, seen = open_another(), list[RunId]()

    async def work_off(mine: Store) -> None:
        async with mine.work() as work:
            for run in await work.take_runs(ids, T0):
                seen.append(run.id)
                await asyncio.sleep(0)
                await work.save_runs([end(run, RunState.DONE, T0)])

    await asyncio.gather(work_off(store), work_off(other))
    await work_off(store)
    assert sorted(seen) == sorted(ids)


async def test_lists_by_state_subject_and_rule(store: Store) -> None:
    start, other = await rule(store), await rule(store, "other")
    await begin(store, start, 1, 2)
    await begin(store, other, 3, subject="cand-2")
    async with store.look() as look:
        every = await look.runs(TENANT)
        assert [run.event for run in every] == [event_number(n) for n in (3, 2, 1)]
        assert await look.runs(TENANT, limit=1, before=every[0].id) == every[1:2]
        assert await look.runs(TENANT, subject="cand-2") == every[:1]
        assert await look.runs(TENANT, rule=start.rule) == every[1:]
        assert await look.runs(TENANT, event=event_number(2)) == every[1:2]
        assert await look.runs(TENANT, states=[RunState.HELD, RunState.GATE]) == []
        assert await look.runs(TENANT, states=[RunState.READY]) == every
        assert await look.runs(TenantId(2)) == []


async def test_deliveries_of_a_run_keep_the_order_of_their_key(store: Store) -> None:
    lane = await make_lane(store)
    await accept(store, arrival(1, Planned(lane.id, "first", okey="k")))
    async with store.work() as work:
        first = Owed(TENANT, event_number(1), Planned(lane.id, "a", RevisionId(1), okey="k"), T0 + DAY)
        second = Owed(TENANT, event_number(1), Planned(lane.id, "b", due_at=T0 + 2 * DAY), T0 + DAY)
        last = arrival(2, Planned(lane.id, "c", okey="k"))
        assert [receipt.fresh for receipt in await work.accept([last], [first, second])] == [True]
    assert [one.delivery.step for one in await claim(store, lane.id, now=T0 + DAY)] == ["first"]
    async with store.look() as look:
        found = {d.step: d for d in await look.deliveries(TENANT, Page())}
    assert sorted(found, key=lambda step: found[step].id) == ["first", "a", "b", "c"]
    assert found["a"].received_at == T0 + DAY
    assert found["b"].due_at == T0 + 2 * DAY  # type: ignore[union-attr]


async def test_once_is_once_until_it_is_forgotten(store: Store) -> None:
    start = await rule(store)
    await begin(store, start, 1, 2)
    one, two = await due(store)
    async with store.work() as work:
        assert await work.once(one, "k")
        assert await work.once(one, "k")  # its own mark
        assert not await work.once(two, "k")
        assert await work.once(two, "other")
        assert await work.once(replace(two, rule=RuleId(77)), "k")
        await work.forget_once(one)
        assert await work.once(two, "k")


async def test_how_many_began(store: Store) -> None:
    start = await rule(store)
    await begin(store, start, 1, 2)
    for run in await due(store):
        await save(store, replace(run, began_at=T0))
    async with store.work() as work:
        assert await work.begun_since(start.rule, T0 - DAY) == 2
        assert await work.begun_since(start.rule, T0) == 0


async def test_tags_and_the_calendar(store: Store) -> None:
    async with store.work() as work:
        before = await work.config_version()
        await work.put_tag(TENANT, "c", CandidateTag("b", RunId(1), T0))
        await work.put_tag(TENANT, "c", CandidateTag("a", RunId(1), T0))
        await work.put_tag(TENANT, "c", CandidateTag("b", RunId(2), T0 + DAY))
        await work.drop_tag(TENANT, "c", CandidateTag("none", RunId(2), T0))
        assert await work.calendar(TENANT) is None
        await work.put_calendar(TENANT, {"opens": "08:00"})
        await work.put_calendar(TENANT, {"opens": "09:00"})
        assert await work.config_version() == before + 2
    async with store.look() as look:
        assert await look.tags(TENANT, "c") == [CandidateTag("a", RunId(1), T0), CandidateTag("b", RunId(2), T0 + DAY)]
        assert await look.tags(TenantId(2), "c") == []
        assert await look.calendar(TENANT) == {"opens": "09:00"}
    async with store.work() as work:
        await work.drop_tag(TENANT, "c", CandidateTag("a", RunId(2), T0 + 2 * DAY))
        assert [tag.tag for tag in await work.tags(TENANT, "c")] == ["b"]
        assert await work.tags_of(TENANT, {"c", "d"}) == {"c": ["b"]}
        assert await work.tags_of(TenantId(2), ["c"]) == {}
        came = [TagChange("b", True, T0), TagChange("a", True, T0)]
        assert await work.tag_changes(TENANT, ["c"]) == {"c": [*came, TagChange("a", False, T0 + 2 * DAY)]}


async def test_no_run_is_due_while_all_rules_are_stopped(store: Store) -> None:
    await begin(store, await rule(store), 1)
    [run] = await due(store)
    async with store.work() as work:
        await work.stop_rules(TenantId(2), True)
        assert await work.take_runs([run.id], T0 + DAY) == [run]
        await work.stop_rules(TENANT, True)
    assert await due(store) == []
    async with store.work() as work:
        assert await work.take_runs([run.id], T0 + DAY) == []
        await work.stop_rules(TENANT, False)
    assert await due(store) == [run]


async def test_what_was_not_committed_did_not_happen(store: Store) -> None:
    await begin(store, await rule(store), 1)
    [run] = await due(store)
    async with undone(store) as work:
        await work.save_runs([end(run, RunState.DONE, T0)])
        await work.once(run, "k")
        await work.put_tag(TENANT, "c", CandidateTag("b", run.id, T0))
    assert await due(store) == [run]
    async with store.look() as look:
        assert await look.tags(TENANT, "c") == []


@pytest.mark.parametrize("depth", [0, 8])
async def test_the_depth_of_an_event_is_kept(store: Store, depth: int) -> None:
    await accept(store, Arrival(replace(event(1), depth=depth)))
    async with store.look() as look:
        [listed] = await look.events(TENANT, Page())
        found = await look.event(TENANT, event_number(1))
    assert found is not None
    assert (listed.depth, found.depth) == (depth, depth)


async def test_a_missing_run_is_begun_once_and_not_beside_what_its_rule_has_sent(store: Store) -> None:
    lane, first, second = await make_lane(store), await rule(store), await rule(store, "s")
    sent = Planned(lane.id, f"{first.rule}.a", first.revision)
    await accept(store, arrival(1, sent), arrival(2))
    async with store.work() as work:
        assert await work.begin_missing(TENANT, event_number(1), [first, second], T0 + DAY) == 1
        assert await work.begin_missing(TENANT, event_number(1), [first, second], T0 + DAY) == 0
        assert await work.begin_missing(TENANT, event_number(2), [first], T0 + DAY) == 1
        assert await work.begin_missing(TenantId(2), event_number(2), [second], T0 + DAY) == 0
    runs = await due(store, T0 + DAY)
    assert [(run.event, run.rule, run.state) for run in runs] == [
        (event_number(1), second.rule, RunState.READY),
        (event_number(2), first.rule, RunState.READY),
    ]
    assert (runs[0].created_at, runs[0].changed_at, runs[0].due_at) == (T0, T0 + DAY, T0 + DAY)
    assert await due(store, T0) == []


async def test_runs_are_counted_by_what_they_wait_for(store: Store) -> None:
    start = await rule(store)
    await begin(store, start, 1, 2, 3, 4, 5, 6)
    one, two, three, four, five, six = await due(store)
    changed = [
        replace(one, state=RunState.WAITING, awaits=TYPE, step="w"),
        replace(two, state=RunState.WAITING, step="d", due_at=T0 + DAY, until=T0 + DAY),
        replace(three, state=RunState.GATE, step="g", due_at=None),
        replace(four, state=RunState.GATE, step="g", due_at=None, changed_at=T0 + DAY),
        end(five, RunState.DONE, T0),
    ]
    async with store.work() as work:
        await work.save_runs(changed)
    later = T0 + DAY + timedelta(seconds=30)
    async with store.look() as look:
        stats = await look.run_stats(later)
        assert dict(stats.waiting) == {"event": 1, "time": 1, "gate": 2, "ready": 1}
        assert dict(stats.oldest) == dict.fromkeys(("event", "time", "gate", "ready"), T0)
        assert (stats.gates_overdue, stats.stuck) == (1, 2)
    async with store.work() as work:
        await work.stop_rules(TENANT, True)
    async with store.look() as look:
        assert (await look.run_stats(later)).stuck == 0
    assert six.state is RunState.READY
