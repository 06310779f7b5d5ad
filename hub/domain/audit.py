"""Acts on the record: what is written down of each, how they are chained, and how a broken chain is told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum

from hub.domain.ids import TenantId
from mappings.documents import Document

FORMAT = 1
BEGINNING = bytes(32)  # what the first act of a chain follows
SHORTEST = timedelta(days=180)  # six months: Cybersecurity Law of the PRC, article 21
PRUNE = "audit.prune"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ORIGIN: ContextVar[str] = ContextVar("origin", default="hub")


class Grade(IntEnum):
    """How much harm there is in data of this kind; reads of the last two are put on record."""

    OPEN = 1  # what everybody may know
    INTERNAL = 2  # rules, connections, events without their data
    PERSONAL = 3  # resumes, reports, identity and contact data, what was said to vendors
    SENSITIVE = 4  # video, audio, background checks, biometrics, credentials, keys


class Outcome(StrEnum):
    """How an act ended. `allowed`: a read that was let through; what it found does not matter."""

    DONE = "done"
    ALLOWED = "allowed"
    REFUSED = "refused"
    FAILED = "failed"


@contextmanager
def acting_from(origin: str) -> Iterator[None]:
    """Acts noted inside come from there: `cli`, or `api` and the caller's address. Elsewhere it is the hub itself."""
    token = _ORIGIN.set(origin)
    try:
        yield
    finally:
        _ORIGIN.reset(token)


def act_from(origin: str) -> None:
    """The same for the rest of the running task, where no block can be put around it."""
    _ORIGIN.set(origin)


@dataclass(frozen=True, slots=True)
class Act:
    """One act of somebody. Candidates appear as ids alone, so that erasing a person never needs a change here."""

    at: datetime
    tenant: TenantId
    actor: str  # token id, `cli:` and an account, `hub`
    action: str  # noun.verb
    object: str
    detail: Document = field(default_factory=dict)
    outcome: Outcome = Outcome.DONE
    origin: str = field(default_factory=_ORIGIN.get)
    purpose: str | None = None
    grade: Grade = Grade.INTERNAL


@dataclass(frozen=True, slots=True)
class Linked:
    """An act in its tenant's chain. `hash` is over `before`, the hash of the act before it, and this one's canonical bytes."""

    seq: int  # 1, 2, 3 ... without gaps
    act: Act
    before: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Chain:
    """Where a tenant's chain begins and ends. Up to `floor` it was removed, because it was older than the retention."""

    tenant: TenantId
    seq: int = 0
    hash: bytes = BEGINNING
    floor: int = 0
    floor_hash: bytes = BEGINNING
    signed: int = 0  # up to where its end was signed and kept elsewhere


@dataclass(frozen=True, slots=True)
class Fault:
    """The first act at which a chain does not hold."""

    seq: int
    code: str  # changed | missing | added | rewritten | floor | early | no_heads
    text: str


