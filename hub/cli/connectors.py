"""Commands on connectors: list, check, new, try, twin."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import IO

import click
import orjson

from hub.adapters.catalog import FolderCatalog, scaffold
from hub.adapters.twins import read_config, serve_many
from hub.cli.trial import Trial, try_connector
from hub.cli.words import as_json, say


@click.group()
def connector() -> None:
    """The vendors that Hirewire speaks with."""


@connector.command("list")
@click.option("--operations", is_flag=True, help="One line per operation instead.")
@as_json
def list_connectors(operations: bool, json_: bool) -> None:
    """All connectors, with the quality tier that their evidence amounts to."""
    catalog = FolderCatalog()
    found = [catalog.get(name) for name in catalog.names()]
    if operations:
        rows: list[dict[str, object]] = [
            {
                "connector": c.name,
                "operation": o.name,
                "safety": o.safety,
                "idempotency": o.idempotency,
                "consent": o.consent,
                "en": o.label.get("en"),
                "zh-CN": o.label.get("zh-CN"),
            }
            for c in found
            for o in c.operations.values()
            if o.safety == "write" or json_
        ]
        say(rows, ("connector", "operation", "idempotency", "consent", "en", "zh-CN"), "no connectors", json_)
        return
    rows = [
        {
            "name": c.name,
            "version": c.version,
            "tier": catalog.tier(c.name),
            "categories": ", ".join(c.categories),
            "en": c.label.get("en"),
            "zh-CN": c.label.get("zh-CN"),
            "webhooks": "yes" if c.takes_hooks else "no",
            "partner": "yes" if c.endpoints else "no",
        }
        for c in found
    ]
    say(rows, ("name", "version", "tier", "categories", "webhooks", "partner", "en", "zh-CN"), "no connectors", json_)


@connector.command("new")
@click.argument("name")
@click.option(
    "--in", "where", type=click.Path(file_okay=False, path_type=Path), default=Path("connectors"), show_default=True
)
def new(name: str, where: Path) -> None:
    """Make the folder of a new connector; it passes `hirewire check` as it is."""
    for path in scaffold(name, where):
        click.echo(path)
    click.echo(
        f"next: edit {where / name / 'manifest.yaml'}, then `hirewire check {name}` and `hirewire connector try {name}`"
    )


@connector.command("try")
@click.argument("name")
@click.option("--operation", help="Only this operation; without it, one sample of each.")
@click.option("--talk", is_flag=True, help="Show every request and answer.")
def try_(name: str, operation: str | None, talk: bool) -> None:
    """Run a connector's samples over real HTTP against its twin, a local fake of the vendor. Exit code 5: one failed."""
    trials = asyncio.run(try_connector(name, operation))
    if not trials:
        click.echo("there is nothing to try: the connector has no twin or no such operation")
        sys.exit(5)
    for trial in trials:
        _tell(trial, talk)
    if not all(t.good for t in trials):
        sys.exit(5)


@click.command()
@click.argument("names", nargs=-1)
@as_json
def check(names: tuple[str, ...], json_: bool) -> None:
    """Check connectors: manifest, references, mappings, every sample, quality claims. Exit code 5: a fault was found."""
    catalog = FolderCatalog()
    findings = [f for n in names for f in catalog.check(n)] if names else catalog.check_all()
    say(
        [{"where": f.where, "code": f.code, "fault": f.message} for f in findings],
        ("where", "code", "fault"),
        "",
        json_,
    )
    if findings:
        sys.exit(5)
    if not json_:
        for name in names or catalog.names():
            c = catalog.get(name)
            samples = len(catalog.folder(name).samples)
            click.echo(
                f"{name} {c.version}: {catalog.tier(name)}, {len(c.operations)} operations, {samples} samples, no faults"
            )


@click.command()
@click.argument("config", type=click.File("rb"))
def twin(config: IO[bytes]) -> None:
    """Run vendor twins until SIGTERM: local fakes as strict as the vendors. CONFIG is a JSON file (- for standard input)."""
    asyncio.run(serve_many(read_config(config.read())))


def _tell(trial: Trial, talk: bool) -> None:
    click.secho(
        f"{'ok  ' if trial.good else 'FAIL'} {trial.operation}: {trial.outcome}", fg="green" if trial.good else "red"
    )
    for line in trial.talk:
        answer = line.get("answer")
        status = answer.get("status") if isinstance(answer, dict) else line.get("failed")
        click.echo(f"       {line.get('method')} {line.get('url', '')} -> {status}")
        if talk:
            click.echo(orjson.dumps(line, option=orjson.OPT_INDENT_2).decode())
