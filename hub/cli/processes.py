"""The commands that run the product: serve, work, migrate."""

from __future__ import annotations

from typing import Any

import click
import uvloop
from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
from granian.http import HTTP1Settings
from granian.server import Server

from hub.bootstrap import PATIENCE_S, current_schema, migrate_store, own_tls
from hub.bootstrap.listeners import own_revocations
from hub.cli.context import settings
from hub.settings import Settings
from hub.worker import work as run_worker

HEAD_LIMIT = (
    64 * 1024
)  # bytes per connection that are read ahead, a head among them: with 400 KiB, 1,000 uploads take 600 MB
_VERSIONS = {"1.2": SSLProtocols.tls12, "1.3": SSLProtocols.tls13}


@click.command()
@click.option("--no-migrate", is_flag=True, help="Leave the database schema as it is.")
def serve(no_migrate: bool) -> None:
    """Serve the API (and deliver, unless HIREWIRE_LOOPS=none) until SIGTERM or Ctrl-C."""
    chosen = settings()
    if not no_migrate:
        migrate_store(chosen, patience_s=PATIENCE_S)
    own_tls(chosen)
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
        http=HTTPModes.http1,  # the bounds on slow and large heads are those of HTTP/1
        http1_settings=HTTP1Settings(header_read_timeout=round(chosen.header_s * 1000), max_buffer_size=HEAD_LIMIT),
        workers_kill_timeout=30,
        **_tls(chosen),
    ).serve()


def _tls(chosen: Settings) -> dict[str, Any]:
    tls, revocations = chosen.tls, own_revocations(chosen)
    if tls is None:
        return {}
    return {
        "ssl_cert": tls.certificate,
        "ssl_key": tls.key,
        "ssl_protocol_min": _VERSIONS[tls.minimum],
        "ssl_ca": tls.client_ca,
        "ssl_client_verify": tls.client_ca is not None,
        "ssl_crl": None if revocations is None else [revocations.kept],
    }


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
