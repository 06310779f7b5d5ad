"""The tables of keys. They are kept apart from the data in every backup: see docs/decisions/0015."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from hub.adapters.db.columns import Moment, Number

KEY_TABLES = ("data_key", "owner_key", "key_rotation")
PAST: Any = {"postgresql_where": text("state <> 'active'"), "sqlite_where": text("state <> 'active'")}
ACTIVE: Any = {"postgresql_where": text("state = 'active'"), "sqlite_where": text("state = 'active'")}


class DataKeyRow(SQLModel, table=True):
    """A wrapped tenant key; one active key per tenant and class."""

    __tablename__ = "data_key"
    __table_args__ = (
        Index("data_key_active", "tenant_id", "data_class", unique=True, **ACTIVE),
        Index("data_key_tenant", "tenant_id"),
    )
    id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    tenant_id: int
    data_class: str = Field(sa_type=Text)
    parent: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    wrapped: bytes = Field(sa_type=LargeBinary)
    commitment: bytes = Field(sa_type=LargeBinary)


class OwnerKeyRow(SQLModel, table=True):
    """A wrapped key of a person or a connection; one active key per tenant, owner and class."""

    __tablename__ = "owner_key"
    __table_args__ = (
        Index("owner_key_active", "tenant_id", "owner", "data_class", unique=True, **ACTIVE),
        Index("owner_key_past", "tenant_id", "owner", **PAST),
        Index("owner_key_parent", "parent", "id"),
    )
    id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    tenant_id: int
    data_class: str = Field(sa_type=Text)
    parent: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    wrapped: bytes = Field(sa_type=LargeBinary)
    commitment: bytes = Field(sa_type=LargeBinary)
    owner: str = Field(sa_type=Text)
    made_at: datetime | None = Field(sa_type=Moment)  # empty: before there was this column


class KeyRotationRow(SQLModel, table=True):
    """How far the exchange of a key has come."""

    __tablename__ = "key_rotation"
    name: str = Field(primary_key=True, sa_type=Text)
    step: str = Field(sa_type=Text)
    cursor: str = Field(sa_type=Text)
    old: str = Field(sa_type=Text)
    new: str = Field(sa_type=Text)
    moved: int = Field(sa_type=Number)
    started_at: datetime = Field(sa_type=Moment)
    changed_at: datetime = Field(sa_type=Moment)


class KeyNodeRow(SQLModel, table=True):
    """A running process and the root keys it has loaded."""

    __tablename__ = "key_node"
    id: str = Field(primary_key=True, sa_type=Text)
    seen_at: datetime = Field(sa_type=Moment)
    roots: str = Field(sa_type=Text)
    epoch: int = Field(sa_type=Number)
    release: str = Field(sa_type=Text)
