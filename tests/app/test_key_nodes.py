"""A root key becomes active when every process that lives has loaded it, or when somebody says so on record."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.adapters.clock import ManualClock
from hub.adapters.memory import MemoryStore
from hub.adapters.vault import FileKeyring
from hub.app.hub import Hub
from hub.app.keys.exchange import DONE, Level
from hub.app.keys.nodes import Nodes
from hub.domain.errors import Conflict, Unavailable
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.ports.store import Store
from tests.app.test_keys import carry_out, everything, filled, make_hub
from tests.support.hubs import START

ROOT = Level.read("root")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


async def two_machines(store: Store, tmp_path: Path, clock: ManualClock) -> tuple[Hub, Hub, Callable[[], object]]:
    """Two processes, each with the keyring of its own machine, and how somebody carries the file over."""
    one, two = tmp_path / "one" / "keyring.json", tmp_path / "two" / "keyring.json"
    here = await filled(store, lambda: FileKeyring(one), clock)
    two.parent.mkdir(mode=0o700)
    shutil.copy(one, two)
    there, _ = make_hub(store, FileKeyring(two), clock, 8)
    await everything(there)
    for hub, name in ((here, "one"), (there, "two")):
        await hub.keys.nodes.report(name, "1.0", 0)
    return here, there, lambda: shutil.copy(one, two)


async def test_it_waits_for_all_who_live(store: Store, tmp_path: Path, clock: ManualClock) -> None:
    here, there, carry = await two_machines(store, tmp_path, clock)
    before = await everything(here)
    with pytest.raises(Conflict) as caught:
        await carry_out(here.keys, "root")
    assert caught.value.code == "root_not_loaded"
    assert "one, two" in str(caught.value)  # neither has reported it
    assert (await here.keys.vault.root()).versions == ("rk_1", "rk_2")
    await here.keys.nodes.report("one", "1.0", 0)
    assert await here.keys.nodes.lacking("rk_2") == ["two"]
    assert await here.keys.advance() == 0  # nothing goes on meanwhile, and nothing spins
    assert await everything(there) == before
    carry()
    await there.keys.nodes.report("two", "1.0", 0)
    assert (await carry_out(here.keys, "root")).new == "rk_2"
    carry()
    clock.advance(600)
    assert await everything(there) == before
    assert (await here.keys.vault.root()).versions[0] == "rk_2"


async def test_who_is_gone_is_not_waited_for(store: Store, tmp_path: Path, clock: ManualClock) -> None:
    here, there, _ = await two_machines(store, tmp_path, clock)
    with pytest.raises(Conflict):
        await carry_out(here.keys, "root")
    await here.keys.nodes.report("one", "1.0", 0)
    await there.keys.nodes.leave("two")
    assert [one.id for one in await here.keys.nodes.alive()] == ["one"]
    await there.keys.nodes.report("two", "1.0", 0)
    clock.advance(61)  # killed: it says nothing any more
    await here.keys.nodes.report("one", "1.0", 0)
    assert (await carry_out(here.keys, "root")).step == DONE
    clock.advance(86_400)
    await here.keys.nodes.report("one", "1.0", 0)
    assert [one.id for one in await here.keys.shelf.nodes()] == ["one"]


async def test_by_force_it_is_on_record_who_was_passed_over(store: Store, tmp_path: Path, clock: ManualClock) -> None:
    here, _, _ = await two_machines(store, tmp_path, clock)
    with pytest.raises(Conflict) as caught:
        await here.keys.force("cli:ops")
    assert caught.value.code == "nothing_waits"
    with pytest.raises(Conflict):
        await carry_out(here.keys, "root")
    await here.keys.nodes.report("one", "1.0", 0)
    assert await here.keys.force("cli:ops") == ["two"]
    assert (await carry_out(here.keys, "root")).step == DONE
    acts = await here.trail.page(TENANT, 5)
    assert [(row.act.actor, row.act.object, row.act.detail) for row in acts if row.act.action == "keys.force"] == [
        ("cli:ops", "root", {"root": "rk_2", "lacking": ["two"]})
    ]


async def test_a_rotation_that_waits_for_nobody_is_caught(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: without the gate the other machine opens nothing any more."""

    async def anyway(*_: object) -> None:
        return None

    monkeypatch.setattr(Nodes, "must_have", anyway)
    here, there, _ = await two_machines(MemoryStore(clock), tmp_path, clock)
    await carry_out(here.keys, "root")
    clock.advance(600)
    with pytest.raises(Unavailable) as caught:
        await everything(there)
    assert caught.value.code == "wrong_keyring"


async def test_a_file_that_lost_a_key_is_not_loaded(tmp_path: Path) -> None:
    from hub.adapters.vault.keyring import keyring_at, write_keyring
    from hub.adapters.vault.root_keys import RootSet

    path = tmp_path / "keyring.json"
    roots = FileKeyring(path)
    await roots.wrap(b"k" * 32)
    await roots.add()
    assert await roots.versions() == ("rk_1", "rk_2")
    held = keyring_at(path)
    assert held is not None
    write_keyring(path, RootSet("rk_2", {"rk_2": held.keys["rk_2"]}))
    assert await roots.versions() == ("rk_1", "rk_2")
    path.write_text("{}")
    assert await roots.versions() == ("rk_1", "rk_2")
