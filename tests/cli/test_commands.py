"""The command line as a person and a script use it, on a real SQLite file."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from hub.adapters.db.schema import newest
from hub.cli import WHERE, cli, main
from hub.domain.errors import Invalid, NotFound

Run = Callable[..., Result]
CONFIG = """
hirewire: 1
connections:
  referrals:
    connector: referral
    config: {base_url: "https://ref.example"}
    secrets: {api_token: {env: REFERRAL_TOKEN}}
rules:
  high-score:
    rule:
      schema: 1
      trigger: {event: interview.report.completed}
      when: {kind: clause, id: c1, field: report.overall.score, op: gt, value: 85}
      then:
        - {kind: action, id: a1, connection: referrals, operation: referral.create}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("HIREWIRE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REFERRAL_TOKEN", "hush")
    runner = CliRunner()

    def invoke(*words: str, input: str | None = None) -> Result:
        return runner.invoke(cli, words, input=input)

    assert invoke("migrate").output == f"schema: none -> {newest()}\n"
    return invoke


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "hub.yaml"
    file.write_text(CONFIG, "utf-8")
    return file


def test_every_command_explains_itself(run: Run) -> None:
    def walk(*words: str) -> None:
        answer = run(*words, "--help")
        assert answer.exit_code == 0, words
        assert len(answer.output.splitlines()) > 3, words
        command = cli.load_all()
        for word in words:
            command = command.commands[word]  # type: ignore[assignment]
        for name in getattr(command, "commands", {}):
            walk(*words, name)

    walk()


def test_the_first_help_says_what_each_command_says_and_loads_none() -> None:
    for name, (_, line) in WHERE.items():
        assert cli.load(name).get_short_help_str(1000) == line, name
    loaded = "import sys; from hub.cli import cli; cli(['--help'], standalone_mode=False); assert 'sqlalchemy' not in sys.modules"
    assert b"Make or upgrade" in subprocess.run([sys.executable, "-c", loaded], capture_output=True, check=True).stdout


def test_apply_shows_the_difference_and_asks(run: Run, config: Path) -> None:
    declined = run("apply", str(config), input="n\n")
    assert "+ rule.then" in declined.output or "+ rule:" in declined.output
    assert "secret api_token is set" in declined.output
    assert "hush" not in declined.output
    assert run("rules", "list").output.startswith("no rules yet")
    dry = run("apply", str(config), "--dry-run")
    assert dry.exit_code == 5
    assert run("apply", str(config), "--yes").output.endswith("applied: 2 changes\n")
    assert run("apply", str(config), "--yes").output.splitlines()[-1].startswith(("nothing", "applied: 1"))


def test_an_export_can_be_applied(run: Run, config: Path, tmp_path: Path) -> None:
    run("apply", str(config), "--yes")
    out = tmp_path / "out.yaml"
    assert run("export", "--to", str(out)).exit_code == 0
    assert "hush" not in out.read_text("utf-8")
    assert yaml.safe_load(out.read_text("utf-8"))["connections"]["referrals"]["secrets"] == {
        "api_token": {"keep": True},
        "webhook_secret": {"keep": True},
    }
    assert run("apply", str(out), "--yes").output == "nothing to change\n"


def test_rules_speak_both_languages(run: Run, config: Path) -> None:
    run("apply", str(config), "--yes")
    english = json.loads(run("rules", "list", "--json").output)
    chinese = json.loads(run("rules", "list", "--json", "--language", "zh-CN").output)
    assert "85" in english["sentence"]
    assert any("\u4e00" <= c <= "\u9fff" for c in chinese["sentence"])


def test_tokens_are_shown_once(run: Run) -> None:
    made = run("token", "make", "ops", "--scope", "events:read")
    number, secret = made.output.splitlines()[:2]
    listed = run("token", "list")
    assert number in listed.output
    assert secret not in listed.output
    assert run("token", "revoke", number).output == "revoked\n"
    assert run("token", "revoke", number).output.startswith("there was no such token")


