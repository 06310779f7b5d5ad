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


def sibling(url: str, name: str) -> str:
    """The address of another database on the same PostgreSQL server."""
    return parse(url).set(drivername="postgresql", database=name).render_as_string(hide_password=False)


def for_tools(url: str) -> tuple[str, str | None]:
    """(the address as PostgreSQL's own programs take it, without its password; the password)."""
    address = parse(url)
    shown = URL.create(
        "postgresql", address.username, None, address.host, address.port, address.database, address.query
    )
    return shown.render_as_string(hide_password=False), None if address.password is None else str(address.password)


def _bad() -> Invalid:
    return Invalid(
        "a database address is sqlite:///path/to/file or postgresql://user@host/name", code="bad_database_url"
    )
