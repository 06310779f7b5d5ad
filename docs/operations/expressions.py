"""Which metrics an expression speaks of, through recording rules too: what ties alerts, panels, runbooks and metrics together."""

from __future__ import annotations

import re

from docs.operations.alerts import ALERTS, RECORDED
from hub.adapters.metrics import METRICS

SUFFIXES = {"histogram": ("_bucket", "_sum", "_count")}
SERIES = {doc.name + suffix: doc.name for doc in METRICS for suffix in SUFFIXES.get(doc.kind, ("",))}
_OTHERS = re.compile(r"\b(?:up|ALERTS|process_[a-z_]+)\b")
_NAME = re.compile(r"\bhirewire[_:][a-z0-9_:]+")
_PATTERN = re.compile(r'__name__=~"([^"]*)"')


def named(expr: str) -> set[str]:
    """Every series of ours or of our rules that it names."""
    matched = {name for pattern in _PATTERN.findall(expr) for name in RECORDED if re.fullmatch(pattern, name)}
    return matched | set(_NAME.findall(re.sub(r'"[^"]*"', '""', expr)))


def strangers(expr: str) -> set[str]:
    """What it names and nobody exports or records."""
    return {name for name in named(expr) if name not in SERIES and name not in RECORDED}


def others(expr: str) -> set[str]:
    """The metrics of Prometheus and of the process that it names."""
    return set(_OTHERS.findall(re.sub(r'"[^"]*"', '""', expr)))


def metrics_behind(expr: str) -> set[str]:
    """The metrics of the table that it rests on."""
    found = set()
    for name in named(expr):
        found |= {SERIES[name]} if name in SERIES else metrics_behind(RECORDED[name]) if name in RECORDED else set()
    return found


def alerts_on(metric: str) -> list[str]:
    """The alerts that rest on a metric."""
    return [alert.name for alert in ALERTS if metric in metrics_behind(alert.expr)]
