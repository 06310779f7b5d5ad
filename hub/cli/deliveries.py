"""`hirewire deliveries` with all its commands."""

from __future__ import annotations

from hub.cli.record import deliveries
from hub.cli.replays import dead, discard, edit

__all__ = ["deliveries"]

for command in (dead, edit, discard):
    deliveries.add_command(command)
