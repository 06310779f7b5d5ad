"""Commands that read the record and repair it: events, deliveries, timeline."""

from __future__ import annotations

import click
import orjson

from hub.app.hub import Hub
from hub.app.queries import state_name
from hub.cli.context import actor, with_hub
from hub.cli.words import as_json, say
from hub.domain.deliveries import Delivery, Final, State
from hub.domain.errors import NotFound
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.domain.ids import DeliveryId, event_id, read, show
from hub.ports.queue import DoneDelivery
from hub.ports.store import Page

Row = dict[str, object]
STATES = [s.name.lower() for s in State] + [str(f) for f in Final]


@click.group()
def events() -> None:
    """What was accepted."""


@events.command("list")
@click.option("--type", "type_", help="Only this event type, e.g. interview.report.completed.")
@click.option("--subject", help="Only events about this candidate id.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@as_json
def list_events(type_: str | None, subject: str | None, limit: int, json_: bool) -> None:
    """Newest first."""

    async def act(hub: Hub) -> list[Row]:
        async with hub.store.look() as look:
            found = await look.events(TENANT, Page(limit), type=type_, subject=subject, bodies=False)
        return [
            {"id": e.id, "received": e.received_at, "type": e.type, "source": e.source, "subject": e.subject}
            for e in found
        ]

    say(with_hub(act), ("id", "received", "type", "source", "subject"), "no events yet", json_)


@events.command("show")
@click.argument("event")
def show_event(event: str) -> None:
    """One event with its data (personal data included), and what it owed."""

    async def act(hub: Hub) -> Row:
        await hub.trail.read(TENANT, actor(), "event.read", event)
        stored, data = await hub.queries.event(TENANT, event_id(event))
        async with hub.store.look() as look:
            owed = await look.deliveries(TENANT, Page(200), event=stored.id)
        return {
            "id": stored.id, "type": stored.type, "version": stored.version, "source": stored.source, "key": stored.key,
            "subject": stored.subject, "occurred_at": stored.occurred_at, "received_at": stored.received_at,
            "cause": stored.cause.event if stored.cause else None, "data": data,
            "deliveries": [await _row(hub, d) for d in owed],
        }  # fmt: skip

    click.echo(orjson.dumps(with_hub(act), default=str, option=orjson.OPT_INDENT_2).decode())


@click.group()
def deliveries() -> None:
    """What is owed to vendors, where it stands, and sending it again."""


@deliveries.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only deliveries in this state.")
@click.option("--connection", help="Only this connection, by name.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@as_json
def list_deliveries(state: str | None, connection: str | None, limit: int, json_: bool) -> None:
    """Newest first. Dead letters: `--state dead`. Waiting for a person: `--state held`."""

    async def act(hub: Hub) -> list[Row]:
        book = await hub.library.book(TENANT)
        if connection is not None and connection not in book.by_name:
            raise NotFound(f"there is no connection {connection}")
        lane = book.by_name[connection].id if connection is not None else None
        async with hub.store.look() as look:
            found = await look.deliveries(TENANT, Page(limit), connection=lane, state=state)
        lacking = await hub.queries.consents_missing(TENANT, found)
        return [{**await _row(hub, d), "why": lacking.get(d.id)} for d in found]

    say(with_hub(act), ("id", "state", "why", "attempts", "what", "event", "reference"), "no deliveries", json_)


@deliveries.command("show")
@click.argument("delivery")
@click.option("--talk", is_flag=True, help="Also what was said in each try (personal data included).")
@click.option("--fields", is_flag=True, help="Also how each field of the payload came about.")
def show_delivery(delivery: str, talk: bool, fields: bool) -> None:
    """One delivery with its tries."""

    async def act(hub: Hub) -> Row:
        number = DeliveryId(read("dlv", delivery))
        if talk or fields:
            await hub.trail.read(TENANT, actor(), "delivery.read", delivery)
        found = await hub.queries.delivery(TENANT, number)
        row = await _row(hub, found)
        row["why"] = (await hub.queries.consents_missing(TENANT, [found])).get(number)
        row["tries"] = [
            {
                "number": v.attempt.number, "started_at": v.attempt.started_at, "took_ms": v.attempt.took_ms,
                "outcome": v.attempt.outcome, "status": v.attempt.status, "error": v.attempt.error,
                **({"made_with": v.attempt.detail} if v.attempt.detail else {}),
                **({"talk": v.talk} if talk else {}),
            }
            for v in await hub.queries.attempts(TENANT, number)
        ]  # fmt: skip
        if fields:
            row["fields"] = [
                {"to": t.to, "from": list(t.sources), "fn": t.fn, "note": t.note, "value": t.value or None}
                for t in await hub.queries.preview(TENANT, number)
            ]
        return row

    click.echo(orjson.dumps(with_hub(act), default=str, option=orjson.OPT_INDENT_2).decode())


@deliveries.command("replay")
@click.argument("delivery", nargs=-1, required=True)
def replay_delivery(delivery: tuple[str, ...]) -> None:
    """Send ended deliveries again, or release held ones, with a full retry budget.

    A delivery that never succeeded keeps its idempotency key, so the vendor does nothing twice. One that was
    delivered gets a new key: you are asking for a second effect.
    """

    async def act(hub: Hub) -> list[str]:
        return [
            f"{one} -> {show('dlv', await hub.replay(TENANT, DeliveryId(read('dlv', one)), actor()))}"
            for one in delivery
        ]

    for line in with_hub(act):
        click.echo(line)


@click.command()
@click.argument("candidate")
@as_json
def timeline(candidate: str, json_: bool) -> None:
    """A candidate's story: every event, every delivery, what caused what."""

    async def act(hub: Hub) -> list[Row]:
        await hub.trail.read(TENANT, actor(), "candidate.read", candidate)
        entries = await hub.queries.timeline(TENANT, candidate)
        if await hub.holds.held(TENANT, candidate):
            click.echo("a legal hold keeps what is about this candidate", err=True)
        if any(one.closed for one in await hub.erasures.every(TENANT, candidate)):
            click.echo("this candidate was erased", err=True)
        if not entries:
            raise NotFound(f"nothing is known of {candidate}")
        return [
            {"at": e.at, "kind": e.kind, "what": e.what, "state": e.state, "id": e.id, "because of": e.caused_by}
            for e in entries
        ]

    say(with_hub(act), ("at", "kind", "what", "state", "id", "because of"), "", json_)


async def _row(hub: Hub, delivery: Delivery | DoneDelivery) -> Row:
    live = isinstance(delivery, Delivery)
    return {
        "id": show("dlv", delivery.id),
        "state": state_name(delivery),
        "attempts": delivery.attempt if isinstance(delivery, Delivery) else delivery.attempts,
        "what": await hub.queries.what(TENANT, delivery),
        "event": delivery.event,
        "due_at": delivery.due_at if isinstance(delivery, Delivery) else None,
        "finished_at": None if live or not isinstance(delivery, DoneDelivery) else delivery.finished_at,
        "reference": delivery.reference if isinstance(delivery, DoneDelivery) else None,
        "replay_of": show("dlv", delivery.replay_of) if delivery.replay_of is not None else None,
    }
