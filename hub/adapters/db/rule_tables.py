"""The tables of rules and their life, and of replays of many."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Identity, Index, Text, UniqueConstraint, false
from sqlmodel import Field, SQLModel

from hub.adapters.db.columns import EventKey, Moment, Number
from hub.adapters.db.tables import _id, _where, metadata


class ReplayJobRow(SQLModel, table=True):
    """A replay of many deliveries, as far as it has come. `cursor`: what was looked at last."""

    __tablename__ = "replay_job"
    __table_args__ = (Index("replay_job_tenant", "tenant_id", "id"), {"sqlite_autoincrement": True})
    id: int | None = _id(Identity(always=False))
    tenant_id: int
    wanted: dict[str, Any] = Field(sa_type=JSON)
    state: str = Field(sa_type=Text)
    total: int
    done: int
    skipped: int
    cursor: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Moment)
    created_by: str = Field(sa_type=Text)
    finished_at: datetime | None = Field(sa_type=Moment)


class RuleRow(SQLModel, table=True):
    """A named rule. `current_id` is the revision in force, or paused; `observed`: live, but only told.

    `beside_id` is a revision that is told beside the one in force, since `beside_since`.
    """

    __tablename__ = "rule"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name", name="rule_name"),
        CheckConstraint("state IN ('draft', 'live', 'paused')", name="rule_state"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = _id(Identity(always=False))
    tenant_id: int
    name: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    current_id: int | None = Field(sa_type=Number)
    observed: bool = Field(sa_column_kwargs={"server_default": false()})
    beside_id: int | None = Field(sa_type=Number)
    beside_since: datetime | None = Field(sa_type=Moment)


class RuleRevisionRow(SQLModel, table=True):
    """An immutable revision of a rule; the one with the highest number is the latest."""

    __tablename__ = "rule_revision"
    __table_args__ = (
        UniqueConstraint("rule_id", "number", name="rule_revision_number"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = _id(Identity(always=False))
    rule_id: int = Field(sa_type=Number, sa_column_args=(ForeignKey("rule.id", name="rule_revision_rule"),))
    number: int
    body: dict[str, Any] = Field(sa_type=JSON)
    created_at: datetime = Field(sa_type=Moment)
    created_by: str = Field(sa_type=Text)
    reason: str | None = Field(sa_type=Text)


class RuleReviewRow(SQLModel, table=True):
    """One act of a review; appended, never changed."""

    __tablename__ = "rule_review"
    __table_args__ = (Index("rule_review_rule", "rule_id", "id"), {"sqlite_autoincrement": True})
    id: int | None = _id(Identity(always=False))
    rule_id: int = Field(sa_type=Number)
    revision_id: int = Field(sa_type=Number)
    act: str = Field(sa_type=Text)
    actor: str = Field(sa_type=Text)
    reason: str | None = Field(sa_type=Text)
    at: datetime = Field(sa_type=Moment)


class ObservationRow(SQLModel, table=True):
    """A revision would have acted on an event, and could not; or, with `versus`, was told beside the one in force.

    `versus`: `both`, `newly`, `no_longer` (the one in force alone acted).
    """

    __tablename__ = "observation"
    __table_args__ = (Index("observation_event", "event_id"),)
    revision_id: int = Field(primary_key=True, sa_type=Number, sa_column_kwargs={"autoincrement": False})
    event_id: str = Field(primary_key=True, sa_type=EventKey)
    versus: str | None = Field(sa_type=Text)


class BacktestRow(SQLModel, table=True):
    """A rule revision tried on past events: the job and, at its end, the result."""

    __tablename__ = "backtest"
    __table_args__ = (
        Index("backtest_rule", "rule_id", "created_at"),
        Index("backtest_open", "created_at", **_where("state IN ('queued', 'running')")),
    )
    id: str = Field(primary_key=True, sa_type=Text)
    tenant_id: int
    rule_id: int = Field(sa_type=Number)
    revision_id: int = Field(sa_type=Number)
    days: int
    state: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Moment)
    created_by: str = Field(sa_type=Text)
    seen: int
    total: int | None
    result: dict[str, Any] | None = Field(sa_type=JSON)
    finished_at: datetime | None = Field(sa_type=Moment)
    owner: str | None = Field(sa_type=Text)
    lease_until: datetime | None = Field(sa_type=Moment)


REPLAY_JOB = metadata.tables["replay_job"]
RULE = metadata.tables["rule"]
REVISION = metadata.tables["rule_revision"]
REVIEW = metadata.tables["rule_review"]
OBSERVATION = metadata.tables["observation"]
BACKTEST = metadata.tables["backtest"]
