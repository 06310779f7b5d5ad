"""Commands about keys: what there is, exchange them, how the provider is, recovery."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO

import click

from hub.adapters.vault.keyring import FileKeyring, keyring_at
from hub.adapters.vault.recovery import Proof, joined, prove, restore_keyring, split_keyring
from hub.adapters.vault.root_keys import RootSet
from hub.app.hub import Hub
from hub.app.keys.exchange import DONE, RECOVERY, Level
from hub.cli.context import actor, settings, with_hub
from hub.cli.words import as_json, say
from hub.domain.errors import Conflict, Invalid
from hub.domain.ids import DEFAULT_TENANT, TenantId
from hub.ports.vault import Rotation
from hub.settings import Settings

Row = dict[str, object]
ROLE = "timer.keys"  # the role of the job that exchanges keys in the processes: one of us at a time
LEASE = timedelta(seconds=30)
LOOK_S = 0.5


@click.group("keys")
def keys() -> None:
    """Encryption keys: show, rotate, recover."""


@keys.command("show")
@as_json
def show(json_: bool) -> None:
    """All keys by level, class and state; never a key itself."""

    async def act(hub: Hub) -> list[Row]:
        return [
            {
                "tenant": one.tenant or None,
                "level": one.level,
                "class": one.data_class,
                "under": one.parent[:24],
                "state": one.state,
                "count": one.count,
            }
            for one in await hub.keys.show()
        ]

    say(with_hub(act), ("tenant", "level", "class", "under", "state", "count"), "no keys yet", json_)


@keys.command("status")
@as_json
def status(json_: bool) -> None:
    """Exchanges of keys: which step each is in, and how many keys and values it moved."""

    async def act(hub: Hub) -> list[Row]:
        return [_row(one) for one in await hub.keys.status() if one.name != RECOVERY]

    say(with_hub(act), ("level", "step", "moved", "started", "changed"), "no key was ever exchanged", json_)


@keys.command("health")
@as_json
def health(json_: bool) -> None:
    """Whether the provider of root keys answers, and whether recovery was tried. Exit code 4 where it does not answer."""

    async def act(hub: Hub) -> Row:
        state = await hub.keys.health()
        tried = await hub.keys.recovery()
        return {
            "provider": state.provider,
            "ok": state.ok,
            "detail": state.detail,
            "active": state.versions[0] if state.versions else None,
            "recovery_tried": tried.changed_at if tried else None,
            "recovery_covers_active": bool(tried and state.versions and state.versions[0] in tried.old.split(",")),
        }

    row = with_hub(act)
    columns = ("provider", "ok", "detail", "active", "recovery_tried", "recovery_covers_active")
    say([row], columns, "", json_)
    if not row["ok"]:
        raise click.exceptions.Exit(4)


@keys.command("rotate")
@click.argument("level")
@click.option("--wait", is_flag=True, help="Until it is done; carries it out here where no process does.")
@click.option(
    "--force", is_flag=True, help="root: also while a process that lives has not loaded the new key. On record."
)
@as_json
def rotate(level: str, wait: bool, force: bool, json_: bool) -> None:
    """Exchange the keys of a LEVEL: `root`, `class:1:pii` (the tenant's key), `owners:1:pii` (of persons and connections),
    `index:1` (of blind indexes).

    Without stopping: running processes carry it out in the background, and go on after a crash.
    """
    wanted = Level.read(level)

    async def act(hub: Hub) -> Rotation:
        one = await hub.keys.rotate(wanted)
        if force:
            one = await _forced(hub, wanted)
        if not wait:
            return one
        return await _to_the_end(hub, wanted)

    say([_row(with_hub(act))], ("level", "step", "moved", "started", "changed"), "", json_)


@keys.command("nodes")
@as_json
def nodes(json_: bool) -> None:
    """Running processes and the root keys each has loaded. A root key becomes active when all of them have it."""

    async def act(hub: Hub) -> list[Row]:
        return [
            {
                "node": one.id,
                "seen": one.seen_at,
                "roots": ",".join(one.roots),
                "epoch": one.epoch,
                "release": one.release,
            }
            for one in await hub.keys.nodes.alive()
        ]

    say(with_hub(act), ("node", "seen", "roots", "epoch", "release"), "no process runs", json_)


@keys.command("add-root")
def add_root() -> None:
    """Add a root key to the keyring file that wraps nothing yet: carry the file to all machines, then `rotate root`."""

    async def act(_: Hub) -> str:
        return await FileKeyring(_keyring(settings())).add()

    click.echo(f"{with_hub(act)} is in the keyring; copy the file to every machine, then: hirewire keys rotate root")


@keys.command("purge")
@click.option("--tenant", type=int, default=DEFAULT_TENANT, show_default=True)
def purge(tenant: int) -> None:
    """Destroy keys that were exchanged more than 35 days ago and that seal nothing any more."""

    async def act(hub: Hub) -> int:
        return await hub.keys.purge(TenantId(tenant))

    click.echo(f"destroyed: {with_hub(act)}")


@keys.command("split")
@click.option("--threshold", type=click.IntRange(2, 255), default=3, show_default=True)
@click.option("--shares", type=click.IntRange(2, 255), default=5, show_default=True)
def split(threshold: int, shares: int) -> None:
    """Print the keyring as shares, of which a few together give it back. Give each to another person, on paper.

    Split again after `rotate root`. A single share says nothing about the keys.
    """
    for line in split_keyring(_keyring(settings()), threshold, shares):
        click.echo(line)
    click.echo(f"any {threshold} of these {shares} lines restore the keyring; try it: keys restore --test", err=True)


@keys.command("restore")
@click.option("--test", is_flag=True, help="Only prove that the shares open every stored key; nothing is written.")
@click.argument("shares", type=click.File("r"), default="-")
def restore(test: bool, shares: IO[str]) -> None:
    """Give the keyring back from shares, one a line (from a file or typed). An existing keyring is never replaced."""
    chosen = settings()
    roots = joined(list(shares))

    async def act(hub: Hub) -> Proof:
        proof = await prove(roots, hub.keys.shelf, hub.keys.shelf)
        await hub.keys.recovery_tried(proof.roots)
        return proof

    path = _keyring(chosen)
    if not test:
        proof = with_hub_of(roots, chosen)
        restore_keyring(path, roots)
        click.echo(f"restored: {path}; its root keys {', '.join(proof.roots)} open all {proof.keys} stored keys")
        return
    proof = with_hub(act)
    there = keyring_at(path)
    same = "the keyring file is the same" if there == roots else "the keyring file differs or is not there"
    click.echo(
        f"proved: root keys {', '.join(proof.roots)} open all {proof.keys} stored keys; {same}; nothing was written"
    )


def with_hub_of(roots: RootSet, chosen: Settings) -> Proof:
    """Prove the shares where the keyring may be lost."""

    async def act(hub: Hub) -> Proof:
        return await prove(roots, hub.keys.shelf, hub.keys.shelf)

    if chosen.keyring.exists():
        restore_keyring(chosen.keyring, roots)  # refuses
    return with_hub(act)


def _keyring(chosen: Settings) -> Path:
    if chosen.key_provider != "file":
        text = f"the provider {chosen.key_provider} keeps its root keys itself; recover them by its own means"
        raise Invalid(text, code="not_a_keyring", at="HIREWIRE_KEY_PROVIDER")
    return chosen.keyring


def _row(one: Rotation) -> Row:
    return {
        "level": one.name,
        "step": one.step,
        "moved": one.moved,
        "started": one.started_at,
        "changed": one.changed_at,
    }


async def _forced(hub: Hub, level: Level) -> Rotation:
    """Past the step that waits for processes."""
    if level.kind != "root":
        raise Invalid("only a root key waits for processes", code="bad_key_level", at="level")
    one = next(one for one in await hub.keys.status() if one.name == "root")
    while one.step == "offer":
        one = await hub.keys.step(one)
    if one.step == "load":
        for node in await hub.keys.force(actor()):
            click.echo(f"{node} has not loaded {one.new}", err=True)
    return next(one for one in await hub.keys.status() if one.name == "root")


async def _to_the_end(hub: Hub, level: Level) -> Rotation:
    owner, told = secrets.token_hex(8), ""
    while True:
        one = next(one for one in await hub.keys.status() if one.name == str(level))
        if one.step == DONE:
            return one
        async with _leading(hub, owner) as led:
            if led:
                try:
                    async for step in hub.keys.carry_out(level):
                        one, now = step, hub.clock.now()
                        await hub.store.lead(ROLE, owner, now=now, until=now + LEASE)
                    return one
                except Conflict as error:
                    if error.code != "root_not_loaded":
                        raise
                    if str(error) != told:
                        told = str(error)
                        click.echo(told, err=True)
        await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def _leading(hub: Hub, owner: str) -> AsyncIterator[bool]:
    now = hub.clock.now()
    led = await hub.store.lead(ROLE, owner, now=now, until=now + LEASE)
    try:
        yield led
    finally:
        if led:
            now = hub.clock.now()
            await hub.store.lead(ROLE, owner, now=now, until=now)
