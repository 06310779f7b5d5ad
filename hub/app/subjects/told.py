"""What a delivery that asks a vendor to erase needs: the operation, the vendor's ids of the person, and the key that seals it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from hub.app.places import notice_place, talk_place
from hub.domain.deliveries import Delivery
from hub.domain.ids import TenantId
from hub.domain.subjects import ERASE_STEP
from hub.ports.accounts import Notice
from hub.ports.store import Store
from hub.ports.vault import Owner, Place, Vault, erasure_owner


@dataclass(frozen=True, slots=True)
class Told:
    """`owner`: of the key that dies when all vendors have acknowledged."""

    operation: str
    refs: Mapping[str, str]
    owner: Owner


async def erased_marks(vault: Vault, tenant: TenantId, refs: Iterable[tuple[str, str]]) -> list[str]:
    """What (object, external id) pairs of an erased person are known by: nobody can turn it back."""
    await vault.prepare(tenant)
    return [vault.blind(Place(tenant, "erased", "", name), id_).hex() for name, id_ in refs]


async def told_of(store: Store, vault: Vault, delivery: Delivery) -> Told | None:
    """None where the notice is gone or closed: there is nothing to tell any more. Raises Unavailable, Conflict."""
    async with store.look() as look:
        notice = await look.record(Notice, delivery.tenant, delivery.step.removeprefix(f"{ERASE_STEP} "))
    if notice is None or notice.operation is None or notice.sealed is None:
        return None
    owner = erasure_owner(notice.erasure)
    await vault.prepare(delivery.tenant, [owner], [notice.sealed])
    refs = json.loads(vault.open(notice_place(delivery.tenant, notice.id, notice.erasure), notice.sealed))
    return Told(notice.operation, refs, owner)


async def place_of_talk(store: Store, vault: Vault, delivery: Delivery, about: str | None) -> Place:
    """Where what was said is sealed: under the key of the person it is about, and of an erased one under the erasure's."""
    place = talk_place(delivery.tenant, delivery.id, delivery.attempt, about)
    told = await told_of(store, vault, delivery) if delivery.step.startswith(ERASE_STEP) else None
    return place if told is None else replace(place, owner=told.owner)
