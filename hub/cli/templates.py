"""Commands on rule templates: list, show, fill."""

from __future__ import annotations

from pathlib import Path

import click
import yaml

from hub.app.hub import Hub
from hub.app.rules.templates import Hole, Template, template
from hub.app.rules.templates import templates as all_templates
from hub.cli.context import with_hub
from hub.cli.words import as_json, say
from hub.domain.errors import Invalid
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.ports.connector import Connector
from mappings.documents import Document, Json

LANGUAGES = click.option("--language", type=click.Choice(["en", "zh-CN"]), default="en", show_default=True)


@click.group()
def templates() -> None:
    """Rules to start from: fill in a connection and a figure, then `hirewire apply`."""


@templates.command("list")
@LANGUAGES
@as_json
def list_templates(language: str, json_: bool) -> None:
    """All templates."""
    rows = [
        {"template": one.id, "name": one.name[language], "needs": ", ".join(hole.name for hole in one.holes)}
        for one in all_templates().values()
    ]
    say(rows, ("template", "name", "needs"), "no templates", json_)


@templates.command("show")
@click.argument("name")
@LANGUAGES
def show(name: str, language: str) -> None:
    """What a template is for, as a sentence, and what it needs."""
    one = template(name)

    async def read(hub: Hub) -> str:
        return hub.fields.sentence(one.fill({}), language)

    click.secho(one.name[language], bold=True)
    click.echo(f"{one.about[language]}\n\n{with_hub(read)}\n")
    rows = [
        {
            "set": hole.name,
            "what": hole.label[language],
            "default": None if hole.operations else hole.default,
            "must do": ", ".join(hole.operations) or None,
        }
        for hole in one.holes
    ]
    say(rows, ("set", "what", "default", "must do"), "nothing to set", False)


@templates.command("fill")
@click.argument("name")
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="Fill a hole; a value is read as YAML.")
@click.option("--as", "rule", help="The rule's name; without it, the template's.")
@click.option("--state", type=click.Choice(["draft", "live"]), default="draft", show_default=True)
@click.option("--to", "path", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
def fill(name: str, given: tuple[str, ...], rule: str | None, state: str, path: Path | None) -> None:
    """Fill a template and write it as YAML that `apply` takes. A connection that only one fits is found by itself."""
    one = template(name)
    values = dict(_pair(text) for text in given)

    async def make(hub: Hub) -> Document:
        connections = (await hub.library.book(TENANT)).by_name
        connectors = {name: hub.catalog.get(connection.connector) for name, connection in connections.items()}
        body = one.fill({**_found(one, values, connectors), **values})
        document: Document = {"hirewire": 1, "rules": {rule or one.id: {"state": state, "rule": body}}}
        await hub.configure.plan(TENANT, document)  # it is right before anybody sees it
        return document

    text = yaml.safe_dump(with_hub(make), allow_unicode=True, sort_keys=False, width=120)
    if path is None:
        click.echo(text, nl=False)
    else:
        path.write_text(text, encoding="utf-8")
        click.echo(f"written: {path}")


def _pair(text: str) -> tuple[str, Json]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Invalid("--set wants NAME=VALUE", code="bad_value", at=text)
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise Invalid(f"the value of {name} cannot be read", code="bad_value", at=name) from error


def _found(one: Template, values: dict[str, Json], connectors: dict[str, Connector]) -> dict[str, Json]:
    return {hole.name: _only(hole, connectors) for hole in one.holes if hole.operations and hole.name not in values}


def _only(hole: Hole, connectors: dict[str, Connector]) -> str:
    fitting = hole.fitting(connectors)
    if len(fitting) == 1:
        return fitting[0]
    wanted = ", ".join(hole.operations)
    said = f"choose one of {', '.join(fitting)}" if fitting else f"no connection does {wanted}; make one first"
    raise Invalid(f"--set {hole.name}=... is needed: {said}", code="missing_hole", at=hole.name)
