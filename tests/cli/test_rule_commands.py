"""The life of a rule on the command line, on a real SQLite file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from hub.bootstrap import open_hub
from hub.cli import cli
from hub.cli.context import settings
from hub.domain.ids import DEFAULT_TENANT
from tests.support.hubs import report

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
    rule: &rule
      schema: 1
      trigger: {event: interview.report.completed}
      when: {kind: clause, id: c1, field: report.overall.score, op: gt, value: 85}
      then:
        - {kind: action, id: a1, connection: referrals, operation: referral.create}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Commands on a hub with one live rule."""
    monkeypatch.setenv("HIREWIRE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REFERRAL_TOKEN", "hush")
    monkeypatch.setenv("LOGNAME", "ann")
    (tmp_path / "hub.yaml").write_text(CONFIG, "utf-8")
    runner = CliRunner()

    def invoke(*words: str) -> Result:
        return runner.invoke(cli, words)

    invoke("migrate")
    assert invoke("apply", str(tmp_path / "hub.yaml"), "--yes").exit_code == 0
    return invoke


@pytest.fixture
def softer(tmp_path: Path) -> str:
    """A file with the same rule for scores above 50."""
    rule = yaml.safe_load(CONFIG)["rules"]["high-score"]["rule"]
    rule["when"]["value"] = 50
    file = tmp_path / "rule.yaml"
    file.write_text(yaml.safe_dump({"rule": rule}), "utf-8")
    return str(file)


def accept(*scores: float) -> list[str]:
    async def act() -> list[str]:
        opened = open_hub(settings())
        try:
            incoming = [report(key=f"k{score}", score=score) for score in scores]
            return [receipt.id for receipt in await opened.hub.ingest(DEFAULT_TENANT, incoming)]
        finally:
            await opened.close()

    return asyncio.run(act())


def test_a_rule_is_drafted_compared_reviewed_and_put_in_force(run: Run, softer: str, monkeypatch) -> None:
    drafted = run("rules", "draft", "high-score", softer, "--reason", "more people")
    assert drafted.output == "high-score: revision 2; live, revision 1 in force\n"
    words = run("rules", "diff", "high-score").output
    assert "more than [-85-]{+50+}" in words
    assert "  - when.value: 85\n  + when.value: 50\n" in words
    assert "[-85-]{+50+}" in run("rules", "diff", "high-score", "--language", "zh-CN").output
    assert run("rules", "submit", "high-score").exit_code == 0
    own = run("rules", "approve", "high-score")
    assert own.exit_code == 1
    assert getattr(own.exception, "code", None) == "own_change"
    monkeypatch.setenv("LOGNAME", "bob")
    assert run("rules", "approve", "high-score", "--revision", "2").exit_code == 0
    assert run("rules", "live", "high-score").output == "high-score: live, revision 2 in force\n"
    rows = [json.loads(line) for line in run("rules", "history", "high-score", "--json").output.splitlines()]
    assert [(r["revision"], r["by"], r["review"], r["reason"]) for r in rows] == [
        ("2*", "cli:ann", "approved", "more people"),
        ("1", "cli:ann", "draft", None),
    ]
    assert run("rules", "pause", "high-score").output == "high-score: paused, nothing in force\n"
    assert run("rules", "restore", "high-score", "1").output.startswith("high-score: revision 3; paused")


def test_why_names_the_reason_for_an_event_and_a_candidate(run: Run) -> None:
    [low] = accept(72)
    said = run("why", low, "--reveal", "--language", "zh-CN").output
    assert "high-score（第 1 版）：未执行：条件不满足" in said
    assert "应>85，实际 72" in said
    assert "72" not in run("why", low).output.partition("\n")[2]
    assert "did not act: its conditions were not met" in run("why", "cand_1").output
    assert getattr(run("why", "cand_nobody").exception, "code", None) == "not_found"
    assert getattr(run("why", "evt_1").exception, "code", None) == "bad_id"


def test_observing_and_stopping_are_told(run: Run) -> None:
    assert run("rules", "observe", "high-score").output == "high-score: observe, revision 1 in force\n"
    [event] = accept(91)
    assert event in run("rules", "observed", "high-score").output
    assert run("rules", "stop", "--reason", "fire").output == "all rules are stopped\n"
    assert "All rules are stopped now." in run("why", event).output
    assert run("rules", "resume").output == "rules act\n"


def test_a_backtest_tells_its_result(run: Run, softer: str) -> None:
    accept(40, 60, 70, 90)
    run("rules", "draft", "high-score", softer)
    said = run("rules", "backtest", "high-score", "--days", "30")
    assert said.exit_code == 0
    assert said.stdout.startswith("would have fired 3 times on 4 events")
    assert "the revision in force (1): 1; newly 2, no longer 0" in said.stdout
    assert " is more than 50: no 1, unknown 0; alone in the way 1\n" in said.stdout
    assert "  referrals: referral.create 3 times, 3 in the busiest hour" in said.stdout
    chinese = run("rules", "backtest", "high-score", "--language", "zh-CN", "--revision", "1").stdout
    assert "共 4 个事件，本会触发 1 次" in chinese
    result = json.loads(run("rules", "backtest", "high-score", "--json").stdout)
    assert (result["state"], result["fires"], result["newly"]) == ("done", 3, 2)
    assert getattr(run("rules", "backtest", "nothing").exception, "code", None) == "not_found"
