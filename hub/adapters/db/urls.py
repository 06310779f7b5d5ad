"""Database addresses as people write them, and as the drivers want them."""

from __future__ import annotations

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from hub.domain.errors import Invalid


def parse(url: str) -> URL:
    """`sqlite:///path` or `postgresql://user:password@host/name`, with its driver. Raises Invalid (code `bad_database_url`)."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise _bad() from error
    if parsed.drivername == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed.set(drivername="sqlite+aiosqlite")
    if parsed.drivername in ("postgresql", "postgres") and parsed.database:
        return parsed.set(drivername="postgresql+asyncpg")
    raise _bad()


def _bad() -> Invalid:
    return Invalid(
        "a database address is sqlite:///path/to/file or postgresql://user@host/name", code="bad_database_url"
    )
