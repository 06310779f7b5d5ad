"""Files that came in wait until a scanner has judged them; what is malware goes, and that is on record."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hub.app.media.media import Media
from hub.app.media.recordings import Medium
from hub.domain.audit import Act, Outcome
from hub.domain.errors import Conflict, Invalid, NotFound, Unavailable
from hub.ports.clock import Clock
from hub.ports.meter import Meter
from hub.ports.scanner import Scanner
from hub.ports.store import Store
from mappings.documents import Document

AT_ONCE = 32 * 1024 * 1024  # a file up to this size is judged before its sender is answered


@dataclass(slots=True)
class Quarantine:
    """What is done with files between their completion and their first use. `scanner` None: nothing is judged."""

    media: Media
    scanner: Scanner | None
    store: Store
    clock: Clock
    meter: Meter
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def received(self, medium: Medium) -> bool:
        """Whether a file that was just completed may be used now. Raises Invalid (`malware_found`)."""
        if not await self.media.waits(medium.tenant, medium.id):
            return True
        if medium.size > AT_ONCE:
            return False
        try:
            clean = await self.judge(medium)
        except Unavailable as error:
            self.meter.note("scanner.away", code=error.code)
            return False
        if not clean:
            raise Invalid("malware was found in this file", code="malware_found")
        return True

    async def judge(self, medium: Medium) -> bool:
        """Whether the file is clean; then it is let go, else it is removed. Raises Unavailable."""
        if self.scanner is None:
            raise Unavailable("no malware scanner is set", code="scanner_away")
        try:
            verdict = await self.scanner.scan(self.media.play(medium, 0, medium.size))
        except Unavailable:
            self.meter.scanned("unknown")
            raise
        if verdict.signature is None:
            await self.media.let_go(medium)
            self.meter.scanned("clean")
            return True
        about: Document = {"signature": verdict.signature, "size": medium.size, "content_type": medium.content_type}
        act = Act(self.clock.now(), medium.tenant, "hub", "media.refuse", medium.id, about, Outcome.REFUSED)
        async with self.store.work() as work:
            await work.audit(act)
        await self.media.refuse(medium)
        self.meter.scanned("malware")
        self.meter.note("media.malware", media=medium.id)
        return False

    async def work_off(self) -> None:
        """Judge all that waits. A scanner that is away ends the round."""
        if self.scanner is None or self._lock.locked():
            return
        async with self._lock:
            for tenant, id in await self.media.waiting():
                try:
                    await self.judge(await self.media.medium(tenant, id))
                except (NotFound, Conflict) as error:  # removed, erased or rotten meanwhile
                    self.meter.note("media.not_judged", media=id, code=error.code)
                except Unavailable as error:
                    self.meter.note("scanner.away", code=error.code)
                    if error.code == "scanner_away":
                        break
