"""The tables of the border."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, SmallInteger, Text, text
from sqlmodel import Field, SQLModel

from hub.adapters.db.columns import Moment
from hub.adapters.db.tables import metadata


def _part(kind: Any = None) -> Any:
    if kind is not None:
        return Field(primary_key=True, sa_type=kind)
    return Field(primary_key=True, sa_column_kwargs={"autoincrement": False})


class BorderPersonRow(SQLModel, table=True):
    """A person whose data went to a region in a year; `person` is an opaque id. Region `*`: to any."""

    __tablename__ = "border_person"
    __table_args__ = (Index("border_person_year", "year"),)
    tenant_id: int = _part()
    year: int = _part()
    person: str = _part(Text)
    region: str = _part(Text)
    data_class: int = Field(sa_type=SmallInteger)
    first_at: datetime = Field(sa_type=Moment)


class BorderTallyRow(SQLModel, table=True):
    """How many there are, so that nobody has to count."""

    __tablename__ = "border_tally"
    tenant_id: int = _part()
    year: int = _part()
    region: str = _part(Text)
    persons: int = Field(sa_column_kwargs={"server_default": text("0")})
    personal: int = Field(sa_column_kwargs={"server_default": text("0")})
    sensitive: int = Field(sa_column_kwargs={"server_default": text("0")})


class BorderUnderWayRow(SQLModel, table=True):
    """A try that takes a person's data abroad where there is a limit, from before it begins until it is recorded."""

    __tablename__ = "border_under_way"
    __table_args__ = (
        Index("border_under_way_place", "tenant_id", "year", "person"),
        Index("border_under_way_until", "until"),
    )
    delivery_id: int = _part(BigInteger)
    run_lease: int = _part(BigInteger)
    tenant_id: int
    year: int
    region: str = Field(sa_type=Text)
    person: str = Field(sa_type=Text)
    data_class: int = Field(sa_type=SmallInteger)
    until: datetime = Field(sa_type=Moment)


class BorderPolicyRow(SQLModel, table=True):
    """What a tenant says of its border."""

    __tablename__ = "border_policy"
    tenant_id: int = _part()
    body: dict[str, Any] = Field(sa_type=JSON)


PERSON = metadata.tables["border_person"]
TALLY = metadata.tables["border_tally"]
UNDER_WAY = metadata.tables["border_under_way"]
POLICY = metadata.tables["border_policy"]