def canonical(seq: int, act: Act) -> bytes:
    """The bytes of an act that its hash is over: a JSON array without spaces, keys sorted, UTF-8, time in microseconds."""
    at = (act.at - _EPOCH) // timedelta(microseconds=1)
    fields = [
        *(FORMAT, act.tenant, seq, at, act.actor, act.action, act.object, str(act.outcome)),
        *(act.origin, act.purpose, int(act.grade), act.detail),
    ]
    text = json.dumps(fields, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return text.encode("ascii")


def head_bytes(tenant: TenantId, seq: int, hash: bytes, at: datetime) -> bytes:
    """What is signed of a chain's end: JSON without spaces, keys sorted."""
    head = {
        "at": at.astimezone(UTC).isoformat(),
        "audit_head": FORMAT,
        "hash": hash.hex(),
        "seq": seq,
        "tenant": tenant,
    }
    return json.dumps(head, sort_keys=True, separators=(",", ":")).encode("ascii")


def linked(seq: int, act: Act, before: bytes) -> Linked:
    """The act as the next one of a chain."""
    return Linked(seq, act, before, hashlib.sha256(before + canonical(seq, act)).digest())


def extended(chain: Chain, acts: list[Act]) -> tuple[Chain, list[Linked]]:
    """The chain with these acts at its end, and the acts as they are stored."""
    rows: list[Linked] = []
    for act in acts:
        row = linked(chain.seq + 1, act, chain.hash)
        chain = replace(chain, seq=row.seq, hash=row.hash)
        rows.append(row)
    return chain, rows


class Walk:
    """Follows a chain act by act and stops at the first that does not hold.

    `heads` are hashes at some numbers, signed when they were the chain's end and kept where the database cannot reach:
    against them even a chain that was computed anew in all its acts does not hold.
    """

    def __init__(self, chain: Chain, heads: Mapping[int, bytes]) -> None:
        self._chain, self._heads = chain, heads
        self._seq, self._hash = chain.floor, chain.floor_hash
        self._sure = chain.floor
        self._pruned: Act | None = None
        self.fault = self._floor_against_heads()

    @property
    def seen(self) -> int:
        """How many acts held."""
        return self._seq - self._chain.floor

    def step(self, row: Linked) -> Fault | None:
        """Look at the next act, in the order of numbers."""
        if self.fault is None:
            self.fault = self._look(row)
        return self.fault

    def end(self) -> Fault | None:
        """There are no more acts: is this where the chain, and what was signed, ended?"""
        self.fault = self.fault or self._ended() or self._floor_is_told()
        return self.fault

    def _look(self, row: Linked) -> Fault | None:
        wanted = self._seq + 1
        if row.seq != wanted:
            return Fault(wanted, "missing", f"act {wanted} is not there; the next one is {row.seq}")
        if row.seq > self._chain.seq:
            return Fault(row.seq, "added", f"act {row.seq} stands behind the end of the chain")
        if linked(row.seq, row.act, row.before).hash != row.hash:
            return Fault(row.seq, "changed", f"act {row.seq} is not what it was when it was written")
        if row.before != self._hash:  # the act before it fits its own hash, but is not the one that this one followed
            return Fault(
                max(self._seq, 1), "changed", f"act {max(self._seq, 1)} is not the one that act {wanted} followed"
            )
        signed = self._heads.get(row.seq)
        if signed is not None and signed != row.hash:
            return Fault(
                self._sure + 1, "rewritten", f"acts {self._sure + 1} to {row.seq} are not those that were signed"
            )
        self._sure = row.seq if signed is not None else self._sure
        self._pruned = row.act if row.act.action == PRUNE else self._pruned
        self._seq, self._hash = row.seq, row.hash
        return None

    def _ended(self) -> Fault | None:
        ends = max([self._chain.seq, *self._heads])
        if self._seq < ends:
            return Fault(self._seq + 1, "missing", f"act {self._seq + 1} is not there; the chain ended at {ends}")
        if self._hash != self._chain.hash:
            return Fault(self._seq, "changed", f"act {self._seq} is not the one that the chain ended with")
        if self._chain.signed and not any(seq <= self._chain.signed for seq in self._heads):
            return Fault(
                self._sure + 1, "no_heads", "its end was signed, but no signed end was found where they are kept"
            )
        return None

    def _floor_against_heads(self) -> Fault | None:
        signed = self._heads.get(self._chain.floor)
        if signed is not None and signed != self._chain.floor_hash:
            return Fault(self._chain.floor, "rewritten", f"act {self._chain.floor} was not the one that was signed")
        return None

    def _floor_is_told(self) -> Fault | None:
        """Acts are removed for their age alone, and the removal is an act itself."""
        floor = self._chain.floor
        if floor == 0:
            return None
        told = {} if self._pruned is None else self._pruned.detail
        if self._pruned is None or told.get("through") != floor or told.get("hash") != self._chain.floor_hash.hex():
            return Fault(floor, "floor", f"acts up to {floor} are gone, and no act tells of their removal")
        if self._pruned.at - datetime.fromisoformat(str(told.get("before"))) < SHORTEST:
            return Fault(floor, "early", f"acts up to {floor} were removed before {SHORTEST.days} days were over")
        return None
