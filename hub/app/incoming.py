"""An event as somebody tells it, and whether it can be stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from hub.domain.errors import Invalid
from hub.domain.events import Cause
from mappings.canonical import Unfit, UnknownType, checker
from mappings.documents import Document, Json


@dataclass(frozen=True, slots=True)
class Incoming:
    """An event as somebody tells it. (source, key) is its identity; `occurred_at` defaults to now."""

    type: str
    version: int
    source: str
    key: str
    data: Document
    subject: str | None = None
    occurred_at: datetime | None = None
    cause: Cause | None = None
    traceparent: str | None = None
    depth: int = 0


def check(incoming: Incoming) -> None:
    """Raises Invalid where the event has no known type or its data does not fit the canonical schema."""
    try:
        fault = checker(incoming.type, incoming.version)(incoming.data)
    except UnknownType as error:
        raise Invalid(
            f"there is no event type {incoming.type}@{incoming.version}", code="unknown_type", at="type"
        ) from error
    if fault is not None:
        raise unfit(fault)


def check_whole(incoming: Incoming) -> None:
    """Raises Invalid where the data does not fit its type, or a name could not be stored."""
    check(incoming)
    check_identity(incoming)


def check_identity(incoming: Incoming) -> None:
    """Raises Invalid (`unfit_text`) where a name could not be stored: found later it would fail a whole group commit."""
    for at, text in (("source", incoming.source), ("id", incoming.key), ("subject", incoming.subject)):
        if text is None or text.isprintable():
            continue
        if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            raise unfit_text(at)


def nul_in(value: Json, at: str) -> str | None:
    """The place of the first text or field name with a NUL in it; databases and many vendors cannot take one."""
    match value:
        case str():
            return at if "\0" in value else None
        case dict():
            below: Iterable[tuple[str, Json]] = value.items()
        case list():
            below = ((str(index), item) for index, item in enumerate(value))
        case _:
            return None
    for name, item in below:
        found = (
            f"{at}.?"
            if "\0" in name
            else nul_in(item, f"{at}.{name if name.isidentifier() or name.isdigit() else '?'}")
        )
        if found is not None:
            return found
    return None


def unfit_text(at: str) -> Invalid:
    """A text with characters that cannot be stored."""
    return Invalid("a text holds characters that cannot be stored", code="unfit_text", at=at)


def unfit(fault: Unfit) -> Invalid:
    """A canonical fault in the hub's words."""
    return Invalid(str(fault), code=fault.code, at=fault.at)
