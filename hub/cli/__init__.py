"""`hirewire`: the command line.

Exit codes: 0 done; 1 refused or failed (the reason is printed); 2 wrong usage; 3 not found;
4 something is away, try later; 5 a check found faults or a ledger does not hold.
"""

from __future__ import annotations

import sys

import click

from hub.bootstrap import VERSION
from hub.cli.audit import audit
from hub.cli.backup import backup
from hub.cli.border import border
from hub.cli.candidates import candidate
from hub.cli.configuration import apply, export, token
from hub.cli.connections import connections
from hub.cli.connectors import check, connector, twin
from hub.cli.consents import consent
from hub.cli.demo import demo
from hub.cli.evidence import evidence
from hub.cli.keys import keys
from hub.cli.media import media
from hub.cli.people import people
from hub.cli.processes import migrate, serve, work
from hub.cli.record import deliveries, events, timeline
from hub.cli.replays import dead, discard, edit, replays
from hub.cli.retention import retention
from hub.cli.rule_tables import COMMANDS as TABLE_COMMANDS
from hub.cli.rules import rules
from hub.cli.rules_compared import COMMANDS as COMPARE_COMMANDS
from hub.cli.rules_lifecycle import COMMANDS as RULE_COMMANDS
from hub.cli.runs import runs
from hub.cli.subjects import subject
from hub.cli.top import top
from hub.cli.why import why
from hub.domain.errors import HubError, NotFound, Unavailable

FAILED, NOT_FOUND, AWAY, FAULTS = 1, 3, 4, 5


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(VERSION, prog_name="hirewire")
def cli() -> None:
    """Hirewire carries hiring events into HR systems, and their answers back.

    \b
    First steps:
      hirewire demo                     the whole story on this machine
      hirewire migrate                  make or upgrade the database
      hirewire apply hub.yaml           connections, mappings, rules from a file (shows the diff first)
      hirewire serve                    the API; delivers too, unless HIREWIRE_LOOPS=none
      hirewire work                     one more delivering process
    """


for command in (
    serve, work, migrate, apply, export, token, events, deliveries, replays, timeline, rules, runs, why, connections, people,
    top, candidate, retention, consent, subject, border, keys, media, connector, check, twin, audit, backup, evidence,
    demo,
):  # fmt: skip
    cli.add_command(command)
for command in (dead, edit, discard):
    deliveries.add_command(command)
for command in (*RULE_COMMANDS, *TABLE_COMMANDS, *COMPARE_COMMANDS):
    rules.add_command(command)


def main() -> None:
    """The console script."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except HubError as error:
        place = f" (at {error.at})" if error.at else ""
        click.echo(f"hirewire: {error.code}: {error}{place}", err=True)
        sys.exit(NOT_FOUND if isinstance(error, NotFound) else AWAY if isinstance(error, Unavailable) else FAILED)
