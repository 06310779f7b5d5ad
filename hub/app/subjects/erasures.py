"""Erasures as people see them: asked for, approved by two, looked at, vendors' answers written down, certified."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from hub.app.incoming import Incoming
from hub.app.people.sealing import Sealing, note
from hub.app.subjects.holds import GrantedLately, Holds, checked_reason, checked_subject, second_person
from hub.domain.audit import Act
from hub.domain.errors import Conflict, Forbidden, NotFound
from hub.domain.ids import TenantId
from hub.domain.subjects import (
    APPROVERS,
    ASKED,
    BEGINS,
    CLOSED_CODE,
    DONE,
    FORMAT,
    KEYS_IN_BACKUPS,
    REFUSED,
    STOPPING,
    TELLING,
    UNDER_WAY,
    digest,
    signed_part,
)
from hub.ports.accounts import Erasure, Notice
from hub.ports.clock import Clock, Ids
from hub.ports.signing import Checks, Signature, Signer
from hub.ports.store import Page, Store
from mappings.documents import Document, Json

KEPT = (
    "ids of events, deliveries and tries",
    "statements of consent without their evidence",
    "acts",
    "counts",
    "this record",
)


@dataclass(frozen=True, slots=True)
class Erasures:
    """Who may do what is decided before; two approvers besides the one who asks is decided here."""

    store: Store
    sealing: Sealing
    holds: Holds
    signer: Signer
    clock: Clock
    ids: Ids
    granted_lately: GrantedLately

    async def every(self, tenant: TenantId, subject: str | None = None) -> list[Erasure]:
        """Of one candidate or of all, oldest first."""
        async with self.store.look() as look:
            if subject is None:
                found = await look.records(Erasure, tenant)
            else:
                found = await look.records(Erasure, tenant, subject=subject)
        return sorted(found, key=lambda one: (one.asked_at, one.id))

    async def one(self, tenant: TenantId, id: str) -> tuple[Erasure, list[Notice]]:
        """With what vendors were told. Raises NotFound."""
        async with self.store.look() as look:
            found = await look.record(Erasure, tenant, id)
            notices = await look.records(Notice, tenant, erasure=id)
        if found is None:
            raise NotFound("there is no such erasure")
        return found, sorted(notices, key=lambda one: (one.name, one.id))

    async def reason(self, erasure: Erasure) -> str:
        """Why it was asked for."""
        told = await self.sealing.open(erasure.tenant, "erasure", erasure.id, "sealed", erasure.sealed)
        return str(told["reason"])

    async def ask(self, tenant: TenantId, subject: str, reason: str, by: str) -> Erasure:
        """Raises Conflict (`legal_hold`, `erasure_open`, `candidate_erased`), NotFound where nothing is known, Invalid."""
        checked_subject(subject)
        text = checked_reason(reason)
        await self.holds.refuse_held(tenant, subject)
        for one in await self.every(tenant, subject):
            if one.state == ASKED or (one.state in UNDER_WAY and one.closed):
                raise Conflict("the erasure of this candidate is asked for already", code="erasure_open")
            if one.closed:
                raise Conflict("this candidate was erased", code=CLOSED_CODE)
        if not await self._known(tenant, subject):
            raise NotFound("nothing is known of this candidate")
        id_, now = f"ers_{self.ids.token(8)}", self.clock.now()
        sealed = await self.sealing.seal(tenant, "erasure", id_, "sealed", {"reason": text})
        told = digest(id_, str(tenant), subject, by, text)
        asked = Erasure(id_, tenant, subject, ASKED, sealed, told, by, now)
        async with self.store.work() as work:
            await work.add_record(asked)
            await note(work, self.clock, tenant, by, "erasure.ask", subject, {"erasure": id_})
        return replace(asked, version=1)

    async def decide(self, tenant: TenantId, id: str, told: str, by: str, *, approve: bool) -> Erasure:
        """`told` is the digest of what was read. The second approval begins it: from here on nothing is accepted.

        Raises NotFound, Conflict (`other_request`, `request_over`, `legal_hold`), Forbidden (`own_request`,
        `granted_lately`, `approved_already`).
        """
        found, _ = await self.one(tenant, id)
        if found.digest != told:
            raise Conflict("this is not what is asked for", code="other_request")
        if found.state != ASKED:
            raise Conflict("this request is not open any more", code="request_over")
        await second_person(tenant, found.asked_by, by, self.granted_lately)
        if by in found.approved_by:
            raise Forbidden("you approved this; another person is wanted", code="approved_already")
        if not approve:
            return await self._change(replace(found, state=REFUSED), by, "erasure.refuse")
        await self.holds.refuse_held(tenant, found.subject)
        approved = (*found.approved_by, by)
        changed = replace(found, approved_by=approved)
        if len(approved) >= APPROVERS:
            changed = replace(changed, state=STOPPING, approved_at=self.clock.now(), closed=True)
        return await self._change(changed, by, "erasure.approve")

    async def acknowledge(self, tenant: TenantId, id: str, notice: str, by: str, reference: str | None) -> Notice:
        """Somebody asked the vendor and has its answer. Raises NotFound, Conflict (`acknowledged_already`)."""
        _, notices = await self.one(tenant, id)
        found = next((one for one in notices if one.id == notice), None)
        if found is None:
            raise NotFound("there is no such notice")
        if found.state == "acknowledged":
            raise Conflict("this vendor has acknowledged", code="acknowledged_already")
        now, text = self.clock.now(), None if reference is None else checked_reason(reference)
        changed = replace(found, state="acknowledged", acknowledged_at=now, acknowledged_by=by, reference=text)
        async with self.store.work() as work:
            fresh = await work.change_record(changed)
            await note(work, self.clock, tenant, by, "erasure.acknowledge", id, {"notice": notice})
        return fresh

    async def readmit(self, tenant: TenantId, incoming: Collection[Incoming]) -> None:
        """Whoever was erased and applies anew is a new person with a new key.

        Raises Conflict (`candidate_erased`) for what does not begin an application, and while the erasure goes on.
        """
        begins = {one.subject for one in incoming if one.type in BEGINS and one.subject is not None}
        for subject in sorted({one.subject for one in incoming if one.subject is not None}):
            for one in [one for one in await self.every(tenant, subject) if one.closed]:
                if subject not in begins or one.state not in (TELLING, DONE):
                    raise Conflict("this candidate was erased", code=CLOSED_CODE)
                reopened = replace(one, closed=False, reopened_at=self.clock.now())
                await self._change(reopened, "hub", "erasure.reopen")

    async def certificate(self, tenant: TenantId, id: str, by: str) -> Document:
        """What was destroyed, by whom it was asked and approved, and where vendors stand now; signed, on the record.

        Raises NotFound, Conflict (`not_erased`).
        """
        one, notices = await self.one(tenant, id)
        if one.destroyed_at is None or one.cleared_at is None or one.approved_at is None:
            raise Conflict("it is not carried out yet", code="not_erased")
        vendors: list[Json] = [_vendor(notice) for notice in notices]
        told: Document = {
            "format": FORMAT, "erasure": one.id, "tenant": one.tenant, "candidate": one.subject,
            "asked_by": one.asked_by, "asked_at": one.asked_at.isoformat(),
            "approved_by": [*one.approved_by], "approved_at": one.approved_at.isoformat(),
            "keys_destroyed": [*one.keys], "receipt": one.receipt, "destroyed_at": one.destroyed_at.isoformat(),
            "removed": {**one.counts}, "cleared_at": one.cleared_at.isoformat(), "kept": [*KEPT],
            "backups_unreadable_from": (one.destroyed_at + KEYS_IN_BACKUPS).isoformat(),
            "vendors": vendors, "all_acknowledged": all(notice.state == "acknowledged" for notice in notices),
            "issued_at": self.clock.now().isoformat(),
        }  # fmt: skip
        signature = await self.signer.sign(tenant, signed_part(told))
        async with self.store.work() as work:
            act = Act(self.clock.now(), tenant, by, "erasure.certify", id, {"candidate": one.subject})
            await work.audit(act)
        return {
            **told, "key": signature.key, "public": signature.public.hex(), "signature": signature.value.hex(),
        }  # fmt: skip

    async def _change(self, changed: Erasure, by: str, act: str) -> Erasure:
        async with self.store.work() as work:
            fresh = await work.change_record(changed)
            await note(work, self.clock, changed.tenant, by, act, changed.subject, {"erasure": changed.id})
        return fresh

    async def _known(self, tenant: TenantId, subject: str) -> bool:
        async with self.store.look() as look:
            if await look.events(tenant, Page(1), subject=subject, bodies=False):
                return True
            return bool(await look.holders(tenant, subject) or await look.consents(tenant, subject))


def _vendor(notice: Notice) -> Document:
    done = notice.acknowledged_at
    return {
        "notice": notice.id, "connection": notice.name, "connector": notice.connector, "operation": notice.operation,
        "told_at": notice.created_at.isoformat(), "state": notice.state,
        "acknowledged_at": None if done is None else done.isoformat(), "acknowledged_by": notice.acknowledged_by,
        "reference": notice.reference,
    }  # fmt: skip


def holds_certificate(certificate: Document, checks: Checks, public: bytes | None = None) -> bool:
    """Whether a certificate is as it was signed, by the key that the reader trusts (else the one that it names).

    Raises Conflict (`not_a_certificate`).
    """
    try:
        if certificate["format"] != FORMAT:
            raise KeyError("format")
        signature = Signature(
            str(certificate["key"]), bytes.fromhex(str(certificate["public"])),
            bytes.fromhex(str(certificate["signature"])),
        )  # fmt: skip
    except (KeyError, ValueError, TypeError) as error:
        raise Conflict("this is not a certificate of an erasure", code="not_a_certificate") from error
    if public is not None and signature.public != public:
        return False
    return checks.holds(signature, signed_part(certificate))
