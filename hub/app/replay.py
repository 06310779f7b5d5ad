"""Send again what ended, or release what is held; always on the record of who asked."""

from __future__ import annotations

from dataclasses import dataclass

from hub.domain.deliveries import Final
from hub.domain.errors import NotFound
from hub.domain.ids import DeliveryId, TenantId, show
from hub.ports.clock import Clock
from hub.ports.people import AuditEntry
from hub.ports.store import DoneDelivery, Store


@dataclass(frozen=True, slots=True)
class Replay:
    """Replay one delivery with a full retry budget.

    What never succeeded keeps its idempotency key, so a vendor that had it after all does nothing twice;
    what was delivered gets a new key, because a second effect is what is being asked for.
    """

    store: Store
    clock: Clock

    async def __call__(self, tenant: TenantId, delivery: DeliveryId, by: str) -> DeliveryId:
        """The delivery to watch. Raises NotFound, Conflict (still under way)."""
        now = self.clock.now()
        async with self.store.work() as work:
            known = await work.delivery(tenant, delivery)
            if known is None:
                raise NotFound(f"there is no delivery {show('dlv', delivery)}")
            again = isinstance(known, DoneDelivery) and known.final is Final.DELIVERED
            fresh = await work.replay(tenant, delivery, now=now, again=again)
            entry = AuditEntry(now, tenant, by, "delivery.replay", show("dlv", delivery), {"as": show("dlv", fresh)})
            await work.audit(entry)
        self.store.ring()
        return fresh
