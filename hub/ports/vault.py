"""Encryption at rest, as the middle sees it: seal bytes for one place, open them there and nowhere else."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from hub.domain.ids import TenantId


class DataClass(StrEnum):
    """Which tenant key a value is sealed under."""

    PII = "pii"
    CREDENTIAL = "credential"
    MEDIA = "media"
    AUDIT = "audit"


class Owner(str):
    """Whose key below the tenant's seals a value: `subject:<id>`, a person; `connection:<handle>`, a link to a vendor;
    `erasure:<id>`, what is still to be told of one."""

    __slots__ = ()


def subject_owner(subject: str | None) -> Owner | None:
    """The person, None where nobody is named: then the tenant's own key seals."""
    return None if subject is None else Owner(f"subject:{subject}")


def erasure_owner(erasure: str) -> Owner:
    """What vendors have to be told of somebody who was erased, until the last of them has acknowledged."""
    return Owner(f"erasure:{erasure}")


def connection_owner(handle: str) -> Owner:
    """The link to a vendor."""
    return Owner(f"connection:{handle}")


def class_of(owner: Owner) -> DataClass:
    """What an owner's key seals unless it is said: secrets for a link to a vendor, personal data for a person."""
    return DataClass.CREDENTIAL if owner.startswith("connection:") else DataClass.PII


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value lives; it opens only there. `version` is the schema version of the value.

    `owner` chooses the key that seals; it is no part of the place, so what an older key sealed there still opens.
    """

    tenant: TenantId
    table: str
    row: str
    column: str
    version: int = 1
    data_class: DataClass = DataClass.PII
    owner: Owner | None = None


class Vault(Protocol):
    """Seals and opens. Keys are in memory after `prepare`; seal and open then do no I/O."""

    async def prepare(
        self,
        tenant: TenantId,
        owners: Collection[Owner | None] = (),
        sealed: Collection[bytes | None] = (),
        *,
        data_class: DataClass | None = None,
    ) -> None:
        """Load the tenant's keys, the keys of `owners` to seal with, and the keys that `sealed` needs to be opened.

        Keys are made at first use. `data_class`: of the owners' keys; by default credential for a connection, else pii.
        Raises Unavailable, Conflict (`candidate_erased`): an erased person has no key.
        """

    async def draft(self, tenant: TenantId, owners: Collection[Owner | None]) -> None:
        """Like `prepare` with owners, but a key that has to be made is not stored: `seal_new` gives it along, and who
        stores what it sealed stores it in the same transaction, then says so (`settle`). The store takes none of an
        erased person.

        Raises Unavailable.
        """

    def seal(self, place: Place, plain: bytes) -> bytes:
        """The envelope of `plain`. Raises Unavailable if tenant and owner were not prepared."""

    def seal_new(self, place: Place, plain: bytes) -> tuple[bytes, KeyRow | None]:
        """The envelope, and the key that sealed it where that is only drafted. Raises as `seal` does."""

    def settle(self, key: KeyRow) -> None:
        """A drafted key is stored now. One that the store refused seals on, and is refused again, until `prepare` finds
        whose key there is (`hub.ports.arrivals.Receipt`).
        """

    def open(self, place: Place, envelope: bytes) -> bytes:
        """The plain bytes.

        Raises Conflict: `sealed_elsewhere` if tampered with or moved, `unknown_envelope` if no format that this program
        knows, `key_destroyed` if it was erased by destroying its key; Unavailable if it was not prepared.
        """

    def blind(self, place: Place, value: str) -> bytes:
        """A 16-byte blind index of the value, for exact look-up; equal values in two tenants differ."""

    def blinds(self, place: Place, value: str) -> list[bytes]:
        """The same, and what keys that are being exchanged made of it; the one of `blind` first."""

    def index_key(self, tenant: TenantId) -> bytes:
        """The id of the key that `blind` uses."""

    def index_exchanged(self, tenant: TenantId) -> bool:
        """Whether another key did before: what it made cannot be made again once it is destroyed."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A wrapped data key as it is stored; nothing in it opens anything without the root key.

    A tenant's key (`owner` empty) is wrapped by a root key, an owner's key by the tenant key of its class.
    """

    id: bytes  # 16 bytes
    tenant: TenantId
    data_class: str
    parent: str  # what wraps it: id of the root key (`rk_1`), or of the tenant key in hex
    state: str  # active (seals and opens) | retired (opens) | destroyed (wrapped bytes overwritten, row kept as proof)
    wrapped: bytes
    commit: bytes  # 32 bytes; a wrong or moved key fails before it decrypts
    owner: str = ""
    made_at: datetime | None = field(default=None, compare=False)  # an owner's key; stored, not read back


@dataclass(frozen=True, slots=True)
class SealedValue:
    """A sealed value where it is stored. `at` orders the rows of its column."""

    at: str
    tenant: TenantId
    row: str  # as the place names it
    owner: Owner | None
    envelope: bytes


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column with sealed values: what a place says about it."""

    table: str
    column: str
    data_class: DataClass

    @property
    def name(self) -> str:
        return f"{self.table}.{self.column}"


