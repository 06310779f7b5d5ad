"""The two Grafana dashboards, as data; `docs.generate` writes the JSON that Grafana imports."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, TALL, LOW = 24, 8, 4  # Grafana's grid
SOURCE = {"type": "prometheus", "uid": "${source}"}
CHOSEN = 'connection=~"$connection"'
RANGE = "[$__rate_interval]"
OURS = 'job=~"hirewire.*"'


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture. `lines`: PromQL and how its lines are called. `look`: `timeseries` or `stat`."""

    en: str
    zh: str
    lines: tuple[tuple[str, str], ...]
    unit: str = "short"
    look: str = "timeseries"
    wide: int = 8


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Rows of panels. `variable`: a query of label values that the reader chooses from."""

    uid: str
    en: str
    zh: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]
    variable: str | None = None


def _quantiles(metric: str, by: str = "", where: str = "", name: str = "") -> tuple[tuple[str, str], ...]:
    labels = f"le, {by}" if by else "le"
    return tuple(
        (
            f"histogram_quantile({q}, sum by ({labels}) (rate({metric}_bucket{{{where}}}{RANGE})))",
            f"p{round(q * 100)} {name}".strip(),
        )
        for q in (0.5, 0.99)
    )


def _mean(metric: str) -> str:
    return f"sum(rate({metric}_sum{RANGE})) / sum(rate({metric}_count{RANGE}))"


def _stat(en: str, zh: str, expr: str, unit: str = "short", wide: int = 4, name: str = "") -> Panel:
    return Panel(en, zh, ((expr, name),), unit, "stat", wide)


OVERVIEW = Dashboard(
    "hirewire-overview", "Hirewire: overview", "Hirewire：总览",
    (
        ("Now / 现在", (
            _stat("Alerts firing", "触发中的告警", 'sum(ALERTS{alertname=~"Hirewire.*", alertstate="firing"}) or vector(0)'),
            _stat("Events accepted", "接收事件", f"sum(rate(hirewire_events_accepted_total{RANGE}))", "cps"),
            _stat("Delivered", "已送达", f'sum(rate(hirewire_attempts_total{{outcome="delivered"}}{RANGE}))', "cps"),
            _stat("Oldest due", "最早到期已等待", "max(hirewire_lane_oldest_due_age_seconds)", "s"),
            _stat("Dead letters, 24 h", "死信（24 小时）", "sum(increase(hirewire_dead_letters_total[24h]))"),
            _stat("Versions", "版本", "count by (version) (hirewire_build_info)", name="{{version}}"),
        )),
        ("Accepting / 接收", (
            Panel("Events by type", "按类型的事件", (("sum by (type) (hirewire:events_accepted:rate5m)", "{{type}}"),
                  (f"sum(rate(hirewire_events_duplicate_total{RANGE}))", "repeats / 重复")), "cps"),
            Panel("API calls", "接口调用", ((f"sum by (operation, status) (rate(hirewire_http_requests_total{RANGE}))", "{{operation}} {{status}}"),), "reqps"),
            Panel("Time to accept", "接收耗时", _quantiles("hirewire_http_request_seconds", where='operation="acceptEvents"'), "s"),
            Panel("Group commit of events", "事件组提交", ((_mean("hirewire_ingest_commit_events"), "events per commit / 每次事件数"),)),
            Panel("Server errors", "服务器错误", (("hirewire:http_errors:ratio_rate5m", "share / 占比"),), "percentunit"),
            Panel("Rules", "规则", ((f"sum by (rule, verdict) (rate(hirewire_rule_evaluations_total{RANGE}))", "{{rule}} {{verdict}}"),), "cps"),
        )),
        ("Delivering / 投递", (
            Panel("Tries by outcome", "按结果的尝试", (("sum by (outcome) (hirewire:attempts:rate5m)", "{{outcome}}"),), "cps"),
            Panel("Acceptance to acknowledgement", "从接收到确认", _quantiles("hirewire_delivery_seconds"), "s"),
            Panel("Under way", "在途", (("sum by (instance) (hirewire_in_flight_deliveries)", "{{instance}}"),
                  ("max(hirewire_in_flight_limit)", "limit / 上限"))),
            Panel("Group commit of ended tries", "尝试结果组提交", ((_mean("hirewire_record_commit_deliveries"), "tries per commit / 每次尝试数"),)),
            Panel("Replays", "重发", ((f"sum by (outcome) (rate(hirewire_replay_attempts_total{RANGE}))", "{{outcome}}"),), "cps"),
            Panel("Occurrences", "事项", ((f"sum by (event) (increase(hirewire_notes_total{RANGE}))", "{{event}}"),)),
        )),
        ("Runs of rules / 规则流程", (
            Panel("Runs begun and ended", "开始与结束的流程", ((f"sum(rate(hirewire_runs_started_total{RANGE}))", "begun / 开始"),
                  (f"sum by (outcome) (rate(hirewire_runs_ended_total{RANGE}))", "{{outcome}}")), "cps"),
            Panel("Runs under way", "进行中的流程", (("max by (kind) (hirewire_runs_waiting)", "{{kind}}"),)),
            Panel("Longest wait", "最长等待", (("max by (kind) (hirewire_runs_oldest_wait_seconds)", "{{kind}}"),), "s"),
            Panel("Overdue", "超期", (("max(hirewire_gates_overdue)", "gates / 审批"), ("max(hirewire_runs_stuck)", "stuck / 停滞"))),
        )),
        ("Consent and border / 同意与跨境", (
            Panel("Held for a consent", "等待同意", (("max by (purpose) (hirewire_consent_held_deliveries)", "{{purpose}}"),)),
            Panel("Persons abroad this year", "本年度出境人数", (("max by (region, counted) (hirewire_border_persons)", "{{region}} {{counted}}"),)),
            Panel("Held at the border", "跨境挂起", (("max by (reason) (hirewire_border_held_deliveries)", "{{reason}}"),)),
        )),
        ("Store and processes / 存储与进程", (
            Panel("Commits and claims, p99", "提交与领取 p99", (
                ("max(hirewire:ingest_commit_seconds:p99_5m)", "accept / 接收"), ("max(hirewire:claim_seconds:p99_5m)", "claim / 领取"),
                ("max(hirewire:record_commit_seconds:p99_5m)", "record / 记录")), "s"),
            Panel("Size of the store", "存储大小", (("max by (part) (hirewire_store_size_bytes)", "{{part}}"), ("min(hirewire_store_free_bytes)", "free / 剩余")), "bytes"),
            Panel("Refused before acceptance", "接收前拒绝", ((f"sum by (reason) (increase(hirewire_intake_refused_total{RANGE}))", "{{reason}}"),
                  ("max(hirewire_intake_backlog_ratio)", "owed of limit / 占上限"))),
            Panel("Removed", "已清理", ((f"sum by (kind) (increase(hirewire_retention_removed_total{RANGE}))", "{{kind}}"),
                  ("max by (kind) (hirewire_retention_behind)", "{{kind}} behind / 落后"))),
            Panel("Oldest rows", "最早记录", (("max by (kind) (hirewire_retention_oldest_age_seconds)", "{{kind}}"),
                  ("time() - max by (kind) (hirewire_retention_swept_timestamp_seconds)", "{{kind}} since sweep / 距上次清理")), "s"),
            Panel("Store answers", "数据库可用", (("min by (instance) (hirewire_store_up)", "{{instance}}"),
                  ("min by (instance) (hirewire_store_schema_current)", "{{instance}} schema / 结构"))),
            Panel("Database connections", "数据库连接", (("sum by (instance) (hirewire_store_connections)", "{{instance}}"),
                  ("max(hirewire_store_connections_limit)", "limit / 上限"))),
            Panel("Recurring tasks", "周期任务", ((f"sum by (task, outcome) (increase(hirewire_task_runs_total{RANGE}))", "{{task}} {{outcome}}"),
                  ("sum by (task) (hirewire_task_leader)", "{{task}} leaders / 领导者"))),
            Panel("Tasks: time until due", "任务距到期", (("max by (task) (hirewire_task_due_timestamp_seconds) - time()", "{{task}}"),), "s"),
            Panel("CPU", "处理器", ((f"rate(process_cpu_seconds_total{{{OURS}}}{RANGE})", "{{instance}}"),), "percentunit"),
            Panel("Memory", "内存", ((f"process_resident_memory_bytes{{{OURS}}}", "{{instance}}"),), "bytes"),
            Panel("Files judged", "文件扫描", ((f"sum by (verdict) (increase(hirewire_files_scanned_total{RANGE}))", "{{verdict}}"),)),
            Panel("Recordings in the newest backup", "最新备份中的录像", (("max by (what) (hirewire_backup_media_blobs)", "{{what}}"),)),
            Panel("List of revoked certificates", "已吊销证书列表", (("min by (instance, of) (hirewire_revocations_left_seconds)", "{{instance}} {{of}}"),
                  ("max by (instance, of) (hirewire_revocations_refused)", "{{instance}} refused / 无法采用")), "s"),
            Panel("Open files", "打开的文件", ((f"process_open_fds{{{OURS}}}", "{{instance}}"),)),
        )),
    ),
)  # fmt: skip

LANES = Dashboard(
    "hirewire-lanes", "Hirewire: lanes", "Hirewire：通道",
    (
        ("State / 状态", (
            _stat("Ready", "待发", f'sum(hirewire:lane_deliveries:max{{state="ready", {CHOSEN}}})'),
            _stat("Leased", "处理中", f'sum(hirewire:lane_deliveries:max{{state="leased", {CHOSEN}}})'),
            _stat("Waiting", "排队", f'sum(hirewire:lane_deliveries:max{{state="waiting", {CHOSEN}}})'),
            _stat("Held", "已搁置", f'sum(hirewire:lane_deliveries:max{{state="held", {CHOSEN}}})'),
            _stat("Oldest due", "最早到期已等待", f"max(hirewire:lane_oldest_due_age_seconds:max{{{CHOSEN}}})", "s"),
            _stat("Not active", "非启用通道", f'sum(hirewire:lane_state:max{{state!="active", {CHOSEN}}})'),
        )),
        ("What waits / 等待", (
            Panel("Deliveries by state", "按状态的投递", ((f"hirewire:lane_deliveries:max{{{CHOSEN}}}", "{{connection}} {{state}}"),)),
            Panel("Oldest due", "最早到期已等待", ((f"hirewire:lane_oldest_due_age_seconds:max{{{CHOSEN}}}", "{{connection}}"),), "s"),
            Panel("Held back by the vendor or the breaker", "供应商或熔断器要求等待", ((f"hirewire:lane_hold_seconds:max{{{CHOSEN}}}", "{{connection}}"),
                  (f'hirewire:lane_breaker:max{{state!="closed", {CHOSEN}}}', "{{connection}} {{state}}")), "s"),
        )),
        ("What goes out / 发送", (
            Panel("Tries by outcome", "按结果的尝试", ((f"hirewire:attempts:rate5m{{{CHOSEN}}}", "{{connection}} {{outcome}}"),), "cps"),
            Panel("Acceptance to acknowledgement", "从接收到确认", _quantiles("hirewire_delivery_seconds", "connection", CHOSEN, "{{connection}}"), "s"),
            Panel("Time of a try, by connector", "一次尝试的耗时（按连接器）", _quantiles("hirewire_attempt_seconds", "connector", name="{{connector}}"), "s"),
            Panel("Dead letters by cause", "按原因的死信", ((f"sum by (connection, cause) (increase(hirewire_dead_letters_total{{{CHOSEN}}}{RANGE}))", "{{connection}} {{cause}}"),)),
            Panel("Replays", "重发", ((f"sum by (connection, outcome) (rate(hirewire_replay_attempts_total{{{CHOSEN}}}{RANGE}))", "{{connection}} {{outcome}}"),), "cps"),
            Panel("State of lanes", "通道状态", ((f"hirewire:lane_state:max{{{CHOSEN}}} > 0", "{{connection}} {{state}}"),)),
        )),
    ),
    "label_values(hirewire_lane_deliveries, connection)",
)  # fmt: skip

DASHBOARDS = (OVERVIEW, LANES)


def panels(dashboard: Dashboard) -> list[Panel]:
    """All of them, row by row."""
    return [panel for _, row in dashboard.rows for panel in row]


def rendered(dashboard: Dashboard) -> str:
    """The dashboard as Grafana imports it."""
    document = {
        "uid": dashboard.uid,
        "title": f"{dashboard.en} / {dashboard.zh}",
        "tags": ["hirewire"],
        "editable": True,
        "schemaVersion": 39,
        "version": 1,
        "refresh": "10s",
        "timezone": "browser",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": _variables(dashboard)},
        "panels": _placed(dashboard.rows),
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _variables(dashboard: Dashboard) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    ]
    if dashboard.variable is not None:
        query = {"query": dashboard.variable, "refId": "connection"}
        found.append({
            "name": "connection", "label": "Connection / 连接", "type": "query", "datasource": SOURCE, "query": query,
            "definition": dashboard.variable, "refresh": 2, "multi": True, "includeAll": True, "allValue": ".*",
            "current": {"text": "All", "value": "$__all"}, "sort": 1,
        })  # fmt: skip
    return found


def _placed(rows: Sequence[tuple[str, tuple[Panel, ...]]]) -> list[dict[str, Any]]:
    placed: list[dict[str, Any]] = []
    y = 0
    for title, row in rows:
        placed.append(
            {
                "id": len(placed) + 1,
                "type": "row",
                "title": title,
                "collapsed": False,
                "panels": [],
                "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1},
            }
        )
        x, y, high = 0, y + 1, LOW if row[0].look == "stat" else TALL
        for panel in row:
            if x + panel.wide > WIDTH:
                x, y = 0, y + high
            placed.append(
                {"id": len(placed) + 1, **_panel(panel), "gridPos": {"x": x, "y": y, "w": panel.wide, "h": high}}
            )
            x += panel.wide
        y += high
    return placed


def _panel(panel: Panel) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + n), "datasource": SOURCE, "expr": expr, "legendFormat": name or "__auto"}
        for n, (expr, name) in enumerate(panel.lines)
    ]
    options: dict[str, Any] = (
        {
            "reduceOptions": {"calcs": ["lastNotNull"], "values": False},
            "textMode": "auto" if not panel.lines[0][1] else "name",
        }
        if panel.look == "stat"
        else {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}
    )
    return {
        "type": panel.look,
        "title": f"{panel.en} / {panel.zh}",
        "datasource": SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": options,
    }
