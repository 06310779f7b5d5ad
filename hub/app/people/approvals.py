"""Four eyes: a request bound to exactly what was asked, decided by a second person, used once, gone after a day."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from hub.app.people.rights import Rights
from hub.app.people.sealing import Sealing, note
from hub.domain.errors import Conflict, Forbidden, Invalid, NotFound
from hub.domain.permissions import ACTIONS, Role, Subject
from hub.ports.accounts import Approval
from hub.ports.clock import Clock, Ids
from hub.ports.store import Store
from mappings.documents import Document, Json

LIFE = timedelta(hours=24)
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done: a call of the API, to the letter."""

    action: str
    method: str
    path: str
    query: Mapping[str, str]
    body: Json

    def document(self) -> Document:
        """As it is shown to who decides."""
        return {
            "action": self.action,
            "method": self.method,
            "path": self.path,
            "query": {**self.query},
            "body": self.body,
        }

    def digest(self) -> bytes:
        """SHA-256 over its canonical bytes: another value anywhere is another request."""
        return hashlib.sha256(json.dumps(self.document(), sort_keys=True, separators=(",", ":")).encode()).digest()


@dataclass(frozen=True, slots=True)
class Approvals:
    """Asks, decides and redeems requests."""

    store: Store
    sealing: Sealing
    rights: Rights
    clock: Clock
    ids: Ids

    async def ask(self, subject: Subject, wanted: Wanted, reason: str) -> Approval:
        """Raises Forbidden for who may not even ask, Invalid."""
        about = ACTIONS.get(wanted.action)
        now = self.clock.now()
        if about is None or not any(about.cells[one.role].asks and one.holds(now) for one in subject.grants):
            raise Forbidden("this is not asked for with your roles", code="no_role")
        if not reason.strip() or len(reason) > LONGEST_REASON:
            raise Invalid(f"a reason has 1 to {LONGEST_REASON} characters", code="bad_reason", at="reason")
        id_ = f"apr_{self.ids.token(8)}"
        content: Document = {"wanted": wanted.document(), "reason": reason.strip()}
        sealed = await self.sealing.seal(subject.tenant, "approval", id_, "sealed", content)
        asked = Approval(
            id_, subject.tenant, wanted.action, wanted.digest(), sealed, subject.id, "asked", now, now + LIFE
        )
        async with self.store.work() as work:
            await work.add_record(asked)
            await note(work, self.clock, subject.tenant, subject.id, "approval.ask", id_, {"action": wanted.action})
        return replace(asked, version=1)

    async def visible(self, subject: Subject) -> list[Approval]:
        """One's own requests, and those one may decide."""
        async with self.store.look() as look:
            every = await look.records(Approval, subject.tenant)
        return [one for one in every if one.proposer == subject.id or self._may_decide(subject, one)]

    async def one(self, subject: Subject, id: str) -> tuple[Approval, Document]:
        """A request with what it asks for and why. Raises NotFound for who has nothing to do with it."""
        async with self.store.look() as look:
            found = await look.record(Approval, subject.tenant, id)
        if found is None or (found.proposer != subject.id and not self._may_decide(subject, found)):
            raise NotFound("there is no such request")
        return found, await self.sealing.open(subject.tenant, "approval", found.id, "sealed", found.sealed)

    async def decide(self, subject: Subject, id: str, digest: str, *, approve: bool) -> Approval:
        """`digest` names what was read. Raises Forbidden (`own_request`, `granted_lately`), Conflict, NotFound."""
        found, _ = await self.one(subject, id)
        if found.proposer == subject.id:
            raise Forbidden("a second person decides", code="own_request")
        if found.digest.hex() != digest:
            raise Conflict("this is not what is asked for", code="other_request")
        if found.state != "asked" or found.ends_at <= self.clock.now():
            raise Conflict("this request is not open any more", code="request_over")
        if await self.rights.granted_lately(subject.tenant, found.proposer, subject.id):
            raise Forbidden("you granted the proposer's role within a day", code="granted_lately")
        state = "approved" if approve else "rejected"
        async with self.store.work() as work:
            changed = await work.change_record(
                replace(found, state=state, decided_by=subject.id, decided_at=self.clock.now())
            )
            await note(work, self.clock, subject.tenant, subject.id, f"approval.{state}", id, {"action": found.action})
        return changed

    async def redeem(self, subject: Subject, id: str, wanted: Wanted) -> Approval:
        """The approval is used up by exactly what it approves. Raises Forbidden (`not_approved`) whatever is wrong."""
        async with self.store.work() as work:
            found = await work.record(Approval, subject.tenant, id)
            if found is None or not fits(found, subject, wanted) or found.ends_at <= self.clock.now():
                raise _not_approved()
            try:
                used = await work.change_record(replace(found, state="used"))
            except Conflict as error:  # another call redeems it at this moment
                raise _not_approved() from error
            await note(work, self.clock, subject.tenant, subject.id, "approval.use", id, {"action": found.action})
        return used

    def _may_decide(self, subject: Subject, approval: Approval) -> bool:
        about, now = ACTIONS[approval.action], self.clock.now()
        return any(about.cells[Role(one.role)].approves and one.holds(now) for one in subject.grants)


def fits(approval: Approval, subject: Subject, wanted: Wanted) -> bool:
    """Whether this approval is for this person to do exactly this."""
    return (
        approval.state == "approved"
        and approval.proposer == subject.id
        and approval.decided_by not in (None, subject.id)
        and approval.digest == wanted.digest()
    )


def _not_approved() -> Forbidden:
    return Forbidden("nobody approved exactly this", code="not_approved")
