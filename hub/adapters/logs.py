"""Structured log lines: one object a line, closed to personal data, secrets and forged lines."""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from typing import TextIO
from uuid import UUID

import orjson

from hub.domain.errors import HubError, Invalid
from hub.domain.private import Personal, Secret

ATTEMPT = "delivery.attempted"
ATTEMPT_FIELDS = (
    *("tenant", "delivery", "event", "event_type", "connector", "connector_version", "connection", "operation"),
    *("step", "revision", "mapping", "attempt", "outcome", "status", "error", "next", "took_ms", "replay_of"),
    *("waited_ms", "prepare_ms", "vendor_ms"),
)
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

_HIDDEN = "***"
_TEXT_CAP, _ITEM_CAP, _FRAME_CAP = 500, 20, 8
_OWN = ("at", "level", "msg", "logger", "where", "exception", "dropped")
_CHATTY = ("apscheduler", "aiosqlite", "asyncio", "alembic")
# Whatever a viewer may take for a new line, a command or a change of direction; and halves of characters.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,60}")
_PLAIN = re.compile(r"[\w.:/@+-]+")
_Fields = Mapping[str, object]


class Lines:
    """Writes our own lines. Only these carry fields; a record of anybody else is cut down to what is surely harmless."""

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger("hirewire")

    def attempt(self, fields: _Fields) -> None:
        """The wide line of one try: always the same fields, null where not known. Others are dropped, by name."""
        level = logging.INFO if fields.get("outcome") == "delivered" else logging.WARNING
        if self._logger.isEnabledFor(level):
            wide: dict[str, object] = {name: fields.get(name) for name in ATTEMPT_FIELDS}
            if strangers := fields.keys() - wide.keys():
                wide |= {name: object() for name in sorted(strangers)}
            self._write(level, ATTEMPT, wide, None)

    def note(self, event: str, fields: _Fields, error: BaseException | None = None) -> None:
        """Any other line; one that has a code or an error is a warning."""
        troubled = error is not None or "code" in fields or "error" in fields
        level = logging.WARNING if troubled else logging.INFO
        if self._logger.isEnabledFor(level):
            self._write(level, event, fields, error)

    def _write(self, level: int, event: str, fields: _Fields, error: BaseException | None) -> None:
        """Without the place it was called at, which such a line does not tell and which costs more than the line."""
        told = None if error is None else (type(error), error, error.__traceback__)
        record = logging.LogRecord(self._logger.name, level, "", 0, event, (), told)
        record.hirewire = fields
        self._logger.handle(record)


def configure(level: str = "info", format: str = "json", stream: TextIO | None = None) -> None:
    """Make every logger of the process write such lines to `stream` (standard error).

    `level` is one of LEVELS, `format` is json or text. Raises Invalid.
    """
    if level not in LEVELS:
        raise Invalid(f"log level must be one of {', '.join(LEVELS)}", code="bad_log_level")
    if format not in ("json", "text"):
        raise Invalid("log format must be json or text", code="bad_log_format")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if format == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(LEVELS[level], logging.WARNING))


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return orjson.dumps(content(record)).decode()


class TextLines(logging.Formatter):
    """The same for a person: time, level, message, then name=value."""

    def format(self, record: logging.LogRecord) -> str:
        line = content(record)
        head = f"{line.pop('at')} {str(line.pop('level')).upper():7} {line.pop('msg')}"
        return " ".join([head, *(f"{name}={_word(value)}" for name, value in line.items() if value is not None)])


def content(record: logging.LogRecord) -> dict[str, object]:
    """What a record may say.

    Ours: its name and fields. Anybody else's: logger, place and the first line of the unfilled template, because its
    arguments may be anything. Exceptions: class, code and frames; the words only where they are ours.
    """
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line: dict[str, object] = {"at": at, "level": record.levelname.lower()}
    fields = getattr(record, "hirewire", None)
    template = record.msg if isinstance(record.msg, str) else ""
    if isinstance(fields, Mapping):
        line["msg"] = _clean(template)
        dropped = _fill(line, fields)
        if dropped:
            line["dropped"] = dropped
    else:
        line["msg"] = _clean((template.splitlines() or [""])[0])
        line["logger"] = _clean(record.name)
        line["where"] = _clean(f"{record.module}:{record.lineno}")
    if record.exc_info and record.exc_info[1] is not None:
        line["exception"] = described(record.exc_info[1])
    return line


def described(error: BaseException) -> dict[str, object]:
    """An exception without its words, which may quote anything; those of a HubError are written to be shown."""
    shown: dict[str, object] = {"class": _class(error)}
    if isinstance(error, HubError):
        shown |= {"code": _clean(error.code), "message": _clean(str(error))}
    frames = traceback.extract_tb(error.__traceback__)[-_FRAME_CAP:]
    shown["at"] = [_clean(f"{'/'.join(PurePath(f.filename).parts[-3:])}:{f.lineno} {f.name}") for f in frames]
    parts = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    if parts:
        shown["parts"] = [_class(part) for part in parts[:_ITEM_CAP]]
    causes: list[str] = []
    cause = error.__cause__
    while cause is not None and len(causes) < _FRAME_CAP:
        causes.append(_class(cause))
        cause = cause.__cause__
    if causes:
        shown["causes"] = causes
    return shown


def _class(error: BaseException) -> str:
    return _clean(f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins."))


def _fill(line: dict[str, object], fields: Mapping[object, object]) -> list[str]:
    """Put what may be shown into the line; the names of what may not, `?` for one that is no name."""
    dropped = []
    for name, value in fields.items():
        key = _key(name)
        shown = _shown(value)
        if shown is _DROP or key in _OWN or key == "?":
            dropped.append(key)
        else:
            line[key] = shown
    return dropped


@lru_cache(maxsize=1024)
def _key(name: object) -> str:
    """The name of a field, `?` for one that is none."""
    return name if isinstance(name, str) and _NAME.fullmatch(name) else "?"


class _Drop:
    """Marks what is not shown."""


_DROP = _Drop()


def _shown(value: object, *, nested: bool = False) -> object:
    """The value as plain JSON data, or _DROP. An unknown object is never asked for its own words."""
    if type(value) is str:  # nearly all are: the order below is long
        return _clean(value)
    match value:
        case None | bool():
            return value
        case Secret() | Personal():
            return _HIDDEN
        case Enum():
            return _shown(value.value, nested=nested)
        case str():
            return _clean(value)
        case int():
            return int(value) if -(2**63) <= value < 2**64 else _DROP
        case float():
            return float(value)
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal() | UUID():
            return _clean(str(value))
        case list() | tuple() | set() | frozenset() if not nested:
            return _kept_list(value)
        case Mapping() if not nested:
            return _kept_mapping(value)
        case _:
            return _DROP


def _kept_list(values: list[object] | tuple[object, ...] | set[object] | frozenset[object]) -> list[object]:
    shown = (_shown(value, nested=True) for value in list(values)[:_ITEM_CAP])
    return [item for item in shown if item is not _DROP]


def _kept_mapping(values: Mapping[object, object]) -> dict[str, object]:
    pairs = ((key, _shown(value, nested=True)) for key, value in list(values.items())[:_ITEM_CAP])
    return {_clean(key): item for key, item in pairs if isinstance(key, str) and item is not _DROP}


def _clean(text: str) -> str:
    """Capped, and on one line whatever reads it."""
    cut = text[:_TEXT_CAP]
    if cut.isascii() and cut.isprintable():
        return cut
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", cut)


def _word(value: object) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return orjson.dumps(value).decode()
