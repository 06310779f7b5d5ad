"""How a metric is documented, and those about runs of rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class MetricDoc:
    """One metric as it is documented and built. `buckets` are upper bounds in `unit`, of a histogram."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()


RUN_METRICS: tuple[MetricDoc, ...] = (
    MetricDoc("hirewire_runs_started_total", "counter", "runs", ("rule",), "Runs of rules that were begun."),
    MetricDoc(
        "hirewire_runs_ended_total", "counter", "runs", ("rule", "outcome"),
        "Runs that ended: done, stopped, skipped, cancelled, discarded, failed.",
    ),
    MetricDoc(
        "hirewire_runs_waiting", "gauge", "runs", ("kind",),
        "Runs under way, by what they wait for: event, time, gate (a person's answer), held (a person's release), ready.",
    ),
    MetricDoc(
        "hirewire_runs_oldest_wait_seconds", "gauge", "seconds", ("kind",),
        "How long the one that has stood longest has waited; 0 where none waits.",
    ),
    MetricDoc(
        "hirewire_gates_overdue", "gauge", "runs", (), "Runs that have stood at a gate for more than a day."
    ),
    MetricDoc(
        "hirewire_runs_stuck", "gauge", "runs", (),
        "Runs that should have been moved on a minute ago; none of paused or stopped rules.",
    ),
)  # fmt: skip