def test_empty_lists_say_so(run: Run) -> None:
    assert run("events", "list").output == "no events yet\n"
    assert run("deliveries", "list").output == "no deliveries\n"
    assert run("token", "list").output == "no tokens yet\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("deliveries", "show", "dlv_1"), 3),
        (("deliveries", "replay", "dlv_1"), 3),
        (("deliveries", "show", "nonsense"), 1),
        (("timeline", "cand_nobody"), 3),
        (("rules", "explain", "evt_" + "0" * 32), 3),
        (("connector", "new", "Bad Name"), 1),
        (("connector", "try", "nobody"), 3),
        (("check", "nobody"), 3),
    ],
)
def test_exit_codes_say_what_kind_of_failure(
    run: Run, words: tuple[str, ...], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["hirewire", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == code
    assert capsys.readouterr().err.startswith("hirewire: ")


def test_a_database_that_is_away_is_exit_code_4(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HIREWIRE_DATABASE", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setattr("sys.argv", ["hirewire", "events", "list"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 4
    assert "store_unavailable" in capsys.readouterr().err


def test_a_misspelt_setting_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HIREWIRE_LISTN", "x")
    monkeypatch.setattr("sys.argv", ["hirewire", "events", "list"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    assert "HIREWIRE_LISTN" in capsys.readouterr().err


def test_a_new_connector_is_green_from_the_start(run: Run, tmp_path: Path) -> None:
    made = run("connector", "new", "acme_ats", "--in", str(tmp_path))
    assert made.exit_code == 0
    assert (tmp_path / "acme_ats" / "manifest.yaml").is_file()
    again = run("connector", "new", "acme_ats", "--in", str(tmp_path))
    assert again.exit_code != 0


def test_check_passes_on_what_is_shipped(run: Run) -> None:
    answer = run("check")
    assert answer.exit_code == 0
    assert answer.output.count("no faults") == 5


def test_connectors_are_listed_with_both_names(run: Run) -> None:
    rows = [json.loads(line) for line in run("connector", "list", "--json").output.splitlines()]
    assert {"checkr", "email", "greenhouse", "referral", "webhook"} == {row["name"] for row in rows}
    assert all(row["zh-CN"] and row["en"] for row in rows)


@pytest.mark.parametrize("name", ["checkr", "email", "greenhouse", "referral", "webhook"])
def test_every_connector_can_be_tried_against_its_twin(run: Run, name: str) -> None:
    answer = run("connector", "try", name)
    assert answer.exit_code == 0, answer.output
    assert "FAIL" not in answer.output


def test_a_connection_is_paused_and_resumed_on_the_record(run: Run, config: Path) -> None:
    run("apply", str(config), "--yes")
    assert run("connections", "pause", "referrals").output == "referrals: active -> paused\n"
    [shown] = [json.loads(line) for line in run("connections", "list", "--json").output.splitlines()]
    assert (shown["name"], shown["state"], shown["held"]) == ("referrals", "paused", 0)
    assert run("connections", "resume", "referrals").output == "referrals: paused -> active\n"
    assert isinstance(run("connections", "resume", "nobody").exception, NotFound)


def test_retention_is_shown_counted_and_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {row["kind"]: row for row in map(json.loads, run("retention", "show", "--json").output.splitlines())}
    assert (shown["events"]["days"], shown["events"]["over"], shown["events"]["oldest"]) == (180, "0", None)
    monkeypatch.setenv("HIREWIRE_RETENTION_DAYS", "events=0,attempts=30")
    table = run("retention", "run", "--dry-run").output
    assert "for good" in table
    gone = {
        row["kind"]: row["removed"] for row in map(json.loads, run("retention", "run", "--json").output.splitlines())
    }
    assert set(gone.values()) == {0}
    monkeypatch.setenv("HIREWIRE_RETENTION_DAYS", "event=1")
    wrong = run("retention", "show")
    assert isinstance(wrong.exception, Invalid)
    assert wrong.exception.at == "HIREWIRE_RETENTION_DAYS"
