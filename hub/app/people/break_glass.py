"""Breaking the glass: one candidate's whole file for half an hour, by two people, with a reason and an alarm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from hub.app.people.rights import Rights
from hub.app.people.roster import Roster
from hub.app.people.sealing import note
from hub.domain.errors import Invalid
from hub.domain.ids import TenantId
from hub.domain.permissions import Role
from hub.ports.accounts import RoleGrant
from hub.ports.clock import Clock, Ids
from hub.ports.meter import Meter
from hub.ports.store import Store

LIFE = timedelta(minutes=30)
ORIGIN = "break_glass"
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """The approval is the guard's business; here the glass is broken. The clearance still holds."""

    store: Store
    roster: Roster
    rights: Rights
    clock: Clock
    ids: Ids
    meter: Meter

    async def __call__(self, tenant: TenantId, person: str, candidate: str, reason: str, by: str) -> RoleGrant:
        """What an HR manager of this candidate may, until the half hour is over. Raises Invalid, NotFound."""
        if not reason.strip() or len(reason) > LONGEST_REASON:
            raise Invalid(f"a reason has 1 to {LONGEST_REASON} characters", code="bad_reason", at="reason")
        if not candidate or len(candidate) > 128:
            raise Invalid("a candidate id has 1 to 128 characters", code="bad_id", at="candidate")
        await self.roster.get(tenant, person)
        now = self.clock.now()
        granted = RoleGrant(
            f"grt_{self.ids.token(8)}", tenant, person, Role.HR_MANAGER, "/", by, now,
            origin=f"{ORIGIN}:{self.ids.token(4)}", until=now + LIFE, candidates=(candidate,),
        )  # fmt: skip
        async with self.store.work() as work:
            await work.add_record(granted)
            await note(work, self.clock, tenant, by, "break_glass.open", person, {"candidate": candidate})
        self.meter.note("break_glass.opened", tenant=tenant, grant=granted.id)
        return granted

    async def open_now(self, tenant: TenantId) -> list[RoleGrant]:
        """Broken glass whose time is not over."""
        now = self.clock.now()
        async with self.store.look() as look:
            every = await look.records(RoleGrant, tenant, role=Role.HR_MANAGER)
        return [one for one in every if one.origin.startswith(ORIGIN) and one.until is not None and one.until > now]
