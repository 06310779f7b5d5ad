"""Erasure: asked by one, approved by two, carried out by rows, told to every vendor, proved by a certificate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hub.adapters.clock import ManualClock
from hub.adapters.media import Mirrored
from hub.adapters.memory.blobs import MemoryBlobs
from hub.app.incoming import Incoming
from hub.app.keys.exchange import Keys
from hub.app.subjects.erasures import holds_certificate
from hub.domain.deliveries import Delivery, Final
from hub.domain.errors import Conflict, HubError
from hub.domain.identifiers import Identifier
from hub.domain.subjects import SETTLED
from hub.ports.queue import DoneDelivery, LaneCall
from hub.ports.store import Page, Store
from tests.app.test_media import send
from tests.support.hubs import START, TENANT, Bench, bench, report
from tests.support.subjects import CANDIDATE, approved, carried, kept_bodies, told


async def code(act: Awaitable[object]) -> str:
    with pytest.raises(HubError) as caught:
        await act
    return caught.value.code


@pytest.fixture
async def on(store: Store) -> Bench:
    made = bench(store, clock=ManualClock(START))
    await made.hub.vault.prepare(TENANT)
    return made


async def test_a_person_is_erased_and_every_vendor_is_told(on: Bench) -> None:
    await told(on)
    assert [d.final for d in await on.deliveries() if isinstance(d, DoneDelivery)] == [Final.DELIVERED] * 3
    other = await on.accept(report(key="other", candidate="cand_2"))
    one, notices = await carried(on, (await approved(on.hub.erasures)).id)
    assert one.state == "telling"
    assert len(one.keys) == 1
    assert [(n.name, n.operation) for n in notices] == [
        ("ats", "candidate.erase"), ("feed", "event.send"), ("referrals", None),
    ]  # fmt: skip
    on.vendor.asked.clear()
    await on.deliver()
    [erased] = [r for r in on.vendor.asked if getattr(r, "method", "") == "DELETE"]
    assert str(getattr(erased, "url", "")).endswith("/candidates/31001")
    [fed] = [r for r in on.vendor.asked if "feed" in str(getattr(r, "url", "")) and CANDIDATE in repr(r)]
    assert "candidate.erased" in repr(fed)
    await on.hub.carry_out()
    one, notices = await on.hub.erasures.one(TENANT, one.id)
    assert [n.state for n in notices] == ["acknowledged", "acknowledged", "open"]
    await on.hub.erasures.acknowledge(TENANT, one.id, notices[2].id, "usr_hr", "case 7")
    await on.hub.carry_out()
    one, notices = await on.hub.erasures.one(TENANT, one.id)
    assert (one.state, [n.sealed for n in notices]) == ("done", [None] * 3)
    await unreadable(on)
    assert (await on.hub.queries.event(TENANT, other[0]))[1]["candidate"]
    async with on.hub.store.look() as look:
        assert await look.holders(TENANT, CANDIDATE) != {}  # the ledger still says who was told, without their ids
        assert all(not refs for refs in (await look.holders(TENANT, CANDIDATE)).values())
        shelf: Any = on.hub.store
        assert await shelf.owner_keys(TENANT, [(f"erasure:{one.id}", "pii")]) == []


async def unreadable(b: Bench, subject: str = CANDIDATE) -> None:
    """Nothing that was sealed for the person opens, in this process or in one that starts now."""
    fresh = bench(b.hub.store, clock=b.clock, seed=9)
    for hub in (b.hub, fresh.hub):
        async with hub.store.look() as look:
            events = await look.events(TENANT, Page(100), subject=subject)
        assert events
        for event in events:
            assert await code(hub.queries.data(event)) == "key_destroyed"


async def test_without_the_destruction_of_keys_the_check_above_is_red(
    b: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: an erasure that skips it."""
    await told(b)

    async def nothing(self: Keys, tenant: object, owner: str) -> list[object]:
        return []

    monkeypatch.setattr(Keys, "destroy_owner", nothing)
    one, _ = await carried(b, (await approved(b.hub.erasures)).id)
    assert one.state == "telling"
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        await unreadable(b)


