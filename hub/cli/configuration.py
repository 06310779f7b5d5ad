"""Configuration as code: apply, export, token."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
import yaml

from hub.app.access import SCOPES
from hub.app.configure import Change
from hub.app.hub import Hub
from hub.cli.context import actor, with_hub
from hub.cli.words import as_json, say
from hub.domain.approvers import ROLE
from hub.domain.errors import Invalid
from hub.domain.ids import DEFAULT_TENANT as TENANT
from mappings.documents import Document, Json


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Apply without asking.")
@click.option("--dry-run", is_flag=True, help="Show the difference and stop. Exit code 5 where there is one.")
def apply(file: Path, yes: bool, dry_run: bool) -> None:
    """Apply connections, mappings and rules from a YAML file; the difference is shown first.

    A secret is written as `{env: NAME}` or `{file: path}`, never in the file itself; `{keep: true}` leaves it.
    """
    document = with_secrets(_load(file), file.parent)

    async def plan(hub: Hub) -> list[Change]:
        return await hub.configure.plan(TENANT, document)

    changes = with_hub(plan)
    for change in changes:
        click.secho(f"{change.act} {change.kind} {change.name}", bold=True)
        for line in change.lines:
            click.secho(f"  {line}", fg={"+": "green", "-": "red"}.get(line[0]))
    if not changes:
        click.echo("nothing to change")
        return
    if dry_run:
        sys.exit(5)
    if not yes and not click.confirm(
        f"Make {'this change' if len(changes) == 1 else f'these {len(changes)} changes'}?"
    ):
        raise click.exceptions.Abort

    async def act(hub: Hub) -> list[Change]:
        return await hub.configure.apply(TENANT, document, actor())

    click.echo(f"applied: {len(with_hub(act))} changes")


@click.command()
@click.option("--to", "path", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
def export(path: Path | None) -> None:
    """Write the configuration as YAML that `apply` takes. Secrets are named, never shown."""

    async def act(hub: Hub) -> Document:
        return await hub.configure.export(TENANT)

    text = yaml.safe_dump(with_hub(act), allow_unicode=True, sort_keys=False, width=120)
    if path is None:
        click.echo(text, nl=False)
    else:
        path.write_text(text, encoding="utf-8")


@click.group()
def token() -> None:
    """API tokens: shown once, kept as a hash."""


@token.command("make")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(list(SCOPES)), help="May be given several times.")
@click.option("--role", "roles", multiple=True, help="A role that gates of rules may ask for, e.g. hr_owner.")
@click.option("--all", "all_", is_flag=True, help="Every scope.")
@click.option("--quiet", is_flag=True, help="Print the secret alone.")
def make(name: str, scopes: tuple[str, ...], roles: tuple[str, ...], all_: bool, quiet: bool) -> None:
    """Make a token; its secret is printed once."""

    async def act(hub: Hub) -> tuple[str, str]:
        wanted = [*(SCOPES if all_ else scopes), *(f"{ROLE}{role}" for role in roles)]
        made, secret = await hub.access.make(TENANT, name, wanted, actor())
        return made.id, secret

    id_, secret = with_hub(act)
    click.echo(secret if quiet else f"{id_}\n{secret}\nThis is the only time the secret is shown.")


@token.command("list")
@as_json
def list_tokens(json_: bool) -> None:
    """All tokens, never their secrets."""

    async def act(hub: Hub) -> list[dict[str, object]]:
        async with hub.store.look() as look:
            found = await look.tokens(TENANT)
        return [
            {
                "id": t.id,
                "name": t.name,
                "scopes": " ".join(sorted(t.scopes)),
                "made": t.created_at,
                "revoked": t.revoked_at,
            }
            for t in found
        ]

    say(with_hub(act), ("id", "name", "scopes", "made", "revoked"), "no tokens yet", json_)


@token.command("revoke")
@click.argument("id_", metavar="ID")
def revoke(id_: str) -> None:
    """Switch a token off, at once and for good."""

    async def act(hub: Hub) -> bool:
        return await hub.access.revoke(TENANT, id_, actor())

    click.echo("revoked" if with_hub(act) else "there was no such token in force")


def with_secrets(document: Document, folder: Path) -> Document:
    """The document with `{env: ...}` and `{file: ...}` secrets read. Raises Invalid where one is not there."""
    connections = document.get("connections")
    if not isinstance(connections, dict):
        return document
    read: dict[str, Json] = {}
    for name, body in connections.items():
        secrets = body.get("secrets") if isinstance(body, dict) else None
        if isinstance(body, dict) and isinstance(secrets, dict):
            at = f"connections.{name}.secrets"
            read[name] = {**body, "secrets": {k: _secret(v, f"{at}.{k}", folder) for k, v in secrets.items()}}
        else:
            read[name] = body
    return {**document, "connections": read}


def _secret(value: Json, at: str, folder: Path) -> Json:
    match value:
        case {"env": str(name)}:
            if name not in os.environ:
                raise Invalid(f"the environment has no {name}", code="no_secret", at=at)
            return os.environ[name]
        case {"file": str(path)}:
            try:
                return (folder / path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise Invalid("the secret's file cannot be read", code="no_secret", at=at) from error
        case {"keep": True}:
            return value
        case _:
            raise Invalid("a secret is {env: NAME}, {file: path} or {keep: true}", code="secret_in_file", at=at)


def _load(file: Path) -> Document:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Invalid("this is not YAML", code="not_yaml", at=f"line {mark.line + 1}" if mark else None) from error
    if not isinstance(document, dict):
        raise Invalid("a configuration is an object", code="type")
    return document
