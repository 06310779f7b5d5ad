"""The story that `make demo` plays, from its own command line to its last line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.demo
@pytest.mark.timeout(180)
def test_the_story_ends_with_a_ledger_that_holds(tmp_path: Path) -> None:
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("HIREWIRE_")}
    words = [
        sys.executable,
        "-P",
        "-m",
        "hub",
        "demo",
        "--once",
        "--language",
        "both",
        "--home",
        str(tmp_path / "demo"),
    ]
    told = subprocess.run(words, env=surroundings, capture_output=True, text=True, timeout=170, check=False)
    last = told.stdout.strip().splitlines()[-1] if told.stdout.strip() else ""
    counted = re.fullmatch(
        r"ledger: accepted (\d+), delivered (\d+), dead (\d+), pending (\d+), lost 0, duplicated 0", last
    )
    assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-2000:]
    assert counted is not None, last
    accepted, delivered, dead, pending = map(int, counted.groups())
    assert accepted == delivered > 20
    assert (dead, pending) == (0, 0)
    for said in ("SIGKILL", "401", "http_503", "http_429", "林悦"):
        assert said in told.stdout, said
