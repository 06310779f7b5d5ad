"""Pytest plugin: stores to test with - in memory, on SQLite, on PostgreSQL."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from hub.adapters.db import migrate, open_store
from hub.adapters.memory import MemoryStore
from hub.ports.store import Store
from tests.support import postgres

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


class StillClock:
    """A clock that stands until it is moved."""

    def __init__(self, start: datetime = T0) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - T0).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        await asyncio.sleep(0)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The DSN of a PostgreSQL server's `postgres` database; its role may create databases."""
    with postgres.server() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def _postgres_template(postgres_url: str) -> Iterator[str]:
    name = f"hw_template_{uuid.uuid4().hex[:12]}"
    _execute(postgres_url, f'CREATE DATABASE "{name}"')
    migrate(postgres.database(postgres_url, name))
    yield name
    _execute(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def postgres_database(postgres_url: str, _postgres_template: str) -> Iterator[str]:
    """The URL of a fresh, migrated database."""
    name = f"hw_{uuid.uuid4().hex[:12]}"
    _execute(postgres_url, f'CREATE DATABASE "{name}" TEMPLATE "{_postgres_template}"')
    yield postgres.database(postgres_url, name)
    _execute(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def postgres_for_module(postgres_url: str, _postgres_template: str) -> Iterator[str]:
    """The same for all tests of a file."""
    name = f"hw_{uuid.uuid4().hex[:12]}"
    _execute(postgres_url, f'CREATE DATABASE "{name}" TEMPLATE "{_postgres_template}"')
    yield postgres.database(postgres_url, name)
    _execute(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def postgres_empty(postgres_url: str) -> Iterator[str]:
    """The URL of a fresh database without any table."""
    name = f"hw_{uuid.uuid4().hex[:12]}"
    _execute(postgres_url, f'CREATE DATABASE "{name}"')
    yield postgres.database(postgres_url, name)
    _execute(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_database(_sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a fresh, migrated file."""
    path = tmp_path / "hirewire.db"
    shutil.copyfile(_sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store_kind(request: pytest.FixtureRequest) -> str:
    """Which store; a test that asks for it runs on all three."""
    return str(request.param)


@pytest.fixture
def store_url(store_kind: str, request: pytest.FixtureRequest) -> str:
    """The address of a fresh database of that kind; empty for the one in memory."""
    return "" if store_kind == "memory" else str(request.getfixturevalue(f"{store_kind}_database"))


@pytest_asyncio.fixture
async def open_another(store_kind: str, store_url: str) -> AsyncIterator[Callable[[], Store]]:
    """Opens one more store object on the same database, as another process would (in memory: the same object)."""
    opened: list[Store] = []
    clock = StillClock()

    def another() -> Store:
        if store_kind == "memory" and opened:
            return opened[0]
        opened.append(MemoryStore(clock) if store_kind == "memory" else open_store(store_url))
        return opened[-1]

    yield another
    for one in opened:
        await one.close()


@pytest.fixture
def store(open_another: Callable[[], Store]) -> Store:
    """A fresh store of each kind."""
    return open_another()


def _execute(dsn: str, statement: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:  # the loop of the test may be running here
        thread.submit(lambda: asyncio.run(run())).result()