async def test_an_old_copy_of_the_database_opens_nothing_with_the_keys_of_now(on: Bench) -> None:
    await told(on)
    backup = await kept_bodies(on)
    assert len(backup) >= 4  # bodies and what was said to vendors
    for place, sealed in backup:
        await on.hub.vault.prepare(TENANT, sealed=[sealed])
        assert on.hub.vault.open(place, sealed)
    await carried(on, (await approved(on.hub.erasures)).id)
    for place, sealed in backup:
        await on.hub.vault.prepare(TENANT, sealed=[sealed])
        with pytest.raises(Conflict) as caught:
            on.hub.vault.open(place, sealed)
        assert caught.value.code == "key_destroyed"


async def test_three_people_are_needed_and_what_was_read_is_what_is_approved(on: Bench) -> None:
    await told(on)
    erasures = on.hub.erasures
    assert await code(erasures.ask(TENANT, "cand_nobody", "why", "usr_hr")) == "not_found"
    asked = await erasures.ask(TENANT, CANDIDATE, "why", "usr_hr")
    assert await code(erasures.ask(TENANT, CANDIDATE, "why", "usr_hr")) == "erasure_open"
    assert await code(erasures.decide(TENANT, asked.id, asked.digest, "usr_hr", approve=True)) == "own_request"
    assert await code(erasures.decide(TENANT, asked.id, "0" * 64, "usr_s1", approve=True)) == "other_request"
    await erasures.decide(TENANT, asked.id, asked.digest, "usr_s1", approve=True)
    assert await code(erasures.decide(TENANT, asked.id, asked.digest, "usr_s1", approve=True)) == "approved_already"
    assert (await carried(on, asked.id))[0].state == "asked"
    refused = await erasures.decide(TENANT, asked.id, asked.digest, "usr_s2", approve=False)
    assert refused.state == "refused"
    assert await code(erasures.decide(TENANT, asked.id, asked.digest, "usr_s3", approve=True)) == "request_over"
    assert (await approved(erasures)).state == "stopping"
    async with on.hub.store.look() as look:
        acts = [row.act.action for row in await look.acts(TENANT, 100) if row.act.action.startswith("erasure.")]
    assert acts[::-1] == [
        "erasure.ask", "erasure.approve", "erasure.refuse", "erasure.ask", "erasure.approve", "erasure.approve",
    ]  # fmt: skip


async def test_what_is_queued_and_what_runs_is_stopped_and_what_is_in_hand_is_waited_for(on: Bench) -> None:
    await told(on)
    on.vendor.script[:] = []
    on.vendor.answers(503)
    await on.accept(report(key="second"))
    async with on.hub.store.work() as work:
        lanes = await work.lanes(TENANT)
        calls = [LaneCall(lane.connection, 1) for lane in lanes]
        in_hand = await work.claim(calls, now=on.clock.now(), lease=timedelta(seconds=60), token="t")
    assert in_hand
    one = await approved(on.hub.erasures)
    await on.hub.carry_out()
    assert (await on.hub.erasures.one(TENANT, one.id))[0].state == "stopping"
    async with on.hub.store.work() as work:
        await work.release("t", [claimed.delivery.id for claimed in in_hand])
    one, _ = await carried(on, one.id)
    assert one.state == "telling"
    left = [d for d in await on.deliveries() if isinstance(d, Delivery)]
    assert all(d.step.startswith("@erase") for d in left)
    ended = [d for d in await on.deliveries() if isinstance(d, DoneDelivery) and d.final is Final.CANCELLED]
    assert len(ended) >= 1
    assert {d.error for d in ended} == {"candidate_erased"}


async def test_a_hold_stands_in_the_way_at_every_step(on: Bench) -> None:
    await told(on)
    holds, erasures = on.hub.holds, on.hub.erasures
    hold = await holds.ask(TENANT, CANDIDATE, "a court", "usr_hr")
    assert await holds.held(TENANT, CANDIDATE)  # before anybody agreed
    assert await code(erasures.ask(TENANT, CANDIDATE, "why", "usr_hr")) == "legal_hold"
    assert await code(holds.decide(TENANT, hold.id, "usr_hr", approve=True)) == "own_request"
    await holds.decide(TENANT, hold.id, "usr_s1", approve=True)
    lifting = await holds.ask_lift(TENANT, hold.id, "the case is over", "usr_hr")
    assert await holds.held(TENANT, CANDIDATE)
    assert await holds.reasons(lifting) == {"reason": "a court", "lift": "the case is over"}
    await holds.decide(TENANT, hold.id, "usr_s1", approve=True)
    assert not await holds.held(TENANT, CANDIDATE)
    assert await code(holds.ask_lift(TENANT, hold.id, "again", "usr_hr")) == "hold_state"
    one = await approved(erasures)
    again = await holds.ask(TENANT, CANDIDATE, "another court", "usr_hr")  # after the approval, before the keys
    assert (await carried(on, one.id))[0].state == "stopping"
    await holds.decide(TENANT, again.id, "usr_s1", approve=False)
    assert (await carried(on, one.id))[0].state == "telling"


