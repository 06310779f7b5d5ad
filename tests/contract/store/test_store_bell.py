"""The bell, role leases, health, time and the key shelf."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from hub.adapters.db import bells, open_store
from hub.domain.ids import DEFAULT_TENANT, TenantId
from hub.ports.store import Store
from hub.ports.vault import KeyRow
from tests.support.arrivals import accept, arrival
from tests.support.stores import T0


async def test_a_ring_wakes_and_is_not_lost_before_the_wait(store: Store) -> None:
    store.ring()
    await asyncio.wait_for(store.wait(60), 5)
    waiting = asyncio.create_task(store.wait(60))
    await asyncio.sleep(0)
    store.ring()
    await asyncio.wait_for(waiting, 5)


async def test_a_wait_ends_by_itself(store: Store) -> None:
    await store.wait(0.01)


async def test_a_ring_after_commit_wakes_another_process(store: Store, open_another, store_kind) -> None:
    other = open_another()
    await other.wait(0.5)  # listening by now
    for number in (1, 2, 3):
        waiting = asyncio.create_task(other.wait(60))
        await asyncio.sleep(0)
        await accept(store, arrival(number))
        store.ring()
        await asyncio.wait_for(waiting, 5)


async def test_who_heard_a_ring_looks_often_while_the_others_may_not_ring_again(
    postgres_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bells, "COALESCE_S", 60.0)
    store, other = open_store(postgres_database), open_store(postgres_database)
    await other.wait(0.2)  # listening by now
    waiting = asyncio.create_task(other.wait(60))
    await asyncio.sleep(0)
    store.ring()
    assert await asyncio.wait_for(waiting, 5)
    store.ring()  # nobody else hears this one for a minute
    for _ in range(3):
        assert not await asyncio.wait_for(other.wait(60), 5)
    await store.close()
    await other.close()


async def test_room_in_this_process_is_no_news_to_others(postgres_database: str) -> None:
    store, other = open_store(postgres_database), open_store(postgres_database)
    await other.wait(0.2)
    store.ring(here=True)
    assert await store.wait(60)
    assert not await other.wait(0.2)
    await store.close()
    await other.close()


async def test_one_holder_per_role(store: Store, open_another) -> None:
    other, until = open_another(), T0 + timedelta(seconds=10)
    assert await store.lead("sweep", "a", now=T0, until=until)
    assert not await other.lead("sweep", "b", now=T0 + timedelta(seconds=9), until=until + timedelta(hours=1))
    assert await store.lead("sweep", "a", now=T0, until=until + timedelta(seconds=5))
    assert await other.lead("poll", "b", now=T0, until=until)
    assert await other.lead("sweep", "b", now=until + timedelta(seconds=5), until=until + timedelta(hours=1))
    assert not await store.lead("sweep", "a", now=until + timedelta(seconds=6), until=until + timedelta(hours=2))


async def test_only_one_of_many_wins_a_role(store: Store, open_another) -> None:
    stores = [store, open_another()]
    until = T0 + timedelta(seconds=10)
    won = await asyncio.gather(*(stores[n % 2].lead("r", f"o{n}", now=T0, until=until) for n in range(10)))
    assert sum(won) == 1


async def test_a_store_that_is_up_to_date_is_healthy(store: Store) -> None:
    health = await store.health()
    assert health.ok, health.detail


async def test_vitals_say_how_much_is_held_and_how_many_are_busy(store: Store, store_kind: str) -> None:
    async with store.work():
        busy = await store.vitals()
    idle = await store.vitals()
    assert set(idle.bytes) == {"memory": set(), "sqlite": {"main", "wal"}, "postgres": {"main"}}[store_kind]
    assert all(size >= 0 for size in idle.bytes.values())
    assert (idle.free is not None) == (store_kind == "sqlite")
    assert 0 <= idle.busy < busy.busy <= busy.limit


async def test_the_time_is_utc(store: Store, store_kind: str) -> None:
    now = await store.now()
    assert now.utcoffset() == timedelta(0)
    if store_kind != "memory":
        assert abs(now - datetime.now(UTC)) < timedelta(minutes=5)


async def test_the_first_active_key_of_a_class_stays(store: Store, open_another) -> None:
    def key(number: int, tenant: int = 1, data_class: str = "pii", state: str = "active") -> KeyRow:
        return KeyRow(bytes([number]) * 16, TenantId(tenant), data_class, "root-1", state, b"wrapped\x00", b"c" * 32)

    other = open_another()
    added = await asyncio.gather(*((store, other)[n % 2].add_key(key(n)) for n in range(1, 9)))
    assert len(set(added)) == 1
    assert await store.load_keys(DEFAULT_TENANT) == [added[0]]
    assert await store.add_key(key(20, data_class="credential")) == key(20, data_class="credential")
    assert await store.add_key(key(21, tenant=2)) == key(21, tenant=2)
    assert await store.add_key(key(22, state="retired")) in (key(22, state="retired"), added[0])
    assert len(await other.load_keys(DEFAULT_TENANT)) in (2, 3)
    assert await other.load_keys(TenantId(2)) == [key(21, tenant=2)]
