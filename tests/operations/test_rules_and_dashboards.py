"""Rules and dashboards: read by Prometheus itself, resting on metrics that exist, and every metric of use to somebody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from docs.operations.alerts import ALERTS, RECORDED
from docs.operations.dashboards import DASHBOARDS, Dashboard, panels, rendered
from docs.operations.expressions import metrics_behind, named, others, strangers
from hub.adapters.metrics import METRICS
from tests.support.prometheus import promtool

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations"
RULES = OPERATIONS / "prometheus" / "hirewire.rules.yaml"
PLAIN = {"$__rate_interval": "5m", "$connection": ".*"}


def plain(expr: str) -> str:
    """The expression as Grafana sends it."""
    for variable, value in PLAIN.items():
        expr = expr.replace(variable, value)
    return expr


def test_prometheus_reads_the_rules_and_the_configuration(tmp_path: Path) -> None:
    told = promtool("check", "rules", str(RULES))
    assert told.returncode == 0, told.stdout + told.stderr
    assert f"{len(ALERTS) + len(RECORDED)} rules found" in told.stdout
    for name in ("prometheus.yaml", "hirewire.rules.yaml"):
        (tmp_path / name).write_text((OPERATIONS / "prometheus" / name).read_text("utf-8"), "utf-8")
    (tmp_path / "hirewire.token").write_text("hw_x")
    told = promtool("check", "config", str(tmp_path / "prometheus.yaml"))
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("cases", ["hirewire.tests.yaml", "hirewire.slow.tests.yaml"])
def test_every_alert_fires_when_it_must_and_only_then(cases: str) -> None:
    told = promtool("test", "rules", cases, cwd=RULES.parent)
    assert told.returncode == 0, told.stdout + told.stderr


def test_a_rule_that_is_broken_is_found(tmp_path: Path) -> None:
    broken = RULES.read_text("utf-8").replace('up{job=~"hirewire.*"} == 0', 'up{job=~"hirewire.*"} == 1')
    assert broken != RULES.read_text("utf-8")
    (tmp_path / RULES.name).write_text(broken, "utf-8")
    told = yaml.safe_load((RULES.parent / "hirewire.tests.yaml").read_text("utf-8"))
    told["tests"] = [one for one in told["tests"] if one["name"].startswith("HirewireDown")]
    (tmp_path / "cases.yaml").write_text(yaml.safe_dump(told), "utf-8")
    assert promtool("test", "rules", "cases.yaml", cwd=tmp_path).returncode != 0


def test_every_alert_has_cases_for_both_and_words_for_both() -> None:
    assert len({alert.name for alert in ALERTS}) == len(ALERTS)
    for alert in ALERTS:
        assert alert.severity in ("page", "ticket")
        assert alert.quiet, alert.name
        assert alert.en != alert.zh
        assert not alert.en.isascii() or not alert.zh.isascii()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)
def test_every_panel_is_an_expression_that_prometheus_reads(dashboard: Dashboard, tmp_path: Path) -> None:
    exprs = [plain(expr) for panel in panels(dashboard) for expr, _ in panel.lines]
    assert not [expr for expr in exprs if "$" in expr]
    recorded = [{"record": f"panel:{n}", "expr": expr} for n, expr in enumerate(exprs)]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}), "utf-8")
    told = promtool("check", "rules", str(file))
    assert told.returncode == 0, told.stdout + told.stderr
    for expr in exprs:
        assert not strangers(expr), expr
        assert named(expr) or others(expr), expr


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)
def test_a_dashboard_is_whole(dashboard: Dashboard) -> None:
    document = json.loads(rendered(dashboard))
    ids = [panel["id"] for panel in document["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in document["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, f"{panel['title']} lies on another panel"
        taken |= cells
        english, _, chinese = panel["title"].partition(" / ")
        assert english
        assert not chinese.isascii()
    variables = {one["name"] for one in document["templating"]["list"]}
    assert ("connection" in variables) == ("$connection" in rendered(dashboard))


def test_alerts_and_recordings_rest_on_metrics_that_are_exported() -> None:
    for expr in [*RECORDED.values(), *(alert.expr for alert in ALERTS)]:
        assert not strangers(expr), expr


def test_every_recording_is_used() -> None:
    exprs = [*(a.expr for a in ALERTS), *(e for d in DASHBOARDS for p in panels(d) for e, _ in p.lines)]
    assert set(RECORDED) - set().union(*map(named, exprs)) == set()


def test_every_metric_is_of_use_to_an_alert_or_a_panel() -> None:
    exprs = [*(a.expr for a in ALERTS), *(e for d in DASHBOARDS for p in panels(d) for e, _ in p.lines)]
    used = set().union(*(metrics_behind(expr) for expr in exprs))
    assert {doc.name for doc in METRICS} - used == set()
