"""Legal holds: put and lifted by two people, and nothing of the person is removed while one holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from hub.app.people.sealing import Sealing, note
from hub.domain.errors import Conflict, Forbidden, Invalid, NotFound
from hub.domain.ids import TenantId
from hub.domain.subjects import HELD_CODE, HOLDS
from hub.ports.accounts import LegalHold
from hub.ports.clock import Clock, Ids
from hub.ports.store import Store
from mappings.documents import Document

LONGEST_REASON = 500
GrantedLately = Callable[[TenantId, str, str], Awaitable[bool]]  # tenant, whose role, by whom


@dataclass(frozen=True, slots=True)
class Held:
    """Whether something keeps a person's data: all that recordings need to know of holds."""

    store: Store

    async def __call__(self, tenant: TenantId, subject: str) -> bool:
        async with self.store.look() as look:
            found = await look.records(LegalHold, tenant, subject=subject)
        return any(one.state in HOLDS for one in found)


@dataclass(frozen=True, slots=True)
class Holds:
    """A hold holds from the moment it is asked for: waiting for the second person must not cost evidence."""

    store: Store
    sealing: Sealing
    clock: Clock
    ids: Ids
    granted_lately: GrantedLately

    async def held(self, tenant: TenantId, subject: str) -> bool:
        """Whether something keeps this person's data."""
        return await Held(self.store)(tenant, subject)

    async def refuse_held(self, tenant: TenantId, subject: str | None) -> None:
        """Raises Conflict (`legal_hold`)."""
        if subject is not None and await self.held(tenant, subject):
            raise Conflict("a legal hold keeps what is about this candidate", code=HELD_CODE)

    async def every(self, tenant: TenantId, subject: str | None = None) -> list[LegalHold]:
        """Of one candidate or of all, oldest first."""
        async with self.store.look() as look:
            if subject is None:
                found = await look.records(LegalHold, tenant)
            else:
                found = await look.records(LegalHold, tenant, subject=subject)
        return sorted(found, key=lambda one: (one.asked_at, one.id))

    async def one(self, tenant: TenantId, id: str) -> LegalHold:
        """Raises NotFound."""
        async with self.store.look() as look:
            found = await look.record(LegalHold, tenant, id)
        if found is None:
            raise NotFound("there is no such hold")
        return found

    async def reasons(self, hold: LegalHold) -> Document:
        """Why it was put, and why it shall be lifted."""
        return await self.sealing.open(hold.tenant, "legal_hold", hold.id, "sealed", hold.sealed)

    async def ask(self, tenant: TenantId, subject: str, reason: str, by: str) -> LegalHold:
        """It holds at once, until a second person refuses it. Raises Invalid."""
        checked_subject(subject)
        id_ = f"hld_{self.ids.token(8)}"
        sealed = await self.sealing.seal(tenant, "legal_hold", id_, "sealed", {"reason": checked_reason(reason)})
        asked = LegalHold(id_, tenant, subject, "asked", sealed, by, self.clock.now())
        async with self.store.work() as work:
            await work.add_record(asked)
            await note(work, self.clock, tenant, by, "hold.ask", subject, {"hold": id_})
        return replace(asked, version=1)

    async def ask_lift(self, tenant: TenantId, id: str, reason: str, by: str) -> LegalHold:
        """It goes on holding until a second person agrees. Raises NotFound, Conflict (`hold_state`), Invalid."""
        found = await self.one(tenant, id)
        if found.state not in ("asked", "in_force"):
            raise _state(found)
        told = {**await self.reasons(found), "lift": checked_reason(reason)}
        sealed = await self.sealing.seal(tenant, "legal_hold", id, "sealed", told)
        changed = replace(found, state="lift_asked", sealed=sealed, lift_asked_by=by, lift_asked_at=self.clock.now())
        return await self._change(changed, by, "hold.ask_lift")

    async def decide(self, tenant: TenantId, id: str, by: str, *, approve: bool) -> LegalHold:
        """The second person. Raises NotFound, Forbidden (`own_request`, `granted_lately`), Conflict (`hold_state`)."""
        found, now = await self.one(tenant, id), self.clock.now()
        asker = found.lift_asked_by if found.state == "lift_asked" else found.asked_by
        match found.state:
            case "asked":
                state = "in_force" if approve else "refused"
                changed = replace(found, state=state, decided_by=by, decided_at=now)
            case "lift_asked" if approve:
                changed = replace(found, state="lifted", lifted_by=by, lifted_at=now)
            case "lift_asked":
                changed = replace(found, state="in_force", lift_asked_by=None, lift_asked_at=None)
            case _:
                raise _state(found)
        await second_person(tenant, str(asker), by, self.granted_lately)
        return await self._change(changed, by, f"hold.{changed.state}")

    async def _change(self, changed: LegalHold, by: str, act: str) -> LegalHold:
        async with self.store.work() as work:
            fresh = await work.change_record(changed)
            await note(work, self.clock, changed.tenant, by, act, changed.subject, {"hold": changed.id})
        return fresh


async def second_person(tenant: TenantId, asker: str, by: str, granted_lately: GrantedLately) -> None:
    """Raises Forbidden (`own_request`, `granted_lately`)."""
    if asker == by:
        raise Forbidden("a second person decides", code="own_request")
    if await granted_lately(tenant, asker, by):
        raise Forbidden("you granted the proposer's role within a day", code="granted_lately")


def checked_reason(reason: str) -> str:
    """Raises Invalid (`bad_reason`)."""
    if not reason.strip() or len(reason) > LONGEST_REASON or "\0" in reason:
        raise Invalid(f"a reason has 1 to {LONGEST_REASON} characters", code="bad_reason", at="reason")
    return reason.strip()


def checked_subject(subject: str) -> None:
    """Raises Invalid (`format`)."""
    if not 0 < len(subject) <= 128 or not subject.isprintable():
        raise Invalid("a candidate's id is a text of 1 to 128 letters that can be printed", code="format", at="subject")


def _state(hold: LegalHold) -> Conflict:
    return Conflict(f"the hold is {hold.state}", code="hold_state")
