"""No secret, no registry host, no machine path, no file that outgrew itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.architecture.files import faults

ROOT = Path(__file__).parents[2]


def tracked() -> list[Path]:
    told = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in told.split("\0") if name]


def test_no_file_holds_what_it_may_not() -> None:
    assert list(faults(tracked())) == []


def test_no_module_outgrows_itself() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for file in tracked()
        if file.suffix == ".py"
        and file.is_file()
        and "tests" not in file.relative_to(ROOT).parts
        and (lines := len(file.read_text("utf-8").splitlines())) > 400
    }
    assert long == {}


def test_the_five_packages_belong_to_one_distribution() -> None:
    from importlib.metadata import packages_distributions

    owners = packages_distributions()
    for name in ("hub", "connectors", "mappings", "ai_engine", "admin"):
        assert set(owners.get(name, ["hirewire"])) == {"hirewire"}, name
