"""The commands that run the product: serve, work, migrate."""

from __future__ import annotations

import click
import uvloop
from granian.constants import Interfaces, Loops
from granian.http import HTTP1Settings
from granian.server import Server

from hub.bootstrap import PATIENCE_S, current_schema, migrate_store
from hub.cli.context import settings
from hub.worker import work as run_worker

HEADER_TIMEOUT_MS = 5_000  # a client that has not sent its headers by then is cut off
BUFFER = 64 * 1024  # bytes per connection that are read ahead: with 400 KiB, 1,000 uploads at once take 600 MB


@click.command()
@click.option("--no-migrate", is_flag=True, help="Leave the database schema as it is.")
def serve(no_migrate: bool) -> None:
    """Serve the API (and deliver, unless HIREWIRE_LOOPS=none) until SIGTERM or Ctrl-C."""
    chosen = settings()
    if not no_migrate:
        migrate_store(chosen, patience_s=PATIENCE_S)
    Server(
        "hub.asgi:create",
        factory=True,
        interface=Interfaces.ASGI,
        address=chosen.host,
        port=chosen.port,
        workers=1,
        loop=Loops.uvloop,
        log_access=False,
        websockets=False,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT_MS, max_buffer_size=BUFFER),
        workers_kill_timeout=30,
    ).serve()


@click.command()
def work() -> None:
    """Deliver until SIGTERM or Ctrl-C. Start as many as wanted; on SQLite all on one machine."""
    uvloop.run(run_worker(settings()))


@click.command()
@click.option(
    "--to", "revision", default="head", show_default=True, help="Revision to go to; `base` empties the schema."
)
def migrate(revision: str) -> None:
    """Make or upgrade the database schema."""
    chosen = settings()
    before = current_schema(chosen)
    migrate_store(chosen, revision)
    click.echo(f"schema: {before or 'none'} -> {current_schema(chosen) or 'none'}")