class Killed(Exception):
    """The process is gone."""


class MortalStore:
    """A store in whose n-th transaction the process dies: before it is committed, or behind it."""

    def __init__(self, inner: Any, at: int, after: bool) -> None:
        self._inner, self._left, self._after = inner, at, after

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    @asynccontextmanager
    async def work(self) -> AsyncIterator[Any]:
        self._left -= 1
        async with self._inner.work() as work:
            yield work
            if self._left == 0 and not self._after:
                raise Killed
        if self._left == 0:
            raise Killed


async def test_killed_in_every_transaction_it_goes_on_where_it_was(store_kind: str, store: Store) -> None:
    """One store of each kind is enough for a few deaths; in memory every transaction is one."""
    b = bench(store, clock=ManualClock(START))
    await b.hub.vault.prepare(TENANT)
    await told(b)
    deaths = 0
    for at in range(1, 40 if store_kind == "memory" else 5):
        for after in (False, True):
            name = f"cand_{at}_{after}"
            await b.accept(report(key=name, candidate=name))
            await b.deliver()
            one = await approved(b.hub.erasures, name)
            dying = replace(b.hub.carry_out, store=MortalStore(store, at, after))  # type: ignore[arg-type]
            try:
                await dying()
                b.clock.advance(SETTLED.total_seconds())
                await dying()
            except Killed:
                deaths += 1
            one, notices = await carried(b, one.id)
            assert (one.state, len(one.keys), len(notices)) == ("telling", 1, 3), (at, after)
            assert one.counts["look_ups"] == 2, (at, after, one.counts)
            assert one.counts["blind_indexes"] == 2, (at, after, one.counts)
            assert name not in await b.hub.find(TENANT, Identifier.EMAIL, "ada@example.com")
            async with store.look() as look:
                events = await look.events(TENANT, Page(200), type="candidate.erased")
            assert len([e for e in events if e.key == one.id]) == 1
            await unreadable(b, name)
    assert deaths >= 8


async def test_recordings_go_from_every_copy_and_uploads_end(on: Bench) -> None:
    copies = MemoryBlobs(), MemoryBlobs()
    on.hub.media.blobs = Mirrored(*copies)
    media = on.hub.media
    await told(on)
    mine, other = await send(media, b"video" * 1000), await send(media, b"video" * 1000, subject="cand_2")
    begun = await media.begin(TENANT, CANDIDATE, "video/webm")
    one, _ = await carried(on, (await approved(on.hub.erasures)).id)
    assert one.counts["recordings"] == 2
    for copy in copies:
        assert {name.split("/")[1] async for name in copy.names("")} == {other}
    for gone in (mine, begun):
        assert await code(media.parts(TENANT, gone)) in ("not_found", "no_blob", "no_media")
    assert await code(media.begin(TENANT, CANDIDATE, "video/webm")) == "candidate_erased"


async def test_a_held_recording_is_not_removed(on: Bench) -> None:
    media = on.hub.media
    mine = await send(media, b"video" * 1000)
    await on.hub.holds.ask(TENANT, CANDIDATE, "a court", "usr_hr")
    assert await code(media.delete(TENANT, mine)) == "legal_hold"
    begun = await media.begin(TENANT, CANDIDATE, "video/webm")
    on.clock.advance(8 * 86400)
    assert await media.sweep() == 0
    assert await media.parts(TENANT, begun) == []


