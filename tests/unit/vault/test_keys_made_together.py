"""Keys of many owners that are wanted at once are made in one transaction, and a store that is away is asked once for all."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from hub.adapters.clock import ManualClock
from hub.adapters.memory import MemoryStore
from hub.adapters.vault import EnvKeyring, FieldVault
from hub.domain.errors import Unavailable
from hub.domain.ids import DEFAULT_TENANT, TenantId
from hub.ports.vault import KeyRow, Owner
from tests.support.hubs import START


class Shelf(MemoryStore):
    """Counts how often owners' keys are asked for; `away`: each question ends as one to a locked store does."""

    asked = 0
    away = False

    async def owner_keys(self, tenant: TenantId, wanted: Collection[tuple[str, str]]) -> list[KeyRow]:
        self.asked += 1
        await asyncio.sleep(0)  # others come meanwhile
        if self.away:
            raise Unavailable("the store cannot be used now", code="store_unavailable")
        return await super().owner_keys(tenant, wanted)


@pytest.fixture
async def shelf() -> Shelf:
    return Shelf(ManualClock(START))


@pytest.fixture
async def vault(shelf: Shelf) -> FieldVault:
    made = FieldVault(EnvKeyring("11" * 32, production=False), shelf)
    await made.prepare(DEFAULT_TENANT)
    return made


def owners(count: int) -> list[Owner]:
    return [Owner(f"subject:cand_{n}") for n in range(count)]


async def test_many_at_once_are_made_in_a_few_questions(vault: FieldVault, shelf: Shelf) -> None:
    await asyncio.gather(*(vault.prepare(DEFAULT_TENANT, [one]) for one in owners(50)))
    assert shelf.asked <= 2
    await asyncio.gather(*(vault.prepare(DEFAULT_TENANT, [one]) for one in owners(50)))
    assert shelf.asked <= 2, "they are known now"


async def test_a_store_that_is_away_is_not_asked_by_one_after_the_other(vault: FieldVault, shelf: Shelf) -> None:
    """Each question to a locked store takes its whole patience: eight callers would wait eight times as long."""
    shelf.away = True
    heard = await asyncio.gather(*(vault.prepare(DEFAULT_TENANT, [one]) for one in owners(8)), return_exceptions=True)
    assert all(isinstance(one, Unavailable) for one in heard)
    assert shelf.asked <= 2
    shelf.away = False
    await vault.prepare(DEFAULT_TENANT, owners(8))
