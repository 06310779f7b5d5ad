"""Keys are exchanged at every level under load and cut off anywhere; those of a person are destroyed, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.adapters.clock import ManualClock
from hub.adapters.memory import MemoryStore
from hub.adapters.vault import RootKeys
from hub.app.hub import Hub
from hub.app.keys import exchange
from hub.app.keys.exchange import DONE, KEPT, Level
from hub.domain.errors import Conflict
from hub.ports.store import Page, Store
from hub.ports.vault import SEALED_COLUMNS
from tests.support.hubs import report
from tests.support.key_hubs import (
    TENANT,
    carry_out,
    deliver,
    everything,
    fill,
    filled,
    key_ids,
    make_hub,
    work_off,
)

LEVELS = [
    "root", "class:1:pii", "owners:1:pii", "class:1:credential", "owners:1:credential", "class:1:media", "class:1:audit",
]  # fmt: skip


async def test_every_level_is_exchanged_and_everything_stays_readable(
    store: Store, roots: Callable[[], RootKeys], clock: ManualClock
) -> None:
    hub = await filled(store, roots, clock)
    before = await everything(hub)
    assert len(before) > 18
    for level in LEVELS:
        old = await key_ids(hub)
        parents = {row[3] for row in await hub.keys.shelf.count_keys()}
        done = await carry_out(hub.keys, level)
        other, _ = make_hub(store, roots(), clock, 8)
        assert await everything(other) == before, level
        if level.startswith("owners"):
            assert await key_ids(hub) != old
            assert done.moved > 0
        elif level == "root":
            assert parents - {row[3] for row in await hub.keys.shelf.count_keys()} == {"rk_1"}
    assert await everything(hub) == before
    assert {one.step for one in await hub.keys.status()} == {DONE}
    assert len(await hub.keys.status()) == len(LEVELS)


@pytest.mark.parametrize("level", ["root", "class:1:pii", "owners:1:pii"])
async def test_under_load_nothing_is_lost_and_nobody_waits(
    store: Store, roots: Callable[[], RootKeys], clock: ManualClock, level: str
) -> None:
    hub = await filled(store, roots, clock)
    other, vendor = make_hub(store, roots(), clock, 8)
    vendor.answers(200)

    async def load() -> None:
        for number in range(12):
            await fill(other, 1, 1000 + number)
            await deliver(other)
            await asyncio.sleep(0)

    async def exchanges() -> None:
        async for _ in hub.keys.carry_out(Level.read(level)):
            clock.advance(1)
            await asyncio.sleep(0)

    await asyncio.gather(load(), exchanges())
    fresh, _ = make_hub(store, roots(), clock, 9)
    found = await everything(fresh)
    assert sum(1 for name in found if name.startswith("evt_")) == 21
    assert sum(1 for name, talk in found.items() if name.startswith("dlv") and talk) == 21


async def newest_moves(hub: Hub, clock: ManualClock) -> int:
    """Persons who came a while after an exchange of persons' keys began: how many got another key by it."""
    one = await hub.keys.rotate(Level.read("owners:1:pii"))
    clock.advance(61)
    for number in range(5):
        await hub.ingest(TENANT, [report(key=f"late-{number}", candidate=f"cand_new_{number}")])
    wanted = [(f"subject:cand_new_{number}", "pii") for number in range(5)]
    before = {row.owner: row.id for row in await hub.keys.shelf.owner_keys(TENANT, wanted)}
    while one.step != DONE:
        one = await hub.keys.step(one)
    assert one.moved >= 7  # the others' keys
    after = {row.owner: row.id for row in await hub.keys.shelf.owner_keys(TENANT, wanted)}
    return sum(before[owner] != after[owner] for owner in before)


async def test_keys_that_are_newer_than_the_exchange_are_left_alone(
    store: Store, roots: Callable[[], RootKeys], clock: ManualClock
) -> None:
    """Else an exchange under a flood of new persons has no end."""
    hub = await filled(store, roots, clock)
    assert await newest_moves(hub, clock) == 0
    clock.advance(1)
    await carry_out(hub.keys, "owners:1:pii")  # the next one takes them
    assert len(await everything(hub)) > 9


async def test_an_exchange_that_takes_every_key_turns_it_red(
    roots: Callable[[], RootKeys], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "CLOCKS_APART", timedelta(days=1))
    assert await newest_moves(await filled(MemoryStore(clock), roots, clock), clock) == 5


async def test_who_was_erased_meanwhile_gets_no_key_by_an_exchange(
    store: Store, roots: Callable[[], RootKeys], clock: ManualClock
) -> None:
    hub = await filled(store, roots, clock)
    await work_off(hub.keys)
    shelf = hub.keys.shelf
    rows = await shelf.active_owners(TENANT, "pii", clock.now() + timedelta(days=1), "", 500)
    fresh = [await hub.keys.vault.successor(TENANT, "pii", row.owner) for row in rows]
    await hub.keys.destroy(TENANT, "cand_3")
    epoch = await shelf.key_epoch()
    await shelf.succeed_all(fresh)
    await shelf.succeed_all(fresh)  # again: it was cut off before it was noted
    active = await shelf.owner_keys(TENANT, [(row.owner, "pii") for row in rows])
    assert {row.id for row in active} == {row.id for row in fresh if row.owner != "subject:cand_3"}
    assert await shelf.key_epoch() == epoch + 1
    assert len(await shelf.retired_keys(TENANT, "pii", owners=True)) == len(rows) - 1


