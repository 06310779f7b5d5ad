"""Rules and their tests as Prometheus and `promtool` read them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from docs.operations.alerts import ALERTS, RECORDED, RUNBOOK, Alert, Case

HEAD = "# Written by `python -m docs.generate` from docs/operations/alerts.py; change that, then run it.\n"


def rules() -> str:
    """The rule file for Prometheus."""
    recorded = [{"record": name, "expr": expr} for name, expr in RECORDED.items()]
    alerts = [
        {
            "alert": a.name,
            "expr": a.expr,
            **({"for": a.wait} if a.wait != "0m" else {}),
            "labels": {"severity": a.severity},
            "annotations": _annotations(a, {}),
        }
        for a in ALERTS
    ]
    return _dump({"groups": [{"name": "hirewire-recorded", "rules": recorded}, {"name": "hirewire", "rules": alerts}]})


def tests(step: str) -> str:
    """Those of its cases that go by this step, for `promtool test rules`."""
    cases = [(alert, case, fires) for alert in ALERTS for case, fires in _cases(alert) if case.step == step]
    found = [{"interval": step, **_test(*case)} for case in cases]
    order = ["hirewire-recorded", "hirewire"]
    return _dump(
        {"rule_files": ["hirewire.rules.yaml"], "evaluation_interval": step, "group_eval_order": order, "tests": found}
    )


def _cases(alert: Alert) -> Iterator[tuple[Case, bool]]:
    yield alert.fires, True
    yield from ((case, False) for case in alert.quiet)


def _test(alert: Alert, case: Case, fires: bool) -> dict[str, Any]:
    raised = {
        "exp_labels": {"severity": alert.severity, **case.labels},
        "exp_annotations": _annotations(alert, case.labels),
    }
    wanted = {"eval_time": case.at, "alertname": alert.name, "exp_alerts": [raised] if fires else []}
    return {
        "name": f"{alert.name} {'fires' if fires else 'is quiet'}",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "alert_rule_test": [wanted],
    }


def _annotations(alert: Alert, labels: Mapping[str, str]) -> dict[str, str]:
    told = {"summary": alert.en, "summary_zh": alert.zh, "runbook": RUNBOOK + alert.name.lower()}
    if not labels:
        return told
    return {
        name: re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels.get(found[1], ""), text)
        for name, text in told.items()
    }


def _dump(document: dict[str, Any]) -> str:
    return HEAD + yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=1000)
