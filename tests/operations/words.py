"""Which metrics an expression or a page speaks of."""

from __future__ import annotations

import re
from pathlib import Path

from docs.operations.alerts import RECORDED
from hub.adapters.metrics import METRICS

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations"
RULES = OPERATIONS / "prometheus" / "hirewire.rules.yaml"
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}
SERIES = {doc.name + suffix: doc.name for doc in METRICS for suffix in SUFFIXES.get(doc.kind, ("",))}
OTHERS = re.compile(
    r"\b(up|ALERTS|process_(?:cpu_seconds_total|resident_memory_bytes|open_fds|max_fds|start_time_seconds))\b"
)
_NAME = re.compile(r"\bhirewire[_:][a-z0-9_:]+")


def named(expr: str) -> set[str]:
    """Every series of ours or of our rules that it names."""
    return set(_NAME.findall(re.sub(r'"[^"]*"', '""', expr)))


def metrics_behind(expr: str) -> set[str]:
    """The metrics of the table that it rests on, through recording rules too."""
    found = set()
    for name in named(expr) | set(re.findall(r"hirewire:[a-z0-9_:|()]+", expr)):
        if name in SERIES:
            found.add(SERIES[name])
        elif name in RECORDED:
            found |= metrics_behind(RECORDED[name])
    return found


def strangers(expr: str) -> set[str]:
    """What it names and nobody exports or records."""
    return {name for name in named(expr) if name not in SERIES and name not in RECORDED}
