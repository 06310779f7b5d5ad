"""Keys whose provider is away, that somebody moves, and in any order of exchange, death, erasure and purge."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hub.adapters.clock import ManualClock
from hub.adapters.memory import MemoryStore
from hub.adapters.vault import FileKeyring, RootKeys, data_keys
from hub.app.hub import Hub
from hub.app.keys.exchange import Level
from hub.domain.errors import Conflict, Invalid, Unavailable
from hub.ports.store import Store
from tests.support.hubs import START, report
from tests.support.key_hubs import (
    TENANT,
    everything,
    fill,
    filled,
    make_hub,
    work_off,
)


@pytest.mark.parametrize(
    "text", ["", "roots", "class", "class:1", "class:x:pii", "class:1:index", "owners:1:nothing", "owners:1:audit"]
)
def test_a_level_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        Level.read(text)
    assert caught.value.code == "bad_key_level"


class Away(FileKeyring):
    """A keyring in another machine that may not answer."""

    away = False
    calls = 0

    async def unwrap(self, wrapped: object, context: bytes = b"") -> bytes:
        type(self).calls += 1
        if type(self).away:
            raise Unavailable("no answer", code="key_provider_down")
        return await super().unwrap(wrapped, context)  # type: ignore[arg-type]

    async def wrap(self, key: bytes, context: bytes = b""):  # type: ignore[no-untyped-def]
        if type(self).away:
            raise Unavailable("no answer", code="key_provider_down")
        return await super().wrap(key, context)


async def test_while_the_provider_is_away_keys_in_memory_serve_for_a_while(tmp_path: Path, clock: ManualClock) -> None:
    store = MemoryStore(clock)

    class Distant(Away):
        pass

    roots = Distant(tmp_path / "keyring.json")
    hub = await filled(store, lambda: roots, clock)
    Distant.away = True
    for _ in range(3):  # nine minutes: new persons too, whose keys are wrapped by the tenant's
        clock.advance(180)
        await fill(hub, 1, 5000 + int(clock.monotonic()))
        assert len(await everything(hub)) > 9
    from hub.domain.ids import TenantId

    with pytest.raises(Unavailable) as caught:  # a tenant whose keys were never read
        await hub.ingest(TenantId(2), [report(key="new")])
    assert caught.value.code == "key_provider_down"
    clock.advance(61)
    with pytest.raises(Unavailable) as caught:
        await fill(hub, 1, 7000)
    assert caught.value.code == "key_provider_down"
    assert not hub.keys.vault.vitals().up  # type: ignore[attr-defined]
    Distant.away = False
    await fill(hub, 1, 7000)
    assert hub.keys.vault.vitals().up  # type: ignore[attr-defined]
    assert len(await everything(hub)) > 9


async def moved_row_is_refused(store: Store, roots: Callable[[], RootKeys], clock: ManualClock) -> None:
    hub = await filled(store, roots, clock)
    shelf = hub.keys.shelf
    wanted = [("subject:cand_1", "pii"), ("subject:cand_2", "pii")]
    one, two = sorted(await shelf.owner_keys(TENANT, wanted), key=lambda row: row.owner)
    assert await shelf.rewrap([(one, replace(one, wrapped=two.wrapped))]) == 1
    other, _ = make_hub(store, roots(), clock, 8)
    with pytest.raises(Unavailable) as caught:
        await other.ingest(TENANT, [report(key="x", candidate="cand_1")])
    assert caught.value.code == "key_mismatch"


async def test_a_key_row_given_to_somebody_else_opens_nothing(
    store: Store, roots: Callable[[], RootKeys], clock: ManualClock
) -> None:
    """A database administrator gives one person's key to another."""
    await moved_row_is_refused(store, roots, clock)


async def test_a_skipped_commitment_is_caught(
    roots: Callable[[], RootKeys], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: without the commitment the test above is red."""
    monkeypatch.setattr(data_keys, "_check", lambda *_: None)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await moved_row_is_refused(MemoryStore(clock), roots, clock)


class KeyLife(RuleBasedStateMachine):
    """Keys of all levels are exchanged, cut off, destroyed and purged in any order; who is not erased stays readable."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = ManualClock(START)
        self.store = MemoryStore(self.clock)
        self.events: dict[str, str] = {}  # event id -> candidate, of those that must open
        self.erased: set[str] = set()  # event ids
        self.count = 0
        self.hub = self.process()
        self.run(self.hub.vault.prepare(TENANT))
        self.run(work_off(self.hub.keys))

    def process(self) -> Hub:
        return make_hub(self.store, FileKeyring(Path(self.folder.name) / "keyring.json"), self.clock, self.count)[0]

    def run(self, act):  # type: ignore[no-untyped-def]
        return self.loop.run_until_complete(act)

    def teardown(self) -> None:
        self.loop.close()
        self.folder.cleanup()

    @rule(candidate=st.integers(1, 3))
    def accept(self, candidate: int) -> None:
        self.count += 1
        told = report(key=f"k{self.count}", candidate=f"cand_{candidate}")
        [receipt] = self.run(self.hub.ingest(TENANT, [told]))
        self.events[receipt.id] = f"cand_{candidate}"

    @rule(level=st.sampled_from(["root", "class:1:pii", "owners:1:pii"]), steps=st.integers(0, 8))
    def exchange(self, level: str, steps: int) -> None:
        """Begun, and carried on for a while: then the process may be gone."""
        self.run(self.hub.keys.rotate(Level.read(level)))
        for _ in range(steps):
            self.run(self.hub.keys.advance())

    @rule()
    def restart(self) -> None:
        self.hub = self.process()

    @rule(candidate=st.integers(1, 3))
    def erase(self, candidate: int) -> None:
        self.run(self.hub.keys.destroy(TENANT, f"cand_{candidate}"))
        gone = {event for event, whose in self.events.items() if whose == f"cand_{candidate}"}
        self.erased |= gone
        for event in gone:
            del self.events[event]

    @rule(days=st.sampled_from([0, 36]))
    def purge(self, days: int) -> None:
        self.clock.advance(days * 86_400)
        self.run(self.hub.keys.purge(TENANT))

    @invariant()
    def who_is_not_erased_is_readable_and_who_is_is_not(self) -> None:
        for event in [*self.events, *self.erased]:
            try:
                _, data = self.run(self.hub.queries.event(TENANT, event))
                assert data["candidate"]["id"] == self.events[event]
            except Conflict as error:
                assert (error.code, event in self.erased) == ("key_destroyed", True)  # noqa: PT017


TestKeyLife = KeyLife.TestCase
TestKeyLife.settings = settings(max_examples=8, stateful_step_count=15, deadline=None)
