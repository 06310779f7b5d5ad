"""Column types that both databases share: moments, event ids, documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String, Uuid
from sqlalchemy.types import TypeDecorator, TypeEngine

from hub.domain.ids import EventId

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Number = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by INTEGER PRIMARY KEY only


def to_micros(moment: datetime) -> int:
    """Whole microseconds since 1970: what SQLite stores, exact and in order."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The moment in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def to_hex(event: EventId) -> str:
    """The 32 digits of an event id."""
    return event[4:]


def from_uuid(value: UUID | str) -> EventId:
    """The event id of a UUID or of its 32 digits."""
    return EventId("evt_" + (value if isinstance(value, str) else value.hex))


class Moment(TypeDecorator[datetime]):
    """timestamptz on PostgreSQL, INTEGER microseconds on SQLite; always UTC in Python."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        return to_micros(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return from_micros(value) if dialect.name == "sqlite" else value.astimezone(UTC)


class EventKey(TypeDecorator[str]):
    """uuid on PostgreSQL, its 32 digits on SQLite; an EventId in Python."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(32) if dialect.name == "sqlite" else Uuid(as_uuid=True))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return value[4:] if dialect.name == "sqlite" else UUID(value[4:])

    def process_result_value(self, value: Any, _dialect: Dialect) -> str | None:
        return None if value is None else from_uuid(value)
