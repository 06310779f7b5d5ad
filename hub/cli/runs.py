"""Commands on runs: what waits, for what, until when; and what people decide about it."""

from __future__ import annotations

import click

from hub.app.hub import Hub
from hub.app.runs import MANY, Decided, RunView
from hub.cli.context import actor, with_hub
from hub.cli.rules import LANGUAGES
from hub.cli.words import as_json, say
from hub.domain.approvers import Approver
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.domain.ids import RunId, read, show
from hub.domain.runs import RunState

Row = dict[str, object]
COLUMNS = ("id", "state", "rule", "candidate", "stands")


@click.group()
def runs() -> None:
    """Rules under way: waiting, at a gate, held by a guard."""


@runs.command("list")
@click.option("--state", type=click.Choice([str(s) for s in RunState]), multiple=True, help="Only these states.")
@click.option("--candidate", help="Only runs about this candidate id.")
@click.option("--rule", help="Only runs of this rule, by name.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@click.option("--language", type=LANGUAGES, default="en", show_default=True)
@as_json
def list_runs(
    state: tuple[str, ...], candidate: str | None, rule: str | None, limit: int, language: str, json_: bool
) -> None:
    """Newest first. What waits for a person: `--state gate --state held`."""

    async def act(hub: Hub) -> list[Row]:
        states = [RunState(one) for one in state]
        found = await hub.runs.every(TENANT, limit=limit, states=states, subject=candidate, rule=rule)
        return [_row(view, language) for view in found]

    say(with_hub(act), COLUMNS, "no runs", json_)


def _decision(act: str, help: str) -> None:
    @runs.command(act, help=help)
    @click.argument("run", nargs=-1, required=True)
    @click.option("--why", help="The reason, kept in the audit trail.")
    @click.option("--language", type=LANGUAGES, default="en", show_default=True)
    def command(run: tuple[str, ...], why: str | None, language: str) -> None:
        async def decide(hub: Hub) -> list[str]:
            views = [
                await hub.runs.decide(TENANT, RunId(read("run", one)), act, Approver(actor(), operator=True), why)
                for one in run
            ]
            return [f"{show('run', view.run.id)}: {view.stands[language]}" for view in views]

        for line in with_hub(decide):
            click.echo(line)


_decision("approve", "Say yes at a gate: the run goes on.")
_decision("reject", "Say no at a gate: the run takes its `rejected` steps and ends.")
_decision("release", "Let a held run go on.")
_decision("discard", "End a held run; the candidate may make the rule fire again.")
_decision("cancel", "End a run that has not ended; what it has sent stays sent.")


@runs.command("all")
@click.argument("act", type=click.Choice(list(MANY)))
@click.option("--rule", help="Only runs of this rule, by name.")
@click.option("--candidate", help="Only runs about this candidate id.")
@click.option("--state", type=click.Choice([str(s) for s in RunState]), multiple=True, help="Only these states.")
@click.option("--why", help="The reason, kept in the audit trail.")
@click.option("--yes", is_flag=True, help="Do it; without, only count.")
def decide_all(
    act: str, rule: str | None, candidate: str | None, state: tuple[str, ...], why: str | None, *, yes: bool
) -> None:
    """Release or discard all that are held, or cancel all that live; without --yes only counts them."""

    async def many(hub: Hub) -> Decided:
        states = [RunState(one) for one in state]
        by = Approver(actor(), operator=True)
        return await hub.runs.decide_many(
            TENANT, act, by, why, states=states, subject=candidate, rule=rule, count_only=not yes
        )

    decided = with_hub(many)
    behind = "; there are more" if decided.more else ""
    click.echo(f"{act}: {decided.count} runs{behind}" + ("" if yes else " would be (add --yes)"))


def _row(view: RunView, language: str) -> Row:
    run = view.run
    return {
        "id": show("run", run.id),
        "state": str(run.state),
        "rule": view.rule,
        "candidate": run.subject,
        "stands": view.stands[language],
        "step": run.step,
        "until": run.until,
        "event": run.event,
    }
