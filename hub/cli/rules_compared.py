"""Commands on a revision that is told beside the one in force."""

from __future__ import annotations

from collections.abc import Iterator

import click

from hub.app.hub import Hub
from hub.app.rules.compared import Comparison
from hub.cli.context import actor, with_hub
from hub.cli.rules_lifecycle import because, changed, in_words
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.ports.rules import Rule


@click.command("beside")
@click.argument("name")
@click.option("--revision", type=click.IntRange(1), help="Default: the latest.")
@click.option("--end", is_flag=True, help="No longer; putting a revision in force ends it too.")
@because
def beside(name: str, revision: int | None, end: bool, reason: str | None) -> None:
    """Tell a revision beside the one in force: it decides and is compared, and does nothing. See `rules compared`."""

    async def act(hub: Hub) -> Rule:
        if end:
            return await hub.comparisons.end(TENANT, name, actor(), reason)
        return await hub.comparisons.begin(TENANT, name, actor(), number=revision, reason=reason)

    changed(act)


@click.command("compared")
@click.argument("name")
@in_words
def compared(name: str, language: str) -> None:
    """How often the revision beside and the one in force would both act, or one of them alone, and on which events."""
    found = with_hub(lambda hub: hub.comparisons.so_far(TENANT, name))
    for line in _english(found) if language == "en" else _chinese(found):
        click.echo(line)


def _english(c: Comparison) -> Iterator[str]:
    since = c.since.strftime("%Y-%m-%d %H:%M UTC")
    yield f"revision {c.revision.number} beside {c.against.number} since {since}: {c.events} events"
    yield f"both act {c.counts.both}; newly {c.counts.newly}, no longer {c.counts.no_longer}"
    yield from (f"  newly: {event}" for event in c.newly)
    yield from (f"  no longer: {event}" for event in c.no_longer)


def _chinese(c: Comparison) -> Iterator[str]:
    since = c.since.strftime("%Y-%m-%d %H:%M UTC")
    yield f"自 {since} 起，第 {c.revision.number} 版与现行第 {c.against.number} 版并行观察，共 {c.events} 个事件"
    yield f"两版都执行 {c.counts.both} 次；新增 {c.counts.newly} 次，不再执行 {c.counts.no_longer} 次"
    yield from (f"  新增：{event}" for event in c.newly)
    yield from (f"  不再执行：{event}" for event in c.no_longer)


COMMANDS = (beside, compared)
