"""The kill switch of all rules: nothing that a rule has caused leaves any more, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.app.library import Library
from hub.app.rules_lifecycle import reason_of
from hub.domain.audit import Act
from hub.domain.errors import Invalid
from hub.domain.ids import TenantId
from hub.ports.clock import Clock
from hub.ports.store import Store
from mappings.documents import Document

BATCH = 1000
FATES = ("keep", "release", "discard")  # of what is held, when rules act again


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the switch is, and how many deliveries it holds, by connection."""

    stopped: bool
    held: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class KillSwitch:
    """Stopped rules go on deciding and being recorded.

    What they caused before and has not left is held: deliveries that wait at once, those that a worker has in hand as
    soon as it looks (`hub.app.deliver`). Runs stay where they are; their time goes on.
    """

    store: Store
    library: Library
    clock: Clock

    async def stop(self, tenant: TenantId, by: str, reason: str | None = None) -> Standing:
        """Stop everything. Called again, it holds what slipped through."""
        await self._turn(tenant, True, by, "rules.stop", {}, reason)
        while True:  # in small transactions: vendors' answers and new events go on
            async with self.store.work() as work:
                if not await work.hold_caused(tenant, BATCH):
                    break
        return await self.standing(tenant)

    async def resume(self, tenant: TenantId, by: str, reason: str | None = None, *, held: str = "keep") -> Standing:
        """Let rules act and runs go on. `held`: one of FATES. Raises Invalid (`enum`)."""
        if held not in FATES:
            raise Invalid(f"held is one of {', '.join(FATES)}", code="enum", at="held")
        await self._turn(tenant, False, by, "rules.resume", {"held": held}, reason)
        return await self.settle(tenant, by, held)

    async def settle(self, tenant: TenantId, by: str, held: str) -> Standing:
        """Send what is held after all, or end it as cancelled; on the record."""
        count = 0
        while held != "keep":
            now = self.clock.now()
            async with self.store.work() as work:
                some = await work.let_go(tenant, now=now, send=held == "release", limit=BATCH)
            count += some
            if not some:
                break
        if count:
            async with self.store.work() as work:
                entry = Act(self.clock.now(), tenant, by, f"rules.{held}", "held", {"deliveries": count})
                await work.audit(entry)
        self.store.ring()
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
