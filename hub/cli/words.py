"""How the command line speaks: tables for people, JSON lines for scripts."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime

import click
import orjson

as_json = click.option("--json", "json_", is_flag=True, help="One JSON object per line, for scripts.")


def table(
    rows: Sequence[Mapping[str, object]], columns: Sequence[str], empty: str, heads: Sequence[str] | None = None
) -> None:
    """Rows as a table; Chinese characters take two columns. `empty` is said where there are none."""
    named = [column.upper() for column in columns] if heads is None else list(heads)
    if not rows:
        click.echo(empty)
        return
    texts = [[_text(row.get(column)) for column in columns] for row in rows]
    widths = [max(width_of(head), *(width_of(line[i]) for line in texts)) for i, head in enumerate(named)]
    click.echo("  ".join(pad(head, width) for head, width in zip(named, widths, strict=True)).rstrip())
    for line in texts:
        click.echo("  ".join(pad(text, width) for text, width in zip(line, widths, strict=True)).rstrip())


def lines(rows: Sequence[Mapping[str, object]]) -> None:
    """One JSON object per line."""
    for row in rows:
        click.echo(orjson.dumps(dict(row), default=str).decode())


def say(rows: Sequence[Mapping[str, object]], columns: Sequence[str], empty: str, json_: bool) -> None:
    """A table, or JSON lines with all fields."""
    if json_:
        lines(rows)
    else:
        table(rows, columns, empty)


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")
    return str(value)


def width_of(text: str) -> int:
    """Columns that the text takes in a terminal."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def pad(text: str, width: int, *, right: bool = False) -> str:
    """The text in that many columns, at the left or at the right."""
    room = " " * (width - width_of(text))
    return room + text if right else text + room


def cut(text: str, width: int) -> str:
    """As much of the text as fits into so many columns."""
    while width_of(text) > width:
        text = text[:-1]
    return text
