"""Consents from the command line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.bootstrap import open_hub
from hub.cli import cli
from hub.cli.context import settings
from hub.domain.errors import Invalid
from hub.domain.ids import DEFAULT_TENANT as TENANT
from tests.app.conftest import CHECKS, ORDER_CHECK
from tests.support.hubs import report


@pytest.fixture
def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """An installation with one background check that waits for a consent."""
    monkeypatch.setenv("HIREWIRE_HOME", str(tmp_path / "home"))
    runner = CliRunner()
    runner.invoke(cli, ["migrate"])

    async def wait() -> None:
        opened = open_hub(settings())
        document = {"hirewire": 1, "connections": {"checks": CHECKS}, "rules": {"check": ORDER_CHECK}}
        await opened.hub.configure.apply(TENANT, document, "test")
        await opened.hub.ingest(TENANT, [report(consents=())])
        await opened.hub.lanes.turn()
        await opened.hub.lanes.idle()
        await opened.close()

    asyncio.run(wait())
    return runner


def test_what_waits_says_why_and_goes_when_consent_is_recorded(waiting: CliRunner) -> None:
    def rows(*words: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in waiting.invoke(cli, [*words, "--json"]).stdout.splitlines()]

    [held] = rows("deliveries", "list", "--state", "held")
    assert held["why"] == "needs_consent:background_check"
    assert "needs_consent:background_check" in waiting.invoke(cli, ["deliveries", "show", str(held["id"])]).output
    words = ["cand_1", "--purpose", "background_check", "--text", "3", "--locale", "zh-CN", "--evidence", "sign-7"]
    assert waiting.invoke(cli, ["consent", "record", *words]).stdout.startswith("cns_")
    [ready] = rows("deliveries", "list")
    assert (ready["state"], ready["why"]) == ("ready", None)
    waiting.invoke(cli, ["consent", "withdraw", "cand_1", "--purpose", "background_check"])
    assert rows("deliveries", "list")[0]["why"] == "needs_consent:background_check"
    told = rows("consent", "list", "cand_1")
    assert [(one["said"], one["in force"], one["evidence"]) for one in told] == [
        ("given", False, "sign-7"),
        ("withdrawn", False, None),
    ]
    acts = {(act["action"], act["object"]) for act in rows("audit", "list")}
    assert acts >= {("consent.record", "cand_1"), ("consent.withdraw", "cand_1"), ("consent.read", "cand_1")}


def test_what_is_no_time_or_purpose_is_refused(waiting: CliRunner) -> None:
    odd = waiting.invoke(cli, ["consent", "record", "cand_1", "--purpose", "recording", "--at", "yesterday"])
    assert isinstance(odd.exception, Invalid)
    assert waiting.invoke(cli, ["consent", "record", "cand_1", "--purpose", "dancing"]).exit_code == 2
    assert waiting.invoke(cli, ["consent", "list", "cand_9"]).output == "the candidate has said nothing\n"
