"""What all tests share: stores to test with. A PostgreSQL is started only when a test asks for one."""

from __future__ import annotations

import os

import pytest

pytest_plugins = ["tests.support.stores", "tests.support.buckets", "tests.support.key_hubs", "tests.web.company"]

LONGEST_FIRST = ("tests/e2e/", "tests/operations/", "tests/web/", "tests/edges/")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: tests of real processes mostly wait for them."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: next((n for n, at in enumerate(LONGEST_FIRST) if item.nodeid.startswith(at)), 9))
