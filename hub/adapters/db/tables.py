"""The tables. Hot ones (event to delivery_done) are written by `statements_*`, the others through Core."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Float,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlmodel import Field, SQLModel

from hub.adapters.db.columns import EventKey, Moment, Number

LIVE_HEAD = "okey IS NOT NULL AND state IN (0, 1)"
HOT: Mapping[str, Any] = {  # rows live for seconds: leave room for in-place updates and vacuum early
    "fillfactor": 70,
    "autovacuum_vacuum_scale_factor": 0.01,
    "autovacuum_vacuum_threshold": 1000,
    "autovacuum_vacuum_cost_delay": 0,
}


def _where(condition: str) -> dict[str, Any]:
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}


def _id(*args: Any, **options: Any) -> Any:
    return Field(default=None, primary_key=True, sa_type=Number, sa_column_args=args, **options)


class EventRow(SQLModel, table=True):
    """An event without its body; free of personal data."""

    __tablename__ = "event"
    __table_args__ = (
        Index("event_tenant", "tenant_id", "id"),
        Index("event_type", "tenant_id", "type", "id"),
        Index("event_subject", "tenant_id", "subject", "id", **_where("subject IS NOT NULL")),
    )
    id: str = Field(primary_key=True, sa_type=EventKey)
    tenant_id: int
    type: str = Field(sa_type=Text)
    version: int
    source: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text)
    subject: str | None = Field(sa_type=Text)
    occurred_at: datetime = Field(sa_type=Moment)
    received_at: datetime = Field(sa_type=Moment)
    request_hash: bytes = Field(sa_type=LargeBinary)
    cause_event: str | None = Field(sa_type=EventKey)
    cause_delivery: int | None = Field(sa_type=Number)
    depth: int = Field(sa_type=SmallInteger, sa_column_kwargs={"server_default": text("0")})
    traceparent: str | None = Field(sa_type=Text)


class EventBodyRow(SQLModel, table=True):
    """The sealed data of an event, and what the rules said of it, apart so that lists stay small.

    `verdicts`: a JSON list of [revision, verdict, how, failing clause ids...].
    """

    __tablename__ = "event_body"
    event_id: str = Field(primary_key=True, sa_type=EventKey)
    body: bytes = Field(sa_type=LargeBinary)
    verdicts: str | None = Field(sa_type=Text)


class IdempotencyRow(SQLModel, table=True):
    """Which event an identity belongs to. `identity` is SHA-256 over source and key: of one length, whatever they are."""

    __tablename__ = "idempotency"
    __table_args__ = (Index("idempotency_expiry", "expires_at", **_where("expires_at IS NOT NULL")),)
    tenant_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    identity: bytes = Field(primary_key=True, sa_type=LargeBinary)
    event_id: str = Field(sa_type=EventKey)
    request_hash: bytes = Field(sa_type=LargeBinary)
    expires_at: datetime | None = Field(sa_type=Moment)


class DeliveryRow(SQLModel, table=True):
    """A live delivery: small, hot, deleted at its end.

    `held_for_lane`: HELD until its connection is active again; `held_for_stop`: by the kill switch;
    `held_for_consent`: until the candidate agrees (purpose and candidate); `held_for_border`: at the border, and why.
    `crashes`: claims in a row without a word.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        Index("delivery_lane", "dest_id", "due_at", "id", **_where("state = 0")),
        Index("delivery_lease", "lease_until", **_where("state = 1")),
        Index("delivery_head", "dest_id", "okey", unique=True, **_where(LIVE_HEAD)),
        Index("delivery_wait", "dest_id", "okey", "id", **_where("state = 3")),
        Index("delivery_event", "event_id"),
        Index("delivery_expiry", "expires_at", **_where("expires_at IS NOT NULL")),
        Index("delivery_consent", "tenant_id", "held_for_consent", **_where("held_for_consent IS NOT NULL")),
        Index("delivery_border", "tenant_id", "dest_id", "held_for_border", **_where("held_for_border IS NOT NULL")),
        Index("delivery_replay", "replay_of", **_where("replay_of IS NOT NULL")),
        {"sqlite_autoincrement": True, "postgresql_with": HOT},
    )
    id: int | None = _id(Identity(always=False))
    event_id: str = Field(sa_type=EventKey)
    received_at: datetime = Field(sa_type=Moment)
    tenant_id: int
    dest_id: int = Field(sa_type=Number)
    revision_id: int | None = Field(sa_type=Number)
    step: str = Field(sa_type=Text)
    okey: str | None = Field(sa_type=Text)
    state: int = Field(sa_type=SmallInteger)
    attempt: int = Field(sa_type=SmallInteger, sa_column_kwargs={"server_default": text("0")})
    deferrals: int = Field(sa_type=SmallInteger, sa_column_kwargs={"server_default": text("0")})
    run_lease: int = Field(sa_type=Number, sa_column_kwargs={"server_default": text("0")})
    due_at: datetime = Field(sa_type=Moment)
    expires_at: datetime | None = Field(sa_type=Moment)
    lease_until: datetime | None = Field(sa_type=Moment)
    lease_token: str | None = Field(sa_type=Text)
    replay_of: int | None = Field(sa_type=Number)
    again: bool = Field(sa_column_kwargs={"server_default": false()})
    held_for_lane: bool = Field(sa_column_kwargs={"server_default": false()})
    held_for_stop: bool = Field(sa_column_kwargs={"server_default": false()})
    merge: str | None = Field(sa_type=Text)
    held_for_consent: str | None = Field(sa_type=Text)
    crashes: int = Field(sa_type=SmallInteger, sa_column_kwargs={"server_default": text("0")})
    held_for_border: str | None = Field(sa_type=Text)


