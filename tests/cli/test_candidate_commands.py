"""Candidates from the command line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.bootstrap import open_hub
from hub.cli import cli
from hub.cli.context import settings
from hub.domain.ids import DEFAULT_TENANT as TENANT
from tests.support.hubs import report


def test_who_is_sought_is_typed_and_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIREWIRE_HOME", str(tmp_path / "home"))
    runner = CliRunner()
    runner.invoke(cli, ["migrate"])

    async def fill() -> None:
        opened = open_hub(settings())
        await opened.hub.ingest(TENANT, [report()])
        await opened.close()

    asyncio.run(fill())
    typed = runner.invoke(cli, ["candidate", "find", "--json"], input="Ada@Example.com\n")
    assert [json.loads(line) for line in typed.stdout.splitlines() if line.startswith("{")] == [{"candidate": "cand_1"}]
    assert "Ada@" not in typed.output
    nobody = runner.invoke(cli, ["candidate", "find", "--kind", "phone", "--value", "13800138000"])
    assert "nobody is known by this" in nobody.output
    acts = runner.invoke(cli, ["audit", "list", "--json"]).stdout
    assert "candidate.find" in acts
    assert "13800138000" not in acts
    wrong = runner.invoke(cli, ["candidate", "find", "--connection", "x", "--value", "a@b.example"])
    assert wrong.exit_code != 0
    done = runner.invoke(cli, ["keys", "rotate", "index:1", "--wait", "--json"])
    assert json.loads(done.stdout)["step"] == "done"
    told = [json.loads(line) for line in runner.invoke(cli, ["keys", "status", "--json"]).stdout.splitlines()]
    assert ("index:1", "done") in {(one["level"], one["step"]) for one in told}
    again = runner.invoke(cli, ["candidate", "find", "--value", "ada@example.com", "--json"])
    assert json.loads(again.stdout) == {"candidate": "cand_1"}
