"""Recording and alert rules, each alert with the cases that must and must not raise it; `rule_files` has them as YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

RUNBOOK = "docs/operations/runbooks.md#"
PROCESSES = 'job=~"hirewire.*"'  # every scrape job of ours begins so
QUIET_CALLS = 'operation!~"live|ready|metrics"'  # probes say 503 on purpose


@dataclass(frozen=True, slots=True)
class Case:
    """Series (`promtool` notation, one value a step) and whether the alert is there `at` that time, with which labels."""

    series: Mapping[str, str]
    at: str = "16m"
    labels: Mapping[str, str] = field(default_factory=dict)
    step: str = "1m"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. `severity`: `page` wakes somebody, `ticket` waits for the morning."""

    name: str
    expr: str
    wait: str
    severity: str
    en: str
    zh: str
    fires: Case
    quiet: tuple[Case, ...]


RECORDED: Mapping[str, str] = {
    "hirewire:events_accepted:rate5m": "sum by (type) (rate(hirewire_events_accepted_total[5m]))",
    "hirewire:http_errors:ratio_rate5m": f'(sum(rate(hirewire_http_requests_total{{status="5xx", {QUIET_CALLS}}}[5m])) or vector(0))'
    f" / sum(rate(hirewire_http_requests_total{{{QUIET_CALLS}}}[5m]))",
    "hirewire:accept_seconds:p99_5m": 'histogram_quantile(0.99, sum by (le) (rate(hirewire_http_request_seconds_bucket{operation="acceptEvents"}[5m])))',
    "hirewire:ingest_commit_seconds:p99_5m": "histogram_quantile(0.99, sum by (le, instance) (rate(hirewire_ingest_commit_seconds_bucket[5m])))",
    "hirewire:claim_seconds:p99_5m": "histogram_quantile(0.99, sum by (le, instance) (rate(hirewire_claim_seconds_bucket[5m])))",
    "hirewire:record_commit_seconds:p99_5m": "histogram_quantile(0.99, sum by (le, instance) (rate(hirewire_record_commit_seconds_bucket[5m])))",
    "hirewire:delivery_seconds:p99_5m": "histogram_quantile(0.99, sum by (le, connection) (rate(hirewire_delivery_seconds_bucket[5m])))",
    "hirewire:attempts:rate5m": "sum by (connection, outcome) (rate(hirewire_attempts_total[5m]))",
    # Every process counts the lanes of all: the greatest is the newest, the sum would be a multiple.
    "hirewire:lane_deliveries:max": "max by (connection, state) (hirewire_lane_deliveries)",
    "hirewire:lane_state:max": "max by (connection, state) (hirewire_lane_state)",
    "hirewire:lane_oldest_due_age_seconds:max": "max by (connection) (hirewire_lane_oldest_due_age_seconds)",
    "hirewire:lane_hold_seconds:max": "max by (connection) (hirewire_lane_hold_seconds)",
    "hirewire:lane_breaker:max": "max by (connection, state) (hirewire_lane_breaker)",
    "hirewire:in_flight:ratio": "hirewire_in_flight_deliveries / hirewire_in_flight_limit",
}

ACTIVE = 'and on (connection) hirewire:lane_state:max{state="active"} > 0'
ATS = {"connection": "ats"}
A = {"instance": "a"}
LANE_ON = {'hirewire_lane_state{connection="ats", state="active"}': "1x60"}
LANE_FREE = {'hirewire_lane_hold_seconds{connection="ats"}': "0x60"}
UP, BEHIND = 'hirewire_store_up{instance="a"}', 'hirewire_store_schema_current{instance="a"}'


def _counts(name: str, labels: str, slow: bool, border: str = "1.0") -> dict[str, str]:
    """A histogram that is filled by one a second, all of it above or below the border."""
    told = f"{name}_bucket{{{labels}{', ' if labels else ''}le="
    above = {f'{told}"{le}"}}': "0+60x60" for le in ("60.0", "+Inf")}
    return {f'{told}"{border}"}}': "0x60" if slow else "0+60x60", **above}


def _note(event: str) -> str:
    return f'hirewire_notes_total{{event="{event}"}}'


def _ratio(region: str, counted: str) -> str:
    return f'hirewire_border_limit_ratio{{region="{region}", counted="{counted}"}}'


def _kept(reason: str) -> str:
    return f'hirewire_border_held_deliveries{{reason="{reason}"}}'


def _wants(purpose: str) -> str:
    return f'hirewire_consent_held_deliveries{{purpose="{purpose}"}}'


def _lane(state: str) -> str:
    return f'hirewire_lane_deliveries{{connection="ats", state="{state}"}}'


def _tries(outcome: str) -> str:
    return f'hirewire_attempts_total{{connection="ats", outcome="{outcome}"}}'


def _verdict(verdict: str) -> str:
    return f'hirewire_rule_evaluations_total{{rule="high score", verdict="{verdict}"}}'


