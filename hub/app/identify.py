"""One candidate, one opaque id: equal for everybody who tells us the same e-mail address."""

from __future__ import annotations

from dataclasses import dataclass

from hub.domain.errors import Invalid
from hub.domain.ids import TenantId
from hub.ports.vault import Place, Vault


@dataclass(frozen=True, slots=True)
class Identify:
    """The candidate's id from an e-mail address, by the tenant's blind index: nobody can turn it back."""

    vault: Vault

    async def __call__(self, tenant: TenantId, email: str) -> str:
        """`cand_` + 32 hex digits. Raises Invalid where this is no address."""
        address = email.strip()
        local, _, domain = address.rpartition("@")
        if not local or not domain or len(address) > 254 or any(c.isspace() for c in address):
            raise Invalid("this is not an e-mail address", code="bad_email", at="email")
        await self.vault.prepare(tenant)
        return f"cand_{self.vault.blind(Place(tenant, 'candidate', '', 'email'), address).hex()}"
