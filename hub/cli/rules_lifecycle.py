"""Commands that move a rule through its life: draft, review, observe, live, paused, the kill switch, backtest."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import click
import yaml

from hub.app.configure import differences
from hub.app.held import FATES
from hub.app.hub import Hub
from hub.app.rules.backtests import DAYS, LONGEST
from hub.app.rules.cases import CaseResult
from hub.app.rules.diff import Part, sentence_diff
from hub.app.rules.kill_switch import Standing as KillStanding
from hub.app.rules.lifecycle import Standing
from hub.cli.backtest_words import result_lines
from hub.cli.context import actor, with_hub
from hub.cli.rules import LANGUAGES
from hub.cli.words import as_json, lines, say
from hub.domain.errors import Invalid
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.ports.rules import Backtest, Rule
from mappings.documents import Document

because = click.option("--reason", help="Why; kept with the revision and in the audit trail.")
of_held = click.option(
    "--held", type=click.Choice(FATES), default="keep", show_default=True,
    help="What becomes of its deliveries that were held while it was paused; a later `resume` may say it too.",
)  # fmt: skip
in_words = click.option("--language", type=LANGUAGES, default="en", show_default=True)
_COLOURS = {"removed": "red", "added": "green"}


@click.command("history")
@click.argument("name")
@as_json
def history(name: str, json_: bool) -> None:
    """All revisions of a rule, newest first: who, when, why, review. `*` is in force."""

    async def act(hub: Hub) -> list[Standing]:
        return await hub.lifecycle.history(TENANT, name)

    rows = [
        {
            "revision": f"{one.revision.number}{'*' if one.in_force else ''}",
            "at": one.revision.created_at,
            "by": one.revision.created_by,
            "review": one.review,
            "reason": one.revision.reason,
        }
        for one in with_hub(act)
    ]
    say(rows, ("revision", "at", "by", "review", "reason"), "", json_)


@click.command("diff")
@click.argument("name")
@click.option("--before", type=click.IntRange(1), help="Default: the revision in force.")
@click.option("--after", type=click.IntRange(1), help="Default: the latest revision.")
@in_words
def diff(name: str, before: int | None, after: int | None, language: str) -> None:
    """How a revision differs from another: words that go are [-so-], words that come {+so+}."""

    async def act(hub: Hub) -> tuple[list[Part], list[str]]:
        rule, new = await hub.lifecycle.numbered(TENANT, name, after)
        old = rule.current if before is None else (await hub.lifecycle.numbered(TENANT, name, before))[1]
        stored = None if old is None else old.body
        return sentence_diff(stored, new.body, hub.fields, language), differences(stored or {}, new.body)

    parts, changed = with_hub(act)
    marks = {"removed": "[-{}-]", "added": "{{+{}+}}", "same": "{}"}
    click.echo("".join(click.style(marks[p.change].format(p.text), fg=_COLOURS.get(p.change)) for p in parts))
    for line in changed:
        click.echo(f"  {line}")


@click.command("draft")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@because
def draft(name: str, file: Path, reason: str | None) -> None:
    """Make the rule in a YAML file the next revision. What is in force stays in force."""
    body = read_rule(file)
    changed(lambda hub: hub.lifecycle.draft(TENANT, name, body, actor(), reason))


@click.command("restore")
@click.argument("name")
@click.argument("revision", type=click.IntRange(1))
@because
def restore(name: str, revision: int, reason: str | None) -> None:
    """Bring an old revision back as the draft."""
    changed(lambda hub: hub.lifecycle.restore(TENANT, name, revision, actor(), reason))


@click.command("submit")
@click.argument("name")
@because
def submit(name: str, reason: str | None) -> None:
    """Ask somebody else to review the latest revision."""
    changed(lambda hub: hub.lifecycle.submit(TENANT, name, actor(), reason))


@click.command("approve")
@click.argument("name")
@click.option("--revision", type=click.IntRange(1), help="The one you looked at; a newer one is refused.")
@because
def approve(name: str, revision: int | None, reason: str | None) -> None:
    """Approve the latest revision. Who changed it last may not."""
    changed(lambda hub: hub.lifecycle.approve(TENANT, name, actor(), reason, revision))


@click.command("return")
@click.argument("name")
@because
def send_back(name: str, reason: str | None) -> None:
    """Return the latest revision to its author, also one that was approved."""
    changed(lambda hub: hub.lifecycle.send_back(TENANT, name, actor(), reason))


def changed(act: Callable[[Hub], Awaitable[Rule]]) -> None:
    """Do it, and say where the rule stands then."""
    rule = with_hub(act)
    live = "nothing in force" if rule.live is None else f"revision {rule.live.number} in force"
    tried = "" if rule.beside is None else f", revision {rule.beside.number} told beside it"
    click.echo(f"{rule.name}: revision {rule.latest.number}; {rule.state}, {live}{tried}")


def _turn(name: str, state: str, revision: int | None, reason: str | None, held: str) -> None:
    async def act(hub: Hub) -> tuple[Rule, list[CaseResult], dict[str, int]]:
        rule, cases = await hub.lifecycle.turn(TENANT, name, state, actor(), number=revision, reason=reason, held=held)
        return rule, cases, await hub.lifecycle.held(rule)

    rule, cases, left = with_hub(act)
    live = "nothing in force" if rule.live is None else f"revision {rule.live.number} in force"
    click.echo(f"{name}: {rule.state}, {live}")
    if cases:
        skipped = sum(not one.ran for one in cases)
        click.echo(f"test cases: {len(cases) - skipped} hold" + (f", {skipped} without their event" if skipped else ""))
    _tell_held(left)


@click.command("observe")
@click.argument("name")
@click.option("--revision", type=click.IntRange(1), help="Default: the current one, else the latest.")
@of_held
@because
def observe(name: str, revision: int | None, held: str, reason: str | None) -> None:
    """Let a rule decide and be recorded, and do nothing. Its test cases must hold."""
    _turn(name, "observe", revision, reason, held)


@click.command("live")
@click.argument("name")
@click.option(
    "--revision", type=click.IntRange(1), help="Default: the current one if it does not act now, else the latest."
)
@of_held
@because
def live(name: str, revision: int | None, held: str, reason: str | None) -> None:
    """Put a rule in force, in all processes within a second. Its test cases must hold."""
    _turn(name, "live", revision, reason, held)


@click.command("pause")
@click.argument("name")
@click.option(
    "--held", type=click.Choice(("keep", "discard")), default="keep", show_default=True,
    help="What becomes of its deliveries that have not left.",
)  # fmt: skip
@because
def pause(name: str, held: str, reason: str | None) -> None:
    """Take one rule out of force and hold what it caused and has not left; `live` brings the same revision back."""
    _turn(name, "paused", None, reason, held)


@click.command("stop")
@because
def stop(reason: str | None) -> None:
    """The kill switch: all rules go on deciding, and nothing that they caused leaves any more, until `resume`."""
    _tell(with_hub(lambda hub: hub.kill_switch.stop(TENANT, actor(), reason)))


@click.command("resume")
@click.option(
    "--held", type=click.Choice(FATES), default="keep", show_default=True,
    help="What becomes of the deliveries that were held: a later `resume` may say it too.",
)  # fmt: skip
@because
def resume(reason: str | None, held: str) -> None:
    """Let rules act and runs go on. What only came meanwhile is not sent by itself."""
    _tell(with_hub(lambda hub: hub.kill_switch.resume(TENANT, actor(), reason, held=held)))


def _tell(standing: KillStanding) -> None:
    click.echo("all rules are stopped" if standing.stopped else "rules act")
    _tell_held(standing.held)


def _tell_held(held: Mapping[str, int]) -> None:
    for connection, count in sorted(held.items()):
        click.echo(f"  held: {count} for {connection}")


@click.command("observed")
@click.argument("name")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@as_json
def observed(name: str, limit: int, json_: bool) -> None:
    """Events on which a rule would have acted while it only observed, newest first."""

    async def act(hub: Hub) -> list[dict[str, object]]:
        rule = await hub.lifecycle.rule(TENANT, name)
        revision = rule.current or rule.latest
        async with hub.store.look() as look:
            found = await look.observed(revision.id, limit)
        return [{"event": one, "revision": revision.number} for one in found]

    say(with_hub(act), ("event", "revision"), "nothing yet", json_)


@click.command("backtest")
@click.argument("name")
@click.option("--days", default=DAYS, show_default=True, type=click.IntRange(1, LONGEST), help="How far back.")
@click.option("--revision", type=click.IntRange(1), help="Default: the latest.")
@in_words
@click.option("--reveal", is_flag=True, help="Name the candidates that it shows.")
@click.option("--json", "json_", is_flag=True, help="The result as one JSON object, for scripts.")
def backtest(name: str, days: int, revision: int | None, language: str, reveal: bool, json_: bool) -> None:
    """Try a revision on past events: what it would have done. Nothing is sent, ever. Ctrl-C cancels."""
    done, told = with_hub(lambda hub: _run(hub, name, days, revision, language, reveal))
    if json_:
        lines([{"id": done.id, "state": done.state, **(done.result or {})}])
    for line in () if json_ else told:
        click.echo(line)
    if done.state != "done":
        click.echo(f"{done.id}: {done.state}", err=True)
        sys.exit(1)


async def _run(
    hub: Hub, name: str, days: int, revision: int | None, language: str, reveal: bool
) -> tuple[Backtest, list[str]]:
    owner = hub.ids.token(8)
    _, chosen = await hub.lifecycle.numbered(TENANT, name, revision)
    job = await hub.backtests.start(TENANT, name, actor(), days=days, number=chosen.number, owner=owner)
    try:
        done = await hub.backtests.run(job, owner, _progress if sys.stderr.isatty() else None)
    except asyncio.CancelledError:  # Ctrl-C
        await hub.backtests.cancel(TENANT, job.id)
        raise
    if done.result is None or done.state != "done":
        return done, []
    names = await hub.backtests.names(done) if reveal else {}
    return done, result_lines(done.result, chosen.body, hub.fields, language, names)


def _progress(seen: int, total: int) -> None:
    share = 100 if total == 0 else 100 * seen // total
    click.echo(f"\r{seen:,} of {total:,} events ({share} %)", nl=seen >= total, err=True)


def read_rule(file: Path) -> Document:
    """The rule in a YAML file, with or without `rule:` around it. Raises Invalid."""
    try:
        body = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Invalid("this is not YAML", code="not_yaml", at=f"line {mark.line + 1}" if mark else None) from error
    if isinstance(body, dict) and "rule" in body:
        body = body["rule"]
    if not isinstance(body, dict):
        raise Invalid("the file holds no rule", code="type")
    return body


COMMANDS = (
    history, diff, draft, restore, submit, approve, send_back, observe, live, pause, stop, resume, observed, backtest,
)  # fmt: skip