def _refused(reason: str) -> str:
    return f'hirewire_intake_refused_total{{reason="{reason}"}}'


def _behind(instance: str) -> str:
    return f'hirewire_retention_behind{{instance="{instance}", kind="events"}}'


def _sweeps(instance: str) -> str:
    return f'hirewire_task_leader{{instance="{instance}", task="retention"}}'


DEAD = 'hirewire_dead_letters_total{connection="ats", cause="http_4xx"}'
CALLS_OK = 'hirewire_http_requests_total{operation="acceptEvents", status="2xx"}'
CALLS_BAD = 'hirewire_http_requests_total{operation="acceptEvents", status="5xx"}'
PROBES_BAD = 'hirewire_http_requests_total{operation="ready", status="5xx"}'
AGE = 'hirewire_lane_oldest_due_age_seconds{connection="ats"}'
DUE = 'hirewire_task_due_timestamp_seconds{task="sweep"}'
VERIFIED = 'hirewire_backup_timestamp_seconds{step="verified"}'
FAILED = 'hirewire_task_runs_total{task="sweep", outcome="failed"}'
BUSY, LIMIT = 'hirewire_store_connections{instance="a"}', 'hirewire_store_connections_limit{instance="a"}'
OPEN, MOST = 'process_open_fds{job="hirewire-work", instance="a"}', 'process_max_fds{job="hirewire-work", instance="a"}'
GROWING, SLOW_COMMIT = "0+100x60", "hirewire_ingest_commit_seconds"
ACCEPT, DELIVERY = "hirewire_http_request_seconds", "hirewire_delivery_seconds"

