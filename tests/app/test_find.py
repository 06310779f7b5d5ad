"""Candidates are found by what was told of them: whoever wrote it how, in every step of an exchange of the index key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hub.adapters.clock import ManualClock
from hub.adapters.memory import MemoryStore
from hub.adapters.vault import FileKeyring
from hub.adapters.vault.root_keys import RootKeys
from hub.app.hub import Hub
from hub.app.incoming import Incoming
from hub.app.keys import index as index_keys
from hub.app.keys.exchange import DONE, KEPT, Level
from hub.app.people.sealing import Profile
from hub.domain.errors import Invalid, NotFound
from hub.domain.identifiers import Identifier
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.domain.ids import TenantId
from hub.ports.store import Store
from mappings.documents import Document
from tests.app.conftest import FEED
from tests.app.test_keys import Killed, Mortal, carry_out, make_hub, work_off
from tests.support.hubs import START, report

EMAIL, PHONE, ID, EXTERNAL = Identifier.EMAIL, Identifier.PHONE, Identifier.ID_NUMBER, Identifier.EXTERNAL


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def roots(tmp_path: Path) -> Callable[[], RootKeys]:
    return lambda: FileKeyring(tmp_path / "keyring.json")


def told(number: int, candidate: str | None = None, **more: object) -> Incoming:
    """A report about a candidate of its own."""
    base = report(key=f"r{number}", candidate=candidate or f"cand_{number}")
    about: Document = {**base.data["candidate"], "email": f"p{number}@example.com", **more}  # type: ignore[dict-item]
    return replace(base, data={**base.data, "candidate": about})


WHOLE = {
    "phone": "138 0013 8000", "emails": ["Second@Example.com"], "phones": ["+1 202 555 0199", "123"],
    "person": {"identity_documents": [{"type": "prc_resident_id", "number": "11010519491231002X"}]},
    "refs": [{"object": "candidate", "external_id": "E-9", "connection": "feed"}, {"object": "other", "external_id": "E-8"}],
}  # fmt: skip


async def people(hub: Hub, count: int) -> None:
    for number in range(count):
        await hub.ingest(TENANT, [told(number)])


async def emails(hub: Hub, count: int) -> list[list[str]]:
    return [await hub.find(TENANT, EMAIL, f"P{number}@Example.COM") for number in range(count)]


def everyone(count: int) -> list[list[str]]:
    return [[f"cand_{number}"] for number in range(count)]


async def test_however_it_is_written(store: Store, roots: Callable[[], RootKeys], clock: ManualClock) -> None:
    hub, _ = make_hub(store, roots(), clock)
    await hub.configure.apply(TENANT, {"hirewire": 1, "connections": {"feed": FEED, "other": FEED}}, "test")
    await hub.ingest(TENANT, [told(1, **WHOLE), told(2), told(3, candidate="cand_2")])
    for kind, value in (
        (EMAIL, " P1@EXAMPLE.com"), (EMAIL, "second@example.com"), (PHONE, "+86-13800138000"),
        (PHONE, "001 (202) 555-0199"), (ID, "110105 19491231 002x"), (EXTERNAL, "E-9"), (EXTERNAL, "E-8"),
    ):  # fmt: skip
        assert await hub.find(TENANT, kind, value) == ["cand_1"], value
    assert await hub.find(TENANT, EXTERNAL, "E-9", "feed") == ["cand_1"]
    assert await hub.find(TENANT, EXTERNAL, "E-9", "other") == []
    assert await hub.find(TENANT, EMAIL, "p3@example.com") == ["cand_2"]
    assert await hub.find(TENANT, EMAIL, "nobody@example.com") == []
    assert await hub.find(TenantId(2), EMAIL, "p1@example.com") == []
    with pytest.raises(Invalid):
        await hub.find(TENANT, PHONE, "123")
    with pytest.raises(NotFound):
        await hub.find(TENANT, EXTERNAL, "E-9", "nowhere")


async def test_names_and_birth_dates_are_no_way_to_find_anybody(
    clock: ManualClock, roots: Callable[[], RootKeys]
) -> None:
    """Few values: their frequencies would show."""
    store = MemoryStore(clock)
    hub, _ = make_hub(store, roots(), clock)
    await hub.ingest(TENANT, [told(1, person={"birth_date": "1990-01-01", "sex": "female"}, headline="x")])
    async with store.look() as look:
        rows = [await look.subjects_by(TENANT, hub.vault.blinds(index_keys_place(kind), value)) for kind, value in (
            ("name", "ada sample"), ("birth_date", "1990-01-01"), ("sex", "female"))]  # fmt: skip
    assert rows == [[], [], []]
    assert len([*store._tables.lookups.values()]) == 2  # e-mail and phone


def index_keys_place(column: str):  # type: ignore[no-untyped-def]
    from hub.ports.vault import Place

    return Place(TENANT, "candidate", "", column)


async def test_with_a_person_the_rows_go(store: Store, roots: Callable[[], RootKeys], clock: ManualClock) -> None:
    hub, _ = make_hub(store, roots(), clock)
    await people(hub, 3)
    async with store.work() as work:
        assert await work.drop_lookups(TENANT, "cand_1") == 2
    assert await emails(hub, 3) == [["cand_0"], [], ["cand_2"]]


async def test_what_was_stored_without_is_indexed_once(
    store: Store, roots: Callable[[], RootKeys], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_keys, "EVENTS", 3)
    hub, _ = make_hub(store, roots(), clock)
    await people(hub, 8)
    async with store.work() as work:
        for number in range(8):
            await work.drop_lookups(TENANT, f"cand_{number}")
    await work_off(hub.keys)
    assert await emails(hub, 8) == everyone(8)
    await hub.keys.destroy(TENANT, "cand_5")
    async with store.work() as work:
        for number in range(8):
            await work.drop_lookups(TENANT, f"cand_{number}")
    assert (await carry_out(hub.keys, "lookups:1")).step == DONE
    assert [found for found in await emails(hub, 8) if found] == [one for one in everyone(8) if one != ["cand_5"]]


async def exchanged(hub: Hub, other: Hub, clock: ManualClock, check: Callable[[], object]) -> None:
    async for _ in hub.keys.carry_out(Level.read("index:1")):
        clock.advance(3)  # the other process sees the new key
        await check()  # type: ignore[misc]


async def test_nobody_is_missed_while_the_key_is_exchanged(
    store: Store, roots: Callable[[], RootKeys], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_keys, "SUBJECTS", 3)
    hub, other = make_hub(store, roots(), clock)[0], make_hub(store, roots(), clock, 8)[0]
    await people(hub, 7)
    known = await hub.identify(TENANT, "ada@example.com")
    await hub.ingest(TENANT, [told(90, candidate=known, email="ada@example.com")])
    await hub.people.roster.add(TENANT, Profile("ada.k", "Ada K"), "test", external="x")
    count = 7

    async def check() -> None:
        nonlocal count
        await other.ingest(TENANT, [told(count)])
        count += 1
        for process in (hub, other):
            assert await emails(process, count) == everyone(count)
            assert await process.identify(TENANT, "Ada@example.com") == known
            assert await process.people.roster.by_login(TENANT, "ADA.K") is not None

    before = await hub.identify(TENANT, "new@example.com")
    await exchanged(hub, other, clock, check)
    assert count > 10
    assert await hub.identify(TENANT, "new@example.com") != before  # nothing was ever told about them
    clock.advance(KEPT.total_seconds() + 1)
    assert await hub.keys.purge(TENANT) == 1
    fresh, _ = make_hub(store, roots(), clock, 9)
    assert await emails(fresh, count) == everyone(count)
    assert await fresh.identify(TENANT, "ada@example.com") == known
    person = await fresh.people.roster.by_login(TENANT, "ada.k")
    assert person is not None
    assert not await fresh.keys.index.left(TENANT)


class MortalStore:
    """A store whose n-th transaction is the last of this process: undone, or done."""

    def __init__(self, inner: Store, at: int, after: bool) -> None:
        self._inner, self.left, self._after = inner, at, after

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def work(self):  # type: ignore[no-untyped-def]
        from contextlib import asynccontextmanager

        @asynccontextmanager
        async def dying():  # type: ignore[no-untyped-def]
            self.left -= 1
            async with self._inner.work() as work:
                yield work
                if self.left == 0 and not self._after:
                    raise Killed
            if self.left == 0:
                raise Killed

        return dying()


async def test_killed_at_every_write_the_exchange_goes_on(
    store: Store, roots: Callable[[], RootKeys], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every write of a step, and every write of the row that says which step it is, undone and done: 1, 2, 3 ..."""
    monkeypatch.setattr(index_keys, "SUBJECTS", 2)
    hub, _ = make_hub(store, roots(), clock)
    await people(hub, 5)
    deaths = 0
    for at in range(1, 40):
        ended = 0
        for after in (False, True):
            for kind in ("shelf", "store"):
                dying, _ = make_hub(store, roots(), clock, 8)
                keys = dying.keys
                if kind == "shelf":
                    keys = replace(keys, shelf=Mortal(store, at, after), _old={})  # type: ignore[arg-type]
                else:
                    keys = replace(keys, index=replace(keys.index, store=MortalStore(store, at, after)))  # type: ignore[arg-type]
                try:
                    await carry_out(keys, "index:1")
                    ended += 1
                except Killed:
                    deaths += 1
                    again, _ = make_hub(store, roots(), clock, 9)
                    assert await emails(again, 5) == everyone(5)
                    await carry_out(again.keys, "index:1")
                assert not await make_hub(store, roots(), clock, 9)[0].keys.index.left(TENANT)
        if ended == 4:
            break
    assert deaths >= 20
    assert await emails(make_hub(store, roots(), clock, 9)[0], 5) == everyone(5)


async def test_an_exchange_that_forgets_to_look_back_is_caught(
    roots: Callable[[], RootKeys], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: looked up by the newest key alone, who is not moved yet is missed."""
    from hub.adapters.vault import FieldVault

    monkeypatch.setattr(FieldVault, "blinds", lambda self, place, value: [self.blind(place, value)])
    with pytest.raises(AssertionError):
        await test_nobody_is_missed_while_the_key_is_exchanged(MemoryStore(clock), roots, clock, monkeypatch)


async def test_rows_dropped_before_the_new_ones_are_made_are_caught(
    roots: Callable[[], RootKeys], clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: without the rows of the new key, the old ones go and nobody is found."""

    async def nothing(*_: object) -> list[object]:
        return []

    monkeypatch.setattr(index_keys.Reindex, "_rows", nothing)
    with pytest.raises(AssertionError):
        await test_nobody_is_missed_while_the_key_is_exchanged(MemoryStore(clock), roots, clock, monkeypatch)
