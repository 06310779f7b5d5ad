"""One candidate, one opaque id: equal for everybody who tells us the same e-mail address; and blind indexes of the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hub.app.lookup import index_place
from hub.domain.identifiers import Identifier, normal_form
from hub.domain.ids import TenantId
from hub.ports.store import Store
from hub.ports.vault import Vault

_OURS = re.compile(r"cand_[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Identify:
    """The candidate's id from an e-mail address, by the tenant's blind index: nobody can turn it back.

    Once the index key was exchanged, who is known keeps the id that the old key made: it is looked up, not made anew.
    """

    vault: Vault
    store: Store

    async def __call__(self, tenant: TenantId, email: str) -> str:
        """`cand_` + 32 hex digits. Raises Invalid where this is no address."""
        normal, place = normal_form(Identifier.EMAIL, email), index_place(tenant, Identifier.EMAIL)
        await self.vault.prepare(tenant)
        blinds = self.vault.blinds(place, normal)
        if self.vault.index_exchanged(tenant):
            async with self.store.look() as look:
                known = [one for one in await look.subjects_by(tenant, blinds) if _OURS.fullmatch(one)]
            if known:
                return known[0]
        return f"cand_{blinds[0].hex()}"

    async def index(self, tenant: TenantId, kind: Identifier, value: str, system: str = "") -> bytes:
        """16 bytes by which equal values are found: however they are written, and in this tenant alone.

        `system`: which system an external id is of; two systems' equal ids are two. Raises Invalid where the value is none.
        """
        normal = normal_form(kind, value)
        await self.vault.prepare(tenant)
        return self.vault.blind(index_place(tenant, kind, system), normal)