class AttemptRow(SQLModel, table=True):
    """One try; appended, never changed. On PostgreSQL in partitions by `started_at`, without a key: see `partitions`."""

    __tablename__ = "attempt"
    __table_args__ = (
        Index("attempt_delivery", "delivery_id", "id"),
        Index("attempt_lane", "dest_id", "started_at"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = _id(Identity(always=False))
    delivery_id: int = Field(sa_type=Number)
    event_id: str = Field(sa_type=EventKey)
    dest_id: int = Field(sa_type=Number)
    tenant_id: int
    run_lease: int = Field(sa_type=Number)
    number: int = Field(sa_type=SmallInteger)
    started_at: datetime = Field(sa_type=Moment)
    took_ms: int
    outcome: str = Field(sa_type=Text)
    status: int | None
    error: str | None = Field(sa_type=Text)
    talk: bytes | None = Field(sa_type=LargeBinary)
    detail: str | None = Field(sa_type=Text)  # JSON, as it is written


class DeliveryDoneRow(SQLModel, table=True):
    """A delivery that ended; appended, never changed."""

    __tablename__ = "delivery_done"
    __table_args__ = (
        Index("delivery_done_tenant", "tenant_id", "final", "delivery_id"),
        Index("delivery_done_lane", "dest_id", "delivery_id"),
        Index("delivery_done_event", "event_id"),
        Index("delivery_done_replay", "replay_of", **_where("replay_of IS NOT NULL")),
    )
    delivery_id: int = Field(primary_key=True, sa_type=Number, sa_column_kwargs={"autoincrement": False})
    event_id: str = Field(sa_type=EventKey)
    tenant_id: int
    dest_id: int = Field(sa_type=Number)
    revision_id: int | None = Field(sa_type=Number)
    step: str = Field(sa_type=Text)
    okey: str | None = Field(sa_type=Text)
    final: str = Field(sa_type=Text)
    attempts: int = Field(sa_type=SmallInteger)
    reference: str | None = Field(sa_type=Text)
    received_at: datetime = Field(sa_type=Moment)
    finished_at: datetime = Field(sa_type=Moment)
    replay_of: int | None = Field(sa_type=Number)
    again: bool
    error: str | None = Field(sa_type=Text)


class RefRow(SQLModel, table=True):
    """An external id at a connection, and the newest delivery that taught it. No subject is the empty text."""

    __tablename__ = "ref"
    __table_args__ = (Index("ref_external", "connection_id", "object", "external_id", "delivery_id"),)
    connection_id: int = Field(primary_key=True, sa_type=Number, sa_column_kwargs={"autoincrement": False})
    subject: str = Field(primary_key=True, sa_type=Text)
    object: str = Field(primary_key=True, sa_type=Text)
    external_id: str = Field(primary_key=True, sa_type=Text)
    tenant_id: int
    delivery_id: int = Field(sa_type=Number)
    event_id: str = Field(sa_type=EventKey)


class ConnectionRow(SQLModel, table=True):
    """A configured link to a vendor."""

    __tablename__ = "connection"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name", name="connection_name"),
        UniqueConstraint("handle", name="connection_handle"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = _id(Identity(always=False))
    tenant_id: int
    name: str = Field(sa_type=Text)
    handle: str = Field(sa_type=Text)
    connector: str = Field(sa_type=Text)
    config: dict[str, Any] = Field(sa_type=JSON)
    secrets: bytes | None = Field(sa_type=LargeBinary)


class DestinationRow(SQLModel, table=True):
    """The lane of a connection: its limits and its state at run time. The id is the connection's."""

    __tablename__ = "destination"
    id: int = Field(
        primary_key=True,
        sa_type=Number,
        sa_column_args=(ForeignKey("connection.id", name="destination_connection"),),
        sa_column_kwargs={"autoincrement": False},
    )
    tenant_id: int
    concurrency: int
    rate: float | None = Field(sa_type=Float)
    ordering: str = Field(sa_type=Text)
    timeout_s: float = Field(sa_type=Float)
    state: str = Field(sa_type=Text)
    held_until: datetime | None = Field(sa_type=Moment)
    policy: str = Field(sa_type=Text, sa_column_kwargs={"server_default": text("'{}'")})  # JSON
    tokens: float | None = Field(sa_type=Float)
    tokens_at: datetime | None = Field(sa_type=Moment)
    opens: int = Field(sa_column_kwargs={"server_default": text("0")})
    failing_since: datetime | None = Field(sa_type=Moment)
    alarmed: int = Field(sa_type=SmallInteger, sa_column_kwargs={"server_default": text("0")})


class MappingRow(SQLModel, table=True):
    """A tenant's own mapping; a version never changes."""

    __tablename__ = "mapping"
    tenant_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    name: str = Field(primary_key=True, sa_type=Text)
    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    body: dict[str, Any] = Field(sa_type=JSON)
    created_at: datetime = Field(sa_type=Moment)


class ApiTokenRow(SQLModel, table=True):
    """An API token without its secret."""

    __tablename__ = "api_token"
    __table_args__ = (
        UniqueConstraint("hash", name="api_token_hash"),
        Index("api_token_tenant", "tenant_id"),
        Index("api_token_account", "tenant_id", "account", **_where("account IS NOT NULL")),
    )
    id: str = Field(primary_key=True, sa_type=Text)
    tenant_id: int
    name: str = Field(sa_type=Text)
    hash: bytes = Field(sa_type=LargeBinary)
    scopes: list[str] = Field(sa_type=JSON)
    created_at: datetime = Field(sa_type=Moment)
    expires_at: datetime | None = Field(sa_type=Moment)
    revoked_at: datetime | None = Field(sa_type=Moment)
    account: str | None = Field(sa_type=Text)
    audience: str | None = Field(sa_type=Text)
    clearance: int = Field(sa_column_kwargs={"server_default": text("4")})


class AssessmentOrderRow(SQLModel, table=True):
    """An assessment that an ATS ordered from us."""

    __tablename__ = "assessment_order"
    __table_args__ = (Index("assessment_order_subject", "tenant_id", "subject", "created_at"),)
    id: str = Field(primary_key=True, sa_type=Text)
    tenant_id: int
    connection_id: int = Field(sa_type=Number)
    package: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    body: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)


class ConsentRow(SQLModel, table=True):
    """What a candidate said of a purpose; appended, never changed but for the key of its evidence."""

    __tablename__ = "consent"
    __table_args__ = (
        Index("consent_subject", "tenant_id", "subject", "purpose", "at"),
        Index("consent_at", "at"),
    )
    id: str = Field(primary_key=True, sa_type=Text)
    tenant_id: int
    subject: str = Field(sa_type=Text)
    purpose: str = Field(sa_type=Text)
    given: bool
    at: datetime = Field(sa_type=Moment)
    recorded_at: datetime = Field(sa_type=Moment)
    source: str = Field(sa_type=Text)
    text_version: str | None = Field(sa_type=Text)
    locale: str | None = Field(sa_type=Text)
    expires_at: datetime | None = Field(sa_type=Moment)
    evidence: bytes | None = Field(sa_type=LargeBinary)


class CandidateLookupRow(SQLModel, table=True):
    """By which values a candidate is found: 16 bytes of an HMAC of each, and the key that made them."""

    __tablename__ = "candidate_lookup"
    __table_args__ = (Index("candidate_lookup_subject", "tenant_id", "subject"), {"sqlite_with_rowid": False})
    tenant_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    blind: bytes = Field(primary_key=True, sa_type=LargeBinary)
    subject: str = Field(primary_key=True, sa_type=Text)
    key: bytes = Field(sa_type=LargeBinary)


class RoleLeaseRow(SQLModel, table=True):
    """Who holds a role that only one process may hold."""

    __tablename__ = "role_lease"
    role: str = Field(primary_key=True, sa_type=Text)
    owner: str = Field(sa_type=Text)
    until: datetime = Field(sa_type=Moment)


class RateBucketRow(SQLModel, table=True):
    """How full a caller's limit was, and when."""

    __tablename__ = "rate_bucket"
    __table_args__ = (Index("rate_bucket_at", "at"),)
    key: str = Field(primary_key=True, sa_type=Text)
    level: float = Field(sa_type=Float)
    at: datetime = Field(sa_type=Moment)


class SettingRow(SQLModel, table=True):
    """Numbers about the store itself, such as `config_version`."""

    __tablename__ = "setting"
    name: str = Field(primary_key=True, sa_type=Text)
    value: int = Field(sa_type=Number)


metadata = SQLModel.metadata
