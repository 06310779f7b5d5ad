"""The tables of runs: rules under way, what they ran once for, tags, business hours."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Identity, Index, Text
from sqlmodel import Field, SQLModel

from hub.adapters.db.columns import EventKey, Moment, Number
from hub.adapters.db.tables import _id, _where, metadata


class RunRow(SQLModel, table=True):
    """A rule under way. `due_at` says when it must be looked at; rows without it wait for a person or have ended."""

    __tablename__ = "run"
    __table_args__ = (
        Index("run_due", "due_at", "id", **_where("due_at IS NOT NULL")),
        Index("run_awaits", "tenant_id", "subject", "awaits", **_where("awaits IS NOT NULL")),
        Index("run_tenant", "tenant_id", "id"),
        Index("run_subject", "tenant_id", "subject", "id", **_where("subject IS NOT NULL")),
        Index("run_begun", "rule_id", "began_at", **_where("began_at IS NOT NULL")),
        Index("run_live", "state", "changed_at", **_where("state IN ('ready', 'waiting', 'gate', 'held')")),
        Index("run_at", "at_event", **_where("state IN ('ready', 'waiting', 'gate', 'held')")),
        Index("run_firing", "event_id", "rule_id", unique=True),
        {"sqlite_autoincrement": True},
    )
    id: int | None = _id(Identity(always=False))
    tenant_id: int
    rule_id: int = Field(sa_type=Number)
    revision_id: int = Field(sa_type=Number)
    event_id: str = Field(sa_type=EventKey)
    at_event: str = Field(sa_type=EventKey)
    subject: str | None = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Moment)
    changed_at: datetime = Field(sa_type=Moment)
    due_at: datetime | None = Field(sa_type=Moment)
    step: str | None = Field(sa_type=Text)
    awaits: str | None = Field(sa_type=Text)
    until: datetime | None = Field(sa_type=Moment)
    reason: str | None = Field(sa_type=Text)
    answer: str | None = Field(sa_type=Text)
    met: list[str] = Field(sa_type=JSON)
    began_at: datetime | None = Field(sa_type=Moment)


class RunOnceRow(SQLModel, table=True):
    """What a rule has run for. `key` is SHA-256 over the parts, in hex."""

    __tablename__ = "run_once"
    __table_args__ = (Index("run_once_run", "run_id"),)
    rule_id: int = Field(primary_key=True, sa_type=Number, sa_column_kwargs={"autoincrement": False})
    key: str = Field(primary_key=True, sa_type=Text)
    run_id: int = Field(sa_type=Number)


class CandidateTagRow(SQLModel, table=True):
    """A word that a rule put on a candidate."""

    __tablename__ = "candidate_tag"
    tenant_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    subject: str = Field(primary_key=True, sa_type=Text)
    tag: str = Field(primary_key=True, sa_type=Text)
    run_id: int = Field(sa_type=Number)
    at: datetime = Field(sa_type=Moment)


class TagChangeRow(SQLModel, table=True):
    """A word was put on a candidate or taken off; appended, never changed: so that the past can be asked."""

    __tablename__ = "tag_change"
    __table_args__ = (Index("tag_change_subject", "tenant_id", "subject", "id"), {"sqlite_autoincrement": True})
    id: int | None = _id(Identity(always=False))
    tenant_id: int
    subject: str = Field(sa_type=Text)
    tag: str = Field(sa_type=Text)
    put: bool
    run_id: int = Field(sa_type=Number)
    at: datetime = Field(sa_type=Moment)


class BusinessCalendarRow(SQLModel, table=True):
    """The business hours of a tenant, as configured."""

    __tablename__ = "business_calendar"
    tenant_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    body: dict[str, Any] = Field(sa_type=JSON)


RUN = metadata.tables["run"]
ONCE = metadata.tables["run_once"]
TAG = metadata.tables["candidate_tag"]
TAG_CHANGE = metadata.tables["tag_change"]
CALENDAR = metadata.tables["business_calendar"]
