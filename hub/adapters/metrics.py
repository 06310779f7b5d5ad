"""What is counted, for Prometheus; `metric_table` names it all."""

from __future__ import annotations

import platform
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from hub.adapters.logs import Lines
from hub.adapters.metric_table import METRICS as METRICS
from hub.adapters.metric_table import MetricDoc as MetricDoc
from hub.app.border import Shown
from hub.app.purposes import purposes
from hub.domain.border import BORDER_LIMIT, CLASS_NOT_APPROVED, Counted
from hub.domain.connections import ConnectionState
from hub.domain.deliveries import CRASHED_WORKER, Final
from hub.domain.events import HOOK_RECEIVED
from hub.domain.limits import Limit
from hub.domain.retention import Kind
from hub.domain.runs import LIVE, RunState
from hub.ports.border import KeptDeliveries
from hub.ports.runs import RUN_KINDS, RunStats
from hub.ports.store import LaneStats
from hub.ports.subjects import ErasureStats
from hub.ports.vault import KeyVitals
from hub.ports.vitals import StoreHealth, StoreVitals

CONTENT_TYPE = CONTENT_TYPE_LATEST
OTHER = "other"
OUTCOMES = frozenset({"delivered", "try_later", "refused", "needs_human", "gone", "late"})
VERDICTS = frozenset({"fired", "no", "unknown"})
REASONS = ("queue", "backlog", "tenant_backlog", "disk", "memory")
AGES = {"day": 1, "week": 7, "month": 30, "older": 36_500}  # days since a vendor was told
FILE_VERDICTS = ("clean", "malware", "unknown")
BREAKER = ("closed", "open", "half_open")
ENDS = frozenset(state.value for state in RunState if state not in LIVE)
TASK_OUTCOMES = frozenset({"ok", "failed", "skipped", "led_elsewhere"})
# What alerts count: these series begin at 0, because a counter that begins at 1 has not grown for Prometheus.
WATCHED_NOTES = (
    *("leases.expired", "completion.stale", "completion.abandoned"),
    *("audit.broken", "backup.not_verified", "audit.head_not_taken", "media.lost", "media.repaired", "keys.waits"),
    *("talk.not_kept", "media.malware", "scanner.away", "break_glass.opened", "sign_in.failed", "video.too_many"),
    *("sign_in.locked", "person.shut_out"),
    *("loop.failed", "lease.renewal_failed", "web.internal_error", "destination.failing"),
)
CAUSES = {  # the first word of an attempt's error -> the class that dead letters are counted under
    **dict.fromkeys(("timeout", "cut", "unknown_outcome"), "timeout"),
    **dict.fromkeys(("connect_failed", "connect_timeout", "dns_failed", "tls_failed", "not_sent"), "unreachable"),
    **dict.fromkeys(("egress_blocked", "host_refused", "http_refused", "port_refused", "bad_url"), "blocked"),
    **dict.fromkeys(("auth", "needs_reauth", "token_unavailable"), "credentials"),
    **dict.fromkeys(("mapping", "setting_missing", "unknown_operation", "no_rule", "missing"), "configuration"),
    "internal": "internal",
    CRASHED_WORKER: CRASHED_WORKER,
}
DEAD_CAUSES = (*sorted(set(CAUSES.values())), "http_4xx", "http_5xx", OTHER)
_Values = dict[tuple[str, ...], float]


class Bounded:
    """A label that cannot grow without end: `known` and the first `limit` others keep their names, the rest is `other`."""

    def __init__(self, limit: int, known: Iterable[str] = ()) -> None:
        self._known = set(known)
        self._limit = limit + len(self._known)

    def __call__(self, value: str) -> str:
        if value in self._known:
            return value
        if len(self._known) >= self._limit:
            return OTHER
        self._known.add(value)
        return value


