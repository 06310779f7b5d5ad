"""Send again what ended, or release what is held; always on the record of who asked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hub.app.incoming import Incoming, check
from hub.app.ingest import Prepare
from hub.app.library import NO_RULES
from hub.domain.audit import Act
from hub.domain.deliveries import Delivery, Final, Planned, State
from hub.domain.errors import Conflict, Invalid, NotFound
from hub.domain.events import HOOK_RECEIVED, Cause
from hub.domain.ids import DeliveryId, TenantId, show
from hub.ports.clock import Clock, Ids
from hub.ports.queue import DoneDelivery
from hub.ports.store import Page, Store
from hub.ports.vault import subject_owner
from mappings.documents import Document

EDITED = "/hub/edited"  # the source of events that a person made of another one


@dataclass(frozen=True, slots=True)
class Replay:
    """Replay one delivery with a full retry budget.

    What never succeeded keeps its idempotency key, so a vendor that had it after all does nothing twice;
    what was delivered gets a new key, because a second effect is what is being asked for.
    """

    store: Store
    prepare: Prepare
    clock: Clock
    ids: Ids

    async def __call__(self, tenant: TenantId, delivery: DeliveryId, by: str) -> DeliveryId:
        """The delivery to watch. Raises NotFound, Conflict (still under way)."""
        now = self.clock.now()
        async with self.store.work() as work:
            known = await work.delivery(tenant, delivery)
            if known is None:
                raise NotFound(f"there is no delivery {show('dlv', delivery)}")
            again = isinstance(known, DoneDelivery) and known.final is Final.DELIVERED
            fresh = await work.replay(tenant, delivery, now=now, again=again)
            entry = Act(now, tenant, by, "delivery.replay", show("dlv", delivery), {"as": show("dlv", fresh)})
            await work.audit(entry)
        self.store.ring()
        return fresh

    async def edited(self, tenant: TenantId, delivery: DeliveryId, data: Document, reason: str, by: str) -> DeliveryId:
        """Deliver the same step with other data, as an event of its own that names its cause. A held original is discarded.

        Raises NotFound, Invalid (data that does not fit its type, no reason), Conflict (still under way).
        """
        if not reason.strip():
            raise Invalid("say why the data is changed", code="required", at="reason")
        async with self.store.look() as look:
            asked = await look.delivery(tenant, delivery)
            about_event = None if asked is None else await look.event(tenant, asked.event)
        if about_event is not None:
            await self.prepare.vault.prepare(tenant, [subject_owner(about_event.subject)])
        now = self.clock.now()
        async with self.store.work() as work:
            known = await work.delivery(tenant, delivery)
            original = None if known is None else await work.event(tenant, known.event)
            if known is None or original is None:
                raise NotFound(f"there is no delivery {show('dlv', delivery)}")
            if isinstance(known, Delivery) and known.state is not State.HELD:
                raise Conflict(f"delivery {show('dlv', delivery)} is still under way", code="under_way")
            incoming = Incoming(
                type=original.type,
                version=original.version,
                source=EDITED,
                key=f"{show('dlv', delivery)}-{self.ids.token(8)}",
                data=data,
                subject=original.subject,
                occurred_at=original.occurred_at,
                cause=Cause(original.id, delivery),
            )
            if original.type != HOOK_RECEIVED:
                check(incoming)
            arrival = self.prepare(tenant, incoming, NO_RULES)
            planned = Planned(known.connection, known.step, known.revision, okey=known.okey)
            await work.accept([replace(arrival, planned=(planned,))])
            if isinstance(known, Delivery):
                await work.discard(tenant, delivery, now=now)
            [fresh] = await work.deliveries(tenant, Page(2), event=arrival.event.id)
            about: Document = {"as": show("dlv", fresh.id), "reason": reason.strip()[:500]}
            await work.audit(Act(now, tenant, by, "delivery.edit", show("dlv", delivery), about))
        self.store.ring()
        return fresh.id

    async def discard(self, tenant: TenantId, delivery: DeliveryId, reason: str, by: str) -> None:
        """End a held delivery without sending it. Raises NotFound, Conflict (not held), Invalid (no reason)."""
        if not reason.strip():
            raise Invalid("say why it is not sent", code="required", at="reason")
        now = self.clock.now()
        async with self.store.work() as work:
            await work.discard(tenant, delivery, now=now)
            about: Document = {"reason": reason.strip()[:500]}
            await work.audit(Act(now, tenant, by, "delivery.discard", show("dlv", delivery), about))
        self.store.ring()
