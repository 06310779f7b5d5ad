"""TLS of our own listeners, and the list of revoked client certificates while it changes."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import ssl
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from hub.adapters.revocations import Revocations
from hub.adapters.tls import server_context
from hub.adapters.vault.rfc5280 import RevokedList
from hub.domain.audit import Act, Outcome
from hub.domain.errors import HubError, Invalid
from hub.domain.ids import DEFAULT_TENANT
from hub.settings import Settings
from mappings.documents import Document

if TYPE_CHECKING:
    from hub.bootstrap import Opened

LOOK_S = 2.0


def own_tls(settings: Settings) -> ssl.SSLContext | None:
    """The TLS of our listeners, None where they speak plainly. Raises Invalid: better at start than at the first call."""
    if settings.tls is None:
        return None
    t, revocations = settings.tls, own_revocations(settings)
    crl = None if revocations is None else revocations.kept
    return server_context(t.certificate, t.key, t.minimum, t.client_ca, crl)


def own_revocations(settings: Settings) -> Revocations | None:
    """The list that is in force, None where none is asked for. Raises Invalid (`bad_certificate`)."""
    t = settings.tls
    if t is None or t.client_crl is None or t.client_ca is None:
        return None
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Revocations.open(t.client_crl, t.client_ca, settings.home, timedelta(hours=t.crl_grace_h))


@dataclass(slots=True)
class WatchRevocations:
    """Brings a new list into force: the server reads it when its worker is replaced, which also ends connections of old."""

    opened: Opened
    revocations: Revocations
    _was_shut: bool = False

    def shut(self) -> bool:
        """Whether nobody is let in."""
        return self.revocations.shut(self.opened.clock.now())

    async def run(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Once."""
        revocations = self.revocations
        try:
            fresh = await asyncio.to_thread(revocations.look)
        except Invalid as error:
            fresh = None
            await self._record("tls.revocations_refused", {"code": error.code, "why": str(error)}, Outcome.REFUSED)
        now = self.opened.clock.now()
        self.opened.meter.revocations(revocations.left(now).total_seconds(), revocations.refused)
        if self.shut() and not self._was_shut:
            await self._record("tls.shut", _told(revocations.in_force), Outcome.DONE)
        self._was_shut = self.shut()
        if fresh is not None:
            await self._record("tls.revocations_taken", _told(fresh), Outcome.DONE)
            again()

    async def _record(self, action: str, told: Document, outcome: Outcome) -> None:
        opened = self.opened
        opened.meter.note(action, code=told.get("code", ""))
        try:
            async with opened.hub.store.work() as work:
                act = Act(
                    opened.clock.now(), DEFAULT_TENANT, "hub", action, "client_certificates", told, outcome=outcome
                )
                await work.audit(act)
        except HubError as error:  # whom to refuse does not wait for the database
            opened.meter.note("tls.not_on_record", code=error.code)


def again() -> None:
    """Ask the server to replace its worker by one that reads the files anew."""
    server = multiprocessing.parent_process()
    if server is not None and server.pid is not None:
        os.kill(server.pid, signal.SIGHUP)


def _told(one: RevokedList) -> Document:
    return {
        "issuer": one.issuer,
        "issued_at": one.issued_at.isoformat(),
        "over_at": one.over_at.isoformat(),
        "revoked": one.count,
        "sha256": one.digest,
    }
