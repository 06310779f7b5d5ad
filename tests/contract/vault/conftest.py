"""Shelves and root key providers that the vault suites run on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hub.adapters.memory.keys import MemoryKeys
from hub.adapters.memory.tables import Tables
from hub.adapters.vault import EnvKeyring, FileKeyring, RootKeys
from hub.domain.ids import TenantId
from hub.ports.vault import KeyRow


class Shelf(MemoryKeys):
    """A KeyShelf whose tenant keys a test can see and exchange: the first active key of a tenant and class stays."""

    def __init__(self) -> None:
        super().__init__(Tables())
        self.rows: list[KeyRow] = []

    async def load_keys(self, tenant: TenantId) -> list[KeyRow]:
        return [row for row in self.rows if row.tenant == tenant]

    async def add_key(self, row: KeyRow) -> KeyRow:
        if row.owner:
            return await super().add_key(row)
        for there in self.rows:
            if (there.tenant, there.data_class, there.state) == (row.tenant, row.data_class, "active"):
                return there
        self.rows.append(row)
        return row


RootsMaker = Callable[[str], RootKeys]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture(params=["file", "env"])
def make_roots(request: pytest.FixtureRequest, tmp_path: Path) -> RootsMaker:
    """A provider by name: the same name gives the same root keys, another name others."""

    def make(name: str) -> RootKeys:
        if request.param == "file":
            return FileKeyring(tmp_path / name / "keyring.json")
        return EnvKeyring(name.encode().ljust(32, b".").hex(), production=False)

    return make
