"""Shelves and root key providers that the vault suites run on."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.adapters.memory.keys import MemoryKeys
from hub.adapters.memory.tables import Tables
from hub.adapters.vault import EnvKeyring, FileKeyring, RootKeys
from hub.adapters.vault.transit import TransitKeys, TransitSettings
from hub.domain.ids import TenantId
from hub.ports.vault import KeyRow
from tests.support.moto import KEYS as AWS_KEYS
from tests.support.moto import aws, new_kms_key
from tests.support.transit import Transit, transit


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


PROVIDERS = ("file", "env", "vault", "aws-kms")


@pytest.fixture(scope="session")
def vault_twin() -> Iterator[Transit]:
    with transit() as engine:
        yield engine


@pytest.fixture(scope="session")
def kms_twin() -> Iterator[str]:
    with aws() as address:
        yield address


@pytest.fixture(scope="session")
def aws_session() -> object:
    """One for all tests: what it reads of KMS at first takes a second."""
    from botocore.session import Session

    return Session()


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    """Which provider; a test that asks for it runs on all of them."""
    return str(request.param)


@pytest.fixture
def make_roots(
    provider: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> RootsMaker:
    """A provider by name: the same name gives the same root keys, another name others."""
    names: dict[str, str] = {}
    aws_session = request.getfixturevalue("aws_session") if provider == "aws-kms" else None

    def make(name: str) -> RootKeys:
        match provider:
            case "file":
                return FileKeyring(tmp_path / name / "keyring.json")
            case "env":
                return EnvKeyring(name.encode().ljust(32, b".").hex(), production=False)
            case "vault":
                twin: Transit = request.getfixturevalue("vault_twin")
                token = tmp_path / "token"
                token.write_text(twin.token)
                names.setdefault(name, f"{name}-{uuid.uuid4().hex}")
                twin.keys.setdefault(names[name], [os.urandom(32)])
                return TransitKeys(TransitSettings(twin.address, f"transit/{names[name]}", token))
        for variable, value in AWS_KEYS.items():
            monkeypatch.setenv(variable, value)
        from hub.adapters.vault.kms import KmsKeys

        address: str = request.getfixturevalue("kms_twin")
        if name not in names:
            names[name] = new_kms_key(address, aws_session)
        return KmsKeys([names[name]], endpoint=address, session=aws_session)

    return make
