"""Keys are exchanged at every level under load and cut off anywhere; those of a person are destroyed, and nobody else's."""

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

from hub.adapters.clock import ManualClock, SeededIds
from hub.adapters.memory import MemoryStore
from hub.adapters.vault import FieldVault, FileKeyring, RootKeys, data_keys
from hub.app.hub import Hub
from hub.app.keys.exchange import DONE, KEPT, Keys, Level
from hub.bootstrap import Parts, assemble
from hub.domain.errors import Conflict, Invalid, Unavailable
from hub.domain.ids import DEFAULT_TENANT
from hub.ports.store import Page, Store
from hub.ports.vault import SEALED_COLUMNS, Rotation
from tests.app.conftest import FEED, REPORT, action
from tests.app.conftest import rule as on
from tests.support.hubs import CATALOG, START, report
from tests.support.voices import RememberingMeter, ScriptedVendor, SharedSecretSignatures

TENANT = DEFAULT_TENANT
CONFIG = {
    "hirewire": 1,
    "connections": {"feed": FEED},
    "rules": {"all": on(REPORT, "report.overall.score", "gt", 1, action("feed", "event.send"))},
}


def make_hub(store: Store, roots: RootKeys, clock: ManualClock, seed: int = 7) -> tuple[Hub, ScriptedVendor]:
    """One process: its own vault over the shared store and the same root keys."""
    vendor = ScriptedVendor()
    parts = Parts(
        store=store,
        vault=FieldVault(roots, store, clock),  # type: ignore[arg-type]
        clock=clock,
        ids=SeededIds(clock, seed),
        meter=RememberingMeter(),
        catalog=CATALOG,
        transport=vendor,
        signatures=SharedSecretSignatures(),
    )
    return assemble(parts), vendor