# Every column with sealed values: what is not here is not sealed anew, and its key would be destroyed in the end.
# A test holds it against the schema.
SEALED_COLUMNS: tuple[SealedColumn, ...] = (
    SealedColumn("event_body", "body", DataClass.PII),
    SealedColumn("attempt", "talk", DataClass.PII),
    SealedColumn("assessment_order", "body", DataClass.PII),
    SealedColumn("consent", "evidence", DataClass.PII),
    SealedColumn("connection", "secrets", DataClass.CREDENTIAL),
    SealedColumn("person", "sealed", DataClass.PII),
    SealedColumn("person", "secret", DataClass.CREDENTIAL),
    SealedColumn("factor", "sealed", DataClass.CREDENTIAL),
    SealedColumn("ticket", "sealed", DataClass.CREDENTIAL),
    SealedColumn("approval", "sealed", DataClass.PII),
    SealedColumn("sign_in_provider", "sealed", DataClass.CREDENTIAL),
    SealedColumn("signing_key", "sealed", DataClass.CREDENTIAL),
    SealedColumn("outside_identity", "sealed", DataClass.PII),
    SealedColumn("legal_hold", "sealed", DataClass.PII),
    SealedColumn("erasure", "sealed", DataClass.PII),
    SealedColumn("erasure_notice", "sealed", DataClass.PII),
)


@dataclass(frozen=True, slots=True)
class Rotation:
    """How far the exchange of a key has come: enough to go on after a crash at any moment.

    `name`: `root`, or `<level>:<tenant>:<class>`. `step`: see `hub.app.keys.exchange`. `cursor`: where the step stands.
    """

    name: str
    step: str
    cursor: str
    old: str  # ids of the keys that are left behind, joined by commas; empty where they are found by their state
    new: str
    moved: int  # keys wrapped anew and values sealed anew so far
    started_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Destroyed:
    """The receipt of a destroyed owner: which keys are gone for good. `proof` is SHA-256 over all of it."""

    tenant: TenantId
    owner: str
    keys: tuple[str, ...]  # ids in hex; empty where the owner had none
    at: datetime
    proof: str


class Shredder(Protocol):
    """Erases what is sealed for somebody, wherever copies of it are, by destroying the keys."""

    async def destroy(self, tenant: TenantId, subject: str) -> Destroyed:
        """Destroy all keys of the subject; again is the same receipt with the same keys.

        What arrives for the subject later gets a new key. Raises Conflict (`not_sealed_apart`) while values of an older
        version are still sealed under the tenant's own key, Unavailable.
        """


class KeyShelf(Protocol):
    """Where wrapped keys are stored (the store fulfils it)."""

    async def load_keys(self, tenant: TenantId) -> list[KeyRow]:
        """All keys of the tenant itself."""

    async def add_key(self, row: KeyRow) -> KeyRow:
        """Store the key, or return the active one of that tenant, owner and class that was there first."""

    async def owner_keys(self, tenant: TenantId, wanted: Collection[tuple[str, str]]) -> list[KeyRow]:
        """The active keys of these (owner, class)."""

    async def keys_by_id(self, tenant: TenantId, ids: Collection[bytes]) -> list[KeyRow]:
        """The owners' keys with these ids, in whatever state."""

    async def add_owner_keys(self, rows: Sequence[KeyRow]) -> list[KeyRow]:
        """Store them all, and return the active ones of the same (tenant, owner, class): ours, or those that were first.

        None is made for a person who was erased (`Erasure.closed`).
        """

    async def key_epoch(self) -> int:
        """Grows whenever a stored key changed its state: caches of keys follow it."""


