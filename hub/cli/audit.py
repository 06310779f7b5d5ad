"""`hirewire audit`: look through acts, check that the trail holds, take it away."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
import orjson

from hub.adapters.vault.signing import holds
from hub.app.hub import Hub
from hub.app.trail.export import Export, check
from hub.app.trail.trail import Verdict
from hub.cli.context import actor, with_hub
from hub.cli.replays import moment
from hub.cli.words import as_json, say
from hub.domain.audit import Fault, Grade, Outcome
from hub.domain.errors import Invalid
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.ports.audit import ActFilter, Head
from hub.ports.signing import Signature

FAULTS = 5
Row = dict[str, object]


@click.group()
def audit() -> None:
    """Who did what, who read what: a chain that shows every change to itself."""


@audit.command("list")
@click.option("--actor", "by", help="Only acts of this token or account.")
@click.option("--action", help="Only this act, such as event.read; may end in *.")
@click.option("--object", "object_", help="Only acts on this, such as evt_... or a candidate id.")
@click.option("--outcome", type=click.Choice([str(one) for one in Outcome]))
@click.option(
    "--grade", default=1, type=click.IntRange(1, 4), help="Data of this grade or above; 3 is personal, 4 sensitive."
)
@click.option("--since", help="A time, or so long ago: 2h, 3d.")
@click.option("--until", help="Up to then.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000))
@as_json
def list_acts(
    by: str | None,
    action: str | None,
    object_: str | None,
    outcome: str | None,
    grade: int,
    since: str | None,
    until: str | None,
    limit: int,
    json_: bool,
) -> None:
    """Newest first."""

    async def act(hub: Hub) -> list[Row]:
        now = hub.clock.now()
        where = ActFilter(
            actor=by,
            action=action,
            object=object_,
            outcome=None if outcome is None else Outcome(outcome),
            least=Grade(grade),
            since=None if since is None else moment(since, now),
            until=None if until is None else moment(until, now),
        )
        return [
            {
                "seq": row.seq, "at": row.act.at, "actor": row.act.actor, "action": row.act.action,
                "object": row.act.object, "outcome": str(row.act.outcome), "from": row.act.origin,
                "purpose": row.act.purpose, "grade": int(row.act.grade), "detail": row.act.detail,
                "hash": row.hash.hex(),
            }
            for row in await hub.trail.page(TENANT, limit, where=where)
        ]  # fmt: skip

    say(with_hub(act), ("seq", "at", "actor", "action", "object", "outcome", "from"), "no acts", json_)


@audit.command("verify")
@click.option(
    "--export", "export_", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Check an export (its .jsonl file) instead, without any database.",
)  # fmt: skip
@click.option("--public-key", help="With --export: the public key you trust, 64 hex digits.")
def verify(export_: Path | None, public_key: str | None) -> None:
    """Follow the chain of acts and hold it against its signed ends. Exit code 5 and the first bad act if it does not hold."""
    if export_ is not None:
        _tell_export(export_, public_key)
        return

    async def act(hub: Hub) -> Verdict:
        return await hub.trail.verify(TENANT)

    verdict = with_hub(act)
    strange = f", {verdict.strange} not signed by us" if verdict.strange else ""
    click.echo(f"{verdict.acts} acts hold, from {verdict.floor + 1}, against {verdict.heads} signed ends{strange}")
    _tell(verdict.fault)


def _tell_export(lines: Path, public_key: str | None) -> None:
    manifest = lines.with_suffix(".manifest.json")
    if not manifest.exists():
        raise Invalid(f"{manifest.name} is not beside it", code="not_an_export")
    try:
        told, trusted = orjson.loads(manifest.read_bytes()), None if public_key is None else bytes.fromhex(public_key)
    except ValueError as error:
        raise Invalid("the manifest is not JSON, or the key is not hex", code="not_an_export") from error
    fault = check(told, _lines(lines), _Check(), trusted)
    if fault is None:
        key = "the key you trust" if public_key else f"the key it names ({told['public']})"
        click.echo(f"{told['acts']} acts hold, {told['first']} to {told['last']}, signed by {key}")
    _tell(fault)


class _Check:
    """Checks signatures without a vault."""

    def holds(self, signature: Signature, message: bytes) -> bool:
        return holds(signature, message)


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _tell(fault: Fault | None) -> None:
    if fault is not None:
        click.secho(f"act {fault.seq}: {fault.code}: {fault.text}", fg="red", err=True)
        sys.exit(FAULTS)


@audit.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--since", help="A time, or so long ago: 2h, 3d.")
@click.option("--until", help="Up to then.")
def export(file: Path, since: str | None, until: str | None) -> None:
    """Write acts as JSON Lines to FILE, and a signed manifest beside it (FILE with .manifest.json)."""

    async def act(hub: Hub) -> Row:
        now = hub.clock.now()
        begin = None if since is None else moment(since, now)
        wanted = Export(hub.trail, TENANT, begin, None if until is None else moment(until, now))
        with file.open("wb") as out:
            async for line in wanted.lines(actor()):
                out.write(line)
        return {**wanted.manifest}

    manifest = with_hub(act)
    beside = file.with_suffix(".manifest.json")
    beside.write_bytes(orjson.dumps(manifest, option=orjson.OPT_INDENT_2) + b"\n")
    click.echo(f"{manifest['acts']} acts, {manifest['first']} to {manifest['last']}: {file}, {beside}")


@audit.command("heads")
@click.option("--sign", is_flag=True, help="Sign the end as it is now first.")
@as_json
def heads(sign: bool, json_: bool) -> None:
    """Signed ends of the chain, as they are kept outside the database."""

    async def act(hub: Hub) -> list[Head]:
        if sign:
            await hub.trail.sign_ends(now=True)
        return (await hub.trail.kept_heads(TENANT))[0]

    rows = [
        {
            "seq": head.seq, "at": head.at, "hash": head.hash.hex(), "key": head.signature.key,
            "public": head.signature.public.hex(), "signature": head.signature.value.hex(),
        }
        for head in with_hub(act)
    ]  # fmt: skip
    say(rows, ("seq", "at", "key", "hash"), "no signed ends yet", json_)
