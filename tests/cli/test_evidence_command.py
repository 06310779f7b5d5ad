"""The evidence from the command line, against a real file: what is in force there, in every form."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli import cli

Run = Callable[..., Result]
STANDINGS = ["unmet", "partly", "met", "not_applicable"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("HIREWIRE_HOME", str(tmp_path / "home"))
    runner = CliRunner()

    def invoke(*words: str) -> Result:
        return runner.invoke(cli, words)

    assert invoke("migrate").exit_code == 0
    return invoke


def control(run: Run, id: str, *words: str) -> dict[str, object]:
    reports = json.loads(run("evidence", "--format", "json", *words).output)
    [found] = [one for report in reports for one in report["controls"] if one["id"] == id]
    return dict(found)


def test_unmet_comes_first_in_both_languages(run: Run) -> None:
    [report] = json.loads(run("evidence", "--standard", "djcp", "--format", "json").output)
    standings = [STANDINGS.index(one["standing"]) for one in report["controls"]]
    assert standings == sorted(standings)
    assert (report["counts"]["unmet"], standings[0]) == (standings.count(0), 0)
    assert "not a certificate" in report["note"]
    chinese = run("evidence", "--standard", "djcp", "--lang", "zh").output
    assert ("不符合" in chinese, "不是认证" in chinese, "L3-CES1-03" in chinese) == (True, True, True)


def test_what_is_in_force_is_read_from_this_installation(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = control(run, "L3-CES1-02")
    assert before["standing"] == "met"
    monkeypatch.setenv("HIREWIRE_SESSION_IDLE", "7200")
    after = control(run, "L3-CES1-02")
    assert (after["standing"], "idle 7200 s" in str(after["why"])) == ("unmet", True)


def test_what_the_records_say_counts(run: Run) -> None:
    assert "nobody is there yet" in str(control(run, "L3-CES1-04")["why"])
    run("people", "first", "--login", "ada", "--name", "Ada Sample", "--role", "security_admin")
    [trail] = [one for one in control(run, "L3-CES1-14")["in_force"] if one["name"] == "trail"]  # type: ignore[attr-defined]
    assert (trail["standing"], trail["value"].endswith("acts hold")) == ("met", True)


def test_a_page_asks_nothing_of_the_network_and_holds_every_control(run: Run) -> None:
    page = run("evidence", "--format", "html", "--lang", "zh").output
    assert page.startswith('<!doctype html>\n<html lang="zh-CN">')
    assert ("src=" in page, "href=" in page, "<script" in page) == (False, False, False)
    table = run("evidence", "--format", "markdown").output
    for id in ("L3-CES1-35", "V16.5.3", "A.8.34"):
        assert (f"<td>{id} " in page, f"| {id} " in table) == (True, True)


def test_strict_says_with_its_exit_code_that_something_is_unmet(run: Run) -> None:
    assert run("evidence").exit_code == 0
    told = run("evidence", "--strict", "--standard", "iso27001")
    assert (told.exit_code, "controls are unmet" in told.output) == (5, True)


def test_a_run_of_tests_lowers_what_it_did_not_prove(run: Run, tmp_path: Path) -> None:
    asked = control(run, "L3-CES1-06")
    cases = [str(one["id"]) for one in asked["tests"]]  # type: ignore[attr-defined]
    good = [_case(one, "") for one in cases]
    assert control(run, "L3-CES1-06", "--results", _junit(tmp_path, good))["standing"] == "met"
    bad = [*good, _case(cases[0], '<failure message="no"/>', "[again]")]
    failed = control(run, "L3-CES1-06", "--results", _junit(tmp_path, bad))
    assert (failed["standing"], f"{cases[0]}: failed" in str(failed["why"])) == ("unmet", True)
    assert control(run, "L3-CES1-06", "--results", _junit(tmp_path, good[1:]))["standing"] == "partly"


@pytest.mark.parametrize("text", ["", "<a", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_what_is_no_file_of_results_is_refused(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "junit.xml").write_text(text)
    told = run("evidence", "--results", str(tmp_path / "junit.xml"))
    assert getattr(told.exception, "code", None) == "not_results"


def _case(test: str, inside: str, case: str = "") -> str:
    path, _, name = test.partition("::")
    return f'<testcase classname="{path.removesuffix(".py").replace("/", ".")}" name="{name}{case}">{inside}</testcase>'


def _junit(folder: Path, cases: list[str]) -> str:
    (folder / "junit.xml").write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
    return str(folder / "junit.xml")
