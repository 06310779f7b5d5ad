"""The border from the command line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.bootstrap import open_hub
from hub.cli import cli
from hub.cli.context import settings
from hub.domain.border import Crossing
from hub.domain.ids import DEFAULT_TENANT as TENANT
from tests.app.conftest import FEED


def test_counts_limits_and_targets_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIREWIRE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HIREWIRE_HOME_REGION", "cn")
    runner = CliRunner()
    runner.invoke(cli, ["migrate"])

    async def fill() -> None:
        opened = open_hub(settings())
        border = {"limits": {"persons": 10}}
        feed = {**FEED, "lane": {"region": "us"}}
        await opened.hub.configure.apply(
            TENANT, {"hirewire": 1, "border": border, "connections": {"feed": feed}}, "test"
        )
        now = opened.hub.clock.now()
        async with opened.hub.store.work() as work:
            await work.add_crossings([Crossing(TENANT, now.year, "us", "cand_1", 4)], now)
        body, _ = await opened.render_metrics()
        assert b'hirewire_border_persons{counted="sensitive",region="*"} 1.0' in body
        assert b'hirewire_border_limit_ratio{counted="persons",region="*"} 0.1' in body
        assert b'hirewire_consent_held_deliveries{purpose="cross_border"} 0.0' in body
        await opened.close()

    asyncio.run(fill())
    shown = runner.invoke(cli, ["border", "show"]).stdout
    assert "home: cn" in shown
    assert "standard_contract_or_certification" in shown
    assert "cand_1" not in shown
    told = json.loads(runner.invoke(cli, ["border", "show", "--json"]).stdout)
    assert told["persons"]["us"] == {"persons": 1, "personal": 1, "sensitive": 1}
    assert told["targets"][0]["abroad"] is True
    assert "not set" not in shown
    empty = json.loads(runner.invoke(cli, ["border", "show", "--year", "2020", "--json"]).stdout)
    assert empty["persons"] == {}
