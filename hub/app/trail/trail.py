"""The audit trail as it is used: noting reads, looking through acts, holding chains against their signed ends."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from hub.app.groups import GroupCommit
from hub.app.trail.heads import owed
from hub.domain.audit import PRUNE, SHORTEST, Act, Chain, Fault, Grade, Linked, Outcome, Walk, head_bytes
from hub.domain.errors import Conflict, HubError, Invalid
from hub.domain.ids import TenantId
from hub.ports.audit import EVERY, ActFilter, Acts, Head, Heads
from hub.ports.clock import Clock
from hub.ports.meter import Meter
from hub.ports.signing import Signer
from hub.ports.store import Store
from mappings.documents import Document

BATCH = 250  # acts looked at in one go: between them the event loop serves others
SIGN_ACTS, SIGN_S = 1000, 60.0  # a head is signed after so many acts, or after so long, whatever comes first
TURN_S = 60.0  # where ends cannot be kept, a turn stops after so long: what hangs must not hold up the next one
PRUNE_BATCH = 5000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came out of following a tenant's chain. `strange`: kept heads whose signature is not ours."""

    tenant: TenantId
    acts: int
    floor: int
    last: int
    heads: int
    strange: int
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class Trail:
    """`hub.ports.audit.Audit`, and what auditors ask. Acts that change the store are noted in its own transactions."""

    store: Store
    signer: Signer
    heads: Heads
    clock: Clock
    meter: Meter
    keep: timedelta = timedelta(days=1095)
    posted: bool = False  # heads are told to a second place too
    group: GroupCommit[Act, None] = field(init=False)
    _signed_at: dict[TenantId, float] = field(default_factory=dict, repr=False)
    _failed_at: dict[TenantId, float] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Raises Invalid where acts would be kept shorter than the law wants."""
        if self.keep < SHORTEST:
            raise Invalid(f"acts are kept {SHORTEST.days} days at least", code="audit_too_short")
        object.__setattr__(self, "group", GroupCommit(self._commit))

    async def _commit(self, acts: Sequence[Act]) -> Sequence[None]:
        async with self.store.work() as work:
            for act in acts:
                await work.audit(act)
        return [None] * len(acts)

    async def note(self, act: Act) -> None:
        """See the port. Acts that come together are written together."""
        await self.group.put([act])

    async def read(
        self,
        tenant: TenantId,
        by: str,
        action: str,
        object: str,
        *,
        grade: Grade = Grade.PERSONAL,
        purpose: str | None = None,
        outcome: Outcome = Outcome.ALLOWED,
    ) -> None:
        """Somebody is about to see data of this grade, or was refused it."""
        now = self.clock.now()
        await self.note(Act(now, tenant, by, action, object, outcome=outcome, purpose=purpose, grade=grade))

    async def page(
        self, tenant: TenantId, limit: int, before: int | None = None, where: ActFilter = EVERY
    ) -> list[Linked]:
        """Acts, newest first."""
        async with self.store.look() as look:
            return await look.acts(tenant, limit, before=before, where=where)

    async def kept_heads(self, tenant: TenantId) -> tuple[list[Head], int]:
        """Signed ends by keys that the vault vouches for, and how many others were found."""
        ours = await self.signer.public_keys(tenant)
        found = await self.heads.kept(tenant)
        good = [head for head in found if head.signature.key in ours and self._holds(head)]
        return good, len(found) - len(good)

    def _holds(self, head: Head) -> bool:
        return self.signer.holds(head.signature, head_bytes(head.tenant, head.seq, head.hash, head.at))

    async def verify(self, tenant: TenantId) -> Verdict:
        """Follow the chain from its floor to its end, and hold it against what was signed."""
        heads, strange = await self.kept_heads(tenant)  # first: what is signed meanwhile must not look missing
        async with self.store.look() as look:
            chain = await look.chain(tenant)
            walk, at = Walk(chain, {head.seq: head.hash for head in heads}), chain.floor
            while walk.fault is None and at < chain.seq:
                rows = [row for row in await look.acts_after(tenant, at, BATCH) if row.seq <= chain.seq]
                for row in rows:
                    if walk.step(row) is not None:
                        break
                if not rows:
                    break
                at = rows[-1].seq
            fault = walk.end() or await self._behind(look, chain)
        return Verdict(tenant, walk.seen, chain.floor, chain.seq, len(heads), strange, fault)

    async def _behind(self, look: Acts, chain: Chain) -> Fault | None:
        """Acts behind the end that the chain itself does not know of."""
        behind = await look.acts_after(chain.tenant, chain.seq, 1)
        if not behind or (await look.chain(chain.tenant)).seq >= behind[0].seq:
            return None
        return Fault(behind[0].seq, "added", f"act {behind[0].seq} stands behind the end of the chain")

    async def verify_all(self) -> list[Verdict]:
        """Every tenant's chain. Raises Conflict (`audit_broken`) and says so where one does not hold."""
        verdicts, failed = await self._each("audit.not_verified", self.verify)
        broken = [verdict for verdict in verdicts if verdict.fault is not None]
        for verdict in broken:
            assert verdict.fault is not None
            self.meter.note("audit.broken", tenant=verdict.tenant, seq=verdict.fault.seq, code=verdict.fault.code)
        if broken:
            raise Conflict("the audit trail does not hold", code="audit_broken")
        if failed:
            raise failed[0]
        return verdicts

    async def _each(self, note: str, work: Callable[[TenantId], Awaitable[T]]) -> tuple[list[T], list[HubError]]:
        """Do it for every tenant that has a chain; one that fails is noted and does not keep the others."""
        async with self.store.look() as look:
            tenants = [chain.tenant for chain in await look.chains()]
        done, failed = list[T](), list[HubError]()
        for tenant in tenants:
            try:
                done.append(await work(tenant))
            except HubError as error:
                failed.append(error)
                self.meter.note(note, tenant=tenant, code=error.code)
        return done, failed

    async def sign_ends(self, *, now: bool = False) -> int:
        """Sign the ends that moved far or long enough ago, and keep them elsewhere; `now`: all that moved.

        An end that cannot be kept does not keep the others, and comes last in the next turn; the first error is raised
        at the end.
        """
        async with self.store.look() as look:
            chains = await look.chains()
        begun, made, failed = self.clock.monotonic(), 0, list[HubError]()
        for chain in sorted(chains, key=lambda chain: self._failed_at.get(chain.tenant, -math.inf)):
            if not self._due(chain, now):
                continue
            if failed and not now and self.clock.monotonic() - begun > TURN_S:
                break
            try:
                await self._sign(chain)
            except HubError as error:
                failed.append(error)
                self._failed_at[chain.tenant] = self.clock.monotonic()
                self.meter.note("audit.head_not_kept", tenant=chain.tenant, seq=chain.seq, code=error.code)
            else:
                made += 1
                self._failed_at.pop(chain.tenant, None)
        if failed:
            raise failed[0]
        return made

    def _due(self, chain: Chain, now: bool) -> bool:
        if chain.seq == chain.signed:
            return False
        since = self.clock.monotonic() - self._signed_at.get(chain.tenant, -SIGN_S)
        return now or since >= SIGN_S or chain.seq - chain.signed >= SIGN_ACTS

    async def _sign(self, chain: Chain) -> None:
        at = self.clock.now()
        signature = await self.signer.sign(chain.tenant, head_bytes(chain.tenant, chain.seq, chain.hash, at))
        head = Head(chain.tenant, chain.seq, chain.hash, at, signature)
        await self.heads.keep(head)
        async with self.store.work() as work:
            await work.mark_signed(chain.tenant, chain.seq)
            if self.posted:
                await work.owe_head(owed(head, at))
        self._signed_at[chain.tenant] = self.clock.monotonic()

    async def prune(self) -> int:
        """Remove acts past the retention, oldest first; the removal is an act with what was removed and its last hash."""
        removed, failed = await self._each("audit.not_pruned", self._prune)
        if failed:
            raise failed[0]
        return sum(removed)

    async def _prune(self, tenant: TenantId) -> int:
        removed, now = 0, self.clock.now()
        cut = now - self.keep
        while True:
            async with self.store.work() as work:
                chain = await work.chain(tenant)
                old = await work.acts_after(tenant, chain.floor, PRUNE_BATCH)
                through = next((row.seq for row in old if row.act.at >= cut), old[-1].seq + 1 if old else 0) - 1
                if through <= chain.floor:
                    return removed
                gone = await work.prune_acts(tenant, through)
                last = (await work.chain(tenant)).floor_hash.hex()
                detail: Document = {"through": through, "hash": last, "acts": gone, "before": cut.isoformat()}
                await work.audit(Act(now, tenant, "hub", PRUNE, "audit", detail))
            removed += gone