async def test_an_exchange_leaves_the_store_to_others_for_as_long_as_it_took(
    roots: Callable[[], RootKeys], clock: ManualClock
) -> None:
    hub = await filled(MemoryStore(clock), roots, clock)
    slept: list[float] = []

    class Watching:
        def __getattr__(self, name: str) -> object:
            return getattr(clock, name)

        def monotonic(self) -> float:
            clock.advance(0.2)
            return clock.monotonic()

        async def sleep(self, seconds: float) -> None:
            slept.append(seconds)

    keys = replace(hub.keys, clock=Watching())  # type: ignore[arg-type]
    await keys.rotate(Level.read("owners:1:pii"))
    await keys.work_off()
    assert len(slept) > 3
    assert min(slept) > 0.19


class Killed(Exception):
    """The process is gone."""


class Mortal:
    """A shelf in whose n-th write the process dies: before it (`after` False) or behind it."""

    def __init__(self, inner: object, at: int, after: bool) -> None:
        self._inner, self._left, self._after = inner, at, after

    def __getattr__(self, name: str) -> object:
        act = getattr(self._inner, name)
        if name not in ("succeed", "rewrap", "reseal", "put_rotation"):
            return act

        async def write(*given: object) -> object:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise Killed
            done = await act(*given)
            if self._left == 0:
                raise Killed
            return done

        return write


@pytest.mark.parametrize("level", ["root", "class:1:pii", "owners:1:pii"])
async def test_killed_at_every_write_it_goes_on_where_it_was(
    store: Store, store_kind: str, roots: Callable[[], RootKeys], clock: ManualClock, level: str
) -> None:
    hub = await filled(store, roots, clock)
    before = await everything(hub)
    deaths = 0
    if store_kind != "memory" and level != "class:1:pii":
        pytest.skip("the steps are the same on every store: each is killed in memory, one level on the databases")
    for at in range(1, 60):
        for after in (False, True):
            dying, _ = make_hub(store, roots(), clock, 8)
            keys = replace(dying.keys, shelf=Mortal(store, at, after), _old={})  # type: ignore[arg-type]
            try:
                await carry_out(keys, level)
            except Killed:
                deaths += 1
                again, _ = make_hub(store, roots(), clock, 9)
                if at % 7 == 1:
                    assert await everything(again) == before
                await again.keys.advance()
                await carry_out(again.keys, level)
            else:
                assert after or deaths > 4
                assert await everything(hub) == before
                return
        if at == 4 and store_kind != "memory":
            break
    assert await everything(hub) == before
    assert deaths >= 6


async def test_a_person_is_erased_for_good_and_nobody_else(
    store: Store, roots: Callable[[], RootKeys], clock: ManualClock
) -> None:
    hub = await filled(store, roots, clock)
    other, _ = make_hub(store, roots(), clock, 8)
    before = await everything(other)
    with pytest.raises(Conflict) as caught:
        await hub.keys.destroy(TENANT, "cand_3")
    assert caught.value.code == "not_sealed_apart"
    await work_off(hub.keys)
    receipt = await hub.keys.destroy(TENANT, "cand_3")
    assert len(receipt.keys) == 1
    assert receipt.owner == "subject:cand_3"
    assert (await hub.keys.destroy(TENANT, "cand_3")).keys == receipt.keys
    assert (await hub.keys.destroy(TENANT, "cand_never_seen")).keys == ()
    clock.advance(3)  # another process knows it after two seconds
    for process in (hub, other, make_hub(store, roots(), clock, 9)[0]):
        async with process.store.look() as look:
            events = await look.events(TENANT, Page(500))
        for event in events:
            if event.subject == "cand_3":
                with pytest.raises(Conflict) as caught:
                    await process.queries.data(event)
                assert caught.value.code == "key_destroyed"
            else:
                assert await process.queries.data(event) == before[event.id]
    await fill(other, 1, 3)  # a repeat: nothing new
    await other.ingest(TENANT, [report(key="back", candidate="cand_3")])
    async with other.store.look() as look:
        newest = (await look.events(TENANT, Page(1)))[0]
    assert (await other.queries.data(newest))["candidate"]["id"] == "cand_3"  # type: ignore[index,call-overload]


async def test_what_was_sealed_before_there_were_owners_is_sealed_apart(
    store: Store, roots: Callable[[], RootKeys], clock: ManualClock
) -> None:
    hub = await filled(store, roots, clock)
    before = await everything(hub)
    column = next(one for one in SEALED_COLUMNS if one.name == "event_body.body")
    shelf = hub.keys.shelf
    for value in await shelf.sealed_window(column, "", 500):  # as the version before this one left them
        from hub.app.places import body_place
        from hub.domain.ids import EventId

        place = body_place(TENANT, EventId(value.row))
        await hub.vault.prepare(TENANT, sealed=[value.envelope])
        old = hub.vault.seal(place, hub.vault.open(place, value.envelope))
        assert await shelf.reseal(column, [(value.at, value.envelope, old)]) == 1
    tenants = {row.id for row in await shelf.load_keys(TENANT)}
    assert await key_ids(hub, ("event_body.body",)) <= tenants
    await work_off(hub.keys)
    assert not await key_ids(hub, ("event_body.body",)) & tenants
    assert await everything(hub) == before
    assert (await hub.keys.destroy(TENANT, "cand_1")).keys


async def test_retired_keys_are_destroyed_when_no_backup_needs_them(
    store: Store, roots: Callable[[], RootKeys], clock: ManualClock
) -> None:
    hub = await filled(store, roots, clock)
    before = await everything(hub)
    await carry_out(hub.keys, "owners:1:pii")
    await carry_out(hub.keys, "class:1:pii")
    assert await hub.keys.purge(TENANT) == 0
    clock.advance(KEPT.total_seconds() + 1)
    assert await hub.keys.purge(TENANT) == 7 + 1
    fresh, _ = make_hub(store, roots(), clock, 9)
    assert await everything(fresh) == before
