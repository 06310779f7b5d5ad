"""Every benchmark runs: small, and without a judgement on its figures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = {
    "backlog": "--rows 2000",
    "backtest": "--events 2000",
    "backup": "200",
    "end_to_end": "--events 200",
    "horizon": "--minutes 0.2 --rate 100 --backlog 1000",
    "lanes": "--stores sqlite --bad 1 --rate 20 --seconds 1 --rounds 1",
    "login": "--logins 8 --requests 20",
    "mapping": "",
    "media": "--gib 0.05 --uploads 20 --part 100000",
    "peers": "--events 200 --producers 20 --only hub --quick",
    "resumes": "10",
    "rotation": "--stores sqlite --stored 100 --rate 20 --seconds 2 --levels owners:1:pii",
    "rules": "",
    "vault": "--rounds 1 --number 200",
}
NO_TABLE = {"stages"}  # started by another one


def test_every_benchmark_is_named_here() -> None:
    assert {path.stem for path in (ROOT / "bench").glob("*.py")} - NO_TABLE == set(SMALL)


@pytest.mark.long
@pytest.mark.parametrize("name", SMALL)
def test_runs(name: str) -> None:
    """Figures that are missed are status 1, but no traceback."""
    words = [sys.executable, str(ROOT / "bench" / f"{name}.py"), *SMALL[name].split()]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stdout.count("\n") > 1
