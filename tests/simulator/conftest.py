"""`pytest tests/simulator --seed N` plays one world again."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, default=None, help="play only the simulated world of this seed")
