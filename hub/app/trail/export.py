"""The trail to take away: acts as JSON Lines with a signed manifest, checked again without any database."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from hub.app.trail.trail import BATCH, Trail
from hub.domain.audit import Act, Fault, Grade, Linked, Outcome, linked
from hub.domain.errors import Invalid, NotFound
from hub.domain.ids import TenantId
from hub.ports.signing import Checks, Signature
from mappings.documents import Document

FORMAT = "hirewire-audit-export-1"
SIGNED = ("format", "tenant", "first", "last", "acts", "before", "hash", "sha256", "at")


@dataclass(slots=True)
class Export:
    """A slice of a chain as lines. The manifest is there when the last line was taken."""

    trail: Trail
    tenant: TenantId
    since: datetime | None = None
    until: datetime | None = None
    manifest: Document = field(default_factory=dict)

    async def lines(self, by: str) -> AsyncIterator[bytes]:
        """The acts from the first since `since` to the last before `until`, and all between. Raises NotFound."""
        trail, digest = self.trail, hashlib.sha256()
        now = trail.clock.now()
        since = None if self.since is None else self.since.isoformat()
        about: Document = {"since": since, "until": (self.until or now).isoformat()}
        await trail.note(Act(now, self.tenant, by, "audit.export", "audit", about))
        first = last = None
        count = 0
        async for row in self._rows(self.until or now):
            line = line_of(row)
            digest.update(line)
            first, last, count = first or row, row, count + 1
            yield line
        if first is None or last is None:
            raise NotFound("there are no acts in this span", code="no_acts")
        body: Document = {
            "format": FORMAT,
            "tenant": self.tenant,
            "first": first.seq,
            "last": last.seq,
            "acts": count,
            "before": first.before.hex(),
            "hash": last.hash.hex(),
            "sha256": digest.hexdigest(),
            "at": now.isoformat(),
        }
        signature = await trail.signer.sign(self.tenant, _signed(body))
        signed = {"key": signature.key, "public": signature.public.hex(), "signature": signature.value.hex()}
        self.manifest = {**body, **signed}

    async def _rows(self, until: datetime) -> AsyncIterator[Linked]:
        at, begun = 0, self.since is None
        while rows := await self._batch(at):  # one look each: whoever takes the lines may be slow
            for row in rows:
                begun = begun or (self.since is not None and row.act.at >= self.since)
                if row.act.at >= until:
                    return
                if begun:
                    yield row
            at = rows[-1].seq

    async def _batch(self, after: int) -> list[Linked]:
        async with self.trail.store.look() as look:
            return await look.acts_after(self.tenant, after, BATCH)


def line_of(row: Linked) -> bytes:
    """One act as a line of JSON."""
    act = row.act
    body = {
        "seq": row.seq,
        "at": act.at.isoformat(),
        "tenant": act.tenant,
        "actor": act.actor,
        "action": act.action,
        "object": act.object,
        "outcome": str(act.outcome),
        "origin": act.origin,
        "purpose": act.purpose,
        "grade": int(act.grade),
        "detail": act.detail,
        "before": row.before.hex(),
        "hash": row.hash.hex(),
    }
    return (json.dumps(body, ensure_ascii=True, separators=(",", ":")) + "\n").encode("ascii")


def check(manifest: Document, lines: Iterable[bytes], signer: Checks, public: bytes | None = None) -> Fault | None:
    """Whether an export is whole and unchanged, by the public key that the reader trusts (else the one it names).

    Raises Invalid where the files are no export.
    """
    try:
        signature = Signature(
            str(manifest["key"]), bytes.fromhex(str(manifest["public"])), bytes.fromhex(str(manifest["signature"]))
        )
        if (public is not None and signature.public != public) or not signer.holds(signature, _signed(manifest)):
            return Fault(0, "signature", "the manifest is not signed by this key")
        return _follow(manifest, lines)
    except (KeyError, ValueError, TypeError) as error:
        raise Invalid("this is not an export of the audit trail", code="not_an_export") from error


def _follow(manifest: Document, lines: Iterable[bytes]) -> Fault | None:
    before, seq = bytes.fromhex(str(manifest["before"])), int(str(manifest["first"])) - 1
    for line in lines:
        row, seq = _row(json.loads(line)), seq + 1
        if row.seq != seq:
            return Fault(seq, "missing", f"act {seq} is not there; the next one is {row.seq}")
        if row.before != before or linked(row.seq, row.act, before).hash != row.hash:
            return Fault(seq, "changed", f"act {seq} is not what it was when it was written")
        before = row.hash
    if seq != manifest["last"] or before.hex() != manifest["hash"]:
        return Fault(seq + 1, "missing", f"the export ends at {seq}; its manifest says {manifest['last']}")
    return None


def _row(body: Document) -> Linked:
    detail = body["detail"]
    act = Act(
        at=datetime.fromisoformat(str(body["at"])),
        tenant=TenantId(int(str(body["tenant"]))),
        actor=str(body["actor"]),
        action=str(body["action"]),
        object=str(body["object"]),
        detail=detail if isinstance(detail, dict) else {},
        outcome=Outcome(str(body["outcome"])),
        origin=str(body["origin"]),
        purpose=None if body["purpose"] is None else str(body["purpose"]),
        grade=Grade(int(str(body["grade"]))),
    )
    return Linked(int(str(body["seq"])), act, bytes.fromhex(str(body["before"])), bytes.fromhex(str(body["hash"])))


def _signed(manifest: Document) -> bytes:
    return json.dumps({name: manifest[name] for name in SIGNED}, sort_keys=True, separators=(",", ":")).encode()
