"""How people sign in elsewhere, from the command line: the first administrator of a tenant comes in by what is put here."""

from __future__ import annotations

import json
from typing import TextIO

import click

from hub.app.hub import Hub
from hub.cli.context import actor, with_hub
from hub.cli.tenants import chosen_tenant
from hub.cli.words import as_json, say
from hub.domain.errors import Invalid

Row = dict[str, object]


@click.group()
def providers() -> None:
    """Where else people sign in. A provider's name is one tenant's alone: it says whose people come in."""


@providers.command("list")
@as_json
def list_providers(json_: bool) -> None:
    """All of this tenant, never their secrets."""

    async def act(hub: Hub) -> list[Row]:
        return [
            {"name": one.id, "kind": one.kind, "enabled": one.enabled, "config": one.config}
            for one in await hub.people.elsewhere.every(chosen_tenant())
        ]

    say(with_hub(act), ("name", "kind", "enabled"), "no providers", json_)


@providers.command("put")
@click.argument("name")
@click.argument("file", type=click.File("r", "utf-8"), default="-")
def put(name: str, file: TextIO) -> None:
    """Configure NAME as the JSON object in FILE says (`-`: standard input), as PUT /v1/sign-in-providers/NAME does."""
    try:
        body = json.load(file)
    except ValueError as error:
        raise Invalid("the file is not JSON", code="not_json") from error
    if not isinstance(body, dict):
        raise Invalid("a provider is an object", code="not_an_object")

    async def act(hub: Hub) -> None:
        await hub.people.elsewhere.put(chosen_tenant(), name, body, actor())

    with_hub(act)


@providers.command("remove")
@click.argument("name")
def remove(name: str) -> None:
    """Nobody signs in by it any more; people stay."""

    async def act(hub: Hub) -> None:
        await hub.people.elsewhere.remove(chosen_tenant(), name, actor())

    with_hub(act)
