"""What all tests share: stores to test with. A PostgreSQL is started only when a test asks for one."""

from __future__ import annotations

pytest_plugins = ["tests.support.stores", "tests.support.buckets"]