async def fill(hub: Hub, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        await hub.ingest(TENANT, [report(key=f"r{number}", candidate=f"cand_{number % 7}")])


async def deliver(hub: Hub) -> None:
    while await hub.lanes.turn():
        await hub.lanes.idle()


async def everything(hub: Hub) -> dict[str, object]:
    """All that is sealed, opened: events, talks, secrets."""
    found: dict[str, object] = {}
    async with hub.store.look() as look:
        events = await look.events(TENANT, Page(500))
        deliveries = await look.deliveries(TENANT, Page(500))
        connections = await look.connections(TENANT)
    for event in events:
        found[event.id] = await hub.queries.data(event)
    for one in deliveries:
        found[f"dlv{one.id}"] = [view.talk for view in await hub.queries.attempts(TENANT, one.id)]
    for connection in connections:
        found[connection.name] = (await hub.channels.channel(replace(connection))).secrets
    return found


async def carry_out(keys: Keys, level: str) -> Rotation:
    one = [step async for step in keys.carry_out(Level.read(level))][-1]
    assert one.step == DONE
    return one


async def work_off(keys: Keys) -> None:
    await keys.set_apart()
    while await keys.advance():
        pass


async def key_ids(
    hub: Hub, columns: tuple[str, ...] = ("event_body.body", "attempt.talk", "connection.secrets")
) -> set[bytes]:
    shelf = hub.keys.shelf
    found = set()
    for column in SEALED_COLUMNS:
        if column.name in columns:
            found |= {value.envelope[4:20] for value in await shelf.sealed_window(column, "", 500)}
    return found


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def roots(tmp_path: Path) -> Callable[[], RootKeys]:
    return lambda: FileKeyring(tmp_path / "keyring.json")


LEVELS = [
    "root", "class:1:pii", "owners:1:pii", "class:1:credential", "owners:1:credential", "class:1:media", "class:1:audit",
]  # fmt: skip


async def filled(store: Store, roots: Callable[[], RootKeys], clock: ManualClock) -> Hub:
    hub, vendor = make_hub(store, roots(), clock)
    await hub.configure.apply(TENANT, CONFIG, "test")  # type: ignore[arg-type]
    vendor.answers(200)
    await fill(hub, 9)
    await deliver(hub)
    return hub


async def test_every_level_is_exchanged_and_everything_stays_readable(
    store: Store, roots: Callable[[], RootKeys], clock: ManualClock
) -> None:
    hub = await filled(store, roots, clock)
    before = await everything(hub)
    assert len(before) > 18
    for level in LEVELS:
        old = await key_ids(hub)
        parents = {row[3] for row in await hub.keys.shelf.count_keys()}
        done = await carry_out(hub.keys, level)
        other, _ = make_hub(store, roots(), clock, 8)
        assert await everything(other) == before, level
        if level.startswith("owners"):
            assert await key_ids(hub) != old
            assert done.moved > 0
        elif level == "root":
            assert parents - {row[3] for row in await hub.keys.shelf.count_keys()} == {"rk_1"}
    assert await everything(hub) == before
    assert {one.step for one in await hub.keys.status()} == {DONE}
    assert len(await hub.keys.status()) == len(LEVELS)


@pytest.mark.parametrize("level", ["root", "class:1:pii", "owners:1:pii"])
async def test_under_load_nothing_is_lost_and_nobody_waits(
    store: Store, roots: Callable[[], RootKeys], clock: ManualClock, level: str
) -> None:
    hub = await filled(store, roots, clock)
    other, vendor = make_hub(store, roots(), clock, 8)
    vendor.answers(200)

    async def load() -> None:
        for number in range(12):
            await fill(other, 1, 1000 + number)
            await deliver(other)
            await asyncio.sleep(0)

    async def exchange() -> None:
        async for _ in hub.keys.carry_out(Level.read(level)):
            clock.advance(1)
            await asyncio.sleep(0)

    await asyncio.gather(load(), exchange())
    fresh, _ = make_hub(store, roots(), clock, 9)
    found = await everything(fresh)
    assert sum(1 for name in found if name.startswith("evt_")) == 21
    assert sum(1 for name, talk in found.items() if name.startswith("dlv") and talk) == 21


class Killed(Exception):
    """The process is gone."""


class Mortal:
    """A shelf in whose n-th write the process dies: before it (`after` False) or behind it."""

    def __init__(self, inner: object, at: int, after: bool) -> None:
        self._inner, self._left, self._after = inner, at, after

    def __getattr__(self, name: str) -> object:
        act = getattr(self._inner, name)
        if name not in ("succeed", "rewrap", "reseal", "put_rotation"):
            return act

        async def write(*given: object) -> object:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise Killed
            done = await act(*given)
            if self._left == 0:
                raise Killed
            return done

        return write


@pytest.mark.parametrize("level", ["root", "class:1:pii", "owners:1:pii"])
async def test_killed_at_every_write_it_goes_on_where_it_was(
    store: Store, store_kind: str, roots: Callable[[], RootKeys], clock: ManualClock, level: str
) -> None:
    hub = await filled(store, roots, clock)
    before = await everything(hub)
    deaths = 0
    if store_kind != "memory" and level != "class:1:pii":
        pytest.skip("the steps are the same on every store: each is killed in memory, one level on the databases")
    for at in range(1, 60):
        for after in (False, True):
            dying, _ = make_hub(store, roots(), clock, 8)
            keys = replace(dying.keys, shelf=Mortal(store, at, after), _old={})  # type: ignore[arg-type]
            try:
                await carry_out(keys, level)
            except Killed:
                deaths += 1
                again, _ = make_hub(store, roots(), clock, 9)
                if at % 7 == 1:
                    assert await everything(again) == before
                await again.keys.advance()
                await carry_out(again.keys, level)
            else:
                assert after or deaths > 4
                assert await everything(hub) == before
                return
        if at == 4 and store_kind != "memory":
            break
    assert await everything(hub) == before
    assert deaths >= 6


async def test_a_person_is_erased_for_good_and_nobody_else(
    store: Store, roots: Callable[[], RootKeys], clock: ManualClock
) -> None:
    hub = await filled(store, roots, clock)
    other, _ = make_hub(store, roots(), clock, 8)
    before = await everything(other)
    with pytest.raises(Conflict) as caught:
        await hub.keys.destroy(TENANT, "cand_3")
    assert caught.value.code == "not_sealed_apart"
    await work_off(hub.keys)
    receipt = await hub.keys.destroy(TENANT, "cand_3")
    assert len(receipt.keys) == 1
    assert receipt.owner == "subject:cand_3"
    assert (await hub.keys.destroy(TENANT, "cand_3")).keys == receipt.keys
    assert (await hub.keys.destroy(TENANT, "cand_never_seen")).keys == ()
    clock.advance(3)  # another process knows it after two seconds
    for process in (hub, other, make_hub(store, roots(), clock, 9)[0]):
        async with process.store.look() as look:
            events = await look.events(TENANT, Page(500))
        for event in events:
            if event.subject == "cand_3":
                with pytest.raises(Conflict) as caught:
                    await process.queries.data(event)
                assert caught.value.code == "key_destroyed"
            else:
                assert await process.queries.data(event) == before[event.id]
    await fill(other, 1, 3)  # a repeat: nothing new
    await other.ingest(TENANT, [report(key="back", candidate="cand_3")])
    async with other.store.look() as look:
        newest = (await look.events(TENANT, Page(1)))[0]
    assert (await other.queries.data(newest))["candidate"]["id"] == "cand_3"  # type: ignore[index,call-overload]


async def test_what_was_sealed_before_there_were_owners_is_sealed_apart(
    store: Store, roots: Callable[[], RootKeys], clock: ManualClock
) -> None:
    hub = await filled(store, roots, clock)
    before = await everything(hub)
    column = next(one for one in SEALED_COLUMNS if one.name == "event_body.body")
    shelf = hub.keys.shelf
    for value in await shelf.sealed_window(column, "", 500):  # as the version before this one left them
        from hub.app.places import body_place
        from hub.domain.ids import EventId

        place = body_place(TENANT, EventId(value.row))
        await hub.vault.prepare(TENANT, sealed=[value.envelope])
        old = hub.vault.seal(place, hub.vault.open(place, value.envelope))
        assert await shelf.reseal(column, [(value.at, value.envelope, old)]) == 1
    tenants = {row.id for row in await shelf.load_keys(TENANT)}
    assert await key_ids(hub, ("event_body.body",)) <= tenants
    await work_off(hub.keys)
    assert not await key_ids(hub, ("event_body.body",)) & tenants
    assert await everything(hub) == before
    assert (await hub.keys.destroy(TENANT, "cand_1")).keys


async def test_retired_keys_are_destroyed_when_no_backup_needs_them(
    store: Store, roots: Callable[[], RootKeys], clock: ManualClock
) -> None:
    hub = await filled(store, roots, clock)
    before = await everything(hub)
    await carry_out(hub.keys, "owners:1:pii")
    await carry_out(hub.keys, "class:1:pii")
    assert await hub.keys.purge(TENANT) == 0
    clock.advance(KEPT.total_seconds() + 1)
    assert await hub.keys.purge(TENANT) == 7 + 1
    fresh, _ = make_hub(store, roots(), clock, 9)
    assert await everything(fresh) == before


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
