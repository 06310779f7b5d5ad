"""Cursor paging: opaque to the caller, checked by us."""

from __future__ import annotations

from hub.domain.errors import Invalid
from hub.domain.ids import RunId, event_id, read
from hub.ports.store import Page

LIMIT = 200


def event_page(limit: int, cursor: str | None) -> Page:
    """Raises Invalid (`bad_limit`, `bad_cursor`)."""
    if cursor is not None:
        try:
            event_id(cursor)
        except Invalid as error:
            raise Invalid("this is not a cursor of this list", code="bad_cursor", at="cursor") from error
    return Page(_limit(limit), cursor)


def delivery_page(limit: int, cursor: str | None) -> Page:
    """Raises Invalid (`bad_limit`, `bad_cursor`)."""
    before = None
    if cursor is not None:
        try:
            before = str(read("dlv", cursor))
        except Invalid as error:
            raise Invalid("this is not a cursor of this list", code="bad_cursor", at="cursor") from error
    return Page(_limit(limit), before)


def run_page(limit: int, cursor: str | None) -> tuple[int, RunId | None]:
    """Raises Invalid (`bad_limit`, `bad_cursor`)."""
    if cursor is None:
        return _limit(limit), None
    try:
        return _limit(limit), RunId(read("run", cursor))
    except Invalid as error:
        raise Invalid("this is not a cursor of this list", code="bad_cursor", at="cursor") from error


def _limit(limit: int) -> int:
    if not 1 <= limit <= LIMIT:
        raise Invalid(f"limit is 1 to {LIMIT}", code="bad_limit", at="limit")
    return limit
