"""Recordings as they are described, and what their blobs are called."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from hub.domain.errors import NotFound
from hub.domain.ids import TenantId
from hub.ports.media import Part


@dataclass(frozen=True, slots=True)
class Medium:
    """A recording that is whole."""

    tenant: TenantId
    id: str
    subject: str | None
    content_type: str
    size: int
    parts: tuple[Part, ...]
    view: str | None = None  # the view that a link was made for


@dataclass(frozen=True, slots=True)
class Upload:
    """A recording on its way in."""

    subject: str | None
    content_type: str
    created_at: datetime


Keeps = Callable[[TenantId, str], Awaitable[bool]]


def column_of(number: int) -> str:
    return f"part-{number:05d}"


def name_of(tenant: TenantId, id: str, blob: str) -> str:
    """Raises NotFound where the id is none: it is part of a path."""
    if len(id) != 36 or not id.startswith("med_") or any(letter not in "0123456789abcdef" for letter in id[4:]):
        raise NotFound("there is no such recording", code="no_media")
    return f"{tenant}/{id}/{blob}"


def read_folder(folder: str) -> tuple[TenantId, str]:
    tenant, _, id = folder.partition("/")
    return TenantId(int(tenant)), id
