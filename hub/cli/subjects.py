"""`hirewire subject`: what is held on a person to take away, legal holds, erasures and their certificates."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

import click
import orjson

from hub.adapters.vault.signing import holds as signature_holds
from hub.app.hub import Hub
from hub.app.subjects.erasures import holds_certificate
from hub.cli.context import actor, with_hub
from hub.cli.words import as_json, say
from hub.domain.errors import Invalid, NotFound
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.domain.subjects import HOLDS, MANUAL
from hub.ports.accounts import Erasure, LegalHold, Notice
from hub.ports.signing import Signature
from mappings.documents import Document

FAULTS = 5
Row = dict[str, object]
ERASURES = ("id", "candidate", "state", "asked by", "asked", "approved by", "open vendors", "done")
HELD = ("id", "candidate", "state", "holds", "asked by", "asked")
NOTICES = ("id", "connection", "how", "state", "told", "acknowledged", "by", "to do")
language_option = click.option("--language", type=click.Choice(["en", "zh-CN"]), default="en", show_default=True)


@click.group()
def subject() -> None:
    """The rights of a candidate: access, legal hold, erasure."""


@subject.command()
@click.argument("candidate")
@click.option(
    "--to", "to", required=True, type=click.Path(path_type=Path), help="A folder, or a file that ends in .zip."
)
@click.option("--recordings", is_flag=True, help="The recordings too.")
def export(candidate: str, to: Path, recordings: bool) -> None:
    """All that is held on a candidate: data.json, a page in each language; on the record."""

    def progress(name: str, count: int) -> None:
        click.echo(f"{name}: {count}", err=True)

    async def act(hub: Hub) -> None:
        files = hub.export.files(TENANT, candidate, actor(), recordings=recordings, progress=progress)
        if to.suffix == ".zip":
            await _write(to, hub.export.zipped(files))
            return
        async for name, content in files:
            target = to / name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            await _write(target, content)

    with_hub(act)
    click.echo(f"written to {to}")


def _fresh(path: Path) -> BinaryIO:
    """Readable by its owner alone from its first byte."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    return path.open("wb")


async def _write(path: Path, content: AsyncIterator[bytes]) -> None:
    with _fresh(path) as file:
        async for piece in content:
            file.write(piece)


@subject.command("list")
@as_json
def list_erasures(json_: bool) -> None:
    """All erasures, oldest first."""

    async def act(hub: Hub) -> list[Row]:
        found = await hub.erasures.every(TENANT)
        return [_erasure(*await hub.erasures.one(TENANT, one.id)) for one in found]

    say(with_hub(act), ERASURES, "nobody was erased", json_)


@subject.command()
@click.argument("erasure")
@language_option
@as_json
def show(erasure: str, language: str, json_: bool) -> None:
    """One erasure: every vendor that was told, what it answered, what a person has to do."""

    async def act(hub: Hub) -> tuple[Row, list[Row]]:
        one, notices = await hub.erasures.one(TENANT, erasure)
        return _erasure(one, notices), [_notice(hub, notice, language) for notice in notices]

    one, notices = with_hub(act)
    say([one], (*ERASURES, *(("digest",) if one["state"] == "asked" else ())), "", json_)
    say(notices, NOTICES, "no vendor was told", json_)


@subject.command()
@click.argument("candidate")
@click.option("--reason", required=True)
def erase(candidate: str, reason: str) -> None:
    """Ask for a candidate's erasure; two others approve it."""

    async def act(hub: Hub) -> str:
        return (await hub.erasures.ask(TENANT, candidate, reason, actor())).id

    click.echo(with_hub(act))


@subject.command()
@click.argument("request_id")
@click.option("--digest", help="Of an erasure: the digest that `show` tells.")
def approve(request_id: str, digest: str | None) -> None:
    """Approve an erasure (ers_...), or agree to a legal hold or its end (hld_...)."""
    click.echo(with_hub(lambda hub: _decide(hub, request_id, digest, approve=True)))


@subject.command()
@click.argument("request_id")
@click.option("--digest", help="Of an erasure: the digest that `show` tells.")
def refuse(request_id: str, digest: str | None) -> None:
    """Refuse an erasure (ers_...), or a legal hold or its end (hld_...)."""
    click.echo(with_hub(lambda hub: _decide(hub, request_id, digest, approve=False)))


async def _decide(hub: Hub, id_: str, digest: str | None, *, approve: bool) -> str:
    if id_.startswith("hld_"):
        return (await hub.holds.decide(TENANT, id_, actor(), approve=approve)).state
    if digest is None:
        raise Invalid("name the digest that `hirewire subject show` tells", code="missing", at="digest")
    return (await hub.erasures.decide(TENANT, id_, digest, actor(), approve=approve)).state


