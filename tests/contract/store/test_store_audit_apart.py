"""Tenants' audit trails apart: what cannot be kept, read or pruned of one holds up no other's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from hub.adapters.clock import ManualClock
from hub.adapters.memory.heads import MemoryHeads
from hub.adapters.objects import open_objects
from hub.adapters.objects.heads import KeptHeads
from hub.adapters.vault import EnvKeyring, FieldVault
from hub.adapters.vault.signing import VaultSigner
from hub.app.trail import trail as trails
from hub.app.trail.trail import TURN_S, Trail
from hub.domain.audit import PRUNE, Act
from hub.domain.errors import Conflict, Forbidden, Unavailable
from hub.domain.ids import DEFAULT_TENANT, TenantId
from hub.ports.audit import Head, Heads
from hub.ports.store import Store
from tests.support.stores import T0
from tests.support.voices import RememberingMeter

OTHER, THIRD = TenantId(2), TenantId(3)
TENANTS = (DEFAULT_TENANT, OTHER, THIRD)


class Away(MemoryHeads):
    """Some tenants' ends can be neither kept nor read, and it takes a while to know."""

    def __init__(self, clock: ManualClock, *away: TenantId, seconds: float = 0.0) -> None:
        super().__init__()
        self.clock, self.away, self.seconds, self.asked = clock, set(away), seconds, list[TenantId]()

    def _reach(self, tenant: TenantId) -> None:
        self.asked.append(tenant)
        if tenant in self.away:
            self.clock.advance(self.seconds)
            raise Unavailable("it is away", code="objects_unavailable")

    async def keep(self, head: Head) -> None:
        self._reach(head.tenant)
        await super().keep(head)

    async def kept(self, tenant: TenantId) -> list[Head]:
        self._reach(tenant)
        return await super().kept(tenant)


class Stuck:
    """A store that can remove no acts of one tenant."""

    def __init__(self, inner: object, tenant: TenantId) -> None:
        self._inner, self._tenant = inner, tenant

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    @asynccontextmanager
    async def work(self) -> AsyncIterator[object]:
        async with self._inner.work() as work:  # type: ignore[attr-defined]
            yield Stuck(work, self._tenant)

    async def prune_acts(self, tenant: TenantId, through: int) -> int:
        if tenant == self._tenant:
            raise Unavailable("its acts are locked", code="store_unavailable")
        return await self._inner.prune_acts(tenant, through)  # type: ignore[attr-defined,no-any-return]


def trail(store: Store, heads: Heads, clock: ManualClock) -> Trail:
    vault = FieldVault(EnvKeyring("11" * 32, production=False), store)  # type: ignore[arg-type]
    return Trail(store, VaultSigner(store, vault, clock), heads, clock, RememberingMeter())


async def fill(store: Store) -> None:
    async with store.work() as work:
        for tenant in TENANTS:
            await work.audit(Act(T0, tenant, "tok_1", "event.read", "evt_1"))


async def unsigned(store: Store) -> list[TenantId]:
    async with store.look() as look:
        return [chain.tenant for chain in await look.chains() if chain.signed != chain.seq]


def notes(kept: Trail, event: str) -> list[object]:
    assert isinstance(kept.meter, RememberingMeter)
    return [fields["tenant"] for name, fields in kept.meter.notes if name == event]


async def test_an_end_that_cannot_be_kept_holds_up_no_other(store: Store, tmp_path: Path) -> None:
    clock = ManualClock(T0)
    kept = trail(store, KeptHeads(open_objects(str(tmp_path))), clock)
    await fill(store)
    broken = tmp_path / "heads" / "tenant-1"
    broken.parent.mkdir()
    broken.write_bytes(b"a file where a folder belongs")
    with pytest.raises(Unavailable) as caught:
        await kept.sign_ends()
    assert caught.value.code == "objects_unavailable"
    assert await unsigned(store) == [DEFAULT_TENANT]
    assert notes(kept, "audit.head_not_kept") == [DEFAULT_TENANT]
    for tenant in (OTHER, THIRD):
        verdict = await kept.verify(tenant)
        assert (verdict.heads, verdict.fault) == (1, None)
    broken.unlink()
    assert await kept.sign_ends() == 1
    assert await unsigned(store) == []
    assert (await kept.verify(DEFAULT_TENANT)).heads == 1


async def test_a_first_end_that_stops_the_others_is_caught(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: the error of one goes through."""
    monkeypatch.setattr(trails, "HubError", Forbidden)
    with pytest.raises(AssertionError):
        await test_an_end_that_cannot_be_kept_holds_up_no_other(store, tmp_path)


async def test_what_hangs_comes_last_in_the_next_turn(store: Store) -> None:
    clock = ManualClock(T0)
    heads = Away(clock, DEFAULT_TENANT, OTHER, seconds=TURN_S + 1)
    kept = trail(store, heads, clock)
    await fill(store)
    for asked in ([1], [2], [3, 1], [2], [1]):  # who hangs has a turn each, and who does not is always before them
        heads.asked.clear()
        with pytest.raises(Unavailable):
            await kept.sign_ends()
        assert heads.asked == asked
    heads.asked.clear()
    with pytest.raises(Unavailable):
        await kept.sign_ends(now=True)  # whoever asks for all gets all
    assert heads.asked == [2, 1]
    assert await unsigned(store) == [DEFAULT_TENANT, OTHER]


async def test_ends_that_cannot_be_read_hide_no_broken_chain(store: Store) -> None:
    clock = ManualClock(T0)
    heads = Away(clock)
    kept = trail(store, heads, clock)
    await fill(store)
    assert await kept.sign_ends() == 3
    heads.away.add(DEFAULT_TENANT)
    with pytest.raises(Unavailable):
        await kept.verify_all()
    heads.all[:] = [head for head in heads.all if head.tenant != THIRD]
    with pytest.raises(Conflict) as caught:
        await kept.verify_all()
    assert caught.value.code == "audit_broken"
    assert notes(kept, "audit.broken") == [THIRD]
    assert notes(kept, "audit.not_verified") == [DEFAULT_TENANT] * 2


async def test_acts_that_cannot_be_removed_keep_no_others(store: Store) -> None:
    clock = ManualClock(T0 + timedelta(days=1096))
    kept = trail(Stuck(store, DEFAULT_TENANT), MemoryHeads(), clock)  # type: ignore[arg-type]
    await fill(store)
    with pytest.raises(Unavailable):
        await kept.prune()
    async with store.look() as look:
        newest = [(await look.acts(tenant, 1))[0].act.action for tenant in TENANTS]
    assert newest == ["event.read", PRUNE, PRUNE]
    assert notes(kept, "audit.not_pruned") == [DEFAULT_TENANT]
