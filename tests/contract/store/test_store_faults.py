"""What drivers raise becomes one of the hub's errors, and a transaction that was cut leaves nothing."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from hub.adapters.db import engines, open_store
from hub.domain.errors import Conflict, Invalid, Unavailable
from hub.domain.ids import DEFAULT_TENANT
from hub.ports.store import Page, Store
from tests.support.arrivals import accept, arrival


async def test_a_server_that_is_away_means_try_later() -> None:
    store = open_store("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable) as caught:
        await accept(store, arrival(1))
    assert (caught.value.code, caught.value.after) == ("store_unavailable", 1)
    assert not (await store.health()).ok
    await store.close()


async def test_a_file_that_another_process_keeps_locked_means_try_later(
    sqlite_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_MS", 20)
    store = open_store(sqlite_database)
    other = sqlite3.connect(sqlite_database.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable) as caught:
        await accept(store, arrival(1))
    assert caught.value.code == "store_unavailable"
    other.execute("ROLLBACK")
    other.close()
    assert (await accept(store, arrival(1)))[0].fresh
    await store.close()


async def test_every_commit_is_synced(sqlite_database: str) -> None:
    """`synchronous = FULL` in the one that writes; `make chaos` cuts the power to see that NORMAL would lose events."""
    store = open_store(sqlite_database)
    async with store._link() as link:
        assert [tuple(row) for row in await link.driver("PRAGMA synchronous")] == [(2,)]
        assert [tuple(row) for row in await link.driver("PRAGMA journal_mode")] == [("wal",)]
    await store.close()


async def test_a_full_disk_means_try_later_and_leaves_nothing(sqlite_database: str) -> None:
    store = open_store(sqlite_database)
    async with store._link() as link:
        (pages,) = (await link.driver("PRAGMA page_count"))[0]
        await link.driver(f"PRAGMA max_page_count = {pages}")
    big = arrival(1, content=b"x" * 1_000_000)
    with pytest.raises(Unavailable):
        await accept(store, arrival(2), big)
    async with store.look() as look:
        assert await look.events(DEFAULT_TENANT, Page()) == []
    async with store._link() as link:
        await link.driver("PRAGMA max_page_count = 1073741823")
    assert [one.fresh for one in await accept(store, arrival(2), big)] == [True, True]
    await store.close()


async def test_text_that_cannot_be_stored_is_refused_by_name(store: Store, store_kind: str) -> None:
    if store_kind == "memory":
        pytest.skip("memory stores any text")
    with pytest.raises(Invalid) as caught:
        await accept(store, arrival(1, subject="\ud800"))
    assert caught.value.code == "unfit_text"
    assert (await accept(store, arrival(1)))[0].fresh


async def test_a_cancelled_transaction_leaves_nothing(store: Store) -> None:
    inside = asyncio.Event()

    async def cut() -> None:
        async with store.work() as work:
            await work.accept([arrival(1)])
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(cut())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await accept(store, arrival(2, key="key-1")))[0].fresh


async def test_connections_that_were_cut_in_the_pool_cost_nobody_a_request(postgres_database: str) -> None:
    store, other = open_store(postgres_database), open_store(postgres_database)
    async with store._link() as link:
        pooled = link._driver
    async with other._link() as link:
        ended = await link.driver(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )
    assert ended
    async with asyncio.timeout(10):  # until the end of the pooled one has arrived here
        while not pooled.is_closed():
            await asyncio.sleep(0.001)
    assert (await accept(store, arrival(2)))[0].fresh
    await store.close()
    await other.close()


async def test_a_statement_that_failed_and_was_passed_over_is_no_commit(postgres_database: str) -> None:
    store = open_store(postgres_database)

    async def write() -> None:
        async with store._link() as link:
            await link.driver("INSERT INTO role_lease (role, owner, until) VALUES ('r', 'o', now())")
            with pytest.raises(Conflict):
                await link.driver("INSERT INTO role_lease (role, owner, until) VALUES ('r', 'p', now())")

    with pytest.raises(Unavailable):
        await write()
    async with store._link() as link:
        assert await link.driver("SELECT role FROM role_lease") == []
    await store.close()
