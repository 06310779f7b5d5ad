"""Every metric: its name, kind, unit, labels and what it says."""

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


# Accepting promises 1 s at p99 and durable commits take milliseconds; acknowledgement promises 5 s at p99.
_COMMIT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_TRY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)
_DELIVERY_BUCKETS = (0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0, 3600.0, 86400.0)
_SIZE_BUCKETS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)

METRICS: tuple[MetricDoc, ...] = (
    MetricDoc("hirewire_events_accepted_total", "counter", "events", ("type",), "Events stored for the first time."),
    MetricDoc(
        "hirewire_events_duplicate_total", "counter", "events", ("type",), "Events that were there already, and clashes."
    ),
    MetricDoc(
        "hirewire_ingest_commit_seconds", "histogram", "seconds", (),
        "Time of one group commit of accepted events, until it is durable.", _COMMIT_BUCKETS,
    ),
    MetricDoc(
        "hirewire_ingest_commit_events", "histogram", "events", (), "Events in one group commit.", _SIZE_BUCKETS
    ),
    MetricDoc(
        "hirewire_http_requests_total", "counter", "requests", ("operation", "status"),
        "Answered calls of the API, by operation and class of status (2xx, 4xx, 5xx).",
    ),
    MetricDoc(
        "hirewire_rate_limited_total", "counter", "requests", ("limit",),
        "Calls refused with 429, by the limit their caller is over: token, tenant, hook, stranger.",
    ),
    MetricDoc(
        "hirewire_http_request_seconds", "histogram", "seconds", ("operation",),
        "Time from a call of the API to its answer.", _COMMIT_BUCKETS,
    ),
    MetricDoc(
        "hirewire_attempts_total", "counter", "attempts", ("connector", "connection", "outcome"),
        "Tries to deliver, by how they ended.",
    ),
    MetricDoc(
        "hirewire_attempt_seconds", "histogram", "seconds", ("connector",), "Time of one try, with all its requests.",
        _TRY_BUCKETS,
    ),
    MetricDoc(
        "hirewire_delivery_seconds", "histogram", "seconds", ("connection",),
        "Time from the acceptance of an event to the vendor's acknowledgement, all tries and waits included.",
        _DELIVERY_BUCKETS,
    ),
    MetricDoc(
        "hirewire_dead_letters_total", "counter", "deliveries", ("connection", "cause"),
        "Deliveries given up. cause: http_4xx, http_5xx, credentials, timeout, unreachable, blocked, configuration, "
        "internal, crashed_worker, other.",
    ),
    MetricDoc(
        "hirewire_replay_attempts_total", "counter", "attempts", ("connection", "outcome"),
        "Tries of deliveries that somebody sent again, by how they ended.",
    ),
    MetricDoc(
        "hirewire_files_scanned_total", "counter", "files", ("verdict",),
        "Files that the malware scanner was asked about: clean, malware, unknown (it was away or gave no verdict).",
    ),
    MetricDoc(
        "hirewire_claim_seconds", "histogram", "seconds", (), "Time of one claim of due deliveries.", _COMMIT_BUCKETS
    ),
    MetricDoc(
        "hirewire_record_commit_seconds", "histogram", "seconds", (),
        "Time of one group commit of ended tries.", _COMMIT_BUCKETS,
    ),
    MetricDoc(
        "hirewire_record_commit_deliveries", "histogram", "deliveries", (), "Ended tries in one group commit.",
        (*_SIZE_BUCKETS, 256.0),
    ),
    MetricDoc(
        "hirewire_in_flight_deliveries", "gauge", "deliveries", (),
        "Deliveries this process has started and not yet recorded.",
    ),
    MetricDoc(
        "hirewire_in_flight_limit", "gauge", "deliveries", (), "How many there may be: HIREWIRE_IN_FLIGHT."
    ),
    MetricDoc(
        "hirewire_rule_evaluations_total", "counter", "evaluations", ("rule", "verdict"),
        "Rules looked at for an event, by what they said.",
    ),
    MetricDoc(
        "hirewire_notes_total", "counter", "occurrences", ("event",),
        "Occurrences that are also log lines; one with a count counts that many.",
    ),
    MetricDoc(
        "hirewire_lane_deliveries", "gauge", "deliveries", ("connection", "state"),
        "Live deliveries of a lane: ready, leased, waiting behind another of the same candidate, held.",
    ),
    MetricDoc(
        "hirewire_lane_oldest_due_age_seconds", "gauge", "seconds", ("connection",),
        "How long the oldest due delivery of a lane has been waiting to be tried; 0 if none is due.",
    ),
    MetricDoc(
        "hirewire_lane_hold_seconds", "gauge", "seconds", ("connection",),
        "How long a lane is still held by Retry-After or its breaker; 0 if it is not.",
    ),
    MetricDoc(
        "hirewire_lane_state", "gauge", "lanes", ("connection", "state"),
        "Lanes of this name in this state; one of active, paused, disabled, needs_reauth.",
    ),
    MetricDoc(
        "hirewire_lane_breaker", "gauge", "lanes", ("connection", "state"),
        "Lanes of this name whose breaker is in this state; one of closed, open, half_open.",
    ),
    MetricDoc(
        "hirewire_consent_held_deliveries", "gauge", "deliveries", ("purpose",),
        "Deliveries that are held until their candidate agrees, by the purpose that is wanted.",
    ),
    MetricDoc(
        "hirewire_border_held_deliveries", "gauge", "deliveries", ("reason",),
        "Deliveries that are held at the border. reason: border_limit, class_4_not_approved.",
    ),
    MetricDoc(
        "hirewire_border_persons", "gauge", "persons", ("region", "counted"),
        "Distinct persons whose data went to a region this year; `*`: abroad at all. counted: persons, sensitive. First tenant.",
    ),
    MetricDoc(
        "hirewire_border_limit_ratio", "gauge", "ratio", ("region", "counted"),
        "The same as a share of the limit that was set, else of the law's figure for a security assessment.",
    ),
    MetricDoc(
        "hirewire_task_runs_total", "counter", "runs", ("task", "outcome"),
        "Times a recurring task was woken: ok, failed, skipped (the last run was not over), led_elsewhere.",
    ),
    MetricDoc(
        "hirewire_task_due_timestamp_seconds", "gauge", "seconds", ("task",),
        "When a recurring task is to have run well again, as Unix time; of a shared task the latest of all processes counts.",
    ),
    MetricDoc(
        "hirewire_task_leader", "gauge", "", ("task",), "1 if this process runs the shared task for all, else 0."
    ),
    MetricDoc(
        "hirewire_intake_refused_total", "counter", "requests", ("reason",),
        "Requests answered 503 before anything was accepted. reason: queue (commits do not keep up), backlog, tenant_backlog, "
        "disk, memory (bodies being read).",
    ),
    MetricDoc(
        "hirewire_intake_backlog_ratio", "gauge", "ratio", (),
        "Live deliveries as a share of how many there may be before nothing more is accepted, at the last look.",
    ),
    MetricDoc(
        "hirewire_retention_removed_total", "counter", "rows", ("kind",), "Rows that were over and are gone."
    ),
    MetricDoc(
        "hirewire_retention_oldest_age_seconds", "gauge", "seconds", ("kind",),
        "Age of the oldest row at the last sweep; of identities how long the first end is past. In the process that sweeps.",
    ),
    MetricDoc(
        "hirewire_retention_behind", "gauge", "", ("kind",),
        "1 if the last sweep's time was up before everything that is over was gone, else 0.",
    ),
    MetricDoc(
        "hirewire_retention_swept_timestamp_seconds", "gauge", "seconds", ("kind",),
        "When the last sweep of this kind ended, as Unix time.",
    ),
    MetricDoc("hirewire_store_up", "gauge", "", (), "1 if the store answered at the last look, else 0."),
    MetricDoc(
        "hirewire_store_schema_current", "gauge", "", (),
        "1 if the store's schema was this program's at the last look, else 0.",
    ),
    MetricDoc(
        "hirewire_store_size_bytes", "gauge", "bytes", ("part",), "Size of the store: main, and wal on SQLite."
    ),
    MetricDoc(
        "hirewire_store_free_bytes", "gauge", "bytes", (), "Room left on the store's disk; SQLite only."
    ),
    MetricDoc(
        "hirewire_store_connections", "gauge", "connections", (), "Database connections that this process is using."
    ),
    MetricDoc(
        "hirewire_store_connections_limit", "gauge", "connections", (), "How many it may use."
    ),
    MetricDoc(
        "hirewire_backup_timestamp_seconds", "gauge", "seconds", ("step",),
        "When the newest backup was made, the newest that was restored and compared (verified), and when the shipped log of "
        "SQLite was last restored and compared (log), as Unix time; 0 if none.",
    ),
    MetricDoc(
        "hirewire_backup_media_blobs", "gauge", "", ("what",),
        "Blobs of recordings in the newest backup (kept), those that were new (copied), and those that were read back and "
        "found equal (compared).",
    ),
    MetricDoc(
        "hirewire_key_provider_up", "gauge", "", ("provider",), "1 if the provider of root keys answered last, else 0."
    ),
    MetricDoc(
        "hirewire_keys_age_seconds", "gauge", "seconds", (), "Since the oldest keys in memory came from their provider."
    ),
    MetricDoc(
        "hirewire_keys_age_limit_seconds", "gauge", "seconds", (), "How old they may be: HIREWIRE_KEY_CACHE."
    ),
    MetricDoc(
        "hirewire_revocations_left_seconds", "gauge", "seconds", ("of",),
        "Until the list of revoked certificates (`clients`) is over; below zero it is. "
        "Only where HIREWIRE_TLS_CLIENT_CRL is set.",
    ),
    MetricDoc(
        "hirewire_revocations_refused", "gauge", "", ("of",),
        "1 while the list at HIREWIRE_TLS_CLIENT_CRL cannot be taken and the one before stays in force, else 0.",
    ),
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
    MetricDoc(
        "hirewire_erasure_oldest_age_seconds", "gauge", "seconds", (),
        "Since the oldest erasure was approved whose data are not gone yet; 0 where there is none.",
    ),
    MetricDoc(
        "hirewire_vendor_deletions_open", "gauge", "deletions", ("age",),
        "Vendors that have not acknowledged an erasure, by how long ago they were told: day, week, month, older.",
    ),
    MetricDoc("hirewire_build_info", "gauge", "", ("version", "python"), "Always 1; which program this is."),
)  # fmt: skip
