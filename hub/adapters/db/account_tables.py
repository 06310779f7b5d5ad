"""The tables of people, programs and what lets them in. Column names are the records' own; the key is (tenant, id)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, Table, Text, UniqueConstraint, false, text, true
from sqlmodel import Field, SQLModel

from hub.adapters.db.columns import Moment, Number
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
    __table_args__ = (Index("sign_in_provider_id", "id", unique=True),)
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
    sealed: bytes | None = Field(sa_type=LargeBinary)
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


class LegalHoldRow(SQLModel, table=True):
    """Nothing of this person is removed."""

    __tablename__ = "legal_hold"
    __table_args__ = (
        Index("legal_hold_subject", "tenant_id", "subject", **_where("state IN ('asked', 'in_force', 'lift_asked')")),
    )
    tenant_id: int = _tenant()
    id: str = _key()
    subject: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    sealed: bytes = Field(sa_type=LargeBinary)
    asked_by: str = Field(sa_type=Text)
    asked_at: datetime = Field(sa_type=Moment)
    decided_by: str | None = Field(sa_type=Text)
    decided_at: datetime | None = Field(sa_type=Moment)
    lift_asked_by: str | None = Field(sa_type=Text)
    lift_asked_at: datetime | None = Field(sa_type=Moment)
    lifted_by: str | None = Field(sa_type=Text)
    lifted_at: datetime | None = Field(sa_type=Moment)
    version: int = _version()


class ErasureRow(SQLModel, table=True):
    """One person's erasure; stays for good."""

    __tablename__ = "erasure"
    __table_args__ = (
        Index("erasure_subject", "tenant_id", "subject"),
        Index("erasure_closed", "subject", "tenant_id", unique=True, **_where("closed")),
        Index("erasure_running", "approved_at", **_where("state IN ('stopping', 'destroying', 'clearing', 'telling')")),
    )
    tenant_id: int = _tenant()
    id: str = _key()
    subject: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    sealed: bytes = Field(sa_type=LargeBinary)
    digest: str = Field(sa_type=Text)
    asked_by: str = Field(sa_type=Text)
    asked_at: datetime = Field(sa_type=Moment)
    approved_by: list[str] = Field(sa_type=JSON)
    approved_at: datetime | None = Field(sa_type=Moment)
    closed: bool = Field(sa_column_kwargs={"server_default": false()})
    event: str | None = Field(sa_type=Text)
    keys: list[str] = Field(sa_type=JSON)
    receipt: str | None = Field(sa_type=Text)
    destroyed_at: datetime | None = Field(sa_type=Moment)
    counts: dict[str, Any] = Field(sa_type=JSON)
    cleared_at: datetime | None = Field(sa_type=Moment)
    done_at: datetime | None = Field(sa_type=Moment)
    reopened_at: datetime | None = Field(sa_type=Moment)
    version: int = _version()


class NoticeRow(SQLModel, table=True):
    """A connection that has the person, told to erase."""

    __tablename__ = "erasure_notice"
    __table_args__ = (
        Index("erasure_notice_erasure", "tenant_id", "erasure"),
        Index("erasure_notice_open", "created_at", **_where("state = 'open'")),
    )
    tenant_id: int = _tenant()
    id: str = _key()
    erasure: str = Field(sa_type=Text)
    connection: int = Field(sa_type=Number)
    name: str = Field(sa_type=Text)
    connector: str = Field(sa_type=Text)
    operation: str | None = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Moment)
    sealed: bytes | None = Field(sa_type=LargeBinary)
    acknowledged_at: datetime | None = Field(sa_type=Moment)
    acknowledged_by: str | None = Field(sa_type=Text)
    reference: str | None = Field(sa_type=Text)
    version: int = _version()


class ViewRow(SQLModel, table=True):
    """Somebody watches a recording."""

    __tablename__ = "media_view"
    __table_args__ = (
        Index("media_view_viewer", "tenant_id", "viewer", "id"),
        Index("media_view_media", "tenant_id", "media", "id"),
        Index("media_view_ends", "ends_at"),
    )
    tenant_id: int = _tenant()
    id: str = _key()
    viewer: str = Field(sa_type=Text)
    media: str = Field(sa_type=Text)
    subject: str | None = Field(sa_type=Text)
    purpose: str | None = Field(sa_type=Text)
    bound_to: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    opened_at: datetime = Field(sa_type=Moment)
    seen_at: datetime = Field(sa_type=Moment)
    ends_at: datetime = Field(sa_type=Moment)
    position_s: int = Field(sa_column_kwargs={"server_default": text("0")})
    marks: int = Field(sa_column_kwargs={"server_default": text("0")})
    reads: int = Field(sa_column_kwargs={"server_default": text("0")})
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
    accounts.LegalHold: metadata.tables["legal_hold"],
    accounts.Erasure: metadata.tables["erasure"],
    accounts.Notice: metadata.tables["erasure_notice"],
    accounts.View: metadata.tables["media_view"],
}
