"""The kill switch of all rules: nothing that a rule has caused leaves any more, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.app.held import checked_fate, hold, settle
from hub.app.library import Library
from hub.app.rules.lifecycle import reason_of
from hub.domain.audit import Act
from hub.domain.ids import TenantId
from hub.ports.clock import Clock
from hub.ports.store import Store
from mappings.documents import Document


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the switch is, and how many deliveries are held by it or by the pause of their rule, by connection."""

    stopped: bool
    held: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class KillSwitch:
    """Stopped rules go on deciding and being recorded.

    What they caused before and has not left is held: deliveries that wait at once, those that a worker has in hand as
    soon as it looks (`hub.app.delivery.deliver`). Runs stay where they are; their time goes on.
    """

    store: Store
    library: Library
    clock: Clock

    async def stop(self, tenant: TenantId, by: str, reason: str | None = None) -> Standing:
        """Stop everything. Called again, it holds what slipped through."""
        await self._turn(tenant, True, by, "rules.stop", {}, reason)
        await hold(self.store, tenant)
        return await self.standing(tenant)

    async def resume(self, tenant: TenantId, by: str, reason: str | None = None, *, held: str = "keep") -> Standing:
        """Let rules act and runs go on. `held`: one of FATES; what a paused rule caused stays held. Raises Invalid (`enum`)."""
        checked_fate(held)
        await self._turn(tenant, False, by, "rules.resume", {"held": held}, reason)
        await settle(self.store, self.clock, tenant, by, held)
        return await self.standing(tenant)

    async def standing(self, tenant: TenantId) -> Standing:
        """Where it is now."""
        async with self.store.look() as look:
            stopped, held = await look.rules_stopped(tenant), await look.held_by_stop(tenant)
        names = (await self.library.book(tenant)).by_id
        return Standing(stopped, {names[one].name: count for one, count in held.items() if one in names})

    async def _turn(
        self, tenant: TenantId, stopped: bool, by: str, act: str, detail: Document, reason: str | None
    ) -> None:
        why = reason_of(reason)
        detail = detail if why is None else {**detail, "reason": why}
        async with self.store.work() as work:
            await work.stop_rules(tenant, stopped)
            await work.audit(Act(self.clock.now(), tenant, by, act, "rules", detail))
        self.library.forget()