class PrometheusMeter:
    """A `hub.ports.meter.Meter` with a registry of its own. `types` are the event types that have a series each."""

    def __init__(self, types: Iterable[str], lines: Lines, *, version: str, limit: int = 200) -> None:
        # Creation times would double the number of series and answer nothing that anybody asks.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._types = frozenset(types) | {HOOK_RECEIVED}
        self._lines = lines
        self._connection, self._rule = Bounded(limit), Bounded(limit)
        self._connector, self._event = Bounded(limit), Bounded(limit, WATCHED_NOTES)
        self._operation, self._task, self._region = Bounded(limit), Bounded(limit), Bounded(limit)
        self._registry = CollectorRegistry()
        self._counters = {doc.name: Counter(*_built(doc), registry=self._registry) for doc in _of("counter")}
        self._gauges = {doc.name: Gauge(*_built(doc), registry=self._registry) for doc in _of("gauge")}
        self._histograms = {
            doc.name: Histogram(*_built(doc), registry=self._registry, buckets=doc.buckets) for doc in _of("histogram")
        }
        self._kept_counters: dict[tuple[str, ...], Counter] = {}
        self._kept_histograms: dict[tuple[str, ...], Histogram] = {}
        for limit_ in Limit:
            self._counter("hirewire_rate_limited_total", limit_)
        for event in WATCHED_NOTES:
            self._counter("hirewire_notes_total", self._event(event))
        for reason in REASONS:
            self._counter("hirewire_intake_refused_total", reason)
        for verdict in FILE_VERDICTS:
            self._counter("hirewire_files_scanned_total", verdict)
        ProcessCollector(registry=self._registry)
        self._gauges["hirewire_build_info"].labels(version, platform.python_version()).set(1)

    def accepted(self, type: str, count: int, duplicates: int) -> None:
        label = type if type in self._types else OTHER
        self._counter("hirewire_events_accepted_total", label).inc(count)
        self._counter("hirewire_events_duplicate_total", label).inc(duplicates)

    def commit(self, size: int, seconds: float) -> None:
        self._histograms["hirewire_ingest_commit_seconds"].observe(seconds)
        self._histograms["hirewire_ingest_commit_events"].observe(size)

    def request(self, operation: str, status: int, seconds: float) -> None:
        called = self._operation(operation)
        self._counter("hirewire_http_requests_total", called, f"{status // 100}xx").inc()
        self._histogram("hirewire_http_request_seconds", called).observe(seconds)

    def claim(self, seconds: float) -> None:
        self._histograms["hirewire_claim_seconds"].observe(seconds)

    def record(self, size: int, seconds: float) -> None:
        self._histograms["hirewire_record_commit_seconds"].observe(seconds)
        self._histograms["hirewire_record_commit_deliveries"].observe(size)

    def task(self, name: str, outcome: str, due: datetime, leads: bool | None = None) -> None:
        task = self._task(name)
        self._counter("hirewire_task_runs_total", task, "failed")
        if outcome in TASK_OUTCOMES:
            self._counter("hirewire_task_runs_total", task, outcome).inc()
        if outcome in ("ok", "planned"):
            self._gauges["hirewire_task_due_timestamp_seconds"].labels(task).set(due.timestamp())
        if leads is not None:
            self._gauges["hirewire_task_leader"].labels(task).set(leads)

    def backup_media(self, blobs: int, copied: int, compared: int) -> None:
        """See the port."""
        gauge = self._gauges["hirewire_backup_media_blobs"]
        for what, count in (("kept", blobs), ("copied", copied), ("compared", compared)):
            gauge.labels(what).set(count)

    def backup(self, step: str, at: datetime | None) -> None:
        self._gauges["hirewire_backup_timestamp_seconds"].labels(step).set(0 if at is None else at.timestamp())

    def attempt(
        self, connector: str, connection: str, outcome: str, seconds: float, fields: Mapping[str, object]
    ) -> None:
        kind = self._connector(connector)
        ended = outcome if outcome in OUTCOMES else OTHER
        self._counter("hirewire_attempts_total", kind, self._connection(connection), ended).inc()
        self._histogram("hirewire_attempt_seconds", kind).observe(seconds)
        if fields.get("replay_of") is not None:
            self._counter("hirewire_replay_attempts_total", self._connection(connection), ended).inc()
        if fields.get("next") == Final.DEAD:
            why = cause(fields.get("error"), fields.get("status"))
            self._counter("hirewire_dead_letters_total", self._connection(connection), why).inc()
        took = round(seconds * 1000, 3)
        own = {"connector": connector, "connection": connection, "outcome": outcome, "took_ms": took}
        self._lines.attempt({**fields, **own})

    def gave_up(self, connection: str, error: str, delivery: str) -> None:
        self._counter("hirewire_dead_letters_total", self._connection(connection), cause(error, None)).inc()
        self._lines.note("delivery.gave_up", {"connection": connection, "error": error, "delivery": delivery})

    def delivered(self, connection: str, seconds: float) -> None:
        self._histogram("hirewire_delivery_seconds", self._connection(connection)).observe(max(seconds, 0.0))

    def rule(self, rule: str, verdict: str, count: int = 1) -> None:
        said = verdict if verdict in VERDICTS else OTHER
        self._counter("hirewire_rule_evaluations_total", self._rule(rule), said).inc(count)

    def run_started(self, rule: str) -> None:
        self._counter("hirewire_runs_started_total", self._rule(rule)).inc()
        self._counter("hirewire_runs_ended_total", self._rule(rule), RunState.FAILED)

    def run_ended(self, rule: str, outcome: str) -> None:
        self._counter("hirewire_runs_ended_total", self._rule(rule), outcome if outcome in ENDS else OTHER).inc()

    def runs(self, stats: RunStats, now: datetime) -> None:
        """What runs wait for, and which of them for too long."""
        waits = {kind: stats.oldest.get(kind) for kind in RUN_KINDS}
        self._show("hirewire_runs_waiting", {(kind,): stats.waiting.get(kind, 0) for kind in RUN_KINDS})
        self._show("hirewire_runs_oldest_wait_seconds", {(k,): _seconds(at, now, past=True) for k, at in waits.items()})
        self._gauges["hirewire_gates_overdue"].set(stats.gates_overdue)
        self._gauges["hirewire_runs_stuck"].set(stats.stuck)

    def erasures(self, stats: ErasureStats, now: datetime) -> None:
        """Erasures that are not carried out, and vendors that owe an answer."""
        oldest = min(stats.running, default=None)
        self._gauges["hirewire_erasure_oldest_age_seconds"].set(_seconds(oldest, now, past=True))
        ages: _Values = {(age,): 0.0 for age in AGES}
        for told in stats.notices:
            ages[(next(age for age, days in AGES.items() if now - told <= timedelta(days=days)),)] += 1
        self._show("hirewire_vendor_deletions_open", ages)

    def refused(self, reason: str) -> None:
        self._counter("hirewire_intake_refused_total", reason if reason in REASONS else OTHER).inc()

    def limited(self, limit: str) -> None:
        self._counter("hirewire_rate_limited_total", limit if limit in tuple(Limit) else OTHER).inc()

    def pressure(self, ratio: float) -> None:
        self._gauges["hirewire_intake_backlog_ratio"].set(ratio)

    def swept(self, kind: str, rows: int, oldest: datetime | None, behind: bool, at: datetime) -> None:
        kind = kind if kind in tuple(Kind) else OTHER
        self._counter("hirewire_retention_removed_total", kind).inc(rows)
        self._gauges["hirewire_retention_behind"].labels(kind).set(behind)
        self._gauges["hirewire_retention_swept_timestamp_seconds"].labels(kind).set(at.timestamp())
        age = 0.0 if oldest is None else (at - oldest).total_seconds()
        self._gauges["hirewire_retention_oldest_age_seconds"].labels(kind).set(age)

    def scanned(self, verdict: str) -> None:
        self._counter("hirewire_files_scanned_total", verdict if verdict in FILE_VERDICTS else OTHER).inc()

    def note(self, event: str, **fields: object) -> None:
        many = fields.get("count")
        amount = many if isinstance(many, int) and many >= 0 else 1
        self._counter("hirewire_notes_total", self._event(event)).inc(amount)
        self._lines.note(event, fields)

    def held(self, consents: Mapping[str, int], border: Sequence[KeptDeliveries]) -> None:
        """What waits for a consent, and what waits at the border."""
        self._show("hirewire_consent_held_deliveries", {(one,): consents.get(one, 0) for one in purposes()})
        kept: _Values = {(reason,): 0.0 for reason in (BORDER_LIMIT, CLASS_NOT_APPROVED)}
        for one in border:
            kept[one.kept.reason,] += one.count
        self._show("hirewire_border_held_deliveries", kept)

    def border(self, shown: Shown) -> None:
        """Who went abroad this year."""
        persons = {(r, str(c)): t.of(c, shown.sensitive_from) for r, t in shown.tallies.items() for c in Counted}
        self._show("hirewire_border_persons", {(self._region(r), c): float(n) for (r, c), n in persons.items()})
        ratios: _Values = {(self._region(one.region), str(one.counted)): one.ratio for one in shown.gauges}
        self._show("hirewire_border_limit_ratio", ratios if shown.home is not None else {})

    def in_flight(self, count: int, limit: int) -> None:
        """What the lanes have under way now."""
        self._gauges["hirewire_in_flight_deliveries"].set(count)
        self._gauges["hirewire_in_flight_limit"].set(limit)

    def keys(self, vitals: KeyVitals) -> None:
        """The keys in memory, and where they come from."""
        self._gauges["hirewire_key_provider_up"].labels(vitals.provider).set(vitals.up)
        self._gauges["hirewire_keys_age_seconds"].set(vitals.age_s)
        self._gauges["hirewire_keys_age_limit_seconds"].set(vitals.limit_s)

    def revocations(self, left_s: float, refused: bool) -> None:
        """The list of revoked client certificates."""
        self._gauges["hirewire_revocations_left_seconds"].labels("clients").set(left_s)
        self._gauges["hirewire_revocations_refused"].labels("clients").set(refused)

    def store(self, health: StoreHealth, vitals: StoreVitals | None = None) -> None:
        """What the last look at the store said."""
        self._gauges["hirewire_store_up"].set(health.reachable)
        self._gauges["hirewire_store_schema_current"].set(health.ok)
        if vitals is None:
            return
        self._show("hirewire_store_size_bytes", {(part,): size for part, size in vitals.bytes.items()})
        self._gauges["hirewire_store_connections"].set(vitals.busy)
        self._gauges["hirewire_store_connections_limit"].set(vitals.limit)
        if vitals.free is not None:
            self._gauges["hirewire_store_free_bytes"].set(vitals.free)

    def lanes(self, lanes: Sequence[LaneStats], now: datetime) -> None:
        """Show these lanes and no others. Lanes that share a label are added up; of ages the greatest counts."""
        counts: _Values = defaultdict(float)
        states: _Values = defaultdict(float)
        breakers: _Values = defaultdict(float)
        ages: _Values = defaultdict(float)
        holds: _Values = defaultdict(float)
        for lane in lanes:
            name = self._connection(lane.name)
            for why in DEAD_CAUSES:
                self._counter("hirewire_dead_letters_total", name, why)
            for state, count in _counts(lane):
                counts[name, state] += count
            for known in ConnectionState:
                states[name, known.value] += known is lane.state
            for breaker in BREAKER:
                breakers[name, breaker] += lane.breaker(now) == breaker
            ages[name,] = max(ages[name,], _seconds(lane.oldest_due, now, past=True))
            holds[name,] = max(holds[name,], _seconds(lane.held_until, now, past=False))
        self._show("hirewire_lane_deliveries", counts)
        self._show("hirewire_lane_state", states)
        self._show("hirewire_lane_breaker", breakers)
        self._show("hirewire_lane_oldest_due_age_seconds", ages)
        self._show("hirewire_lane_hold_seconds", holds)

    def render(self) -> bytes:
        """All of it in Prometheus' text format; the media type is CONTENT_TYPE."""
        return generate_latest(self._registry)

    def _counter(self, name: str, *labels: str) -> Counter:
        """The series with these labels; kept, because to look one up costs more than to count."""
        key = (name, *labels)
        if key not in self._kept_counters:
            self._kept_counters[key] = self._counters[name].labels(*labels)
        return self._kept_counters[key]

    def _histogram(self, name: str, *labels: str) -> Histogram:
        key = (name, *labels)
        if key not in self._kept_histograms:
            self._kept_histograms[key] = self._histograms[name].labels(*labels)
        return self._kept_histograms[key]

    def _show(self, metric: str, values: _Values) -> None:
        gauge = self._gauges[metric]
        gauge.clear()
        for labels, value in values.items():
            gauge.labels(*labels).set(value)


def cause(error: object, status: object) -> str:
    """The class of a dead letter's cause: few, whatever vendors say."""
    first = re.match(r"[a-z_]*", error)[0] if isinstance(error, str) else ""  # type: ignore[index]
    if first in CAUSES:
        return CAUSES[first]
    if isinstance(status, int) and 400 <= status < 600:
        return "credentials" if status in (401, 403) else f"http_{status // 100}xx"
    return OTHER


def _of(kind: str) -> list[MetricDoc]:
    return [doc for doc in METRICS if doc.kind == kind]


def _built(doc: MetricDoc) -> tuple[str, str, tuple[str, ...]]:
    return doc.name, doc.help, doc.labels


def _counts(lane: LaneStats) -> tuple[tuple[str, int], ...]:
    return (("ready", lane.ready), ("leased", lane.leased), ("waiting", lane.waiting), ("held", lane.held))


def _seconds(at: datetime | None, now: datetime, *, past: bool) -> float:
    if at is None:
        return 0.0
    return max((now - at if past else at - now).total_seconds(), 0.0)
