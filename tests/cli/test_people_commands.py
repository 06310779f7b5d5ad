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
    assert run("people", "disable", "bo").stdout == "disabled\n"
    assert run("people", "enable", "bo").output == "invited\n"
    assert "usr_" in run("people", "list").output
    assert "系统管理员" in run("people", "roles").output


def test_a_program_is_made_and_revoked(run: Run) -> None:
    id_, secret = run("people", "services", "add", "payroll", "--scope", "events:read").output.split()
    assert (id_[:4], secret[:4]) == ("svc_", "hcs_")
    assert run("people", "services", "revoke", id_).exit_code == 0
    [row] = [json.loads(line) for line in run("people", "services", "list", "--json").output.splitlines()]
    assert row["revoked"] is not None


def test_another_tenant_begins_with_people_and_a_provider_of_its_own(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "acme.json"
    config.write_text(json.dumps({
        "kind": "oidc", "issuer": "https://id.example", "client_id": "hirewire", "client_secret": "never-shown",
        "link": True,
    }))  # fmt: skip
    assert "invitation: ht_" in run("people", "--tenant", "2", "first", "--login", "ada").output
    assert run("people", "--tenant", "2", "providers", "put", "acme", str(config)).exit_code == 0
    told = run("people", "--tenant", "2", "providers", "list", "--json").output
    assert (json.loads(told)["name"], "never-shown" in told) == ("acme", False)
    assert run("people", "list").output == "nobody yet\n"
    assert run("people", "providers", "list").output == "no providers\n"
    taken = run("people", "providers", "put", "acme", str(config)).exception
    assert getattr(taken, "code", taken) == "name_taken"
    assert type(run("people", "providers", "remove", "acme").exception).__name__ == "NotFound"
    assert run("people", "--tenant", "2", "providers", "remove", "acme").exit_code == 0
    config.write_text("[]")
    assert getattr(run("people", "providers", "put", "acme", str(config)).exception, "code", None) == "not_an_object"
    config.write_text("{")
    assert getattr(run("people", "providers", "put", "acme", str(config)).exception, "code", None) == "not_json"
