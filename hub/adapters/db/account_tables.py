"""The tables of people, programs and what lets them in. Column names are the records' own; the key is (tenant, id)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, Table, Text, UniqueConstraint, false, text, true
from sqlmodel import Field, SQLModel

from hub.adapters.db.columns import Moment
from hub.adapters.db.tables import _where, metadata
from hub.ports import accounts


def _tenant() -> Any:
    return Field(primary_key=True, sa_column_kwargs={"autoincrement": False})


def _key() -> Any:
    return Field(primary_key=True, sa_type=Text)


def _version() -> Any:
    return Field(sa_column_kwargs={"server_default": text("1")})


class PersonRow(SQLModel, table=True):
    """A named account; whatever names somebody is sealed."""

    __tablename__ = "person"
    __table_args__ = (
        UniqueConstraint("tenant_id", "login", name="person_login"),
        Index("person_external", "tenant_id", "external", **_where("external IS NOT NULL")),
    )
    tenant_id: int = _tenant()
    id: str = _key()
    login: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    clearance: int
    sealed: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=Moment)
    secret: bytes | None = Field(sa_type=LargeBinary)
    secret_at: datetime | None = Field(sa_type=Moment)
    external: str | None = Field(sa_type=Text)
    seen_at: datetime | None = Field(sa_type=Moment)
    version: int = _version()


class FactorRow(SQLModel, table=True):
    """A second factor."""

    __tablename__ = "factor"
    __table_args__ = (Index("factor_person", "tenant_id", "person"),)
    tenant_id: int = _tenant()
    id: str = _key()
    person: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    sealed: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=Moment)
    mark: int = Field(sa_column_kwargs={"server_default": text("0")})
    used: bool = Field(sa_column_kwargs={"server_default": false()})
    version: int = _version()


class SessionRow(SQLModel, table=True):
    """A person signed in; the id is the hash of the cookie."""

    __tablename__ = "session"
    __table_args__ = (
        UniqueConstraint("id", name="session_id"),
        Index("session_person", "tenant_id", "person"),
        Index("session_end", "ends_at"),
    )
    tenant_id: int = _tenant()
    id: str = _key()
    person: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Moment)
    seen_at: datetime = Field(sa_type=Moment)
    ends_at: datetime = Field(sa_type=Moment)
    full: bool
    factors: list[str] = Field(sa_type=JSON)
    stepped_up_at: datetime | None = Field(sa_type=Moment)
    version: int = _version()


class TicketRow(SQLModel, table=True):
    """Something begun that ends with one answer."""

    __tablename__ = "ticket"
    __table_args__ = (UniqueConstraint("id", name="ticket_id"), Index("ticket_end", "ends_at"))
    tenant_id: int = _tenant()
    id: str = _key()
    purpose: str = Field(sa_type=Text)
    person: str | None = Field(sa_type=Text)
    sealed: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=Moment)
    ends_at: datetime = Field(sa_type=Moment)
    tries: int = Field(sa_column_kwargs={"server_default": text("0")})
    version: int = _version()


class ThrottleRow(SQLModel, table=True):
    """Failures of one name or one network."""

    __tablename__ = "throttle"
    __table_args__ = (Index("throttle_end", "ends_at"),)
    tenant_id: int = _tenant()
    id: str = _key()
    failures: int
    since: datetime = Field(sa_type=Moment)
    ends_at: datetime = Field(sa_type=Moment)
    until: datetime | None = Field(sa_type=Moment)
    version: int = _version()


class NodeRow(SQLModel, table=True):
    """A place in the organisation."""

    __tablename__ = "organisation_node"
    __table_args__ = (Index("organisation_node_parent", "tenant_id", "parent"),)
    tenant_id: int = _tenant()
    id: str = _key()
    parent: str | None = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    path: str = Field(sa_type=Text)
    code: str | None = Field(sa_type=Text)
    version: int = _version()


class RoleGrantRow(SQLModel, table=True):
    """A role of a person at a node. No person has two of the three administrators' powers: the index says so."""

    __tablename__ = "role_grant"
    __table_args__ = (
        UniqueConstraint("tenant_id", "person", "role", "path", "origin", name="role_grant_once"),
        Index("role_grant_power", "tenant_id", "person", unique=True, **_where("power IS NOT NULL")),
    )
    tenant_id: int = _tenant()
    id: str = _key()
    person: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    path: str = Field(sa_type=Text)
    granted_by: str = Field(sa_type=Text)
    granted_at: datetime = Field(sa_type=Moment)
    origin: str = Field(sa_type=Text)
    power: str | None = Field(sa_type=Text)
    until: datetime | None = Field(sa_type=Moment)
    candidates: list[str] = Field(sa_type=JSON)
    version: int = _version()


