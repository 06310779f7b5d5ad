"""`hirewire`: the command line.

Exit codes: 0 done; 1 refused or failed (the reason is printed); 2 wrong usage; 3 not found;
4 something is away, try later; 5 a check found faults or a ledger does not hold.
"""

from __future__ import annotations

import sys

import click

from hub.cli.later import Later
from hub.domain.errors import HubError, NotFound, Unavailable

FAILED, NOT_FOUND, AWAY, FAULTS = 1, 3, 4, 5
WHERE = {  # module and name, and the first line of its help
    "apply": (
        "hub.cli.configuration:apply",
        "Apply connections, mappings and rules from a YAML file; the difference is shown first.",
    ),
    "audit": ("hub.cli.audit:audit", "Who did what, who read what: a chain that shows every change to itself."),
    "backup": (
        "hub.cli.backup:backup",
        "Whole backups: sealed to a key that is not here, restored and compared as soon as they are made.",
    ),
    "border": ("hub.cli.border:border", "Data that goes abroad: persons by region and year, limits, what is held."),
    "candidate": ("hub.cli.candidates:candidate", "Candidates."),
    "check": (
        "hub.cli.connectors:check",
        "Check connectors: manifest, references, mappings, every sample, quality claims.",
    ),
    "connections": (
        "hub.cli.connections:connections",
        "Where deliveries go: how each connection stands, pausing and resuming it.",
    ),
    "connector": ("hub.cli.connectors:connector", "The vendors that Hirewire speaks with."),
    "consent": ("hub.cli.consents:consent", "What candidates agreed to; deliveries that need a consent wait for it."),
    "deliveries": ("hub.cli.deliveries:deliveries", "What is owed to vendors, where it stands, and sending it again."),
    "demo": (
        "hub.cli.demo:demo",
        "Play the whole story: resumes, AI interviews, rules, vendors that fail, a killed worker, and the proof.",
    ),
    "events": ("hub.cli.record:events", "What was accepted."),
    "evidence": (
        "hub.cli.evidence:evidence",
        "Controls with what is in force here, the tests that prove them and where they are on record; unmet first.",
    ),
    "export": ("hub.cli.configuration:export", "Write the configuration as YAML that `apply` takes."),
    "keys": ("hub.cli.keys:keys", "Encryption keys: show, rotate, recover."),
    "media": ("hub.cli.media:media", "Recordings: check and mend their copies."),
    "migrate": ("hub.cli.processes:migrate", "Make or upgrade the database schema."),
    "people": ("hub.cli.people:people", "Named accounts: who they are and what they may do."),
    "replays": (
        "hub.cli.replays:replays",
        "Sending many deliveries again: counted first, paced behind live traffic, to be watched and cancelled.",
    ),
    "retention": (
        "hub.cli.retention:retention",
        "How long records are kept (HIREWIRE_RETENTION_DAYS), and what is over.",
    ),
    "rules": ("hub.cli.all_rules:rules", "What happens when: trigger rules as sentences."),
    "runs": ("hub.cli.runs:runs", "Rules under way: waiting, at a gate, held by a guard."),
    "serve": (
        "hub.cli.processes:serve",
        "Serve the API (and deliver, unless HIREWIRE_LOOPS=none) until SIGTERM or Ctrl-C.",
    ),
    "subject": ("hub.cli.subjects:subject", "The rights of a candidate: access, legal hold, erasure."),
    "timeline": ("hub.cli.record:timeline", "A candidate's story: every event, every delivery, what caused what."),
    "token": ("hub.cli.configuration:token", "API tokens: shown once, kept as a hash."),
    "top": (
        "hub.cli.top:top",
        "The lanes, live: what is ready, under way, waiting, held; how old, how fast, and when it goes on.",
    ),
    "twin": ("hub.cli.connectors:twin", "Run vendor twins until SIGTERM: local fakes as strict as the vendors."),
    "why": (
        "hub.cli.why:why",
        "Why rules acted on an event (evt_...) or a candidate's events (cand_...), or why nothing happened.",
    ),
    "work": ("hub.cli.processes:work", "Deliver until SIGTERM or Ctrl-C."),
}


@click.group(cls=Later, where=WHERE, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="hirewire", prog_name="hirewire")
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
