"""Access, hold and erasure from the command line; a certificate is checked without the hub."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.app.subjects import carry_out
from hub.bootstrap import open_hub
from hub.cli import cli, subjects
from hub.cli.context import settings
from hub.domain.ids import DEFAULT_TENANT as TENANT
from tests.support.hubs import report


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """An installation that knows one candidate."""
    monkeypatch.setenv("HIREWIRE_HOME", str(tmp_path / "home"))
    runner = CliRunner()
    runner.invoke(cli, ["migrate"])

    async def tell() -> None:
        opened = open_hub(settings())
        await opened.hub.ingest(TENANT, [report()])
        await opened.hub.keys.set_apart()
        while await opened.hub.keys.advance():
            pass
        await opened.close()

    asyncio.run(tell())
    return runner


def said(runner: CliRunner, *words: str, exit_code: int = 0) -> str:
    result = runner.invoke(cli, ["subject", *words], catch_exceptions=exit_code == 0)
    assert result.exit_code == exit_code, (words, result.output, result.exception)
    return result.output.strip()


def test_a_person_s_data_are_taken_away(known: CliRunner, tmp_path: Path) -> None:
    said(known, "export", "cand_1", "--to", str(tmp_path / "out"))
    found = json.loads((tmp_path / "out" / "data.json").read_text())
    assert found["events"][0]["data"]["candidate"]["email"] == "ada@example.com"
    assert (tmp_path / "out" / "page.zh-CN.html").stat().st_mode & 0o077 == 0
    said(known, "export", "cand_1", "--to", str(tmp_path / "out.zip"))
    assert (tmp_path / "out.zip").stat().st_size > 1000


def test_three_accounts_erase_and_anybody_verifies(
    known: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def by(name: str) -> None:
        monkeypatch.setattr(subjects, "actor", lambda: f"cli:{name}")

    monkeypatch.setattr(carry_out, "SETTLED", timedelta())  # no other process has a key
    by("hr")
    hold = said(known, "hold", "cand_1", "--reason", "a court")
    assert "asked" in said(known, "holds")
    by("s1")
    assert said(known, "refuse", hold) == "refused"
    by("hr")
    id_ = said(known, "erase", "cand_1", "--reason", "asks")
    [shown] = [json.loads(line) for line in said(known, "show", id_, "--json").splitlines() if "digest" in line]
    for name, state in (("s1", "asked"), ("s2", "stopping")):
        by(name)
        assert said(known, "approve", id_, "--digest", shown["digest"]) == state
    said(known, "carry-out")
    assert json.loads(said(known, "list", "--json"))["state"] == "done"
    file = tmp_path / "certificate.json"
    said(known, "certificate", id_, "--to", str(file))
    assert said(known, "verify", str(file)).startswith("holds: ")
    file.write_text(file.read_text().replace("cand_1", "cand_2"))
    said(known, "verify", str(file), exit_code=5)
