"""The tables of the audit trail: acts in chains, the ends of the chains, signing keys."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, SmallInteger, Text
from sqlmodel import Field, SQLModel

from hub.adapters.db.columns import Moment, Number
from hub.adapters.db.tables import metadata


class ActRow(SQLModel, table=True):
    """One act of somebody, in its tenant's chain."""

    __tablename__ = "act"
    __table_args__ = (Index("act_object", "tenant_id", "object", "seq"),)
    tenant_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = Field(primary_key=True, sa_type=Number, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=Moment)
    actor: str = Field(sa_type=Text)
    action: str = Field(sa_type=Text)
    object: str = Field(sa_type=Text)
    detail: dict[str, Any] = Field(sa_type=JSON)
    outcome: str = Field(sa_type=Text)
    origin: str = Field(sa_type=Text)
    purpose: str | None = Field(sa_type=Text)
    grade: int = Field(sa_type=SmallInteger)
    before: bytes = Field(sa_type=LargeBinary)
    hash: bytes = Field(sa_type=LargeBinary)


class ActChainRow(SQLModel, table=True):
    """Where a tenant's chain begins and ends; the row is locked while acts are appended."""

    __tablename__ = "act_chain"
    tenant_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = Field(sa_type=Number)
    hash: bytes = Field(sa_type=LargeBinary)
    floor: int = Field(sa_type=Number)
    floor_hash: bytes = Field(sa_type=LargeBinary)
    signed: int = Field(sa_type=Number)


class SigningKeyRow(SQLModel, table=True):
    """A tenant's signing key, the private half sealed."""

    __tablename__ = "signing_key"
    id: str = Field(primary_key=True, sa_type=Text)
    tenant_id: int
    public: bytes = Field(sa_type=LargeBinary)
    sealed: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=Moment)


class OwedHeadRow(SQLModel, table=True):
    """A signed head that is still to be told elsewhere."""

    __tablename__ = "owed_head"
    tenant_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = Field(primary_key=True, sa_type=Number, sa_column_kwargs={"autoincrement": False})
    body: str = Field(sa_type=Text)
    tries: int
    due_at: datetime = Field(sa_type=Moment)


OWED = metadata.tables["owed_head"]
ACT = metadata.tables["act"]
CHAIN = metadata.tables["act_chain"]
SIGNING = metadata.tables["signing_key"]
