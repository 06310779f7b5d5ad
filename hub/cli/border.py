"""Commands on the border: who was sent abroad, as counts."""

from __future__ import annotations

import click

from hub.app.border import Shown
from hub.app.hub import Hub
from hub.cli.context import with_hub
from hub.cli.words import as_json, say
from hub.domain.ids import DEFAULT_TENANT as TENANT

LIMITS = ("region", "counted", "count", "limit", "held from")
TARGETS = ("connection", "region", "abroad", "class 4", "consent", "held")


@click.group()
def border() -> None:
    """Data that goes abroad: persons by region and year, limits, what is held."""


@border.command()
@click.option("--year", type=click.IntRange(2000, 9999), help="Another year than this one.")
@as_json
def show(year: int | None, json_: bool) -> None:
    """Persons of the year against the limits, and every connection with where it is. `*`: all regions together."""

    async def act(hub: Hub) -> Shown:
        return await hub.border.show(TENANT, year)

    found = with_hub(act)
    if json_:
        say([_whole(found)], (), "", json_)
        return
    click.echo(
        f"home: {found.home or '(HIREWIRE_HOME_REGION is not set: nothing is abroad)'}, {found.year}, {found.duty}"
    )
    say(_limits(found), LIMITS, "no limits", json_)
    say(_targets(found), TARGETS, "no connections", json_)


def _whole(found: Shown) -> dict[str, object]:
    tallies = {
        r: {"persons": t.persons, "personal": t.personal, "sensitive": t.sensitive} for r, t in found.tallies.items()
    }
    head = {"home": found.home, "year": found.year, "duty": str(found.duty), "persons": tallies}
    return {**head, "limits": _limits(found), "targets": _targets(found)}


def _limits(found: Shown) -> list[dict[str, object]]:
    counted = {one.region for one in found.gauges}
    rows: list[dict[str, object]] = [
        {
            "region": one.region, "counted": str(one.counted), "count": one.count,
            "limit": one.limit if one.set else f"{one.limit} (law)", "held from": one.held_from,
        }
        for one in found.gauges
    ]  # fmt: skip
    for region, tally in found.tallies.items():
        if region not in counted:
            for name, count in (("persons", tally.persons), ("sensitive", tally.sensitive)):
                rows.append({"region": region, "counted": name, "count": count, "limit": None, "held from": None})
    return rows


def _targets(found: Shown) -> list[dict[str, object]]:
    held: dict[str, int] = {}
    for one in found.kept:
        name = found.names[one.connection]
        held[name] = held.get(name, 0) + one.count
    return [
        {
            "connection": one.name, "region": one.region, "abroad": one.abroad, "class 4": one.class_4,
            "consent": one.needs_consent, "held": held.get(one.name, 0),
        }
        for one in found.targets
    ]  # fmt: skip
