"""The comparison with other systems still runs: ours and the floor, a few events each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(300)
def test_the_comparison_runs():
    command = [sys.executable, "bench/peers.py", "--quick", "--only", "hub,by hand"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [line.split("|")[0].split() for line in done.stdout.splitlines() if line.startswith(("hub", "by hand"))]
    assert len(rows) == 2
    assert all(float(row[-1]) > 0 for row in rows)  # the 99th percentile, before the worker's stages
