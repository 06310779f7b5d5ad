"""People, programs and what lets them in, as records: every one belongs to a tenant and is changed only as it was seen.

Whatever names a person is sealed; logins and external ids are blind indexes. Secrets are kept as hashes or sealed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol, TypeVar

from hub.domain.ids import TenantId
from hub.ports.subjects import Erasure as Erasure
from hub.ports.subjects import LegalHold as LegalHold
from hub.ports.subjects import Notice as Notice
from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class Person:
    """A named account. `sealed`: who it is; `secret`: its password's hash and those before it, sealed too."""

    unique: ClassVar[tuple[tuple[str, ...], ...]] = (("login",),)
    id: str  # usr_ + hex
    tenant: TenantId
    login: str  # blind index in hex
    state: str  # invited | active | disabled
    clearance: int
    sealed: bytes
    created_at: datetime
    secret: bytes | None = None
    secret_at: datetime | None = None
    external: str | None = None  # blind index of the id that the company's directory gives
    seen_at: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor. `mark`: the last TOTP step, or the authenticator's counter; `used`: a recovery code is gone."""

    unique: ClassVar[tuple[tuple[str, ...], ...]] = ()
    id: str  # fac_ + hex
    tenant: TenantId
    person: str
    kind: str  # totp | webauthn | recovery
    name: str
    sealed: bytes
    created_at: datetime
    mark: int = 0
    used: bool = False
    version: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """A person signed in. `id` is the SHA-256 of the cookie's token in hex. `full`: with a second factor."""

    unique: ClassVar[tuple[tuple[str, ...], ...]] = ()
    id: str
    tenant: TenantId
    person: str
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    full: bool
    factors: tuple[str, ...] = ()
    stepped_up_at: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Ticket:
    """Something begun that ends with one answer: a second step, a ceremony, a sign-in elsewhere, an invitation."""

    unique: ClassVar[tuple[tuple[str, ...], ...]] = ()
    id: str  # SHA-256 of the token in hex
    tenant: TenantId
    purpose: str
    person: str | None
    sealed: bytes
    created_at: datetime
    ends_at: datetime
    tries: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Throttle:
    """Failures of one name or one network; `until`: nothing is tried before."""

    unique: ClassVar[tuple[tuple[str, ...], ...]] = ()
    id: str
    tenant: TenantId
    failures: int
    since: datetime
    ends_at: datetime
    until: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """A place in the organisation. `path` is the ids from the top, `/org_1/org_2/`."""

    unique: ClassVar[tuple[tuple[str, ...], ...]] = ()
    id: str  # org_ + hex
    tenant: TenantId
    parent: str | None
    kind: str  # group | company | department | region | store
    name: str
    path: str
    code: str | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class RoleGrant:
    """A role of a person at a node. `power`: set where administrators are kept apart; one power a person."""

    unique: ClassVar[tuple[tuple[str, ...], ...]] = (("person", "role", "path", "origin"),)
    id: str  # grt_ + hex
    tenant: TenantId
    person: str
    role: str
    path: str
    granted_by: str
    granted_at: datetime
    origin: str = "direct"  # direct | a group's id | break_glass
    power: str | None = None
    until: datetime | None = None
    candidates: tuple[str, ...] = ()
    version: int = 0


