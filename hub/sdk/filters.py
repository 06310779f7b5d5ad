"""The closed list of filters that a placeholder may name (`default` is part of the placeholder language itself)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from mappings.documents import Json

Filter = Callable[[Json, str | None], Json]

_LATIN = re.compile(r"^[A-Za-z0-9\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff'., -]+$")


def _words(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError("text wanted")
    return value


def _int(value: Json, _: str | None) -> Json:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError("a whole number wanted")
    if not isinstance(value, int | float | str):
        raise TypeError("a whole number wanted")
    return int(value)


def _str(value: Json, _: str | None) -> Json:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError("text or a number wanted")
    return str(value)


def _host(value: Json, _: str | None) -> Json:
    host = urlsplit(_words(value)).hostname
    if not host:
        raise ValueError("an address wanted")
    return host


def _domain(value: Json, _: str | None) -> Json:
    local, at, domain = _words(value).rpartition("@")
    if not (local and at and domain):
        raise ValueError("an e-mail address wanted")
    return domain


def _date(value: Json, _: str | None) -> Json:
    return datetime.fromisoformat(_words(value)).date().isoformat()


def _moment(value: Json, _: str | None) -> Json:
    """`2026-03-04 10:00 (UTC+08:00)`: readable in every language, and nobody has to guess the zone."""
    at = datetime.fromisoformat(_words(value))
    if at.tzinfo is None:
        raise ValueError("a time with its zone wanted")
    return f"{at:%Y-%m-%d %H:%M} ({at.tzname() if at.utcoffset() else 'UTC'})"


def _base64(value: Json, _: str | None) -> Json:
    return base64.b64encode(_words(value).encode()).decode()


def _join(value: Json, argument: str | None) -> Json:
    if not isinstance(value, list):
        raise TypeError("a list wanted")
    return (argument or ", ").join(str(item) for item in value if item is not None)


def _latin(value: Json, _: str | None) -> Json:
    """Left out where it has a character outside ISO 8859-1 letters, digits and `'., -`: a Latin-only system refuses it."""
    text = _words(value)
    return text if _LATIN.match(text) else None


FILTERS: Final[Mapping[str, Filter]] = MappingProxyType(
    {
        "int": _int,
        "str": _str,
        "lower": lambda value, _: _words(value).lower(),
        "upper": lambda value, _: _words(value).upper(),
        "trim": lambda value, _: _words(value).strip(),
        "host": _host,
        "domain": _domain,
        "date": _date,
        "moment": _moment,
        "base64": _base64,
        "join": _join,
        "latin": _latin,
    }
)
