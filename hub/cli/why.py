"""`hirewire why`: why something happened, and why nothing did."""

from __future__ import annotations

import click

from hub.app.hub import Hub
from hub.app.rules.why_words import candidate_lines, event_lines
from hub.cli.context import actor, with_hub
from hub.cli.rules import LANGUAGES
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.domain.ids import event_id


@click.command()
@click.argument("id_", metavar="ID")
@click.option("--language", type=LANGUAGES, default="en", show_default=True)
@click.option("--reveal", is_flag=True, help="Show personal values too, such as scores.")
def why(id_: str, language: str, reveal: bool) -> None:
    """Why rules acted on an event (evt_...) or a candidate's events (cand_...), or why nothing happened.

    Every rule that waits for such an event is named: the conditions that were not met or not known, whether it was
    paused, a draft or only observing, and where its deliveries stand.
    """

    async def act(hub: Hub) -> list[str]:
        await hub.trail.read(TENANT, actor(), "event.why" if id_.startswith("evt_") else "candidate.why", id_)
        if id_.startswith("evt_"):
            return event_lines(await hub.why.event(TENANT, event_id(id_)), hub.fields, language, reveal=reveal)
        return candidate_lines(await hub.why.candidate(TENANT, id_), hub.fields, language, reveal=reveal)

    for line in with_hub(act):
        click.echo(line)
