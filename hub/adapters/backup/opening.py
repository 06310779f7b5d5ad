"""Backups put together for one installation, and the jobs that make them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from hub.adapters.backup.boxes import with_file_key
from hub.adapters.backup.postgres import PostgresCopier
from hub.adapters.backup.shipping import WalShipping
from hub.adapters.backup.sqlite import SqliteCopier, path_of
from hub.adapters.objects import open_objects
from hub.adapters.vault.sealed_box import read_public
from hub.app.backup import Backup
from hub.app.daily import Daily
from hub.app.hub import Hub
from hub.app.media.backup import MediaBackup
from hub.ports.backup import Copier
from hub.ports.signing import Signer
from hub.ports.store import Store
from hub.ports.vault import Vault


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings say of backups."""

    database: str
    home: Path
    to: str
    keys_to: str
    recipients: tuple[str, ...]
    keep: timedelta
    scratch_at: str | None
    ship_s: float


class Every(Protocol):
    """The part of the timer that plans jobs."""

    def every(
        self,
        seconds: float,
        name: str,
        work: Callable[[], Awaitable[None]],
        *,
        shared: bool = False,
        at_once: bool = False,
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Backups:
    """Whole backups, and for SQLite the log shipped between them."""

    whole: Backup
    shipping: WalShipping | None

    def plan(self, timer: Every, daily: Daily) -> None:
        """Once a day by one process of all; the log every few seconds by whoever has its lease."""

        async def run() -> None:
            await daily("backup", self.whole.run)

        shipping = self.shipping
        if shipping is not None:

            async def ship() -> None:
                await shipping.tick()

            async def check() -> None:
                if shipping.leads:
                    await daily("backup_log_check", shipping.verify)

            timer.every(shipping.every.total_seconds(), "backup_log", ship)
            timer.every(600.0, "backup_log_check", check)
        timer.every(600.0, "backup", run, shared=True)
        timer.every(300.0, "backup_ages", self.whole.tell, at_once=True)


def open_backups(wanted: Wanted, hub: Hub, at: Callable[[str], tuple[Store, Vault, Signer]]) -> Backups:
    """`at` opens the store at an address. Raises Invalid (`bad_recipient`)."""
    for recipient in wanted.recipients:
        read_public(recipient)
    scratch, objects = wanted.home / "scratch", open_objects(wanted.to)
    sqlite = wanted.database.startswith("sqlite")
    if sqlite:
        copier: Copier = SqliteCopier(path_of(wanted.database), scratch, wanted.recipients, at)
    else:
        copier = PostgresCopier(wanted.database, wanted.scratch_at, wanted.recipients, at)
    whole = Backup(
        copier=copier,
        objects=objects,
        keys=open_objects(wanted.keys_to),
        store=hub.store,
        trail=hub.trail,
        signer=hub.trail.signer,
        clock=hub.clock,
        ids=hub.ids,
        meter=hub.meter,
        scratch=scratch,
        with_file_key=with_file_key,
        keep=wanted.keep,
        media=MediaBackup(hub.media, objects, hub.trail.signer, hub.clock, hub.meter, wanted.keep),
    )
    if not sqlite or not wanted.ship_s:
        return Backups(whole, None)
    every = timedelta(seconds=wanted.ship_s)
    shipping = WalShipping(
        path_of(wanted.database), scratch, objects, wanted.recipients, hub.store, hub.clock, hub.ids, hub.meter, every,
        wanted.keep,
    )  # fmt: skip
    return Backups(whole, shipping)
