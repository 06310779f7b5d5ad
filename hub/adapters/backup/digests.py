"""Rows and sums of every table of an SQLite file; a program of its own, because hashing rows would hold up a busy process."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import sys

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"


def digests(path: str) -> dict[str, tuple[int, str]]:
    """Table -> (rows, sum)."""
    link = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return {name: _digest(link, name) for (name,) in link.execute(_TABLES).fetchall()}
    finally:
        link.close()


def _digest(link: sqlite3.Connection, table: str) -> tuple[int, str]:
    rows = total = 0
    for row in link.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - the name is the database's own
        rows += 1
        total += int.from_bytes(
            hashlib.blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
        )
    return rows, f"{total % 2**64:016x}"


if __name__ == "__main__":
    json.dump(digests(sys.argv[1]), sys.stdout)