ALERTS: tuple[Alert, ...] = (
    Alert("HirewireDown", f"up{{{PROCESSES}}} == 0", "2m", "page",
          "{{ $labels.instance }} of {{ $labels.job }} cannot be scraped: it is down, or its token is refused.",
          "{{ $labels.job }} 的 {{ $labels.instance }} 无法抓取：进程已停止，或令牌被拒绝。",
          Case({'up{job="hirewire-serve", instance="a"}': "0x30"}, labels={"job": "hirewire-serve", **A}),
          (Case({'up{job="hirewire-serve", instance="a"}': "1x30", 'up{job="node", instance="b"}': "0x30"}),
           Case({'up{job="hirewire-serve", instance="a"}': "1x14 0 0"}))),
    Alert("HirewireStoreDown", "min by (instance) (hirewire_store_up) == 0", "1m", "page",
          "{{ $labels.instance }} cannot reach its database; nothing is accepted or delivered there.",
          "{{ $labels.instance }} 无法访问数据库；该进程既不接收也不投递。",
          Case({UP: "0x30"}, labels=A), (Case({UP: "1x30"}),)),
    Alert("HirewireSchemaBehind", "min by (instance) (hirewire_store_schema_current) == 0 and on (instance) hirewire_store_up == 1", "5m", "page",
          "{{ $labels.instance }} finds another schema than its own in the database.",
          "{{ $labels.instance }} 的程序版本与数据库结构不一致。",
          Case({BEHIND: "0x30", UP: "1x30"}, labels=A), (Case({BEHIND: "1x30", UP: "1x30"}), Case({BEHIND: "0x30", UP: "0x30"}))),
    Alert("HirewireApiErrors", "hirewire:http_errors:ratio_rate5m > 0.01", "5m", "page",
          "More than 1 % of the API's calls end with a server error.", "超过 1% 的接口调用以服务器错误结束。",
          Case({CALLS_OK: "0+60x30", CALLS_BAD: "0+3x30"}),
          (Case({CALLS_OK: "0+60x30"}), Case({CALLS_OK: "0+1000x30", CALLS_BAD: "0+3x30"}), Case({CALLS_OK: "0+60x30", PROBES_BAD: "0+60x30"}))),
    Alert("HirewireAcceptSlow", "hirewire:accept_seconds:p99_5m > 1", "10m", "ticket",
          "Accepting an event takes more than 1 s at p99.", "接收事件的 p99 时间超过 1 秒。",
          Case(_counts(ACCEPT, 'operation="acceptEvents"', True)),
          (Case(_counts(ACCEPT, 'operation="acceptEvents"', False)), Case(_counts(ACCEPT, 'operation="listEvents"', True)))),
    Alert("HirewireCommitSlow", '{__name__=~"hirewire:(ingest_commit|claim|record_commit)_seconds:p99_5m"} > 0.5', "10m", "ticket",
          "The database of {{ $labels.instance }} takes more than 0.5 s at p99 for a commit or a claim.",
          "{{ $labels.instance }} 的数据库提交或领取的 p99 时间超过 0.5 秒。",
          Case(_counts(SLOW_COMMIT, 'instance="a"', True), labels=A), (Case(_counts(SLOW_COMMIT, 'instance="a"', False, "0.25")),)),
    Alert("HirewireDeliverySlow", "hirewire:delivery_seconds:p99_5m > 5", "15m", "ticket",
          "From acceptance to the acknowledgement of {{ $labels.connection }} more than 5 s pass at p99.",
          "从接收到 {{ $labels.connection }} 确认的 p99 时间超过 5 秒。",
          Case(_counts(DELIVERY, 'connection="ats"', True, "5.0"), "20m", ATS), (Case(_counts(DELIVERY, 'connection="ats"', False, "5.0")),)),
    Alert("HirewireLaneStuck", f"hirewire:lane_oldest_due_age_seconds:max > 300 {ACTIVE} and on (connection) hirewire:lane_hold_seconds:max == 0", "5m", "page",
          "Deliveries to {{ $labels.connection }} have been due for more than 5 minutes and nobody takes them.",
          "发往 {{ $labels.connection }} 的投递到期超过 5 分钟仍无人处理。",
          Case({AGE: "400x30", **LANE_ON, **LANE_FREE}, labels=ATS),
          (Case({AGE: "20x30", **LANE_ON, **LANE_FREE}), Case({AGE: "400x30", 'hirewire_lane_state{connection="ats", state="active"}': "0x30", **LANE_FREE}),
           Case({AGE: "400x30", **LANE_ON, 'hirewire_lane_hold_seconds{connection="ats"}': "60x30"}))),
    Alert("HirewireLaneOff", 'hirewire:lane_state:max{state=~"disabled|needs_reauth"} > 0', "1m", "page",
          "{{ $labels.connection }} is switched off ({{ $labels.state }}); its deliveries are held.",
          "{{ $labels.connection }} 已停用（{{ $labels.state }}）；其投递被搁置。",
          Case({'hirewire_lane_state{connection="ats", state="needs_reauth"}': "1x30"}, labels={**ATS, "state": "needs_reauth"}),
          (Case({'hirewire_lane_state{connection="ats", state="needs_reauth"}': "0x30", 'hirewire_lane_state{connection="ats", state="paused"}': "1x30"}),)),
    Alert("HirewireLanePaused", 'hirewire:lane_state:max{state="paused"} > 0 and on (connection) sum by (connection) (hirewire:lane_deliveries:max) > 0', "1d", "ticket",
          "{{ $labels.connection }} has been paused for a day and deliveries wait for it.", "{{ $labels.connection }} 已暂停一天，仍有投递在等待。",
          Case({'hirewire_lane_state{connection="ats", state="paused"}': "1x48", _lane("ready"): "3x48"}, "30h", {**ATS, "state": "paused"}, "1h"),
          (Case({'hirewire_lane_state{connection="ats", state="paused"}': "1x48", _lane("ready"): "0x48"}, "30h", step="1h"),
           Case({'hirewire_lane_state{connection="ats", state="paused"}': "1x48", _lane("ready"): "3x48"}, "20h", step="1h"))),
    Alert("HirewireLaneHeldBack", "hirewire:lane_hold_seconds:max > 0", "30m", "ticket",
          "{{ $labels.connection }} has asked us to wait for half an hour without a break.", "{{ $labels.connection }} 已连续半小时要求我们等待。",
          Case({'hirewire_lane_hold_seconds{connection="ats"}': "90x60"}, "40m", ATS), (Case({'hirewire_lane_hold_seconds{connection="ats"}': "90x20 0x40"}, "40m"),)),
    Alert("HirewireBreakerOpen", 'hirewire:lane_breaker:max{state="open"} > 0', "5m", "page",
          "The breaker of {{ $labels.connection }} is open: its vendor does not answer.", "{{ $labels.connection }} 的熔断器已断开：供应商没有响应。",
          Case({'hirewire_lane_breaker{connection="ats", state="open"}': "1x30"}, labels={**ATS, "state": "open"}),
          (Case({'hirewire_lane_breaker{connection="ats", state="open"}': "0x30", 'hirewire_lane_breaker{connection="ats", state="closed"}': "1x30"}),)),
    Alert("HirewireDestinationFailing", 'sum by (event) (increase(hirewire_notes_total{event="destination.failing"}[1h])) > 0', "0m", "ticket",
          "A destination has done nothing but fail for days; at the end of its time it is switched off.",
          "某目标数日来只有失败；到期后将被停用。",
          Case({_note("destination.failing"): "0x10 1x20"}, labels={"event": "destination.failing"}), (Case({_note("destination.failing"): "1x60"}),)),
    Alert("HirewireAttemptsFailing", '(1 - (sum by (connection) (hirewire:attempts:rate5m{outcome="delivered"}) or 0 * sum by (connection) (hirewire:attempts:rate5m))'
          " / sum by (connection) (hirewire:attempts:rate5m)) > 0.5 and on (connection) sum by (connection) (hirewire:attempts:rate5m) > 0.02", "10m", "ticket",
          "More than half of the tries at {{ $labels.connection }} fail.", "发往 {{ $labels.connection }} 的尝试有一半以上失败。",
          Case({_tries("try_later"): "0+60x30"}, labels=ATS),
          (Case({_tries("delivered"): "0+60x30", _tries("try_later"): "0+20x30"}), Case({_tries("try_later"): "0x15 1"}))),
    Alert("HirewireDeadLetters", "sum by (connection, cause) (increase(hirewire_dead_letters_total[15m])) > 0", "0m", "ticket",
          "Deliveries to {{ $labels.connection }} were given up: {{ $labels.cause }}.", "发往 {{ $labels.connection }} 的投递被放弃：{{ $labels.cause }}。",
          Case({DEAD: "0x10 1x30"}, labels={**ATS, "cause": "http_4xx"}), (Case({DEAD: "0x60"}), Case({DEAD: "0 1x60"}, "50m"))),
    Alert("HirewireDeliveriesHeld", f'sum by (connection) (hirewire:lane_deliveries:max{{state="held"}}) > 0 {ACTIVE}', "30m", "ticket",
          "Deliveries to {{ $labels.connection }} wait for a person's decision.", "发往 {{ $labels.connection }} 的投递在等待人工决定。",
          Case({_lane("held"): "2x90", 'hirewire_lane_state{connection="ats", state="active"}': "1x90"}, "40m", ATS),
          (Case({_lane("held"): "2x20 0x60", 'hirewire_lane_state{connection="ats", state="active"}': "1x90"}, "40m"),)),
    Alert("HirewireBacklogGrowing", 'sum by (connection) (hirewire:lane_deliveries:max{state=~"ready|waiting"}) > 1000'
          f' and on (connection) sum by (connection) (deriv(hirewire_lane_deliveries{{state=~"ready|waiting"}}[30m])) > 0 {ACTIVE}', "15m", "ticket",
          "More comes in for {{ $labels.connection }} than goes out.", "{{ $labels.connection }} 的积压在增长：进多出少。",
          Case({_lane("ready"): "2000+10x90", 'hirewire_lane_state{connection="ats", state="active"}': "1x90"}, "40m", ATS),
          (Case({_lane("ready"): "9000-50x90", 'hirewire_lane_state{connection="ats", state="active"}': "1x90"}, "40m"),
           Case({_lane("ready"): "0+1x90", 'hirewire_lane_state{connection="ats", state="active"}': "1x90"}, "40m"))),
    Alert("HirewireWorkTakenOver", 'sum by (event) (increase(hirewire_notes_total{event=~"leases.expired|completion.stale|completion.abandoned"}[15m])) > 0', "0m", "ticket",
          "A worker died or stood still: {{ $labels.event }}. What it had sent may have been sent twice.",
          "有工作进程中断或停滞：{{ $labels.event }}。其已发送的内容可能重复。",
          Case({_note("leases.expired"): "0x10 7x20"}, labels={"event": "leases.expired"}), (Case({_note("leases.expired"): "7x60"}), Case({_note("loops.started"): "0+1x60"}))),
    Alert("HirewireInternalErrors", 'sum by (event) (increase(hirewire_notes_total{event=~"loop.failed|web.internal_error|lease.renewal_failed"}[15m])) > 0', "0m", "ticket",
          "Hirewire met an error of its own: {{ $labels.event }}.", "系统自身出现错误：{{ $labels.event }}。",
          Case({_note("loop.failed"): "0x10 1x20"}, labels={"event": "loop.failed"}), (Case({_note("loop.failed"): "3x60"}),)),
    Alert("HirewireSaturated", "hirewire:in_flight:ratio > 0.75", "10m", "ticket",
          "{{ $labels.instance }} has nearly as much under way as it may.", "{{ $labels.instance }} 的在途投递接近上限。",
          Case({'hirewire_in_flight_deliveries{instance="a"}': "320x30", 'hirewire_in_flight_limit{instance="a"}': "400x30"}, labels=A),
          (Case({'hirewire_in_flight_deliveries{instance="a"}': "200x30", 'hirewire_in_flight_limit{instance="a"}': "400x30"}),)),
    Alert("HirewireTaskOverdue", "time() - max by (task) (hirewire_task_due_timestamp_seconds) > 600", "5m", "ticket",
          "The recurring task {{ $labels.task }} has not run well for too long.", "周期任务 {{ $labels.task }} 已过久未成功运行。",
          Case({DUE: "60x60"}, "20m", {"task": "sweep"}), (Case({DUE: "60+60x60"}), Case({DUE: "60x60", 'hirewire_task_due_timestamp_seconds{task="sweep", instance="b"}': "60+60x60"}))),
    Alert("HirewireTaskFailing", 'sum by (task) (increase(hirewire_task_runs_total{outcome="failed"}[1h])) > 2.5', "0m", "ticket",
          "The recurring task {{ $labels.task }} fails again and again.", "周期任务 {{ $labels.task }} 反复失败。",
          Case({FAILED: "0+1x60"}, labels={"task": "sweep"}), (Case({FAILED: "0x10 1x60"}),)),
    Alert("HirewireBackupOld", 'time() - max(hirewire_backup_timestamp_seconds{step="verified"}) > 93600', "10m", "page",
          "No backup of the last 26 hours was restored and found whole.", "最近 26 小时内没有经恢复比对无误的备份。",
          Case({VERIFIED: "3600x60"}, "52h", step="1h"), (Case({VERIFIED: "0+3600x60"}, "52h", step="1h"),)),
    Alert("HirewireBackupNotWhole", f"sum(increase({_note('backup.not_verified')}[1d])) > 0", "0m", "page",
          "A backup was restored and is not what was backed up.", "有备份恢复后与原数据不一致。",
          Case({_note("backup.not_verified"): "0x5 1x60"}), (Case({_note("backup.not_verified"): "0x60"}),)),
    Alert("HirewireAuditBroken", f"sum(increase({_note('audit.broken')}[1d])) > 0", "0m", "page",
          "The audit trail does not hold: acts were changed, removed or put in.", "审计记录校验不通过：有记录被改动、删除或插入。",
          Case({_note("audit.broken"): "0x5 1x60"}), (Case({_note("audit.broken"): "0x60"}),)),
    Alert("HirewireAuditHeadsNotTaken", f"sum(increase({_note('audit.head_not_taken')}[6h])) > 5.5", "0m", "ticket",
          "Signed ends of the audit trail do not reach the second place.", "审计链的签名未能送达第二处。",
          Case({_note("audit.head_not_taken"): "0x5 1+1x60"}, "30m"), (Case({_note("audit.head_not_taken"): "0x5 1 2 3x60"}, "1h"),)),
    Alert("HirewireDiskFilling", "min by (instance) (hirewire_store_free_bytes) < 2e9", "5m", "page",
          "Less than 2 GB are left on the database's disk of {{ $labels.instance }}.", "{{ $labels.instance }} 的数据库磁盘剩余不足 2 GB。",
          Case({'hirewire_store_free_bytes{instance="a"}': "1000000000x30"}, labels=A), (Case({'hirewire_store_free_bytes{instance="a"}': "9000000000x30"}),)),
    Alert("HirewireIntakeRefusing", "sum by (reason) (increase(hirewire_intake_refused_total[5m])) > 0", "0m", "page",
          "Events and webhooks are refused before acceptance: {{ $labels.reason }}.", "事件与回调在接收之前被拒绝：{{ $labels.reason }}。",
          Case({_refused("backlog"): "0x10 5+5x20"}, labels={"reason": "backlog"}), (Case({_refused("backlog"): "7x60"}),)),
    Alert("HirewireBacklogNearLimit", "max(hirewire_intake_backlog_ratio) > 0.8", "10m", "ticket",
          "More than 80 % of the deliveries that may be owed are owed; at 100 % nothing more is accepted.", "未完成投递已超过上限的 80%；达到 100% 时不再接收。",
          Case({"hirewire_intake_backlog_ratio": "0.9x60"}), (Case({"hirewire_intake_backlog_ratio": "0.5x60"}), Case({"hirewire_intake_backlog_ratio": "0.9x5 0.5x60"}))),
    Alert("HirewireCallersLimited", "sum by (limit) (increase(hirewire_rate_limited_total[10m])) > 20", "5m", "ticket",
          "Callers are over their limit and get 429: {{ $labels.limit }}.", "调用方超出限额并收到 429：{{ $labels.limit }}。",
          Case({'hirewire_rate_limited_total{limit="stranger"}': "0x10 10+10x40"}, "25m", labels={"limit": "stranger"}),
          (Case({'hirewire_rate_limited_total{limit="stranger"}': "500x60"}), Case({'hirewire_rate_limited_total{limit="token"}': "0x10 3x50"}))),
    Alert("HirewireRetentionBehind", 'max by (kind) (hirewire_retention_behind and on (instance) hirewire_task_leader{task="retention"} == 1) > 0', "3h", "ticket",
          "Sweeps do not get through: {{ $labels.kind }} are kept beyond their days.", "清理跟不上：{{ $labels.kind }} 的保留时间已超出设定天数。",
          Case({_behind("a"): "1x300", _sweeps("a"): "1x300"}, "200m", {"kind": "events"}),
          (Case({_behind("a"): "1x300", _sweeps("a"): "0x300"}, "200m"), Case({_behind("a"): "1x100 0x200", _sweeps("a"): "1x300"}, "250m"))),
    Alert("HirewireWalGrowing", 'max by (instance) (hirewire_store_size_bytes{part="wal"}) > 5e8', "15m", "ticket",
          "SQLite's write-ahead log of {{ $labels.instance }} has grown beyond 500 MB: somebody keeps reading an old state.",
          "{{ $labels.instance }} 的 SQLite 预写日志超过 500 MB：有读取者一直占用旧状态。",
          Case({'hirewire_store_size_bytes{instance="a", part="wal"}': "600000000x30"}, labels=A),
          (Case({'hirewire_store_size_bytes{instance="a", part="wal"}': "5000000x30", 'hirewire_store_size_bytes{instance="a", part="main"}': "900000000x30"}),)),
    Alert("HirewireConnectionsExhausted", "hirewire_store_connections / hirewire_store_connections_limit > 0.9", "10m", "ticket",
          "{{ $labels.instance }} uses nearly all database connections that it may.", "{{ $labels.instance }} 几乎用尽可用的数据库连接。",
          Case({BUSY: "20x30", LIMIT: "20x30"}, labels=A), (Case({BUSY: "5x30", LIMIT: "20x30"}),)),
    Alert("HirewireFilesRunningOut", f"process_open_fds{{{PROCESSES}}} / process_max_fds > 0.8", "10m", "ticket",
          "{{ $labels.instance }} has more than 80 % of the open files that it may have.", "{{ $labels.instance }} 打开的文件数超过上限的 80%。",
          Case({OPEN: "900x30", MOST: "1024x30"}, labels={"job": "hirewire-work", **A}), (Case({OPEN: "100x30", MOST: "1024x30"}),)),
    Alert("HirewireKeyProviderDown", "min by (instance, provider) (hirewire_key_provider_up) == 0", "1m", "page",
          "{{ $labels.instance }} cannot reach its root keys ({{ $labels.provider }}): when those in memory are too old, nothing can be accepted.",
          "{{ $labels.instance }} 无法访问根密钥（{{ $labels.provider }}）：内存中的密钥过期后将无法再接受任何内容。",
          Case({'hirewire_key_provider_up{instance="a", provider="vault"}': "0x30"}, labels={"provider": "vault", **A}),
          (Case({'hirewire_key_provider_up{instance="a", provider="vault"}': "1x30"}),)),
    Alert("HirewireKeysAging", "hirewire_keys_age_seconds / hirewire_keys_age_limit_seconds > 0.7", "1m", "page",
          "Keys in memory of {{ $labels.instance }} have used up 70 % of the time that they may outlive their provider.",
          "{{ $labels.instance }} 内存中的密钥已用去其可独立使用时间的 70%。",
          Case({'hirewire_keys_age_seconds{instance="a"}': "450x30", 'hirewire_keys_age_limit_seconds{instance="a"}': "600x30"}, labels=A),
          (Case({'hirewire_keys_age_seconds{instance="a"}': "290x30", 'hirewire_keys_age_limit_seconds{instance="a"}': "600x30"}),)),
    Alert("HirewireKeyExchangeStuck", 'increase(hirewire_notes_total{event="keys.waits"}[30m]) > 20', "10m", "ticket",
          "An exchange of keys on {{ $labels.instance }} does not get on.", "{{ $labels.instance }} 上的密钥轮换停滞不前。",
          Case({_note("keys.waits")[:-1] + ', instance="a"}': "0+6x90"}, "70m", {"event": "keys.waits", **A}),
          (Case({_note("keys.waits")[:-1] + ', instance="a"}': "0x30 1x60"}, "70m"),)),
    Alert("HirewireRevocationsOver", "min by (instance, of) (hirewire_revocations_left_seconds) < 0", "5m", "page",
          "The list of revoked certificates on {{ $labels.instance }} is over: when the grace is over too, nobody is let in.",
          "{{ $labels.instance }} 上的已吊销证书列表已到期：宽限期过后将拒绝所有连接。",
          Case({'hirewire_revocations_left_seconds{instance="a", of="clients"}': "120-60x30"}, labels={"of": "clients", **A}),
          (Case({'hirewire_revocations_left_seconds{instance="a", of="clients"}': "86400-60x30"}),)),
    Alert("HirewireRevocationsRefused", "max by (instance, of) (hirewire_revocations_refused) > 0", "5m", "ticket",
          "The new list of revoked certificates on {{ $labels.instance }} cannot be taken; the one before stays in force.",
          "{{ $labels.instance }} 上新的已吊销证书列表无法采用，仍沿用前一份。",
          Case({'hirewire_revocations_refused{instance="a", of="clients"}': "1x30"}, labels={"of": "clients", **A}),
          (Case({'hirewire_revocations_refused{instance="a", of="clients"}': "0x30"}),)),
    Alert("HirewireMediaLost", 'increase(hirewire_notes_total{event="media.lost"}[1d]) > 0', "0m", "page",
          "A recording is damaged in every copy.", "有录音录像的所有副本均已损坏。",
          Case({_note("media.lost"): "0x5 1x60"}, "20m", {"event": "media.lost"}), (Case({_note("media.lost"): "0x60"}, "20m"),)),
    Alert("HirewireMediaRotting", 'increase(hirewire_notes_total{event="media.repaired"}[1d]) > 0', "0m", "ticket",
          "Copies of recordings were damaged and repaired from the other copy.", "有录音录像的副本损坏，已用另一副本修复。",
          Case({_note("media.repaired"): "0x5 3x60"}, "20m", {"event": "media.repaired"}), (Case({_note("media.repaired"): "0x60"}, "20m"),)),
    Alert("HirewireMalwareFound", 'increase(hirewire_notes_total{event="media.malware"}[1d]) > 0', "0m", "ticket",
          "Malware was found in a file that came in; it was removed.", "收到的文件中发现恶意软件，已移除。",
          Case({_note("media.malware"): "0x5 1x60"}, "20m", {"event": "media.malware"}), (Case({_note("media.malware"): "0x60"}, "20m"),)),
    Alert("HirewireScannerAway", 'increase(hirewire_notes_total{event="scanner.away"}[15m]) > 3', "15m", "ticket",
          "The malware scanner gives no verdicts: files that come in wait.", "恶意软件扫描器未给出结论：收到的文件在等待。",
          Case({_note("scanner.away"): "0+1x90"}, "60m", {"event": "scanner.away"}), (Case({_note("scanner.away"): "0x5 1x60"}, "40m"),)),
    Alert("HirewireGlassBroken", 'sum by (event) (increase(hirewire_notes_total{event="break_glass.opened"}[15m])) > 0', "0m", "page",
          "Two people opened a candidate's whole file in an emergency.", "有两人以紧急方式打开了某候选人的全部资料。",
          Case({_note("break_glass.opened"): "0x5 1x60"}, "10m", {"event": "break_glass.opened"}),
          (Case({_note("break_glass.opened"): "1x60"}, "30m"),)),
    Alert("HirewireManyRecordings", 'sum by (event) (increase(hirewire_notes_total{event="video.too_many"}[15m])) > 0', "0m", "page",
          "Somebody watched more than 20 recordings within an hour.", "有人在一小时内观看了超过 20 份录像。",
          Case({_note("video.too_many"): "0x5 1x60"}, "10m", {"event": "video.too_many"}),
          (Case({_note("video.too_many"): "1x60"}, "30m"),)),
    Alert("HirewireBorderNearLimit", "max by (region, counted) (hirewire_border_limit_ratio) >= 0.8", "0m", "ticket",
          "Abroad ({{ $labels.region }}): 80 % of the {{ $labels.counted }} that may go this year are reached.",
          "出境（{{ $labels.region }}）：本年度 {{ $labels.counted }} 人数已达限额的 80%。",
          Case({_ratio("*", "sensitive"): "0.85x60"}, "5m", {"region": "*", "counted": "sensitive"}),
          (Case({_ratio("*", "sensitive"): "0.5x60"}, "30m"),)),
    Alert("HirewireBorderHolds", "max by (reason) (hirewire_border_held_deliveries) > 0", "30m", "ticket",
          "Deliveries are held at the border: {{ $labels.reason }}.", "有投递因跨境规则被挂起：{{ $labels.reason }}。",
          Case({_kept("border_limit"): "3x60"}, "40m", {"reason": "border_limit"}),
          (Case({_kept("border_limit"): "3x20 0x40"}, "40m"),)),
    Alert("HirewireConsentHolds", "max by (purpose) (hirewire_consent_held_deliveries) > 0", "3d", "ticket",
          "Deliveries have waited three days for a consent: {{ $labels.purpose }}.", "有投递等待候选人同意已超过三天：{{ $labels.purpose }}。",
          Case({_wants("cross_border"): "1x200"}, "80h", {"purpose": "cross_border"}, "1h"),
          (Case({_wants("cross_border"): "1x40 0x160"}, "80h", step="1h"),)),
    Alert("HirewireSignInsFail", 'sum by (event) (increase(hirewire_notes_total{event="sign_in.failed"}[15m])) > 50', "0m", "ticket",
          "Many sign-ins fail: somebody may be guessing.", "大量登录失败：可能有人在猜测密码。",
          Case({_note("sign_in.failed"): "0+10x60"}, "30m", {"event": "sign_in.failed"}),
          (Case({_note("sign_in.failed"): "0+1x60"}, "30m"),)),
    Alert("HirewireAccountsLocked", f"sum(increase({_note('sign_in.locked')}[15m])) > 10", "0m", "ticket",
          "Many accounts are locked after failed sign-ins.", "大量账号因登录失败被锁定。",
          Case({_note("sign_in.locked"): "0x5 2+2x60"}, "20m"), (Case({_note("sign_in.locked"): "0x5 1 2 3x60"}, "20m"),)),
    Alert("HirewireAccountsShutOut", f"sum(increase({_note('person.shut_out')}[1h])) > 20", "0m", "ticket",
          "Many accounts were disabled or removed within an hour.", "一小时内大量账号被停用或删除。",
          Case({_note("person.shut_out"): "0x5 30x60"}, "30m"), (Case({_note("person.shut_out"): "0x5 8x60"}, "30m"),)),
    Alert("HirewireRuleUnsure", 'sum by (rule) (increase(hirewire_rule_evaluations_total{verdict="unknown"}[30m])) / sum by (rule) (increase(hirewire_rule_evaluations_total[30m])) > 0.5'
          " and sum by (rule) (increase(hirewire_rule_evaluations_total[30m])) > 10", "15m", "ticket",
          "The rule {{ $labels.rule }} mostly cannot decide: events lack a field it asks for.", "规则“{{ $labels.rule }}”多数情况下无法判断：事件缺少所需字段。",
          Case({_verdict("unknown"): "0+5x120", _verdict("fired"): "0+1x120"}, "50m", {"rule": "high score"}),
          (Case({_verdict("unknown"): "0+1x120", _verdict("fired"): "0+5x120"}, "50m"), Case({_verdict("unknown"): "0x40 3x30"}, "50m"))),
    Alert("HirewireGatesOverdue", "max(hirewire_gates_overdue) > 0", "30m", "ticket",
          "Runs of rules have stood at a gate for more than a day: nobody has answered.", "有规则流程停在审批处超过一天，无人答复。",
          Case({'hirewire_gates_overdue{instance="a"}': "2x60"}, "40m"), (Case({'hirewire_gates_overdue{instance="a"}': "2x20 0x40"}, "40m"),)),
    Alert("HirewireRunsHeld", 'max(hirewire_runs_waiting{kind="held"}) > 0', "30m", "ticket",
          "Runs of rules are held by a guard until a person releases or discards them.", "有规则流程被保护限制挂起，等待人工放行或放弃。",
          Case({'hirewire_runs_waiting{kind="held"}': "3x60"}, "40m"), (Case({'hirewire_runs_waiting{kind="gate"}': "3x60", 'hirewire_runs_waiting{kind="held"}': "0x60"}, "40m"),)),
    Alert("HirewireRunsStuck", "max(hirewire_runs_stuck) > 0", "5m", "page",
          "Runs of rules are due and nobody moves them on: waits and delays are late.", "规则流程到期却无人推进：等待与延时已延误。",
          Case({'hirewire_runs_stuck{instance="a"}': "4x30"}), (Case({'hirewire_runs_stuck{instance="a"}': "4x3 0x30"}),)),
    Alert("HirewireRunsFailing", 'sum by (rule) (increase(hirewire_runs_ended_total{outcome="failed"}[1h])) > 0', "0m", "ticket",
          "Runs of the rule {{ $labels.rule }} fail: a step of it cannot be taken.", "规则“{{ $labels.rule }}”的流程失败：有步骤无法执行。",
          Case({'hirewire_runs_ended_total{rule="offer", outcome="failed"}': "0x10 2x20"}, labels={"rule": "offer"}),
          (Case({'hirewire_runs_ended_total{rule="offer", outcome="done"}': "0+5x30"}),)),
    Alert("HirewireErasureStuck", "max(hirewire_erasure_oldest_age_seconds) > 3600", "10m", "page",
          "An erasure was approved more than an hour ago and the data are not gone.", "删除批准已超过一小时，数据仍未清除。",
          Case({'hirewire_erasure_oldest_age_seconds{instance="a"}': "4000+60x30"}),
          (Case({'hirewire_erasure_oldest_age_seconds{instance="a"}': "0x30"}),
           Case({'hirewire_erasure_oldest_age_seconds{instance="a"}': "4000x3 0x30"}))),
    Alert("HirewireVendorDeletionsOverdue", 'sum(max by (age) (hirewire_vendor_deletions_open{age=~"month|older"})) > 0', "1h", "ticket",
          "Vendors were told of an erasure more than a week ago and have not acknowledged it.", "有供应商收到删除通知已超过一周，尚未确认。",
          Case({'hirewire_vendor_deletions_open{age="month"}': "2x80", 'hirewire_vendor_deletions_open{age="older"}': "1x80"}, "75m"),
          (Case({'hirewire_vendor_deletions_open{age="week"}': "5x80", 'hirewire_vendor_deletions_open{age="month"}': "0x80"}, "75m"),)),
    Alert("HirewireNothingArrives", "sum(increase(hirewire_events_accepted_total[1d])) == 0 and sum(increase(hirewire_events_accepted_total[7d])) > 0", "1h", "ticket",
          "No event has come for a day, though some had come in the week.", "一周内有事件到达，但最近一天没有任何事件。",
          Case({'hirewire_events_accepted_total{type="interview.report.completed"}': "0+10x24 240x30"}, "52h", step="1h"),
          (Case({'hirewire_events_accepted_total{type="interview.report.completed"}': "0+10x60"}, "52h", step="1h"),
           Case({'hirewire_events_accepted_total{type="interview.report.completed"}': "0x60"}, "52h", step="1h"))),
)  # fmt: skip
