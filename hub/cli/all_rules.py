"""`hirewire rules` with all its commands."""

from __future__ import annotations

from hub.cli.rule_tables import COMMANDS as TABLES
from hub.cli.rules import rules
from hub.cli.rules_compared import COMMANDS as COMPARED
from hub.cli.rules_lifecycle import COMMANDS as LIFECYCLE

__all__ = ["rules"]

for command in (*LIFECYCLE, *TABLES, *COMPARED):
    rules.add_command(command)
