"""Legal holds, what an erasure asks of the store, and keys that are not made any more, on every store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.adapters.db import SqlStore, open_store
from hub.adapters.db.partitions import WeeklyParts
from hub.domain.deliveries import Final, Finish, Planned
from hub.domain.ids import DEFAULT_TENANT, RunId, TenantId
from hub.domain.retention import Keep, Kind
from hub.ports.accounts import Erasure, LegalHold, Notice
from hub.ports.people import Order
from hub.ports.queue import DoneDelivery
from hub.ports.runs import CandidateTag
from hub.ports.store import Page, Store
from hub.ports.vault import KeyRow
from tests.contract.store.test_store_retention import OTHERS, after_days, sweep, there
from tests.support.arrivals import accept, arrival, claim, complete, completion, event_number, make_lane
from tests.support.stores import T0

KEEP = Keep()
TWO = TenantId(2)


def hold(subject: str = "cand-1", state: str = "in_force", tenant: TenantId = DEFAULT_TENANT) -> LegalHold:
    return LegalHold(f"hld_{subject}", tenant, subject, state, b"why", "usr_1", T0)


def erasure(subject: str = "cand-1", state: str = "telling", **fields: object) -> Erasure:
    base = Erasure(
        f"ers_{subject}", DEFAULT_TENANT, subject, state, b"why", "d", "usr_1", T0, approved_at=T0, closed=True
    )
    return replace(base, **fields)  # type: ignore[arg-type]


async def told(store: Store, subject: str, number: int, **refs: str) -> None:
    """An event of this person, delivered to a lane that learnt these external ids."""
    lane = await make_lane(store, f"lane-{number}")
    one = arrival(number, Planned(lane.id, "s1"), subject=subject)
    await accept(store, replace(one, evaluated=()))
    [claimed] = await claim(store, lane.id)
    await complete(store, replace(completion(claimed, Finish(Final.DELIVERED)), refs=refs, reference="ref"))


@pytest.mark.parametrize("state", ["asked", "in_force", "lift_asked"])
async def test_a_held_person_s_record_stays_and_the_others_go(store: Store, state: str) -> None:
    await told(store, "cand-1", 1, candidate="c1")
    await told(store, "cand-2", 2, candidate="c2")
    async with store.work() as work:
        await work.put_tag(DEFAULT_TENANT, "cand-1", CandidateTag("t", RunId(1), T0))
        await work.drop_tag(DEFAULT_TENANT, "cand-1", CandidateTag("t", RunId(2), T0 + timedelta(minutes=1)))
        await work.add_record(hold(state=state))
        await work.add_record(hold("cand-2", "lifted"))
        await work.add_record(replace(hold("cand-2"), tenant=TWO))  # another tenant's
    kinds = OTHERS if isinstance(store, SqlStore) and "postgresql" in str(store._writer.url) else tuple(Kind)
    now = after_days(400)
    async with store.look() as look:
        assert await look.removable(Kind.EVENTS, KEEP.cuts(now)) == 1
    await sweep(store, now, kinds=kinds)
    assert await there(store) == [event_number(1)]
    async with store.look() as look:
        [kept] = await look.deliveries(DEFAULT_TENANT, Page(10))
        assert kept.event == event_number(1)
        assert len(await look.attempts(DEFAULT_TENANT, kept.id)) == 1
        assert len((await look.tag_changes(DEFAULT_TENANT, ["cand-1"]))["cand-1"]) == 2
        [one] = await look.records(LegalHold, DEFAULT_TENANT, subject="cand-1")
    async with store.work() as work:
        await work.change_record(replace(one, state="lifted"))
    await sweep(store, now, kinds=kinds)
    assert await there(store) == []


async def test_who_was_told_is_known_when_the_record_is_gone(store: Store) -> None:
    await told(store, "cand-1", 1)
    async with store.look() as look:
        before = await look.holders(DEFAULT_TENANT, "cand-1")
    assert [*before.values()] == [{}]
    await sweep(store, after_days(400))
    assert await there(store) == []
    async with store.look() as look:
        assert await look.holders(DEFAULT_TENANT, "cand-1") == before
        assert await look.holders(DEFAULT_TENANT, "cand-2") == {}
        assert await look.holders(TWO, "cand-1") == {}


async def test_look_ups_tags_orders_and_verdicts_go_and_the_ledger_stays(store: Store) -> None:
    await told(store, "cand-1", 1, candidate="c1", application="a1")
    await told(store, "cand-2", 2, candidate="c2")
    async with store.work() as work:
        [lane, *_] = await work.connections(DEFAULT_TENANT)
        await work.put_tag(DEFAULT_TENANT, "cand-1", CandidateTag("t", RunId(1), T0))
        await work.put_tag(DEFAULT_TENANT, "cand-2", CandidateTag("t", RunId(1), T0))
        for n, subject in ((1, "cand-1"), (2, "cand-2")):
            await work.put_order(Order(f"ord_{n}", DEFAULT_TENANT, lane.id, "p", subject, "open", b"b", T0, T0))
    async with store.look() as look:
        assert (await look.holders(DEFAULT_TENANT, "cand-1"))[lane.id] == {"candidate": ["c1"], "application": ["a1"]}
    async with store.work() as work:
        counts = await work.clear_subject(DEFAULT_TENANT, "cand-1")
    assert counts == {
        "look_ups": 2, "tags": 1, "tag_changes": 1, "orders": 1, "once": 0, "observations": 0, "verdicts": 0,
        "references": 1,
    }  # fmt: skip
    async with store.work() as work:
        assert sum((await work.clear_subject(DEFAULT_TENANT, "cand-1")).values()) == 0
    async with store.look() as look:
        assert await look.tags(DEFAULT_TENANT, "cand-1") == []
        assert [one.id for one in await look.orders_of(DEFAULT_TENANT, "cand-2")] == ["ord_2"]
        assert await look.find_cause(DEFAULT_TENANT, lane.id, {"candidate": "c1"}) is None
        done = {d.event: d for d in await look.deliveries(DEFAULT_TENANT, Page(10)) if isinstance(d, DoneDelivery)}
    assert (done[event_number(1)].reference, done[event_number(2)].reference) == (None, "ref")
    async with store.look() as look:
        assert len((await look.holders(DEFAULT_TENANT, "cand-2")).values()) >= 1


async def test_what_nobody_has_in_hand_ends_and_the_next_of_another_goes_on(store: Store) -> None:
    lane = await make_lane(store)
    planned = Planned(lane.id, "s1", okey="*")
    await accept(store, *(arrival(n, planned, subject=f"cand-{1 + n % 2}") for n in range(1, 5)))
    async with store.work() as work:
        assert await work.stop_subject(DEFAULT_TENANT, "cand-2", T0) == (2, 0)
        assert await work.stop_subject(DEFAULT_TENANT, "cand-2", T0) == (0, 0)
    [one] = await claim(store, lane.id)
    assert one.event.subject == "cand-1"
    async with store.work() as work:
        assert await work.stop_subject(DEFAULT_TENANT, "cand-1", T0) == (1, 1)


async def test_no_key_is_made_for_an_erased_person(store: Store) -> None:
    shelf = store
    async with store.work() as work:
        await work.add_record(erasure())
        await work.add_record(erasure("cand-3", closed=False))
    rows = [
        KeyRow(bytes([n]) * 16, DEFAULT_TENANT, "pii", "aa", "active", b"w", b"c" * 32, f"subject:cand-{n}")
        for n in (1, 2, 3)
    ]
    rows.append(KeyRow(bytes([4]) * 16, TWO, "pii", "aa", "active", b"w", b"c" * 32, "subject:cand-1"))
    made = await shelf.add_owner_keys(rows)  # type: ignore[attr-defined]
    assert sorted((row.tenant, row.owner) for row in made) == [
        (1, "subject:cand-2"), (1, "subject:cand-3"), (2, "subject:cand-1"),
    ]  # fmt: skip


async def test_what_is_under_way_and_what_vendors_owe(store: Store) -> None:
    async with store.work() as work:
        for n, state in enumerate(("asked", "stopping", "destroying", "clearing", "telling", "done", "refused")):
            await work.add_record(erasure(f"c{n}", state, closed=False))
        open_ = Notice("ntc_1", DEFAULT_TENANT, "ers_c4", 1, "ats", "x", None, "open", T0)
        await work.add_record(open_)
        await work.add_record(replace(open_, id="ntc_2", state="acknowledged"))
    async with store.look() as look:
        early = await look.erasures_under_way(telling=False)
        assert [one.state for one in early] == ["stopping", "destroying", "clearing"]
        assert [one.id for one in await look.erasures_under_way(telling=False, after=early[0].id, limit=1)] == [
            early[1].id
        ]
        assert [one.state for one in await look.erasures_under_way(telling=True)] == ["telling"]
        stats = await look.erasure_stats()
        assert (list(stats.running), list(stats.notices)) == ([T0] * 3, [T0])


async def test_a_body_is_replaced(store: Store) -> None:
    await accept(store, arrival(1))
    async with store.work() as work:
        await work.replace_body(event_number(1), b"other")
    async with store.look() as look:
        found = await look.event(DEFAULT_TENANT, event_number(1))
    assert found is not None
    assert found.body == b"other"


@pytest.fixture
async def weekly(postgres_database: str) -> AsyncIterator[SqlStore]:
    store = open_store(postgres_database)
    yield store
    await store.close()


async def test_a_partition_that_goes_leaves_the_tries_of_a_held_person(weekly: SqlStore) -> None:
    await told(weekly, "cand-1", 1)
    await told(weekly, "cand-2", 2)
    async with weekly.work() as work:
        await work.add_record(hold())
    async with weekly._link() as link:
        [first, *_] = await WeeklyParts(link).all()
    assert first.upper is not None
    cut = {Kind.ATTEMPTS: T0 + timedelta(days=400)}
    async with weekly.look() as look:
        assert await look.removable(Kind.ATTEMPTS, cut) == 1
    async with weekly.work() as work:
        await work.make_room(T0)
        assert (await work.remove(Kind.ATTEMPTS, cut)).rows == 1
        assert (await work.remove(Kind.ATTEMPTS, cut)).rows == 0
    async with weekly._link() as link:
        rows = await link.driver("SELECT event_id, tableoid::regclass::text FROM attempt")
        assert [(str(row[0]).replace("-", "")[-1], row[1]) for row in rows] == [("1", "attempt_before")]
    async with weekly.work() as work:
        [one] = await work.records(LegalHold, DEFAULT_TENANT)
        await work.change_record(replace(one, state="lifted"))
    async with weekly.work() as work:
        assert (await work.remove(Kind.ATTEMPTS, cut)).rows == 1
