"""The schema goes up and down on both databases, with data in it, and says what the models say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from hub.adapters.db import current, downgrade, engines, migrate, open_store, schema
from hub.adapters.db.schema import newest
from hub.adapters.db.tables import metadata
from hub.adapters.db.urls import parse
from hub.domain.deliveries import Planned
from hub.domain.errors import Invalid, Unavailable
from hub.domain.ids import DEFAULT_TENANT, TenantId
from hub.ports.store import Page
from tests.support.arrivals import accept, arrival, claim, complete, completion, event_number, make_lane
from tests.support.stores import T0

T = TypeVar("T")


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    return str(request.getfixturevalue("postgres_empty"))


def asked(url: str, question: Callable[[Connection], T]) -> T:
    """What a synchronous question answers about the database."""
    address = parse(url)
    sqlite = address.drivername.startswith("sqlite")

    async def run() -> T:
        engine = engines.sqlite(address, engines.READ) if sqlite else engines.postgres(address, 1)
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(question)
        finally:
            await engine.dispose()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(run())).result()


def written(url: str, act: Callable[[Connection], T]) -> T:
    """What a synchronous act makes of the database, committed."""
    return schema._on(url, act)


def differences(connection: Connection) -> list[Any]:
    # SQLite has no identity columns: that one difference of defaults is how the models are meant
    # and partitions are of their table, not of the models
    options = {
        "compare_type": True,
        "compare_server_default": connection.dialect.name == "postgresql",
        "include_name": lambda name, kind, _: kind != "table" or not name.startswith("attempt_"),
    }
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


async def _fill(url: str) -> None:
    store = open_store(url)
    lane = await make_lane(store)
    await accept(store, *[arrival(n, Planned(lane.id, "s", okey="k")) for n in range(1, 4)])
    (one,) = await claim(store, lane.id)
    await complete(store, completion(one, refs={"candidate": "c"}))
    async with store.work() as work:
        await work.put_rule(DEFAULT_TENANT, "r", {"a": 1}, state="live", by="cli", now=one.event.received_at)
    await store.close()


async def test_models_and_migrations_agree(empty_url: str) -> None:
    migrate(empty_url)
    assert current(empty_url) == newest()
    assert asked(empty_url, differences) == []


async def test_up_with_data_down_and_up_again(empty_url: str) -> None:
    assert current(empty_url) is None
    migrate(empty_url)
    await _fill(empty_url)
    migrate(empty_url)  # a second time changes nothing
    store = open_store(empty_url)
    async with store.look() as look:
        assert len(await look.events(DEFAULT_TENANT, Page())) == 3
    await store.close()
    downgrade(empty_url)
    assert current(empty_url) is None
    assert asked(empty_url, tables) <= {"alembic_version", "sqlite_sequence"}
    migrate(empty_url)
    await _fill(empty_url)


async def test_a_store_whose_schema_is_behind_is_not_healthy_and_asks_to_try_later(empty_url: str) -> None:
    store = open_store(empty_url)
    health = await store.health()
    assert not health.ok
    assert "hirewire migrate" in health.detail
    with pytest.raises(Unavailable) as caught:
        await accept(store, arrival(1))
    assert caught.value.code == "store_unavailable"
    migrate(empty_url)
    assert (await store.health()).ok
    assert (await accept(store, arrival(1)))[0].id == event_number(1)
    await store.close()


async def test_two_migrations_at_once(empty_url: str) -> None:
    await asyncio.gather(*(asyncio.to_thread(migrate, empty_url) for _ in range(2)))
    assert asked(empty_url, differences) == []


@pytest.mark.parametrize("url", ["", "mysql://host/db", "sqlite://", "sqlite:///:memory:", "postgresql://host", "what"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as caught:
        open_store(url)
    assert caught.value.code == "bad_database_url"


async def test_going_back_before_the_life_of_rules_pauses_what_would_begin_to_act(empty_url: str) -> None:
    migrate(empty_url)
    store = open_store(empty_url)
    async with store.work() as work:
        for name, state in (("plain", "live"), ("observed", "observe"), ("drafted", "live"), ("paused", "paused")):
            await work.put_rule(DEFAULT_TENANT, name, {"a": 1}, state=state, by="cli", now=T0)
        await work.draft_rule(DEFAULT_TENANT, "drafted", {"a": 2}, by="cli", now=T0)
        await work.stop_rules(TenantId(2), True)
    await store.close()
    downgrade(empty_url, "0001")
    states = asked(empty_url, lambda link: dict(link.execute(text("SELECT name, state FROM rule")).fetchall()))
    assert states == {"plain": "live", "observed": "paused", "drafted": "paused", "paused": "paused"}
    migrate(empty_url)
    store = open_store(empty_url)
    async with store.look() as look:
        found = {rule.name: rule for rule in await look.rules(DEFAULT_TENANT)}
    assert found["plain"].live == found["plain"].latest
    assert found["paused"].current == found["paused"].latest
    async with store.work() as work:
        await work.stop_rules(DEFAULT_TENANT, True)
    await store.close()
    downgrade(empty_url, "0001")
    states = asked(empty_url, lambda link: dict(link.execute(text("SELECT name, state FROM rule")).fetchall()))
    assert set(states.values()) == {"paused"}


async def test_tries_made_before_there_were_weeks_are_there_after_and_go_back(empty_url: str) -> None:
    def fill(connection: Connection) -> None:
        sqlite = connection.dialect.name == "sqlite"
        times = [0, 10**15, 3 * 10**15] if sqlite else ["'2020-01-01Z'", "now()", "now() + interval '400 days'"]
        event = "'0198f0c0000070008000000000000000'"
        names = "delivery_id, event_id, dest_id, tenant_id, run_lease, number, started_at, took_ms, outcome"
        for at in times:
            connection.execute(text(f"INSERT INTO attempt ({names}) VALUES (1, {event}, 1, 1, 1, 1, {at}, 1, 'x')"))

    def tries(connection: Connection) -> list[int]:
        return [row[0] for row in connection.execute(text("SELECT id FROM attempt ORDER BY id"))]

    migrate(empty_url, "0004")
    written(empty_url, fill)
    migrate(empty_url)
    assert asked(empty_url, tries) == [1, 2, 3]
    written(empty_url, fill)
    assert asked(empty_url, tries) == [1, 2, 3, 4, 5, 6]
    downgrade(empty_url, "0004")
    written(empty_url, fill)
    assert asked(empty_url, tries) == [*range(1, 10)]
    migrate(empty_url)
    assert asked(empty_url, differences) == []
    assert len(asked(empty_url, tries)) == 9


async def test_a_provider_s_name_that_tenants_shared_stays_with_the_first(empty_url: str) -> None:
    def fill(connection: Connection) -> None:
        for tenant, name in ((3, "shared"), (1, "mine"), (2, "shared"), (2, "theirs")):
            values = f"({tenant}, '{name}', 'oidc', '{{}}', {sealed}, {true})"
            connection.execute(text(f"INSERT INTO sign_in_provider ({names}) VALUES {values}"))

    def providers(connection: Connection) -> list[tuple[int, str]]:
        rows = connection.execute(text("SELECT tenant_id, id FROM sign_in_provider ORDER BY tenant_id, id"))
        return [(tenant, name) for tenant, name in rows]

    names, sqlite = "tenant_id, id, kind, config, sealed, enabled", empty_url.startswith("sqlite")
    sealed, true = ("x'00'", "1") if sqlite else ("'\\x00'", "true")
    migrate(empty_url, "0015")
    written(empty_url, fill)
    migrate(empty_url)
    assert asked(empty_url, providers) == [(1, "mine"), (2, "shared"), (2, "theirs")]
