"""The trail and backups from the command line, against a real file: from the first key to a restore after the loss of all."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli import cli
from hub.domain.errors import Conflict

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    def command(*words: str) -> Result:
        return CliRunner().invoke(cli, words)

    made = command("backup", "keygen", "--to", str(tmp_path / "secret.key"))
    name, _, public = made.output.strip().partition("=")
    settings = {"HOME": "home", "BACKUP_TO": "kept", "BACKUP_KEYS_TO": "kept-keys", "BACKUP_SHIP": "0"}
    for setting, folder in settings.items():
        monkeypatch.setenv(f"HIREWIRE_{setting}", folder if folder == "0" else str(tmp_path / folder))
    monkeypatch.setenv(name, public)
    assert command("migrate").exit_code == 0
    assert command("token", "make", "ci", "--all", "--quiet").exit_code == 0
    return command


def database(tmp_path: Path) -> Path:
    return tmp_path / "home" / "hirewire.db"


def test_the_trail_is_listed_signed_verified_and_taken_away(run: Run, tmp_path: Path) -> None:
    [act] = [json.loads(line) for line in run("audit", "list", "--json").output.splitlines()]
    assert (act["action"], act["from"], act["outcome"]) == ("token.make", "cli", "done")
    assert len(run("audit", "heads", "--sign", "--json").output.splitlines()) == 1
    assert "1 acts hold, from 1, against 1 signed ends" in run("audit", "verify").output
    lines = tmp_path / "acts.jsonl"
    assert run("audit", "export", str(lines)).exit_code == 0
    assert "1 acts hold" in run("audit", "verify", "--export", str(lines)).output
    lines.write_text(lines.read_text().replace("token.make", "token.take"))
    assert run("audit", "verify", "--export", str(lines)).exit_code == 5
    with closing(sqlite3.connect(database(tmp_path))) as link:
        link.execute("UPDATE act SET actor = 'x' WHERE seq = 1")
        link.commit()
    broken = run("audit", "verify")
    assert (broken.exit_code, "act 1: changed" in broken.output) == (5, True)


def test_all_is_lost_and_comes_back(run: Run, tmp_path: Path) -> None:
    assert run("backup", "run").exit_code == 0
    [listed] = [json.loads(line) for line in run("backup", "list", "--json").output.splitlines()]
    assert (listed["checked"], listed["manifest"]) == ("yes", "signed")
    key = ("--key", str(tmp_path / "secret.key"))
    assert run("backup", "restore", listed["id"], *key, "--dry-run").exit_code == 0
    refused = run("backup", "restore", listed["id"], *key).exception
    assert isinstance(refused, Conflict)
    assert refused.code == "not_empty"
    for path in database(tmp_path).parent.glob("hirewire.db*"):
        path.unlink()
    assert run("backup", "restore", listed["id"], *key).exit_code == 0
    assert [line for line in run("token", "list").output.splitlines() if "ci" in line]
    assert run("audit", "verify").exit_code == 0