@subject.command()
@click.argument("candidate")
@click.option("--reason", required=True)
def hold(candidate: str, reason: str) -> None:
    """Put a legal hold on a candidate's data; it holds at once."""

    async def act(hub: Hub) -> str:
        return (await hub.holds.ask(TENANT, candidate, reason, actor())).id

    click.echo(with_hub(act))


@subject.command()
@click.argument("hold_id")
@click.option("--reason", required=True)
def lift(hold_id: str, reason: str) -> None:
    """Ask to lift a legal hold; it goes on holding until a second person agrees."""

    async def act(hub: Hub) -> str:
        return (await hub.holds.ask_lift(TENANT, hold_id, reason, actor())).state

    click.echo(with_hub(act))


@subject.command()
@click.option("--candidate", help="Of this one alone.")
@as_json
def holds(candidate: str | None, json_: bool) -> None:
    """Legal holds, oldest first."""

    async def act(hub: Hub) -> list[Row]:
        return [_hold(one) for one in await hub.holds.every(TENANT, candidate)]

    say(with_hub(act), HELD, "nothing is held", json_)


@subject.command()
@click.argument("erasure")
@click.argument("notice")
@click.option("--reference", help="Where the vendor's answer can be seen; no personal data.")
def acknowledge(erasure: str, notice: str, reference: str | None) -> None:
    """Note that a vendor erased the candidate."""

    async def act(hub: Hub) -> str:
        return (await hub.erasures.acknowledge(TENANT, erasure, notice, actor(), reference)).state

    click.echo(with_hub(act))


@subject.command("carry-out")
def carry_out() -> None:
    """Move on every erasure that was approved; the scheduler does so every two seconds."""

    async def act(hub: Hub) -> int:
        return await hub.carry_out()

    click.echo(f"{with_hub(act)} steps ended")


@subject.command()
@click.argument("erasure")
@click.option("--to", "to", type=click.Path(path_type=Path), help="A file; without it the certificate is printed.")
def certificate(erasure: str, to: Path | None) -> None:
    """The signed certificate of an erasure."""

    async def act(hub: Hub) -> Document:
        return await hub.erasures.certificate(TENANT, erasure, actor())

    text = orjson.dumps(with_hub(act), option=orjson.OPT_INDENT_2).decode()
    if to is None:
        click.echo(text)
    else:
        to.write_text(f"{text}\n", "utf-8")


class _Checks:
    """Checks a signature by the public key that it names."""

    def holds(self, signature: Signature, message: bytes) -> bool:
        """See `hub.ports.signing.Checks`."""
        return signature_holds(signature, message)


@subject.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--public", help="The public key that is trusted, in hex; without it the one that the certificate names.")
def verify(file: Path, public: str | None) -> None:
    """Whether a certificate is as it was signed. Needs no hub; exit 5 if it is not."""
    try:
        found = orjson.loads(file.read_bytes())
        trusted = None if public is None else bytes.fromhex(public)
    except ValueError as error:
        raise Invalid("this is not a certificate of an erasure", code="not_a_certificate") from error
    if not isinstance(found, dict):
        raise Invalid("this is not a certificate of an erasure", code="not_a_certificate")
    if not holds_certificate(found, _Checks(), trusted):
        click.echo("the certificate does not hold")
        sys.exit(FAULTS)
    click.echo(
        f"holds: {found['erasure']} of {found['candidate']}, signed by {found['key']}, issued {found['issued_at']}"
    )


def _erasure(one: Erasure, notices: list[Notice]) -> Row:
    return {
        "id": one.id, "candidate": one.subject, "state": one.state, "asked by": one.asked_by, "asked": one.asked_at,
        "approved by": ", ".join(one.approved_by) or None, "done": one.done_at, "digest": one.digest,
        "open vendors": sum(notice.state == "open" for notice in notices), "removed": one.counts,
    }  # fmt: skip


def _notice(hub: Hub, one: Notice, language: str) -> Row:
    try:
        erases = hub.catalog.get(one.connector).erases
    except NotFound:
        erases = None
    texts = {**MANUAL, **({} if erases is None else erases.manual)}
    return {
        "id": one.id, "connection": one.name, "how": one.operation or "by a person", "state": one.state,
        "told": one.created_at, "acknowledged": one.acknowledged_at, "by": one.acknowledged_by,
        "to do": None if one.operation or one.state == "acknowledged" else texts[language],
    }  # fmt: skip


def _hold(one: LegalHold) -> Row:
    return {
        "id": one.id, "candidate": one.subject, "state": one.state, "holds": "yes" if one.state in HOLDS else "no",
        "asked by": one.asked_by, "asked": one.asked_at,
    }  # fmt: skip
