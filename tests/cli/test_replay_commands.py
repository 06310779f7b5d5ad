"""Repairing in bulk from the command line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.bootstrap import open_hub
from hub.cli import cli
from hub.cli.context import settings
from hub.domain.deliveries import Final, Finish
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.ports.queue import LaneCall
from tests.app.conftest import FEED, REPORT, action, rule
from tests.support.arrivals import LEASE, completion
from tests.support.hubs import report

EVERY = rule(REPORT, "report.overall.score", "gt", 0, action("feed", "event.send"))


@pytest.fixture
def buried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """An installation with three dead letters of one cause."""
    monkeypatch.setenv("HIREWIRE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HIREWIRE_EGRESS", "loopback")
    runner = CliRunner()
    runner.invoke(cli, ["migrate"])

    async def bury() -> None:
        opened = open_hub(settings())
        hub = opened.hub
        document = {"hirewire": 1, "connections": {"feed": FEED}, "rules": {"all": EVERY}}
        await hub.configure.apply(TENANT, document, "test")
        await hub.ingest(TENANT, [report(key=f"r{n}", candidate=f"cand_{n}") for n in range(3)])
        async with hub.store.work() as work:
            [lane] = await work.connections(TENANT)
            now = hub.clock.now()
            for one in await work.claim([LaneCall(lane.id, 9)], now=now, lease=LEASE, token="w"):
                dead = completion(one, Finish(Final.DEAD), outcome="refused", error="http_422")
                await work.complete([dead], now=now)
        await opened.close()

    asyncio.run(bury())
    return runner


def run(runner: CliRunner, *words: str, input: str | None = None) -> Result:
    return runner.invoke(cli, words, input=input)


def test_dead_letters_say_their_cause_and_what_to_do(buried: CliRunner) -> None:
    english = run(buried, "deliveries", "dead").output
    assert "http_422" in english
    assert "correct the mapping" in english
    assert "修正映射" in run(buried, "deliveries", "dead", "--language", "zh-CN").output
    [line] = run(buried, "deliveries", "dead", "--json").output.splitlines()
    assert json.loads(line)["count"] == 3


def test_a_replay_is_counted_asked_for_and_cancelled(buried: CliRunner) -> None:
    assert run(buried, "replays", "list").output == "no replays\n"
    dry = run(buried, "replays", "start", "--error", "http_422", "--dry-run").output
    assert dry.startswith("3 deliveries, by the rules as they were")
    assert run(buried, "replays", "start", "--connection", "feed", input="n\n").exit_code == 1
    started = run(buried, "replays", "start", "--failed-since", "2h", "--yes")
    assert "rpl_1: running, 0 sent again, 0 skipped, of 3" in started.output
    assert "cancelled" in run(buried, "replays", "cancel", "rpl_1").output
    assert "cancelled" in run(buried, "replays", "show", "rpl_1").output
    assert "rpl_1" in run(buried, "replays", "list").output


def test_nothing_to_send_again_is_said_and_nothing_is_asked(buried: CliRunner) -> None:
    told = run(buried, "replays", "start", "--error", "nothing_like_it")
    assert (told.exit_code, told.output[:12]) == (0, "0 deliveries")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("replays", "start", "--failed-since", "soon"), 1),
        (("replays", "start", "--connection", "none"), 1),
        (("replays", "start", "--missing-since", "2h", "--error", "x"), 2),
        (("replays", "show", "rpl_9"), 1),
        (("deliveries", "discard", "dlv_1", "--reason", "x"), 1),
    ],
)
def test_what_cannot_be_done_is_refused(buried: CliRunner, words: tuple[str, ...], code: int) -> None:
    assert run(buried, *words).exit_code == code


def test_an_edited_delivery_is_a_new_one(buried: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "data.json"
    file.write_text(json.dumps(report().data), "utf-8")
    assert run(buried, "deliveries", "edit", "dlv_1", str(file), "--reason", "corrected").output == "dlv_1 -> dlv_4\n"
    file.write_text("[]", "utf-8")
    assert run(buried, "deliveries", "edit", "dlv_1", str(file), "--reason", "corrected").exit_code == 1
