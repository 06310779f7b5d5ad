"""One candidate, one opaque id: equal for everybody who tells us the same e-mail address; and blind indexes of the rest."""

from __future__ import annotations

from dataclasses import dataclass

from hub.domain.identifiers import Identifier, normal_form
from hub.domain.ids import TenantId
from hub.ports.vault import Place, Vault


@dataclass(frozen=True, slots=True)
class Identify:
    """The candidate's id from an e-mail address, by the tenant's blind index: nobody can turn it back."""

    vault: Vault

    async def __call__(self, tenant: TenantId, email: str) -> str:
        """`cand_` + 32 hex digits. Raises Invalid where this is no address."""
        return f"cand_{(await self.index(tenant, Identifier.EMAIL, email)).hex()}"

    async def index(self, tenant: TenantId, kind: Identifier, value: str, system: str = "") -> bytes:
        """16 bytes by which equal values are found: however they are written, and in this tenant alone.

        `system`: which system an external id is of; two systems' equal ids are two. Raises Invalid where the value is none.
        """
        normal = normal_form(kind, value)
        await self.vault.prepare(tenant)
        column = f"{kind}:{system}" if kind is Identifier.EXTERNAL else str(kind)
        return self.vault.blind(Place(tenant, "candidate", "", column), normal)
