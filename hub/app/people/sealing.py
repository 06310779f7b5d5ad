"""Documents about people, sealed for their place, and blind indexes to find them by."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field

from hub.domain.audit import Act
from hub.domain.ids import TenantId
from hub.ports.accounts import Identity, Person
from hub.ports.clock import Clock
from hub.ports.store import Work
from hub.ports.vault import DataClass, Place, Vault
from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class Profile:
    """Who somebody is. Personal data: it never leaves but to those who may read accounts."""

    login: str
    name: str
    email: str | None = None
    phone: str | None = None
    locale: str = "zh-CN"
    external: str | None = None  # the id that the directory gives
    more: Document = field(default_factory=dict)  # what else the directory says


@dataclass(frozen=True, slots=True)
class Sealing:
    """Seals and opens documents by (table, row, column) of a tenant."""

    vault: Vault

    async def seal(
        self, tenant: TenantId, table: str, row: str, column: str, document: Document, *, secret: bool = False
    ) -> bytes:
        """The document, sealed. `secret`: under the credentials' key."""
        await self.vault.prepare(tenant)
        return self.vault.seal(_place(tenant, table, row, column, secret), json.dumps(document).encode())

    async def open(
        self, tenant: TenantId, table: str, row: str, column: str, sealed: bytes, *, secret: bool = False
    ) -> Document:
        """The document again."""
        await self.vault.prepare(tenant)
        return json.loads(self.vault.open(_place(tenant, table, row, column, secret), sealed))  # type: ignore[no-any-return]

    async def blind(self, tenant: TenantId, what: str, value: str) -> str:
        """What a value is found by: equal for equal values of one tenant, and nobody can turn it back."""
        await self.vault.prepare(tenant)
        return self.vault.blind(Place(tenant, "person", "", what), value.strip()).hex()

    async def blinds(self, tenant: TenantId, what: str, value: str) -> list[str]:
        """The same, and what older keys made of it while they are exchanged; the one of today first."""
        await self.vault.prepare(tenant)
        return [one.hex() for one in self.vault.blinds(Place(tenant, "person", "", what), value.strip())]

    async def profile(self, person: Person) -> Profile:
        """Who this is."""
        found = await self.open(person.tenant, "person", person.id, "sealed", person.sealed)
        return Profile(**found)  # type: ignore[arg-type]

    async def sealed_profile(self, tenant: TenantId, id: str, profile: Profile) -> bytes:
        """A profile as it is stored."""
        return await self.seal(tenant, "person", id, "sealed", asdict(profile))


async def linked(sealing: Sealing, tenant: TenantId, provider: str, subject: str, person: str) -> Identity:
    """Who a provider's account is here; who it is there is sealed beside its index, for the day its key is exchanged."""
    id_ = await sealing.blind(tenant, "identity", f"{provider}\n{subject}")
    sealed = await sealing.seal(tenant, "outside_identity", id_, "sealed", {"subject": subject})
    return Identity(id_, tenant, provider, person, sealed)


def _place(tenant: TenantId, table: str, row: str, column: str, secret: bool) -> Place:
    return Place(tenant, table, row, column, data_class=DataClass.CREDENTIAL if secret else DataClass.PII)


def hashed(token: str) -> str:
    """A bearer's id: SHA-256 in hex. The token is 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(token.encode()).hexdigest()


async def note(
    work: Work, clock: Clock, tenant: TenantId, by: str, act: str, object: str, detail: Document | None = None
) -> None:
    """Write an act down in its own transaction: no record, no act."""
    await work.audit(Act(clock.now(), tenant, by, act, object, detail or {}))
