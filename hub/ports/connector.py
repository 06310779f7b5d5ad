"""A connector as the hub sees it: conversations without a socket and without a secret."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from hub.domain.deliveries import Outcome
from hub.domain.ids import TenantId
from hub.ports.transport import Request, Response
from mappings.documents import Document, Json

Exchange = Generator[Request, Response, Outcome]


@dataclass(frozen=True, slots=True)
class Job:
    """One delivery to carry out.

    `doc` is the mapped document, `config` the connection's public settings, `refs` the external ids known of the
    subject at this connection, `key` the idempotency key, `attempt` counts from 1, `order` what an ATS ordered of us
    for this subject (partner role: id, callback_url, package_id), empty where nothing was ordered. `event` is the
    envelope of the event behind it (id, type, occurred_at), for vendors that want to be told.
    """

    operation: str
    doc: Document
    config: Document
    key: str
    refs: Mapping[str, str] = field(default_factory=dict)
    order: Document = field(default_factory=dict)
    event: Document = field(default_factory=dict)
    subject: str | None = None
    attempt: int = 1
    now: datetime | None = None
    tenant: TenantId | None = None


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook that was verified: raw body, lower-case headers (only those the manifest names)."""

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class HookIdentity:
    """What a webhook is, before it is read: `key` for dedupe (header, body path or SHA-256), `reply` if it only wants an echo."""

    key: str
    reply: Json = None
    ping: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """What an operation promises. `idempotency` is None for reads."""

    name: str
    safety: str  # read | write
    entity: str | None
    idempotency: str | None  # header | natural | read_before_write | none_manual_review
    consent: str | None  # a consent purpose that must be active
    mapping: str | None  # default mapping `name@version`
    replaces: bool = False  # a later call makes an earlier one of the same candidate needless
    label: Mapping[str, str] = field(default_factory=dict)  # language -> text


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint that the vendor calls. `serve`: packages | order_create | order_status | order_error."""

    method: str
    path: str
    serve: str


@dataclass(frozen=True, slots=True)
class Erases:
    """How the vendor is told that a candidate was erased. `needs`: the object whose external id the operation wants.

    `manual`: what a person has to do where there is no call, or no id: language -> text.
    """

    operation: str | None = None
    needs: str | None = None
    manual: Mapping[str, str] = field(default_factory=dict)


class Connector(Protocol):
    """One vendor."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def label(self) -> Mapping[str, str]:
        """Language (`en`, `zh-CN`) -> name."""

    @property
    def categories(self) -> tuple[str, ...]: ...
    @property
    def wire(self) -> Document:
        """The protocol part of the manifest: auth, allowed_hosts, base_url, defaults, webhooks.verify, provides.auth."""

    @property
    def config_schema(self) -> Document:
        """JSON Schema of the connection's settings; `x-secret: true` marks secrets, `x-generate` those we make."""

    @property
    def operations(self) -> Mapping[str, Operation]: ...
    @property
    def adds(self) -> Mapping[str, Document]:
        """Event type -> path -> JSON Schema of a value that this vendor's reports bring beyond the canonical event."""

    @property
    def mappings(self) -> Mapping[str, Document]:
        """`name@version` -> mapping document that the connector brings."""

    @property
    def endpoints(self) -> Sequence[Endpoint]: ...
    @property
    def takes_hooks(self) -> bool: ...
    @property
    def erases(self) -> Erases | None:
        """None where the manifest says nothing of it."""

    def run(self, job: Job) -> Exchange:
        """Carry out an operation."""

    def identify(self, hook: Hook) -> HookIdentity:
        """Name a verified webhook. Raises Invalid if it cannot be read at all."""

    def read(self, hook: Hook, job: Job) -> Exchange:
        """Read a stored webhook, asking the vendor again where the manifest says so; Delivered.reported carries the facts."""

    def order(self, endpoint: Endpoint, query: Mapping[str, str], body: Json) -> Document:
        """What a partner call says, in our words (package_id, candidate, callback_url, order_id). Raises Invalid."""

    def answer(self, endpoint: Endpoint, context: Document) -> Json:
        """What we answer a partner call, in the vendor's words."""


class Catalog(Protocol):
    """All connectors that are there."""

    def names(self) -> tuple[str, ...]: ...

    def get(self, name: str) -> Connector:
        """Raises NotFound; a broken folder is NotFound with the reason."""
