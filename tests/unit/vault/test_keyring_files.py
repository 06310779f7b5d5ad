"""The keyring file: who may read it, how it is made, and what is said when it is lost or damaged."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hub.adapters.vault import EnvKeyring, FileKeyring, RootSettings, open_root_keys
from hub.domain.errors import Invalid, Unavailable

KEY = bytes(32)
ROOT_1, ROOT_2 = "01" * 32, "02" * 32


def write(path: Path, content: object, mode: int = 0o600) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    path.chmod(mode)
    return path


def keyring(active: str = "rk_1", **keys: str) -> dict[str, object]:
    return {"format": "hirewire-keyring-1", "active": active, "keys": keys}


async def test_is_made_at_first_use_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "keyring.json"
    roots = FileKeyring(path)
    assert not path.parent.exists()
    assert await roots.versions() == ()
    assert (await roots.health()).ok
    await roots.wrap(KEY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["keyring.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o777, 0o601])
async def test_is_refused_if_others_have_any_right_to_it(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keyring.json"
    await FileKeyring(path).wrap(KEY)
    before = path.read_bytes()
    path.chmod(mode)
    with pytest.raises(Unavailable, match="0600 is wanted") as caught:
        FileKeyring(path)
    assert caught.value.code == "keyring_unsafe"
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("mode", [0o770, 0o702, 0o777])
async def test_is_neither_made_nor_read_where_others_may_replace_it(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    folder.chmod(mode)
    roots = FileKeyring(folder / "keyring.json")
    with pytest.raises(Unavailable) as caught:
        await roots.wrap(KEY)
    assert caught.value.code == "keyring_unsafe"
    assert list(folder.iterdir()) == []
    write(folder / "keyring.json", keyring(rk_1=ROOT_1))
    with pytest.raises(Unavailable) as caught:
        FileKeyring(folder / "keyring.json")
    assert caught.value.code == "keyring_unsafe"


async def test_is_refused_if_it_belongs_to_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "keyring.json", keyring(rk_1=ROOT_1))
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(Unavailable, match="another user") as caught:
        FileKeyring(path)
    assert caught.value.code == "keyring_unsafe"


async def test_is_on_disk_before_it_has_its_name_and_its_name_before_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keyring.json"
    synced: list[tuple[str, bool]] = []

    def fsync(descriptor: int) -> None:
        kind = "directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        synced.append((kind, path.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    await FileKeyring(path).wrap(KEY)
    assert synced[:2] == [("file", False), ("directory", True)]


async def test_what_a_killed_process_left_half_made_does_no_harm(tmp_path: Path) -> None:
    write(tmp_path / ".keyring.json.0011223344556677", '{"format": "hirewire-key')
    path = tmp_path / "keyring.json"
    wrapped = await FileKeyring(path).wrap(KEY)
    assert await FileKeyring(path).unwrap(wrapped) == KEY


async def test_a_directory_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keyring.json").mkdir()
    with pytest.raises(Unavailable):
        FileKeyring(tmp_path / "keyring.json")


async def test_a_place_where_nothing_can_be_made_is_a_named_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unavailable) as caught:
        FileKeyring(tmp_path / "file" / "keyring.json")
    assert caught.value.code == "keyring_unreadable"


async def test_a_lost_keyring_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    wrapped = await FileKeyring(path).wrap(KEY)
    path.unlink()
    with pytest.raises(Unavailable, match="missing") as caught:
        await FileKeyring(path).unwrap(wrapped)
    assert caught.value.code == "wrong_keyring"
    assert not path.exists()


async def test_health_notices_a_keyring_lost_while_it_is_in_use(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    roots = FileKeyring(path)
    wrapped = await roots.wrap(KEY)
    assert (await roots.health()).ok
    saved = path.read_bytes()
    path.unlink()
    assert not (await roots.health()).ok
    write(path, keyring(rk_1=ROOT_1))
    assert not (await roots.health()).ok
    path.chmod(0o644)
    assert "0600" in (await roots.health()).detail
    assert await roots.unwrap(wrapped) == KEY  # the running process goes on
    write(path, saved.decode())
    assert (await roots.health()).ok


async def test_one_process_reads_what_another_made_meanwhile(tmp_path: Path) -> None:
    early, late = FileKeyring(tmp_path / "keyring.json"), FileKeyring(tmp_path / "keyring.json")
    wrapped = await early.wrap(KEY)
    assert await late.unwrap(wrapped) == KEY
    assert (await late.wrap(KEY)) == wrapped


async def test_many_starting_at_once_in_one_process_agree(tmp_path: Path) -> None:
    rings = [FileKeyring(tmp_path / "keys" / "keyring.json") for _ in range(16)]
    wrapped = await asyncio.gather(*(ring.wrap(KEY) for ring in rings))
    assert len(set(wrapped)) == 1
    assert len(list((tmp_path / "keys").iterdir())) == 1


PROCESS = """
import asyncio, sys
from pathlib import Path
from hub.adapters.vault import FileKeyring
ring = FileKeyring(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print(asyncio.run(ring.wrap(bytes(32))).key.hex())
"""


def test_processes_starting_at_once_agree(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-c", PROCESS, str(tmp_path / "keys" / "keyring.json")]
    root = Path(__file__).resolve().parents[3]
    many = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(root)}
        )
        for _ in range(3)
    ]
    for process in many:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in many:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = {process.communicate(timeout=30)[0] for process in many}
    assert len(answers) == 1
    assert len(answers.pop().strip()) == 80


async def test_several_versions_unwrap_and_the_active_one_wraps(tmp_path: Path) -> None:
    old = await FileKeyring(write(tmp_path / "keyring.json", keyring(rk_1=ROOT_1))).wrap(KEY)
    both = FileKeyring(write(tmp_path / "keyring.json", keyring("rk_2", rk_1=ROOT_1, rk_2=ROOT_2)))
    assert await both.versions() == ("rk_2", "rk_1")
    assert (await both.wrap(KEY)).parent == "rk_2"
    assert await both.unwrap(old) == KEY
    env = EnvKeyring(f"rk_2:{ROOT_2}, rk_1:{ROOT_1}", production=False)
    assert await env.versions() == ("rk_2", "rk_1")
    assert await env.unwrap(await both.wrap(KEY)) == KEY


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 5000,
        keyring("rk_2", rk_1=ROOT_1),
        keyring(),
        keyring("rk_1", rk_1="0g" * 32),
        keyring("rk_1", rk_1="00" * 16),
        {**keyring(rk_1=ROOT_1), "format": "hirewire-keyring-2"},
        {**keyring(rk_1=ROOT_1), "active": None},
        {**keyring(), "keys": {"rk_1": 7}},
        {**keyring(), "keys": {"../1": ROOT_1}},
        {**keyring(), "keys": [ROOT_1]},
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_a_damaged_keyring_is_refused_by_name_without_its_content(tmp_path: Path, content: object) -> None:
    with pytest.raises(Unavailable) as caught:
        FileKeyring(write(tmp_path / "keyring.json", content))
    assert caught.value.code == "keyring_broken"
    assert ROOT_1 not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    ["", "rk_1", f"rk_1:{ROOT_1},rk_1:{ROOT_2}", f"rk_0:{ROOT_1}", "rk_1:00", ROOT_1[:-1], f"{ROOT_1},{ROOT_2}"],
)
def test_a_damaged_setting_is_refused_by_name_without_its_content(value: str) -> None:
    with pytest.raises(Unavailable) as caught:
        EnvKeyring(value, production=False)
    assert caught.value.code == "keyring_broken"
    assert ROOT_1 not in str(caught.value)


async def test_the_settings_pick_the_provider(tmp_path: Path) -> None:
    path = tmp_path / "keyring.json"
    file = open_root_keys(RootSettings("file", path))
    assert isinstance(file, FileKeyring)
    setting = open_root_keys(RootSettings("env", path, ROOT_1.upper()))
    assert await setting.versions() == ("rk_1",)
    assert await setting.wrap(KEY) == await EnvKeyring(f"rk_1:{ROOT_1}", production=False).wrap(KEY)
    with pytest.raises(Unavailable):
        open_root_keys(RootSettings("env", path, ROOT_1, production=True))
    for incomplete in (RootSettings("env", path), RootSettings("vault", path), RootSettings("aws-kms", path)):
        with pytest.raises(Invalid) as caught:
            open_root_keys(incomplete)
        assert caught.value.code == "bad_setting"
    token, address = tmp_path / "token", "http://vault.example:8200"
    plain = RootSettings("vault", path, production=True, vault_address=address, vault_token_file=token)
    with pytest.raises(Invalid) as caught:
        open_root_keys(plain)
    assert caught.value.code == "not_for_production"


def test_keys_in_a_setting_are_refused_in_production() -> None:
    with pytest.raises(Unavailable) as caught:
        EnvKeyring(f"rk_1:{ROOT_1}", production=True)
    assert caught.value.code == "keyring_forbidden"
