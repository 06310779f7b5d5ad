"""A database that comes up after us is waited for; one that stays away is an error in the end."""

from __future__ import annotations

import pytest

from hub.adapters.clock import ManualClock
from hub.adapters.db.patience import patiently, until_there
from hub.adapters.memory import MemoryStore
from hub.domain.errors import Conflict, Unavailable
from hub.ports.vitals import StoreHealth


def test_what_comes_up_later_is_waited_for() -> None:
    answers: list[Exception | None] = [Unavailable("away"), Unavailable("away"), None]

    def act() -> str:
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        return "there"

    assert patiently(act, 10) == "there"


def test_what_stays_away_is_its_own_error() -> None:
    def act() -> None:
        raise Unavailable("away", code="store_unavailable")

    with pytest.raises(Unavailable) as caught:
        patiently(act, 0)
    assert caught.value.code == "store_unavailable"


def test_another_error_is_not_waited_out() -> None:
    tries = []

    def act() -> None:
        tries.append(1)
        raise Conflict("no")

    with pytest.raises(Conflict):
        patiently(act, 10)
    assert len(tries) == 1


class Rising(MemoryStore):
    """Ill once, then well."""

    asked = 0

    async def health(self) -> StoreHealth:
        self.asked += 1
        return StoreHealth(self.asked > 1, "no schema yet" if self.asked == 1 else "")


async def test_a_store_without_its_schema_is_waited_for() -> None:
    store = Rising(ManualClock())
    await until_there(store, 10)
    assert store.asked == 2
    with pytest.raises(Unavailable):
        await until_there(type("Ill", (MemoryStore,), {"health": _ill})(ManualClock()), 0)


async def _ill(self: MemoryStore) -> StoreHealth:
    return StoreHealth(False, "ill")
