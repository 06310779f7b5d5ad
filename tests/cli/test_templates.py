"""Rule templates as a person uses them: from the list to a rule that is applied."""

from pathlib import Path

import yaml

from tests.cli.test_commands import Run, config, run

__all__ = ["config", "run"]


def test_a_template_becomes_a_rule(run: Run, config: Path, tmp_path: Path) -> None:
    assert "strong-to-referral" in run("rules", "templates", "list").output
    assert "优秀候选人推送到内推系统" in run("rules", "templates", "list", "--language", "zh-CN").output
    shown = run("rules", "templates", "show", "strong-to-referral")
    assert "Overall score is more than 85" in shown.output
    run("apply", str(config), "--yes")

    file = tmp_path / "rule.yaml"
    words = ("rules", "templates", "fill", "strong-to-referral")
    assert run(*words, "--set", "above=90", "--as", "very strong", "--to", str(file)).exit_code == 0
    rule = yaml.safe_load(file.read_text("utf-8"))["rules"]["very strong"]
    assert rule["state"] == "draft"
    assert rule["rule"]["when"]["value"] == 90
    assert rule["rule"]["then"][0]["connection"] == "referrals", "the only connection that fits"
    assert run("apply", str(file), "--yes").exit_code == 0
    assert "Overall score is more than 90" in run("rules", "list").output


def test_what_is_missing_or_wrong_is_said(run: Run, config: Path) -> None:
    run("apply", str(config), "--yes")
    fill = ("rules", "templates", "fill")
    assert "no connection does offer.create" in str(run(*fill, "clear-check-to-offer").exception)
    assert "it has referrals, above" in str(run(*fill, "strong-to-referral", "--set", "below=1").exception)
    assert "lies between 0 and 100" in str(run(*fill, "strong-to-referral", "--set", "above=100").exception)
    assert "no connection" in str(run(*fill, "strong-to-referral", "--set", "referrals=nowhere").exception)
    assert "there is no template x" in str(run("rules", "templates", "show", "x").exception)
