"""`hirewire backup`: make, list, check and restore whole backups."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click

from hub.adapters.backup.boxes import with_secret
from hub.adapters.backup.shipping import Reached, restore_to
from hub.adapters.vault.sealed_box import generate
from hub.app.backup import Backup, Drill, Listed
from hub.bootstrap import open_backup, open_hub
from hub.cli.context import settings
from hub.cli.replays import moment
from hub.cli.words import as_json, say
from hub.domain.audit import acting_from
from hub.domain.backups import time_of
from hub.domain.errors import Invalid
from hub.ports.backup import Opener

T = TypeVar("T")
secret = click.option(
    "--key", "key", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the secret key that backups are sealed to.",
)  # fmt: skip


@click.group()
def backup() -> None:
    """Whole backups: sealed to a key that is not here, restored and compared as soon as they are made."""


@backup.command("keygen")
@click.option(
    "--to", "path", required=True, type=click.Path(dir_okay=False, path_type=Path), help="New file for the secret."
)
def keygen(path: Path) -> None:
    """Make a key for backups. The secret goes to a file; carry it away from this machine. The public half is printed."""
    public, hidden = generate()
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise Invalid(f"{path} is there already", code="file_exists") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(hidden + "\n")
    click.echo(f"HIREWIRE_BACKUP_RECIPIENTS={public}")


@backup.command("run")
def run() -> None:
    """Make a backup now, read it back, restore it into a scratch database and compare. Exit code 1 if it is not whole."""
    _tell("made and checked", _with_backup(lambda one: one.run()))


@backup.command("list")
@as_json
def list_backups(json_: bool) -> None:
    """Newest first, as they lie there."""

    async def act(one: Backup) -> list[Listed]:
        return await one.listed()

    rows = [
        {
            "id": found.id, "made": time_of(found.id), "bytes": found.size, "rows": found.rows,
            "checked": "yes" if found.verified else "no", "manifest": "signed" if found.signed else "CHANGED",
        }
        for found in _with_backup(act)
    ]  # fmt: skip
    say(rows, ("id", "made", "bytes", "rows", "checked", "manifest"), "no backups yet", json_)


@backup.command("verify")
@click.argument("id_", metavar="ID")
@secret
def verify(id_: str, key: Path) -> None:
    """Restore a backup into a scratch database by its secret key, and compare. The live database is not touched."""
    _tell("checked", _with_backup(lambda one: one.verify(id_, _opener(key))))


@backup.command("restore")
@click.argument("id_", metavar="ID", required=False)
@secret
@click.option("--at", "at", help="SQLite: to this moment instead, from the shipped log: a time, or so long ago.")
@click.option("--to", "address", help="Database to fill, empty or not there yet. Default: HIREWIRE_DATABASE.")
@click.option("--dry-run", is_flag=True, help="Into a scratch database only, as `verify` does.")
def restore(id_: str | None, key: Path, at: str | None, address: str | None, dry_run: bool) -> None:
    """Fill an empty database from a backup and compare it. Nothing that holds tables is ever written over."""
    target = address or settings().database
    if at is not None:
        _to_a_moment(at, key, target, dry_run)
        return
    if id_ is None:
        raise click.UsageError("name a backup, or a moment with --at")
    if dry_run:
        _tell("would restore", _with_backup(lambda one: one.verify(id_, _opener(key))))
        return
    drill = _with_backup(lambda one: one.restore(id_, _opener(key), target))
    _tell("restored", drill)


def _to_a_moment(at: str, key: Path, target: str, dry_run: bool) -> None:
    async def act(one: Backup) -> Reached:
        if one.copier.kind != "sqlite":
            raise Invalid("PostgreSQL reaches a moment by its own archive; see the guide", code="other_store", at="at")
        wanted = moment(at, one.clock.now())
        if not dry_run:
            return await restore_to(one.objects, _opener(key), target, wanted)
        async with one.copier.scratch() as scratch:
            return await restore_to(one.objects, _opener(key), scratch, wanted)

    reached = _with_backup(act)
    click.echo(
        f"{'would reach' if dry_run else 'restored to'} {reached.until.isoformat()}, {reached.segments} shipments"
        f" on {reached.set}"
    )


def _opener(key: Path) -> Opener:
    return with_secret(key.read_text(encoding="ascii", errors="replace"))


def _with_backup(act: Callable[[Backup], Awaitable[T]]) -> T:
    """Open the hub and its backups, do one thing, close."""

    async def run_() -> T:
        chosen = settings()
        opened = open_hub(chosen)
        try:
            found = open_backup(chosen, opened)
            if found is None:
                raise Invalid("no place for backups is set", code="no_backups", at="HIREWIRE_BACKUP_TO")
            with acting_from("cli"):
                return await act(found.whole)
        finally:
            await opened.close()

    return asyncio.run(run_())


def _tell(what: str, drill: Drill) -> None:
    click.echo(f"{drill.id}: {what}, {drill.rows} rows in {drill.seconds:.1f} s, {drill.blobs} blobs of recordings")
    if drill.faults:
        raise Invalid("; ".join(drill.faults), code="backup_not_verified")
