"""Signed ends of the audit trail told to a second place by webhook: what is owed is a row until it was taken."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from hub.domain.audit import head_bytes
from hub.ports.audit import Head, OwedHead
from hub.ports.clock import Clock
from hub.ports.meter import Meter
from hub.ports.store import Store

BATCH = 50
FIRST_S, LONGEST_S = 10.0, 3600.0


class Hook(Protocol):
    """Where heads are told."""

    async def post(self, id: str, body: bytes, at: datetime) -> bool:
        """Whether it was taken. Never raises for what the other side does."""


def head_body(head: Head) -> str:
    """What is told: what was signed, the key and the signature, as in the kept files."""
    told = {
        **json.loads(head_bytes(head.tenant, head.seq, head.hash, head.at)),
        "key": head.signature.key,
        "public": head.signature.public.hex(),
        "signature": head.signature.value.hex(),
    }
    return json.dumps({"type": "audit.head_signed", "timestamp": told["at"], "data": told}, sort_keys=True)


@dataclass(frozen=True, slots=True)
class HeadPosts:
    """Tells what is owed. Again and again, for as long as it takes: a missing head is what an attacker would want."""

    store: Store
    hook: Hook
    clock: Clock
    meter: Meter

    async def __call__(self) -> int:
        """Everything that is due, oldest first; how many were taken."""
        now, taken = self.clock.now(), 0
        async with self.store.look() as look:
            owed = await look.owed_heads(now, BATCH)
        for one in owed:
            id_ = f"head_{one.tenant}_{one.seq}"
            if await self.hook.post(id_, one.body.encode(), now):
                async with self.store.work() as work:
                    await work.settle_head(one)
                taken += 1
            else:
                wait = min(FIRST_S * 2**one.tries, LONGEST_S)
                async with self.store.work() as work:
                    await work.put_off_head(one, self.clock.now() + timedelta(seconds=wait))
                self.meter.note("audit.head_not_taken", tenant=one.tenant, seq=one.seq, tries=one.tries + 1)
        return taken


def owed(head: Head, now: datetime) -> OwedHead:
    """A head that is still to be told."""
    return OwedHead(head.tenant, head.seq, head_body(head), 0, now)
