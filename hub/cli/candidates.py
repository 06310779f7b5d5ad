"""Commands about candidates."""

from __future__ import annotations

import click

from hub.app.hub import Hub
from hub.cli.context import actor, with_hub
from hub.cli.words import as_json, say
from hub.domain.errors import Invalid
from hub.domain.identifiers import Identifier
from hub.domain.ids import DEFAULT_TENANT as TENANT

Row = dict[str, object]


@click.group()
def candidate() -> None:
    """Candidates."""


@candidate.command("find")
@click.option("--kind", type=click.Choice([str(one) for one in Identifier]), default="email", show_default=True)
@click.option("--connection", help="Whose external id it is; without it, anybody's.")
@click.option(
    "--value", prompt="value", hide_input=True, help="Better typed when asked: what is given here, others may see."
)
@as_json
def find(kind: str, connection: str | None, value: str, json_: bool) -> None:
    """Candidates' ids by exactly this e-mail address, phone, id number or id elsewhere, however it is written."""
    if connection is not None and kind != Identifier.EXTERNAL:
        raise Invalid("only an external id is one of a connection", code="unknown_field", at="connection")

    async def act(hub: Hub) -> list[Row]:
        await hub.trail.read(TENANT, actor(), "candidate.find", kind)
        return [{"candidate": one} for one in await hub.find(TENANT, Identifier(kind), value, connection)]

    say(with_hub(act), ("candidate",), "nobody is known by this", json_)
