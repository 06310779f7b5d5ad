"""Driver errors in the hub's words: try later, state conflict, or unfit text. Translated here and nowhere else."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy import exc

from hub.domain.errors import Conflict, HubError, Invalid, Unavailable

# SQLSTATE classes and codes: connection, resources, operator intervention, system error, deadlock or serialisation,
# lock not available, idle transaction ended, no such table (not migrated yet), no such database or login.
_LATER = ("08", "53", "57", "58", "40", "55P03", "25P0", "42P01", "3D", "28")
_LATER_SQLITE = (
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_CANTOPEN",
    "SQLITE_NOMEM",
    "SQLITE_PERM",
    "SQLITE_AUTH",
    "SQLITE_PROTOCOL",
    "SQLITE_CORRUPT",
    "SQLITE_NOTADB",
)


_DRIVERS = (
    exc.DBAPIError,
    sqlite3.Error,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)  # wrapped by SQLAlchemy or not


@contextmanager
def translated() -> Iterator[None]:
    """Raises Unavailable (code `store_unavailable`), Conflict or Invalid (code `unfit_text`) for what drivers raise."""
    try:
        yield
    except (exc.IntegrityError, sqlite3.IntegrityError, asyncpg.IntegrityConstraintViolationError) as error:
        raise Conflict("the store holds something that does not go together with this") from error
    except asyncpg.InternalClientError as error:  # cut in the middle of an exchange
        raise _unavailable("connection out of step") from error
    except _DRIVERS as error:
        known = _of(error)
        if known is None:
            raise
        raise known from error
    except UnicodeEncodeError as error:
        raise Invalid("text with characters that cannot be stored", code="unfit_text") from error
    except (exc.TimeoutError, OSError, TimeoutError) as error:
        raise _unavailable(type(error).__name__) from error


def _of(error: Exception) -> HubError | None:
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str):
        if state.startswith("22"):
            return Invalid("a value that the database cannot store", code="unfit_text")
        if state.startswith(_LATER):
            return _unavailable(f"SQLSTATE {state}")
    if isinstance(error, exc.InterfaceError | asyncpg.InterfaceError):
        return _unavailable("connection lost")
    if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
        return _unavailable("connection lost")
    name = getattr(cause, "sqlite_errorname", None)
    if isinstance(name, str) and name.startswith(_LATER_SQLITE):
        return _unavailable(name)
    return _unavailable("no schema yet") if str(cause).startswith("no such table") else None


def _unavailable(why: str) -> Unavailable:
    return Unavailable(f"the store cannot be used now ({why})", code="store_unavailable", after=1)
