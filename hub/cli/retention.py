"""Commands on retention: what is kept for how long, what is over, a sweep now."""

from __future__ import annotations

import click

from hub.app.hub import Hub
from hub.app.retain import COUNTED, Over
from hub.cli.context import actor, with_hub
from hub.cli.words import as_json, say

Row = dict[str, object]
COLUMNS = ("kind", "days", "over", "oldest")


@click.group()
def retention() -> None:
    """How long records are kept (HIREWIRE_RETENTION_DAYS), and what is over."""


@retention.command()
@as_json
def show(json_: bool) -> None:
    """Days, oldest record and what a sweep would remove now, by kind; of identities the end that comes first."""
    say(with_hub(_rows), COLUMNS, "nothing is kept", json_)


@retention.command()
@click.option("--dry-run", is_flag=True, help="Only count what would go.")
@as_json
def run(dry_run: bool, json_: bool) -> None:
    """Remove what is over now; the scheduler does so every five minutes."""
    if dry_run:
        say(with_hub(_rows), COLUMNS, "nothing is kept", json_)
        return

    async def act(hub: Hub) -> list[Row]:
        return [{"kind": str(kind), "removed": rows} for kind, rows in (await hub.retain.run(actor())).items()]

    say(with_hub(act), ("kind", "removed"), "nothing is kept", json_)


async def _rows(hub: Hub) -> list[Row]:
    return [_row(one) for one in await hub.retain.look()]


def _row(one: Over) -> Row:
    over = f"{COUNTED} or more" if one.over >= COUNTED else str(one.over)
    days = one.days or "for good"
    return {"kind": str(one.kind), "days": days, "over": over, "oldest": one.oldest, "cut": one.cut}
