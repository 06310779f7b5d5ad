"""Commands on rules: list, test, explain."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import yaml

from hub.app.hub import Hub
from hub.app.queries import Why
from hub.app.tags import as_it_was
from hub.cli.context import actor, with_hub
from hub.cli.templates import templates
from hub.cli.words import as_json, say
from hub.domain.errors import Invalid
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.domain.ids import event_id
from hub.domain.rules import (
    Catalogue,
    Explanation,
    RuleBody,
    compile_rule,
    described,
    explanation_lines,
    parse,
)
from hub.ports.rules import Rule
from hub.ports.store import Page
from mappings.documents import Document

LANGUAGES = click.Choice(["en", "zh-CN"])
VERDICTS = {True: "fires", False: "no", None: "unknown"}


@click.group()
def rules() -> None:
    """What happens when: trigger rules as sentences."""


rules.add_command(templates)


@rules.command("list")
@click.option("--language", type=LANGUAGES, default="en", show_default=True)
@as_json
def list_rules(language: str, json_: bool) -> None:
    """All rules, each as a sentence."""

    async def act(hub: Hub) -> tuple[list[dict[str, object]], bool]:
        found = await hub.queries.rules(TENANT)
        return [_row(hub, rule, language) for rule in found], (await hub.kill_switch.standing(TENANT)).stopped

    rows, stopped = with_hub(act)
    columns = ("name", "state", "revision", "draft", "sentence")
    say(rows, columns, "no rules yet: `hirewire apply` brings them", json_)
    if stopped:
        click.echo("all rules are stopped: `hirewire rules resume` lets them act again", err=True)


def _row(hub: Hub, rule: Rule, language: str) -> dict[str, object]:
    """The revision that is (or was) in force; a newer one is named as the draft."""
    shown = rule.current or rule.latest
    return {
        "name": rule.name,
        "state": rule.state,
        "revision": shown.number,
        "draft": None if shown.id == rule.latest.id else rule.latest.number,
        "sentence": hub.fields.sentence(shown.body, language),
    }


@rules.command("fields")
@click.argument("event")
@click.option("--all", "all_", is_flag=True, help="Also those that rules may not use.")
@click.option("--language", type=LANGUAGES, default="en", show_default=True)
@as_json
def fields(event: str, all_: bool, language: str, json_: bool) -> None:
    """What a rule on this event may ask: fields with their names, types, limits and operators."""

    async def act(hub: Hub) -> list[Document]:
        return described(hub.fields({"trigger": {"event": event}}))

    found = [one for one in with_hub(act) if all_ or one["usable_in_rules"]]
    rows = [{**one, "name": named[language]} for one in found if isinstance(named := one["label"], dict)]
    say(rows, ("path", "type", "unit", "name", "sensitivity"), "no fields", json_)


@rules.command("explain")
@click.argument("event")
@click.option("--rule", help="Only this rule; without it, every rule that waits for this event type.")
@click.option("--language", type=LANGUAGES, default="en", show_default=True)
@click.option("--reveal", is_flag=True, help="Show personal values too, such as scores.")
def explain(event: str, rule: str | None, language: str, reveal: bool) -> None:
    """Why rules fired on a stored event or did not, clause by clause."""

    async def act(hub: Hub) -> list[tuple[Why, Catalogue]]:
        await hub.trail.read(TENANT, actor(), "event.why", event)
        found = await hub.queries.why(TENANT, event_id(event), hub.clock.now(), rule)
        return [(why, hub.fields((why.rule.live or why.rule.latest).body)) for why in found]

    answers = with_hub(act)
    if not answers:
        click.echo("no rule waits for this event")
    for why, catalogue in answers:
        _tell(why.rule.name, why.explanation, catalogue, language, reveal)
        if why.stands is not None:
            click.echo(f"  {why.stands[language]}")


@rules.command("test")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--event", help="A stored event to try it on; without it, the newest events of its type.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--language", type=LANGUAGES, default="en", show_default=True)
def test(file: Path, event: str | None, limit: int, language: str) -> None:
    """Try a rule from a YAML file on past events. Nothing is sent, ever. Exit code 5: a case of the rule fails."""
    body = yaml.safe_load(file.read_text(encoding="utf-8"))
    if isinstance(body, dict) and "rule" in body:
        body = body["rule"]
    if not isinstance(body, dict):
        raise Invalid("the file holds no rule", code="type")

    async def act(hub: Hub) -> tuple[RuleBody, str, Catalogue, dict[str, Explanation]]:
        catalogue = hub.fields(body)
        parsed = parse(body, catalogue)
        compiled = compile_rule(parsed)
        if event is not None:
            ids = [event_id(event)]
        else:
            async with hub.store.look() as look:
                ids = [e.id for e in await look.events(TENANT, Page(limit), type=parsed.on)]
        ids += [i for i in (event_id(c.event) for c in parsed.cases) if i not in ids]
        now = hub.clock.now()
        told: dict[str, Explanation] = {}
        for id_ in ids:
            await hub.trail.read(TENANT, actor(), "event.why", id_)
            seen = await as_it_was(hub.store, *await hub.queries.event(TENANT, id_))
            told[id_] = compiled.explain(seen, now)
        return parsed, hub.fields.sentence(body, language), catalogue, told

    parsed, said, catalogue, tried = with_hub(act)
    click.echo(said)
    if not tried:
        click.echo("no stored event of this type to try it on")
    for name, explanation in tried.items():
        _tell(name, explanation, catalogue, language)
    failed = [c.event for c in parsed.cases if (tried[c.event].verdict is True) != c.fires]
    for name in failed:
        click.echo(f"case failed: {name}", err=True)
    if failed:
        sys.exit(5)


def _tell(name: str, explanation: Explanation, catalogue: Catalogue, language: str, reveal: bool = False) -> None:
    click.echo(f"{name}: {VERDICTS[explanation.verdict]}")
    for line in explanation_lines(explanation, catalogue, language, reveal=reveal):
        click.echo(f"  {line}")
