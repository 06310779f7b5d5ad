"""Commands about recordings."""

from __future__ import annotations

from dataclasses import asdict

import click

from hub.app.hub import Hub
from hub.cli.context import with_hub
from hub.cli.words import as_json, say


@click.group("media")
def media() -> None:
    """Recordings: check and mend their copies."""


@media.command("scrub")
@as_json
def scrub(json_: bool) -> None:
    """Open every copy of every recording, and mend what is damaged from the copy that is whole. Exit code 5 if some is lost."""

    async def act(hub: Hub) -> dict[str, object]:
        return asdict(await hub.scrub())

    row = with_hub(act)
    say([row], ("blobs", "damaged", "repaired", "lost", "erased"), "", json_)
    if row["lost"]:
        raise click.exceptions.Exit(5)