class Craft(Protocol):
    """What the vault does with keys as such. Nothing here is stored; no key leaves it unwrapped."""

    async def root(self) -> RootState:
        """The root keys and whether their provider answers; never raises."""

    async def offered_root(self) -> str:
        """The id of the root key that `next_root` will make active, readable by who loads it; made where there is none.

        Empty where the provider has it for everybody at once.
        """

    async def next_root(self) -> str:
        """Make another root key the active one; its id. Raises Unavailable, Conflict (`rotate_elsewhere`)."""

    async def successor(self, tenant: TenantId, data_class: str, owner: str = "") -> KeyRow:
        """A fresh key to take the place of the active one, wrapped by what is active above it."""

    async def lifted(self, row: KeyRow) -> KeyRow:
        """The same key wrapped by what is active above it now."""

    def key_of(self, envelope: bytes) -> bytes:
        """The id of the key that sealed it; empty where it is no envelope."""

    def resealed(self, place: Place, envelope: bytes) -> bytes:
        """The same value under the key that seals there now. Raises as `open` and `seal` do."""

    def forget(self) -> None:
        """Keys were changed in the store: read them anew."""


@dataclass(frozen=True, slots=True)
class RootState:
    """Root keys as their provider tells. `versions`: ids, the active one first."""

    provider: str
    ok: bool
    detail: str
    versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyVitals:
    """Keys in this process's memory. `age_s`: of the oldest; past `limit_s` nothing is sealed or opened with them."""

    provider: str
    up: bool
    age_s: float
    limit_s: float
    owners: int


@dataclass(frozen=True, slots=True)
class KeyNode:
    """A running process: when it reported last, the root keys it has loaded, and which epoch of stored keys it follows."""

    id: str
    seen_at: datetime
    roots: tuple[str, ...]
    epoch: int
    release: str


class KeyKeeping(Protocol):
    """What looking after keys needs of the store besides using them."""

    async def key_tenants(self) -> list[TenantId]:
        """Tenants that have keys."""

    async def count_keys(self) -> list[tuple[int, str, str, str, str, int]]:
        """(tenant, level, class, parent, state, count); level is `class`, `subject` or `connection`."""

    async def keys_under(self, tenant: TenantId | None, parents: Collection[str], limit: int) -> list[KeyRow]:
        """Not destroyed keys that one of `parents` wraps: of a tenant its owners' keys, else (None) tenants' own."""

    async def rewrap(self, changes: Sequence[tuple[KeyRow, KeyRow]]) -> int:
        """Replace parent and wrapped bytes where they are as we know them; how many were."""

    async def succeed(self, new: KeyRow) -> KeyRow:
        """Make `new` the active key of its tenant, owner and class; the one before becomes retired. Epoch + 1.

        The same key again changes nothing. Returns the active one.
        """

    async def succeed_all(self, new: Sequence[KeyRow]) -> None:
        """The same for owners' keys of one tenant and class, in one transaction and epoch. Who has none any more gets none."""

    async def active_owners(
        self, tenant: TenantId, data_class: str, made_before: datetime, after: str, limit: int
    ) -> list[KeyRow]:
        """Active owners' keys of a class that were made before then, of owners behind `after`, by owner."""

    async def retired_keys(self, tenant: TenantId, data_class: str, *, owners: bool) -> list[KeyRow]:
        """Retired keys of the tenant itself, or of its owners."""

    async def destroy_keys(self, ids: Collection[bytes]) -> int:
        """Overwrite the wrapped bytes of these keys and mark them destroyed. Epoch + 1."""

    async def destroy_owner(self, tenant: TenantId, owner: str) -> list[KeyRow]:
        """The same for all keys of an owner; returns all of them, also those destroyed before."""

    async def sealed_window(self, column: SealedColumn, after: str, limit: int) -> list[SealedValue]:
        """Sealed values of all tenants behind `after`, in order; fewer than `limit` where the column ends."""

    async def reseal(self, column: SealedColumn, changes: Sequence[tuple[str, bytes, bytes]]) -> int:
        """Replace (at, old, new) where the old value is still there; how many were."""

    async def rotations(self) -> list[Rotation]:
        """All that were ever begun, newest first."""

    async def put_rotation(self, rotation: Rotation) -> None:
        """Insert or replace by name."""

    async def put_node(self, node: KeyNode) -> None:
        """Insert or replace by id."""

    async def nodes(self) -> list[KeyNode]:
        """By id."""

    async def drop_nodes(self, seen_before: datetime, id: str | None = None) -> None:
        """Forget processes that reported last before then; or the one with this id."""