@dataclass(frozen=True, slots=True)
class Requisition:
    """A job that is hired for: where it belongs and who works on it. `id` is the job's."""

    unique: ClassVar[tuple[tuple[str, ...], ...]] = ()
    id: str
    tenant: TenantId
    path: str
    members: tuple[str, ...] = ()
    version: int = 0


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A program that signs in with client credentials."""

    unique: ClassVar[tuple[tuple[str, ...], ...]] = (("name",),)
    id: str  # svc_ + hex
    tenant: TenantId
    name: str
    hash: bytes
    scopes: tuple[str, ...]
    clearance: int
    created_at: datetime
    created_by: str
    revoked_at: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Approval:
    """A request that a second person decides, bound to exactly what was asked by `digest`."""

    unique: ClassVar[tuple[tuple[str, ...], ...]] = ()
    id: str  # apr_ + hex
    tenant: TenantId
    action: str
    digest: bytes
    sealed: bytes  # the request itself and the reason
    proposer: str
    state: str  # asked | approved | rejected | used
    created_at: datetime
    ends_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Provider:
    """Somewhere else that people sign in: an OIDC provider, or a chat platform. Its name says whose people."""

    unique: ClassVar[tuple[tuple[str, ...], ...]] = ()
    id: str  # its name in addresses: one for all tenants
    tenant: TenantId
    kind: str  # oidc | feishu | dingtalk | wecom
    config: Document
    sealed: bytes
    enabled: bool = True
    version: int = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a provider's account is here. `id` is the blind index of provider and subject."""

    unique: ClassVar[tuple[tuple[str, ...], ...]] = ()
    id: str
    tenant: TenantId
    provider: str
    person: str
    sealed: bytes | None = None  # who it is at the provider; None: linked by an older version
    version: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """A group of the company's directory; its members have its role at its node."""

    unique: ClassVar[tuple[tuple[str, ...], ...]] = (("name",),)
    id: str  # grp_ + hex
    tenant: TenantId
    name: str
    created_at: datetime
    external: str | None = None
    members: tuple[str, ...] = field(default=())
    role: str | None = None
    path: str = "/"
    version: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """Somebody watches a recording. `id`: view_, when it began in milliseconds (12 hex digits), and what nobody can guess.

    `position_s`: where the player was last; `ends_at`: until when this is kept.
    """

    unique: ClassVar[tuple[tuple[str, ...], ...]] = ()
    id: str
    tenant: TenantId
    viewer: str
    media: str
    subject: str | None
    purpose: str | None
    bound_to: str  # the session, or the program
    state: str  # open | ended | lost
    opened_at: datetime
    seen_at: datetime
    ends_at: datetime
    position_s: int = 0
    marks: int = 0
    reads: int = 0
    version: int = 0


Record = (
    Person
    | Factor
    | Session
    | Ticket
    | Throttle
    | Node
    | RoleGrant
    | Requisition
    | ServiceAccount
    | Approval
    | Provider
    | Identity
    | Group
    | LegalHold
    | Erasure
    | Notice
    | View
)
RECORDS: tuple[type[Record], ...] = (
    Person,
    Factor,
    Session,
    Ticket,
    Throttle,
    Node,
    RoleGrant,
    Requisition,
    ServiceAccount,
    Approval,
    Provider,
    Identity,
    Group,
    LegalHold,
    Erasure,
    Notice,
    View,
)
# What is asked for by its id before it is known whose it is: a random one, or a provider's name in an address.
# No two tenants have the same; nothing else may be looked up without a tenant.
BEARERS: tuple[type[Record], ...] = (Session, Ticket, ServiceAccount, Provider)
R = TypeVar(
    "R",
    Person,
    Factor,
    Session,
    Ticket,
    Throttle,
    Node,
    RoleGrant,
    Requisition,
    ServiceAccount,
    Approval,
    Provider,
    Identity,
    Group,
    LegalHold,
    Erasure,
    Notice,
    View,
)
E = TypeVar("E", Session, Ticket, Throttle, Approval, View)
B = TypeVar("B", Session, Ticket, ServiceAccount, Provider)


class Accounts(Protocol):
    """Records of people and programs. Nothing is found without naming the tenant, but by what says whose it is."""

    async def add_record(self, record: Record) -> None:
        """Raises Conflict (`record_exists`) where the id (of a bearer: in any tenant), or what must be unique, is taken."""

    async def record(self, kind: type[R], tenant: TenantId, id: str) -> R | None: ...

    async def records(
        self,
        kind: type[R],
        tenant: TenantId,
        /,
        *,
        after: str | None = None,
        limit: int | None = None,
        **equal: str | None,
    ) -> list[R]:
        """Those whose fields are equal, by id, behind `after`."""

    async def change_record(self, record: R) -> R:
        """Write it as it stands now, with the next version.

        Raises Conflict (`changed_meanwhile`) unless it is there in exactly the version that `record` has.
        """

    async def drop_record(self, record: Record) -> bool:
        """Whether it was there, in this version."""

    async def bearer(self, kind: type[B], id: str) -> B | None:
        """By its id alone: who brings it says with it which tenant is meant."""

    async def sweep_records(self, kind: type[E], now: datetime, limit: int = 500) -> int:
        """Drop those that ended before now; how many."""
