"""Commands on consents: the ledger of a candidate, a consent given, a consent taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

import click

from hub.app.consents import Told
from hub.app.hub import Hub
from hub.app.purposes import purposes
from hub.cli.context import actor, with_hub
from hub.cli.words import as_json, say
from hub.domain.errors import Invalid
from hub.domain.ids import DEFAULT_TENANT as TENANT

F = TypeVar("F", bound=Callable[..., object])
COLUMNS = ("at", "purpose", "said", "in force", "text", "locale", "expires", "source", "evidence")


@click.group()
def consent() -> None:
    """What candidates agreed to; deliveries that need a consent wait for it."""


@consent.command("list")
@click.argument("candidate")
@as_json
def list_consents(candidate: str, json_: bool) -> None:
    """Everything the candidate said, oldest first (evidence included)."""

    async def act(hub: Hub) -> list[dict[str, object]]:
        await hub.trail.read(TENANT, actor(), "consent.read", candidate)
        return [
            {
                "id": one.consent.id, "at": one.consent.at, "purpose": one.consent.purpose,
                "said": "given" if one.consent.given else "withdrawn", "in force": one.in_force,
                "text": one.consent.text_version, "locale": one.consent.locale, "expires": one.consent.expires_at,
                "source": one.consent.source, "evidence": one.evidence,
            }
            for one in await hub.consents(TENANT, candidate)
        ]  # fmt: skip

    say(with_hub(act), COLUMNS, "the candidate has said nothing", json_)


def _told(command: F) -> F:
    for option in (
        click.option("--evidence", help="Where it can be seen: a document's number, a recording's id."),
        click.option("--locale", help="The language of the text, e.g. zh-CN."),
        click.option("--text", "text_version", help="Which version of the text."),
        click.option("--at", help="When (RFC 3339); without it now."),
        click.option("--purpose", required=True, type=click.Choice(purposes())),
        click.argument("candidate"),
    ):
        command = option(command)
    return command


@consent.command("record")
@_told
@click.option("--expires", help="Until when it holds (RFC 3339).")
def record(
    candidate: str,
    purpose: str,
    at: str | None,
    text_version: str | None,
    locale: str | None,
    evidence: str | None,
    expires: str | None,
) -> None:
    """The candidate agreed. What waits for it goes."""
    told = Told(purpose, _moment(at, "at"), text_version, locale, _moment(expires, "expires"), evidence)

    async def act(hub: Hub) -> str:
        return (await hub.consents.record(TENANT, candidate, told, actor())).id

    click.echo(with_hub(act))


@consent.command("withdraw")
@_told
def withdraw(
    candidate: str,
    purpose: str,
    at: str | None,
    text_version: str | None,
    locale: str | None,
    evidence: str | None,
) -> None:
    """The candidate takes it back. What needs it and has not left is held."""
    told = Told(purpose, _moment(at, "at"), text_version, locale, None, evidence)

    async def act(hub: Hub) -> str:
        return (await hub.consents.withdraw(TENANT, candidate, told, actor())).id

    click.echo(with_hub(act))


def _moment(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{name} is a time (RFC 3339)", code="format", at=name) from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
