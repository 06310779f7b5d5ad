"""Acts in their chains: what was written holds, and every way to tamper with it in the database is found by number."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from hub.adapters.clock import ManualClock
from hub.adapters.db import engines
from hub.adapters.db.urls import parse
from hub.adapters.memory.heads import MemoryHeads
from hub.adapters.vault import EnvKeyring, FieldVault
from hub.adapters.vault.signing import VaultSigner
from hub.app.trail.trail import Trail
from hub.domain.audit import PRUNE, Act, Grade, Outcome, acting_from
from hub.domain.errors import Conflict, Invalid
from hub.domain.ids import DEFAULT_TENANT, TenantId
from hub.ports.audit import ActFilter
from hub.ports.store import Store
from tests.support.stores import T0
from tests.support.voices import RememberingMeter

OTHER = TenantId(2)
ONE = "tenant_id = 1"


def act(number: int = 1, tenant: TenantId = DEFAULT_TENANT, **more: Any) -> Act:
    return Act(T0 + timedelta(seconds=number), tenant, "tok_1", "event.read", f"evt_{number}", {"n": number}, **more)


def trail(store: Store, heads: MemoryHeads | None = None, clock: ManualClock | None = None) -> Trail:
    clock = clock or ManualClock(T0)
    vault = FieldVault(EnvKeyring("11" * 32, production=False), store)  # type: ignore[arg-type]
    return Trail(store, VaultSigner(store, vault, clock), heads or MemoryHeads(), clock, RememberingMeter())


async def fill(store: Store, count: int = 5) -> None:
    for number in range(1, count + 1):
        async with store.work() as work:
            await work.audit(act(number))
            if number == 2:
                await work.audit(act(1, OTHER))


async def run(url: str, *statements: str) -> None:
    """What somebody does who can write in the database."""
    address = parse(url)
    sqlite = address.drivername.startswith("sqlite")
    engine = engines.sqlite(address, engines.WRITE) if sqlite else engines.postgres(address, 1)
    async with engine.begin() as link:
        for statement in statements:
            await link.execute(text(statement))
    await engine.dispose()


async def test_acts_are_numbered_and_chained_by_tenant(store: Store) -> None:
    await fill(store)
    async with store.look() as look:
        mine, theirs = await look.acts_after(DEFAULT_TENANT, 0, 100), await look.acts_after(OTHER, 0, 100)
        assert [row.seq for row in mine] == [1, 2, 3, 4, 5]
        assert [row.act for row in theirs] == [act(1, OTHER)]
        assert mine[3].before == mine[2].hash
        assert await look.acts_after(DEFAULT_TENANT, 3, 1) == mine[3:4]
        assert [chain.seq for chain in await look.chains()] == [5, 1]
    for tenant in (DEFAULT_TENANT, OTHER):
        assert (await trail(store).verify(tenant)).fault is None


async def test_many_at_once_make_one_chain(store: Store, open_another: Callable[[], Store]) -> None:
    stores = [store, open_another()]

    async def note(number: int) -> None:
        async with stores[number % 2].work() as work:
            await work.audit(act(number))

    await asyncio.gather(*(note(number) for number in range(40)))
    verdict = await trail(store).verify(DEFAULT_TENANT)
    assert (verdict.acts, verdict.fault) == (40, None)


async def test_all_that_an_act_says_is_kept(store: Store) -> None:
    with acting_from("api 192.0.2.7"):
        said = act(outcome=Outcome.REFUSED, purpose="hiring", grade=Grade.SENSITIVE)
    said.detail.update({"text": "你好\ud800", "float": 0.1, "deep": [1, {"b": None, "a": True}]})
    async with store.work() as work:
        await work.audit(said)
        assert [row.act for row in await work.acts(DEFAULT_TENANT, 10)] == [said]
    async with store.look() as look:
        assert [row.act for row in await look.acts(DEFAULT_TENANT, 10)] == [said]
    assert said.origin == "api 192.0.2.7"
    assert (await trail(store).verify(DEFAULT_TENANT)).fault is None


async def test_acts_are_found(store: Store) -> None:
    async with store.work() as work:
        for number in range(1, 7):
            await work.audit(act(number, grade=Grade.SENSITIVE if number % 2 else Grade.PERSONAL))
        await work.audit(Act(T0, DEFAULT_TENANT, "cli", "rule.put", "r%", outcome=Outcome.FAILED))

    async def seqs(limit: int = 100, before: int | None = None, **where: Any) -> list[int]:
        async with store.look() as look:
            return [row.seq for row in await look.acts(DEFAULT_TENANT, limit, before=before, where=ActFilter(**where))]

    assert await seqs() == [7, 6, 5, 4, 3, 2, 1]
    assert await seqs(2, before=6) == [5, 4]
    assert await seqs(action="event.*") == [6, 5, 4, 3, 2, 1]
    assert await seqs(action="EVENT.*") == []
    assert await seqs(action="rule.put") == await seqs(actor="cli") == await seqs(outcome=Outcome.FAILED) == [7]
    assert await seqs(object="evt_3") == [3]
    assert await seqs(least=Grade.SENSITIVE) == [5, 3, 1]
    assert await seqs(since=T0 + timedelta(seconds=2), until=T0 + timedelta(seconds=4)) == [3, 2]


COPIED = (
    "INSERT INTO act SELECT tenant_id, 6, at, actor, action, object, detail, outcome, origin, purpose, grade, "
    "before, hash FROM act WHERE {one} AND seq = 5"
)
TAMPERED = {
    "edited": (["UPDATE act SET actor = 'x' WHERE {one} AND seq = 3"], 3, "changed"),
    "edited with its hash": (["UPDATE act SET actor = 'x', hash = {hash} WHERE {one} AND seq = 3"], 3, "changed"),
    "an edited outcome": (["UPDATE act SET outcome = 'refused' WHERE {one} AND seq = 1"], 1, "changed"),
    "the last one edited": (["UPDATE act SET object = 'evt_9' WHERE {one} AND seq = 5"], 5, "changed"),
    "deleted": (["DELETE FROM act WHERE {one} AND seq = 2"], 2, "missing"),
    "the first deleted": (["DELETE FROM act WHERE {one} AND seq = 1"], 1, "missing"),
    "deleted and closed up": (
        ["DELETE FROM act WHERE {one} AND seq = 2", "UPDATE act SET seq = -seq WHERE {one} AND seq > 2",
         "UPDATE act SET seq = -seq - 1 WHERE {one} AND seq < 0"], 2, "changed",
    ),
    "cut off": (["DELETE FROM act WHERE {one} AND seq > 3"], 4, "missing"),
    "two in each other's place": (
        ["UPDATE act SET seq = 99 WHERE {one} AND seq = 2", "UPDATE act SET seq = 2 WHERE {one} AND seq = 4",
         "UPDATE act SET seq = 4 WHERE {one} AND seq = 99"], 2, "changed",
    ),
    "put behind the end": (
        [COPIED], 6, "added",
    ),
    "moved to another tenant": (["UPDATE act SET tenant_id = 3 WHERE {one} AND seq = 5"], 5, "missing"),
    "a floor that nobody made": (
        ["DELETE FROM act WHERE {one} AND seq <= 2",
         "UPDATE act_chain SET floor = 2, floor_hash = (SELECT before FROM act WHERE {one} AND seq = 3) WHERE {one}"],
        2, "floor",
    ),
}  # fmt: skip


@pytest.mark.parametrize("store_kind", ["sqlite", "postgres"], indirect=True)
@pytest.mark.parametrize("how", TAMPERED)
async def test_the_first_bad_act_is_named(store: Store, store_url: str, store_kind: str, how: str) -> None:
    statements, seq, code = TAMPERED[how]
    await fill(store)
    hash_ = "x'" + "ab" * 32 + "'" if store_kind == "sqlite" else "'\\x" + "ab" * 32 + "'"
    await run(store_url, *(one.format(one=ONE, hash=hash_) for one in statements))
    fault = (await trail(store).verify(DEFAULT_TENANT)).fault
    assert fault is not None
    assert (fault.seq, fault.code) == (seq, code)
    assert (await trail(store).verify(OTHER)).fault is None


@pytest.mark.parametrize("store_kind", ["sqlite", "postgres"], indirect=True)
async def test_a_tail_cut_off_with_the_end_set_back_is_told_by_what_was_signed(store: Store, store_url: str) -> None:
    heads = MemoryHeads()
    await fill(store)
    assert await trail(store, heads).sign_ends(now=True) == 2
    await run(
        store_url,
        f"DELETE FROM act WHERE {ONE} AND seq > 3",
        f"UPDATE act_chain SET seq = 3, signed = 0, hash = (SELECT hash FROM act WHERE {ONE} AND seq = 3) WHERE {ONE}",
    )
    fault = (await trail(store, heads).verify(DEFAULT_TENANT)).fault
    assert fault is not None
    assert (fault.seq, fault.code) == (4, "missing")
    assert (await trail(store, MemoryHeads()).verify(DEFAULT_TENANT)).fault is None  # alone, the database looks whole


@pytest.mark.parametrize("store_kind", ["sqlite", "postgres"], indirect=True)
async def test_a_chain_computed_anew_is_told_by_what_was_signed(store: Store, store_url: str) -> None:
    heads, told = MemoryHeads(), trail(store)
    await fill(store, 3)
    await trail(store, heads).sign_ends(now=True)
    await fill(store, 5)
    await trail(store, heads).sign_ends(now=True)
    async with store.look() as look:
        rows = [row.act for row in await look.acts_after(DEFAULT_TENANT, 0, 100)]
    await run(store_url, f"DELETE FROM act WHERE {ONE}", f"DELETE FROM act_chain WHERE {ONE}")
    async with store.work() as work:
        for number, one in enumerate(rows, 1):
            await work.audit(Act(one.at, one.tenant, "somebody" if number == 5 else one.actor, one.action, one.object,
                                 one.detail))  # fmt: skip
    assert (await told.verify(DEFAULT_TENANT)).fault is None
    fault = (await trail(store, heads).verify(DEFAULT_TENANT)).fault
    assert fault is not None
    assert (fault.seq, fault.code) == (4, "rewritten")
    assert "4 to 8" in fault.text


async def test_heads_by_another_key_vouch_for_nothing(store: Store) -> None:
    heads, clock = MemoryHeads(), ManualClock(T0)
    await fill(store)
    await trail(store, heads, clock).sign_ends(now=True)
    head = heads.all[0]
    heads.all[0] = type(head)(head.tenant, head.seq, b"x" * 32, head.at, head.signature)
    verdict = await trail(store, heads, clock).verify(DEFAULT_TENANT)
    assert (verdict.heads, verdict.strange) == (0, 1)
    assert verdict.fault is not None
    assert verdict.fault.code == "no_heads"


async def test_a_daily_look_says_what_is_broken(store: Store) -> None:
    await fill(store)
    heads = MemoryHeads()
    kept = trail(store, heads)
    await kept.sign_ends(now=True)
    assert [verdict.fault for verdict in await kept.verify_all()] == [None, None]
    heads.all.clear()
    with pytest.raises(Conflict) as caught:
        await kept.verify_all()
    assert caught.value.code == "audit_broken"


async def test_ends_are_signed_when_they_moved_for_a_minute(store: Store) -> None:
    heads, clock = MemoryHeads(), ManualClock(T0)
    kept = trail(store, heads, clock)
    await fill(store, 2)
    assert (await kept.sign_ends(), await kept.sign_ends()) == (2, 0)
    await fill(store, 1)
    assert await kept.sign_ends() == 0
    clock.advance(61)
    assert await kept.sign_ends() == 1
    assert [(head.tenant, head.seq) for head in heads.all] == [(1, 2), (2, 1), (1, 3)]
    assert (await kept.verify(DEFAULT_TENANT)).heads == 2


async def test_old_acts_go_and_their_going_is_an_act(store: Store) -> None:
    clock = ManualClock(T0 + timedelta(days=1095, seconds=4))
    heads = MemoryHeads()
    kept = trail(store, heads, clock)
    await fill(store)
    await kept.sign_ends(now=True)
    assert await kept.prune() == 4  # three of ours, and that of the other tenant
    assert await kept.prune() == 0
    verdict = await kept.verify(DEFAULT_TENANT)
    assert (verdict.floor, verdict.acts, verdict.last, verdict.fault) == (3, 3, 6, None)
    async with store.look() as look:
        [newest] = await look.acts(DEFAULT_TENANT, 1)
    assert (newest.act.action, newest.act.detail["through"], newest.act.detail["acts"]) == (PRUNE, 3, 3)
    assert (await kept.verify(OTHER)).fault is None


async def test_less_than_half_a_year_is_refused_and_found(store: Store) -> None:
    with pytest.raises(Invalid) as caught:
        Trail(store, None, None, None, None, timedelta(days=179))  # type: ignore[arg-type]
    assert caught.value.code == "audit_too_short"
    clock = ManualClock(T0 + timedelta(days=30))
    kept = trail(store, None, clock)
    object.__setattr__(kept, "keep", timedelta(days=1))
    await fill(store)
    assert await kept.prune() == 6
    fault = (await kept.verify(DEFAULT_TENANT)).fault
    assert fault is not None
    assert (fault.seq, fault.code) == (5, "early")


async def test_a_chain_whose_link_is_skipped_does_not_hold(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted fault: acts that all follow the beginning instead of each other."""
    from hub.domain import audit

    real = audit.linked
    monkeypatch.setattr(audit, "linked", lambda seq, act, before: real(seq, act, audit.BEGINNING))
    await fill(store)
    monkeypatch.undo()
    fault = (await trail(store).verify(DEFAULT_TENANT)).fault
    assert fault is not None
    assert fault.code == "changed"
