"""`hirewire top`: once for scripts, live in a real terminal, the same on both stores."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub.bootstrap import open_hub
from hub.cli import cli
from hub.cli.top import Row, frame, look, span
from hub.cli.words import width_of
from hub.domain.connections import ConnectionState
from hub.settings import Settings
from tests.app.conftest import FEED, HIGH_SCORE, REFERRALS
from tests.support.hubs import TENANT, bench, report

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 4, 12, 0, 5, tzinfo=UTC)


def row(name: str, **changes: object) -> Row:
    values: dict[str, object] = {
        "state": "active", "breaker": "closed", "ready": 0, "leased": 0, "waiting": 0, "held": 0, "oldest_due_s": 0.0,
        "delivered_per_s": 0.0, "failed_per_s": 0.0, "held_back_s": 0.0,
    }  # fmt: skip
    return Row(name, **(values | changes))  # type: ignore[arg-type]


def test_a_frame_has_a_head_the_lanes_and_the_sums() -> None:
    rows = [
        row("ats", state="disabled", held=3),
        row("mail", breaker="open", held_back_s=30, ready=12, leased=4, oldest_due_s=75, delivered_per_s=41.25),
    ]
    assert frame(rows, NOW, "en", 120, 40) == [
        "hirewire top  2026-03-04 12:00:05Z  2 lanes",
        "CONNECTION  STATE     BREAKER  READY  LEASED  WAITING  HELD  OLDEST  SENT/S  FAILED/S  BACK IN",
        "ats         disabled  closed       -       -        -     3       -       -         -        -",
        "mail        active    open        12       4        -     -    1.2m    41.2         -      30s",
        "all                               12       4        -     3    1.2m    41.2         -",
    ]


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("width", [20, 80, 200])
def test_a_frame_fits_the_terminal_and_its_columns_stand(language: str, width: int) -> None:
    rows = [row(f"连接-{n}", ready=n, oldest_due_s=n * 1000.0) for n in range(50)]
    shown = frame(rows, NOW, language, width, 24)
    assert len(shown) < 24
    assert all(width_of(line) <= width for line in shown)
    if width == 200:
        ends = {width_of(line[: re.search(r"-?\s*$", line).start()]) for line in shown[2:4]}  # type: ignore[union-attr]
        assert len(ends) == 1
    assert any(("31 more" if language == "en" else "另有 31 条")[:width] in line for line in shown)


def test_nothing_yet_is_said_so() -> None:
    assert frame([], NOW, "zh-CN", 80, 24)[-1] == "还没有连接"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "-"), (0.4, "-"), (7.2, "7s"), (75, "1.2m"), (3000, "50m"), (5400, "1.5h"), (1e6, "12d")]
)
def test_spans_are_short(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


async def test_lanes_are_told_with_age_pace_and_hold_and_trouble_comes_first() -> None:
    b = bench()
    await b.hub.vault.prepare(TENANT)
    await b.configure({"connections": {"referrals": REFERRALS, "feed": FEED}, "rules": {"high": HIGH_SCORE}})
    b.vendor.answers(201, b'{"id":"ref_9","status":"submitted"}').then(429, headers={"retry-after": "30"})
    for number in range(2):
        await b.accept(report(key=f"r{number}", candidate=f"cand_{number}"))
        await b.deliver()
    await b.hub.switch(TENANT, "feed", ConnectionState.PAUSED, "test")
    b.clock.advance(5)
    feed, referrals = sorted(await look(b.hub), key=lambda row: row.connection)
    assert (feed.connection, feed.state) == ("feed", "paused")
    assert (referrals.ready, referrals.delivered_per_s, referrals.failed_per_s) == (1, 0.1, 0.1)
    assert referrals.held_back_s == pytest.approx(25, abs=0.1)
    b.clock.advance(60)
    first, second = await look(b.hub)
    assert {first.delivered_per_s, second.delivered_per_s} == {0.0}


async def configured(given: dict[str, str]) -> None:
    """One connection with one delivery that is due."""
    opened = open_hub(Settings.read(given))
    try:
        await opened.begin()
        document = {"hirewire": 1, "connections": {"referrals": REFERRALS}, "rules": {"high": HIGH_SCORE}}
        await opened.hub.configure.apply(TENANT, document, "test")  # type: ignore[arg-type]
        await opened.hub.ingest(TENANT, [report()])
    finally:
        await opened.close()


def settings(tmp_path: Path, database: str) -> dict[str, str]:
    return {"HIREWIRE_HOME": str(tmp_path), "HIREWIRE_DATABASE": database, "HIREWIRE_LOG_LEVEL": "error"}


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_scripts_get_it_once(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    given = settings(tmp_path, str(request.getfixturevalue(f"{kind}_database")))
    asyncio.run(configured(given))
    told = CliRunner().invoke(cli, ["top", "--once", "--json"], env=given)
    [lane] = [json.loads(line) for line in told.stdout.splitlines()]
    assert (lane["connection"], lane["state"], lane["ready"]) == ("referrals", "active", 1)
    piped = CliRunner().invoke(cli, ["top", "--language", "zh-CN"], env=given)
    assert piped.exit_code == 0
    assert "\x1b" not in piped.stdout
    assert "连接" in piped.stdout


async def test_a_terminal_sees_it_live_and_gets_its_screen_back(tmp_path: Path, sqlite_database: str) -> None:
    given = settings(tmp_path, sqlite_database)
    await configured(given)
    around = {name: value for name, value in os.environ.items() if not name.startswith("HIREWIRE_")}
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "hub", "top", "--every", "0.1"],
        env={**around, **given, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100", "LINES": "30"},
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        screen = read_until(ours, lambda text: text.count("referrals") >= 3)
        assert screen.startswith("\x1b[?1049h")
        process.send_signal(signal.SIGINT)
        rest = read_until(ours, lambda text: "\x1b[?1049l" in text)
        assert rest.endswith("\x1b[?25h\x1b[?1049l")
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_until(descriptor: int, done) -> str:  # type: ignore[no-untyped-def]
    seen, end = b"", time.monotonic() + 60
    while not done(seen.decode(errors="replace")):
        assert time.monotonic() < end, seen
        if select.select([descriptor], [], [], 1)[0]:
            seen += os.read(descriptor, 65536)
    return seen.decode(errors="replace")
