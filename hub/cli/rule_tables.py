"""Rules as decision tables on the command line: shown, written as CSV or JSON, and brought back as a draft."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import click

from hub.app.hub import Hub
from hub.app.rules.table import Read, TableView
from hub.cli.context import actor, with_hub
from hub.cli.rules_lifecycle import because, changed, in_words
from hub.cli.words import table as say_table
from hub.domain.errors import Invalid
from hub.domain.ids import DEFAULT_TENANT as TENANT
from hub.domain.rules import read_csv, read_table, table_document, to_csv
from hub.domain.rules.wording import Language


@click.command("table")
@click.argument("name")
@click.option("--revision", type=click.IntRange(1), help="Default: the latest.")
@click.option("--csv", "form", flag_value="csv", help="As CSV, which `rules from-table` reads.")
@click.option("--json", "form", flag_value="json", help="As JSON, which `rules from-table` reads.")
@in_words
def show_table(name: str, revision: int | None, form: str | None, language: str) -> None:
    """A rule's conditions as a decision table: the first row that holds decides. Not every rule is one."""

    async def act(hub: Hub) -> TableView:
        return await hub.tables.view(TENANT, name, revision)

    view = with_hub(act)
    match form:
        case "csv":
            click.echo(to_csv(view.table), nl=False)
        case "json":
            click.echo(json.dumps(table_document(view.table), ensure_ascii=False, indent=2))
        case _:
            heads, *rows = view.grid(cast("Language", language))
            columns = [f"{number}" for number in range(len(heads))]
            say_table([dict(zip(columns, row, strict=True)) for row in rows], columns, "", heads)


@click.command("from-table")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@because
def from_table(name: str, file: Path, reason: str | None) -> None:
    """Make a table in a CSV or JSON file the conditions of the next revision. Steps and guards stay as they are."""
    read = _reader(file)
    changed(lambda hub: hub.tables.draft(TENANT, name, read, actor(), reason))


def _reader(file: Path) -> Read:
    text = _text(file.read_bytes())
    if file.suffix.lower() != ".json":
        return lambda fields: read_csv(text, fields)
    try:
        document = json.loads(text)
    except ValueError as error:
        raise Invalid("this is not JSON", code="not_json") from error
    if not isinstance(document, dict):
        raise Invalid("the file holds no table", code="type")
    return lambda _fields: read_table(document)


def _text(raw: bytes) -> str:
    """UTF-8, or what a spreadsheet on a Chinese Windows writes."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Invalid("the file is neither UTF-8 nor GB18030", code="bad_table")


COMMANDS = (show_table, from_table)