class RequisitionRow(SQLModel, table=True):
    """A job that is hired for, and who works on it."""

    __tablename__ = "requisition"
    tenant_id: int = _tenant()
    id: str = _key()
    path: str = Field(sa_type=Text)
    members: list[str] = Field(sa_type=JSON)
    version: int = _version()


class ServiceAccountRow(SQLModel, table=True):
    """A program that signs in with client credentials; its secret is kept as a hash."""

    __tablename__ = "service_account"
    __table_args__ = (
        UniqueConstraint("id", name="service_account_id"),
        UniqueConstraint("tenant_id", "name", name="service_account_name"),
    )
    tenant_id: int = _tenant()
    id: str = _key()
    name: str = Field(sa_type=Text)
    hash: bytes = Field(sa_type=LargeBinary)
    scopes: list[str] = Field(sa_type=JSON)
    clearance: int
    created_at: datetime = Field(sa_type=Moment)
    created_by: str = Field(sa_type=Text)
    revoked_at: datetime | None = Field(sa_type=Moment)
    version: int = _version()


class ApprovalRow(SQLModel, table=True):
    """A request that a second person decides."""

    __tablename__ = "approval"
    __table_args__ = (Index("approval_state", "tenant_id", "state"), Index("approval_end", "ends_at"))
    tenant_id: int = _tenant()
    id: str = _key()
    action: str = Field(sa_type=Text)
    digest: bytes = Field(sa_type=LargeBinary)
    sealed: bytes = Field(sa_type=LargeBinary)
    proposer: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Moment)
    ends_at: datetime = Field(sa_type=Moment)
    decided_by: str | None = Field(sa_type=Text)
    decided_at: datetime | None = Field(sa_type=Moment)
    version: int = _version()


class ProviderRow(SQLModel, table=True):
    """Somewhere else that people sign in."""

    __tablename__ = "sign_in_provider"
    tenant_id: int = _tenant()
    id: str = _key()
    kind: str = Field(sa_type=Text)
    config: dict[str, Any] = Field(sa_type=JSON)
    sealed: bytes = Field(sa_type=LargeBinary)
    enabled: bool = Field(sa_column_kwargs={"server_default": true()})
    version: int = _version()


class IdentityRow(SQLModel, table=True):
    """Who a provider's account is here."""

    __tablename__ = "outside_identity"
    __table_args__ = (Index("outside_identity_person", "tenant_id", "person"),)
    tenant_id: int = _tenant()
    id: str = _key()
    provider: str = Field(sa_type=Text)
    person: str = Field(sa_type=Text)
    version: int = _version()


class GroupRow(SQLModel, table=True):
    """A group of the company's directory."""

    __tablename__ = "directory_group"
    __table_args__ = (UniqueConstraint("tenant_id", "name", name="directory_group_name"),)
    tenant_id: int = _tenant()
    id: str = _key()
    name: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Moment)
    external: str | None = Field(sa_type=Text)
    members: list[str] = Field(sa_type=JSON)
    role: str | None = Field(sa_type=Text)
    path: str = Field(sa_type=Text)
    version: int = _version()


TABLES: Mapping[type[accounts.Record], Table] = {
    accounts.Person: metadata.tables["person"],
    accounts.Factor: metadata.tables["factor"],
    accounts.Session: metadata.tables["session"],
    accounts.Ticket: metadata.tables["ticket"],
    accounts.Throttle: metadata.tables["throttle"],
    accounts.Node: metadata.tables["organisation_node"],
    accounts.RoleGrant: metadata.tables["role_grant"],
    accounts.Requisition: metadata.tables["requisition"],
    accounts.ServiceAccount: metadata.tables["service_account"],
    accounts.Approval: metadata.tables["approval"],
    accounts.Provider: metadata.tables["sign_in_provider"],
    accounts.Identity: metadata.tables["outside_identity"],
    accounts.Group: metadata.tables["directory_group"],
}
