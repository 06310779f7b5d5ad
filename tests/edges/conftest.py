"""A served hub for all cases of a file, on each database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hub.adapters.db import migrate
from tests.edges.served import Served, served


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serving; slow bodies are given up after a second and a half."""
    home = tmp_path_factory.mktemp("edges")
    if request.param == "sqlite":
        database = f"sqlite:///{home}/hirewire.db"
        migrate(database)
    else:
        database = request.getfixturevalue("postgres_for_module")
    with served(home, database, HIREWIRE_BODY_TIMEOUT="1.5") as made:
        made.start()
        yield made
