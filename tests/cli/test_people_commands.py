"""People from the command line: the first one, an invitation, roles, rights, programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli import cli

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("HIREWIRE_HOME", str(tmp_path / "home"))
    runner = CliRunner()

    def invoke(*words: str) -> Result:
        return runner.invoke(cli, words)

    assert invoke("migrate").exit_code == 0
    return invoke


def test_the_first_person_then_others_with_their_rights(run: Run) -> None:
    ticket = run("people", "first").output
    assert "ticket: ht_" in ticket
    made = run("people", "first", "--login", "ada", "--name", "Ada Sample", "--role", "security_admin")
    assert "invitation: ht_" in made.output, made.exception
    assert type(run("people", "first").exception).__name__ == "Conflict"
    assert "invitation" in run("people", "add", "bo", "--name", "Bo", "--clearance", "3", "--role", "hr_manager").output
    rows = [json.loads(line) for line in run("people", "list", "--json").output.splitlines()]
    assert {row["login"]: row["roles"] for row in rows} == {"ada": "security_admin", "bo": "hr_manager"}
    rights = [json.loads(line) for line in run("people", "rights", "bo", "--json").output.splitlines()]
    assert {"video.play": "aps"}.items() <= {row["action"]: row["conditions"] for row in rights}.items()
    assert run("people", "disable", "bo").output == "disabled\n"
    assert run("people", "enable", "bo").output == "invited\n"
    assert "usr_" in run("people", "list").output
    assert "系统管理员" in run("people", "roles").output


def test_a_program_is_made_and_revoked(run: Run) -> None:
    id_, secret = run("people", "services", "add", "payroll", "--scope", "events:read").output.split()
    assert (id_[:4], secret[:4]) == ("svc_", "hcs_")
    assert run("people", "services", "revoke", id_).exit_code == 0
    [row] = [json.loads(line) for line in run("people", "services", "list", "--json").output.splitlines()]
    assert row["revoked"] is not None
