"""Connections from the command line: how they stand, pause, resume."""

from __future__ import annotations

import click

from hub.app.hub import Hub
from hub.cli.context import with_hub
from hub.cli.words import as_json, say
from hub.domain.connections import ConnectionState
from hub.domain.ids import DEFAULT_TENANT as TENANT

COLUMNS = ("name", "connector", "state", "ready", "leased", "waiting", "held", "held until")


@click.group()
def connections() -> None:
    """Where deliveries go: how each connection stands, pausing and resuming it."""


@connections.command("list")
@as_json
def list_connections(json_: bool) -> None:
    """All connections with what waits for them."""

    async def act(hub: Hub) -> list[dict[str, object]]:
        async with hub.store.look() as look:
            lanes = {lane.connection: lane for lane in await look.lanes(TENANT)}
            known = await look.connections(TENANT)
        return [
            {
                "name": one.name, "connector": one.connector, "state": lane.state.value, "ready": lane.ready,
                "leased": lane.leased, "waiting": lane.waiting, "held": lane.held, "held until": lane.held_until,
            }
            for one in known
            for lane in [lanes[one.id]]
        ]  # fmt: skip

    say(with_hub(act), COLUMNS, "no connections yet", json_)


@connections.command()
@click.argument("name")
def pause(name: str) -> None:
    """Deliver nothing to this connection until it is resumed; what comes for it is kept."""
    _switch(name, ConnectionState.PAUSED)


@connections.command()
@click.argument("name")
def resume(name: str) -> None:
    """Deliver to this connection again, and release what was held because it was off."""
    _switch(name, ConnectionState.ACTIVE)


def _switch(name: str, state: ConnectionState) -> None:
    before = with_hub(lambda hub: hub.switch(TENANT, name, state, "cli"))
    click.echo(f"{name}: {before.value} -> {state.value}")