async def test_nothing_is_taken_of_an_erased_person_until_an_application_comes_anew(on: Bench) -> None:
    await told(on)
    one = await approved(on.hub.erasures)
    await carried(on, one.id)
    for process in (on, bench(on.hub.store, clock=on.clock, seed=9)):
        assert await code(process.accept(report(key="late"))) == "candidate_erased"
    assert await code(on.hub.erasures.ask(TENANT, CANDIDATE, "again", "usr_hr")) == "erasure_open"
    applied = Incoming(
        type="application.received", version=1, source="/site", key="app-2", subject=CANDIDATE,
        data={"candidate": {"id": CANDIDATE, "email": "ada@example.com"}, "application": {"id": "app_2"}, "job": {"id": "job_1"}},
    )  # fmt: skip
    [event] = await on.accept(applied)
    assert (await on.hub.queries.event(TENANT, event))[1]["candidate"] == applied.data["candidate"]
    one, _ = await on.hub.erasures.one(TENANT, one.id)
    assert (one.closed, one.reopened_at) == (False, on.clock.now())
    await on.accept(report(key="new-life"))
    part = await on.hub.candidate_file(TENANT, CANDIDATE, "profile", show=4)
    assert part.data["email"] == "ada@example.com"
    async with on.hub.store.look() as look:
        events = await look.events(TENANT, Page(10), subject=CANDIDATE)
    assert await code(on.hub.queries.data(events[-1])) == "key_destroyed"  # the old life stays closed
    assert (await carried(on, (await approved(on.hub.erasures)).id))[0].state == "telling"


async def test_a_certificate_says_what_was_done_and_holds_only_as_it_was_signed(on: Bench) -> None:
    await told(on)
    one = await approved(on.hub.erasures)
    assert await code(on.hub.erasures.certificate(TENANT, one.id, "usr_a")) == "not_erased"
    one, notices = await carried(on, one.id)
    told_ = await on.hub.erasures.certificate(TENANT, one.id, "usr_a")
    signer = on.hub.erasures.signer
    assert holds_certificate(told_, signer)
    assert holds_certificate(told_, signer, bytes.fromhex(str(told_["public"])))
    assert not holds_certificate(told_, signer, bytes(32))
    for name in ("keys_destroyed", "approved_by", "vendors", "issued_at", "backups_unreadable_from"):
        assert not holds_certificate({**told_, name: "other"}, signer), name
    assert (told_["asked_by"], told_["approved_by"]) == ("usr_hr", ["usr_s1", "usr_s2"])
    assert told_["keys_destroyed"] == [*one.keys]
    assert told_["all_acknowledged"] is False
    assert len(told_["vendors"]) == len(notices) == 3  # type: ignore[arg-type]
    assert "ada@" not in str(told_).lower()
    with pytest.raises(Conflict):
        holds_certificate({"format": "other"}, signer)


async def test_a_vendor_that_refuses_is_a_dead_letter_and_stays_open(on: Bench) -> None:
    await told(on)
    one, _ = await carried(on, (await approved(on.hub.erasures)).id)
    on.vendor.script[:] = []
    on.vendor.answers(403, b'{"message": "no"}')
    for _ in range(5):
        await on.deliver()
        on.clock.advance(7200)
    dead = [d for d in await on.deliveries() if isinstance(d, DoneDelivery) and d.final is Final.DEAD]
    assert dead
    await on.hub.carry_out()
    one, notices = await on.hub.erasures.one(TENANT, one.id)
    assert (one.state, {n.state for n in notices}) == ("telling", {"open"})
    on.vendor.script[:] = []
    on.vendor.answers(204, b"")
    for one_ in dead:
        await on.hub.replay(TENANT, one_.id, "usr_ops")
    await on.deliver()
    await on.hub.carry_out()
    _, notices = await on.hub.erasures.one(TENANT, one.id)
    assert [n.state for n in notices if n.operation] == ["acknowledged", "acknowledged"]


async def test_two_processes_carry_out_at_once_and_nothing_is_done_twice(store: Store) -> None:
    b = bench(store, clock=ManualClock(START))
    await b.hub.vault.prepare(TENANT)
    await told(b)
    one = await approved(b.hub.erasures)
    other = bench(store, clock=b.clock, seed=9)
    await asyncio.gather(b.hub.carry_out(), other.hub.carry_out())
    b.clock.advance(SETTLED.total_seconds())
    await asyncio.gather(b.hub.carry_out(), other.hub.carry_out())
    one, notices = await carried(b, one.id)
    assert (one.state, len(notices)) == ("telling", 3)
