"""Commands that repair in bulk: dead letters by cause, replays of many, edited and discarded deliveries."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import orjson

from hub.app.delivery.fixes import suggested_fix
from hub.app.hub import Hub
from hub.cli.context import with_hub
from hub.cli.words import as_json, say
from hub.domain.deliveries import Final
from hub.domain.errors import Invalid, NotFound
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.domain.ids import DeliveryId, read, show
from hub.domain.replays import FAILED, ReplayJob, ReplayKind, ReplayState, ReplayWanted

Row = dict[str, object]
LANGUAGES = click.Choice(["en", "zh-CN"])
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


@click.command("dead")
@click.option("--language", type=LANGUAGES, default="en", show_default=True, help="Language of the suggested fix.")
@as_json
def dead(language: str, json_: bool) -> None:
    """Dead letters that were not sent again, grouped by cause, with what to do about them.

    After the fix: `hirewire replays start --connection NAME --error ERROR` releases a whole group.
    """

    async def act(hub: Hub) -> list[Row]:
        return [
            {
                "count": group.count,
                "connection": group.connection,
                "operation": group.operation,
                "error": group.error,
                "first": group.first,
                "last": group.last,
                "fix": suggested_fix(group.error, language),
            }
            for group in await hub.replays.dead(TENANT)
        ]

    columns = ("count", "connection", "operation", "error", "last", "fix")
    say(with_hub(act), columns, "no dead letters" if language == "en" else "没有死信", json_)


@click.command("edit")
@click.argument("delivery")
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--reason", required=True, help="Why the data is changed; goes into the audit trail.")
def edit(delivery: str, data: Path, reason: str) -> None:
    """Deliver the same step with other event data (a JSON file): a new event that names the old one as its cause."""

    try:
        document = orjson.loads(data.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Invalid("the file is not JSON", code="bad_json") from error
    if not isinstance(document, dict):
        raise Invalid("the data of an event is an object", code="type", at="data")

    async def act(hub: Hub) -> str:
        fresh = await hub.replay.edited(TENANT, DeliveryId(read("dlv", delivery)), document, reason, "cli")
        return f"{delivery} -> {show('dlv', fresh)}"

    click.echo(with_hub(act))


@click.command("discard")
@click.argument("delivery")
@click.option("--reason", required=True, help="Why it is not sent; goes into the audit trail.")
def discard(delivery: str, reason: str) -> None:
    """End a held delivery without sending it."""

    async def act(hub: Hub) -> None:
        await hub.replay.discard(TENANT, DeliveryId(read("dlv", delivery)), reason, "cli")

    with_hub(act)
    click.echo(f"{delivery}: cancelled")


@click.group()
def replays() -> None:
    """Sending many deliveries again: counted first, paced behind live traffic, to be watched and cancelled."""


@replays.command("start")
@click.option("--failed-since", "failed", help="Deliveries that died or expired since then: a time, or 2h, 3d.")
@click.option("--missing-since", "missing", help="What today's rules want for events since then and was never made.")
@click.option("--connection", help="Only this connection, by name.")
@click.option("--error", help="Only this class of error, as `hirewire deliveries dead` shows it.")
@click.option(
    "--state", "finals", multiple=True, type=click.Choice([str(f) for f in Final]), help="Instead of dead and expired."
)
@click.option("--type", "type_", help="Only events of this type.")
@click.option("--until", help="Only up to then.")
@click.option("--current", is_flag=True, help="By the rule as it is now, not as it was when the delivery was planned.")
@click.option("--pace", default=20.0, show_default=True, help="Deliveries a second at most.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--watch", is_flag=True, help="Stay and show how far it is.")
def start(
    failed: str | None,
    missing: str | None,
    connection: str | None,
    error: str | None,
    finals: tuple[str, ...],
    type_: str | None,
    until: str | None,
    current: bool,
    pace: float,
    dry_run: bool,
    yes: bool,
    watch: bool,
) -> None:
    """Send many deliveries again. Says how many first; a running `serve` or `work` carries it out."""

    async def wanted(hub: Hub) -> ReplayWanted:
        now = hub.clock.now()
        book = await hub.library.book(TENANT)
        if connection is not None and connection not in book.by_name:
            raise NotFound(f"there is no connection {connection}")
        since = missing or failed
        return ReplayWanted(
            kind=ReplayKind.MISSING if missing else ReplayKind.ENDED,
            finals=tuple(Final(name) for name in finals) or FAILED,
            connection=None if connection is None else book.by_name[connection].id,
            error=error,
            event_type=type_,
            since=None if since is None else moment(since, now),
            until=None if until is None else moment(until, now),
            current=current,
            per_second=pace,
        )

    async def count(hub: Hub) -> int:
        return await hub.replays.count(TENANT, await wanted(hub))

    if missing and (failed or finals or error):
        raise click.UsageError(
            "--missing-since looks at events: it goes with neither --failed-since, --state nor --error"
        )
    found = with_hub(count)
    rule = "the rules in force" if current or missing else "the rules as they were"
    click.echo(f"{found} {'events to look at' if missing else 'deliveries'}, by {rule}, at most {pace:g} a second")
    if dry_run or not found:
        return
    if not yes:
        click.confirm("Send them again?", abort=True)

    async def begin(hub: Hub) -> ReplayJob:
        job = await hub.replays.start(TENANT, await wanted(hub), "cli")
        while watch and job.state is ReplayState.RUNNING:
            click.echo(f"\r{_progress(job)}", nl=False)
            await asyncio.sleep(0.5)
            job = await hub.replays.job(TENANT, job.id)
        return job

    job = with_hub(begin)
    click.echo(f"{chr(13) if watch else ''}{_progress(job)}")


@replays.command("list")
@as_json
def list_replays(json_: bool) -> None:
    """Newest first."""

    async def act(hub: Hub) -> list[Row]:
        return [_row(job) for job in await hub.replays.jobs(TENANT)]

    say(with_hub(act), ("id", "state", "kind", "done", "skipped", "total", "started", "by"), "no replays", json_)


@replays.command("show")
@click.argument("replay")
def show_replay(replay: str) -> None:
    """One replay as far as it is."""

    async def act(hub: Hub) -> ReplayJob:
        return await hub.replays.job(TENANT, read("rpl", replay))

    click.echo(_progress(with_hub(act)))


@replays.command("cancel")
@click.argument("replay")
def cancel(replay: str) -> None:
    """Stop here; what was sent again stays sent."""

    async def act(hub: Hub) -> ReplayJob:
        return await hub.replays.cancel(TENANT, read("rpl", replay), "cli")

    click.echo(_progress(with_hub(act)))


def moment(text: str, now: datetime) -> datetime:
    """`2026-03-02T09:00:00+08:00`, `2026-03-02`, or so long ago: `30m`, `2h`, `3d`. Raises Invalid."""
    ago = re.fullmatch(r"(\d{1,5})([mhd])", text)
    if ago is not None:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(f"{text!r} is neither a time nor a length such as 2h or 3d", code="bad_time") from error
    return given if given.tzinfo is not None else given.replace(tzinfo=UTC)


def _row(job: ReplayJob) -> Row:
    return {
        "id": show("rpl", job.id),
        "state": str(job.state),
        "kind": str(job.wanted.kind),
        "done": job.done,
        "skipped": job.skipped,
        "total": job.total,
        "started": job.created_at,
        "finished": job.finished_at,
        "by": job.created_by,
    }


def _progress(job: ReplayJob) -> str:
    return f"{show('rpl', job.id)}: {job.state}, {job.done} sent again, {job.skipped} skipped, of {job.total}"
