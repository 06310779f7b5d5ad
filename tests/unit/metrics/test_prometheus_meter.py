"""Metrics: named by the rules, bounded, free of whatever people typed, and counting what happened."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hub.adapters.logs import JsonLines, Lines
from hub.adapters.metrics import CONTENT_TYPE, METRICS, Bounded, MetricDoc, PrometheusMeter
from hub.app.border import Gauge, Shown
from hub.domain.border import Counted, Duty, Kept, Tally
from hub.domain.connections import ConnectionState
from hub.domain.ids import DEFAULT_TENANT, ConnectionId
from hub.ports.border import KeptDeliveries
from hub.ports.meter import Meter
from hub.ports.runs import RunStats
from hub.ports.store import LaneStats
from hub.ports.subjects import ErasureStats
from hub.ports.vault import KeyVitals
from hub.ports.vitals import StoreHealth, StoreVitals

NOW = datetime(2026, 3, 4, tzinfo=UTC)
BASE_UNITS = {"seconds", "bytes", "ratio"}
NOT_BASE = re.compile(r"_(ms|milliseconds|us|micros|minutes|hours|days|kb|kilobytes|mb|megabytes|percent)(_|$)")
RESERVED = {"le", "quantile", "job", "instance"}

Labels = Mapping[str, str]


class Scrape:
    """What a Prometheus server would read."""

    def __init__(self, meter: PrometheusMeter) -> None:
        self.families = list(text_string_to_metric_families(meter.render().decode()))
        self.samples = [sample for family in self.families for sample in family.samples]

    def value(self, name: str, **labels: str) -> float | None:
        found = [sample.value for sample in self.samples if (sample.name, sample.labels) == (name, labels)]
        assert len(found) <= 1
        return found[0] if found else None

    def labels(self, name: str, label: str) -> set[str]:
        return {sample.labels[label] for sample in self.samples if sample.name == name}


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def meter(log: io.StringIO) -> PrometheusMeter:
    logger = logging.Logger("own")
    handler = logging.StreamHandler(log)
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    return PrometheusMeter({"interview.report.completed"}, Lines(logger), version="1.2.3", limit=5)


def faults(docs: Iterable[MetricDoc]) -> list[str]:
    """What the naming rules of Prometheus say against these metrics."""
    found = []
    for doc in docs:
        bare = doc.name.removesuffix("_total")
        rules = {
            "prefix": doc.name.startswith("hirewire_"),
            "characters": re.fullmatch(r"[a-z][a-z0-9_]*[a-z0-9]", doc.name) and "__" not in doc.name,
            "_total on counters alone": doc.name.endswith("_total") == (doc.kind == "counter"),
            "no suffix of a histogram": not re.search(r"_(count|sum|bucket|created)$", doc.name),
            "base units": not NOT_BASE.search(doc.name),
            "unit named": doc.unit not in BASE_UNITS or bare.endswith("_" + doc.unit),
            "unit honest": not any(bare.endswith("_" + unit) for unit in BASE_UNITS - {doc.unit}),
            "kind not named": not re.search(r"counter|gauge|histogram", doc.name),
            "help": len(doc.help) > 10 and doc.help.endswith("."),
            "labels": all(re.fullmatch(r"[a-z][a-z_]*", label) for label in doc.labels)
            and not RESERVED & set(doc.labels),
            "label not in the name": not any(f"_by_{label}" in doc.name for label in doc.labels),
            "buckets": bool(doc.buckets) == (doc.kind == "histogram") and list(doc.buckets) == sorted(set(doc.buckets)),
        }
        found += [f"{doc.name}: {rule}" for rule, holds in rules.items() if not holds]
    return found


def test_names_keep_to_the_rules() -> None:
    assert faults(METRICS) == []
    assert len({doc.name for doc in METRICS}) == len(METRICS)


@pytest.mark.parametrize(
    "bad",
    [
        MetricDoc("events_total", "counter", "", (), "Events that came in."),
        MetricDoc("hirewire_events", "counter", "", (), "Events that came in."),
        MetricDoc("hirewire_depth_total", "gauge", "", (), "Events that wait."),
        MetricDoc("hirewire_wait_ms", "gauge", "", (), "How long it takes."),
        MetricDoc("hirewire_wait", "gauge", "seconds", (), "How long it takes."),
        MetricDoc("hirewire_wait_seconds", "gauge", "", (), "How long it takes."),
        MetricDoc("hirewire_wait_seconds", "histogram", "seconds", (), "How long it takes."),
        MetricDoc("hirewire_wait_seconds", "gauge", "seconds", ("instance",), "How long it takes."),
        MetricDoc("hirewire_wait_seconds", "gauge", "seconds", (), ""),
        MetricDoc("hirewire_Wait_seconds", "gauge", "seconds", (), "How long it takes."),
    ],
    ids=lambda doc: f"{doc.name}-{doc.kind}",
)
def test_the_check_of_names_finds_faults(bad: MetricDoc) -> None:
    assert faults([bad])


def use_all(meter: Meter, word: str = "greenhouse") -> None:
    meter.accepted("interview.report.completed", 3, 1)
    meter.commit(4, 0.003)
    meter.attempt(word, word, "delivered", 0.04, {"delivery": "dlv_1"})
    meter.delivered(word, 0.2)
    meter.rule(word, "fired")
    meter.run_started(word)
    meter.run_ended(word, "done")
    meter.runs(RunStats({"gate": 1}, {"gate": NOW}), NOW)
    meter.erasures(ErasureStats([NOW], [NOW]), NOW)
    meter.attempt(word, word, "refused", 0.04, {"next": "dead", "status": 422, "replay_of": 7})
    meter.backup("made", NOW)
    meter.refused(word)
    meter.pressure(0.5)
    meter.swept(word, 3, NOW, False, NOW)
    meter.note("leases.expired", count=7)
    meter.scanned("clean")
    meter.backup_media(3, 1, 1)
    meter.request("acceptEvents", 202, 0.01)
    meter.claim(0.001)
    meter.record(3, 0.002)
    meter.task("sweep", "planned", NOW, None)
    meter.backup("made", NOW)
    meter.backup("verified", None)
    meter.task("sweep", "ok", NOW + timedelta(minutes=1), True)


def test_what_is_rendered_is_the_documented_table(meter: PrometheusMeter) -> None:
    use_all(meter)
    meter.in_flight(3, 400)
    meter.store(StoreHealth(True, ""), StoreVitals({"main": 5, "wal": 1}, 7, 2, 5))
    meter.lanes([lane("greenhouse")], NOW)
    meter.keys(KeyVitals("file", True, 1.0, 600.0, 3))
    meter.revocations(3600.0, refused=False)
    meter.held(
        {"recording": 2}, [KeptDeliveries(DEFAULT_TENANT, ConnectionId(1), Kept("border_limit", "us", "persons"), 3)]
    )
    gauge = Gauge("*", Counted.PERSONS, 5, 10, True, 8)
    meter.border(Shown("cn", 2026, Duty.NONE, {"*": Tally(5, 5, 0)}, (gauge,), (), (), {}))
    families = {family.name: family for family in Scrape(meter).families if not family.name.startswith("process_")}
    assert set(families) == {doc.name.removesuffix("_total") for doc in METRICS}
    for doc in METRICS:
        family = families[doc.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (doc.kind, doc.help)
        labels = {frozenset(sample.labels) - {"le"} for sample in family.samples}
        assert labels == {frozenset(doc.labels)}, doc.name


def test_the_media_type_is_prometheus_text() -> None:
    assert CONTENT_TYPE.startswith("text/plain; version=")


def test_the_process_itself_is_measured(meter: PrometheusMeter) -> None:
    assert (Scrape(meter).value("process_resident_memory_bytes") or 0) > 0


def test_events_attempts_and_times_are_counted(meter: PrometheusMeter) -> None:
    use_all(meter)
    use_all(meter)
    seen = Scrape(meter)
    assert seen.value("hirewire_events_accepted_total", type="interview.report.completed") == 6
    assert seen.value("hirewire_events_duplicate_total", type="interview.report.completed") == 2
    assert seen.value("hirewire_ingest_commit_seconds_count") == 2
    assert seen.value("hirewire_ingest_commit_events_sum") == 8
    assert (
        seen.value("hirewire_attempts_total", connector="greenhouse", connection="greenhouse", outcome="delivered") == 2
    )
    assert seen.value("hirewire_attempt_seconds_sum", connector="greenhouse") == pytest.approx(0.16)
    assert seen.value("hirewire_delivery_seconds_count", connection="greenhouse") == 2
    assert seen.value("hirewire_rule_evaluations_total", rule="greenhouse", verdict="fired") == 2
    assert seen.value("hirewire_notes_total", event="leases.expired") == 14


def test_the_promises_are_borders_of_buckets() -> None:
    buckets = {doc.name: doc.buckets for doc in METRICS}
    assert 1.0 in buckets["hirewire_ingest_commit_seconds"]
    assert 5.0 in buckets["hirewire_delivery_seconds"]


def test_a_clock_that_went_back_takes_nothing_from_a_histogram(meter: PrometheusMeter) -> None:
    meter.delivered("greenhouse", -3.0)
    assert Scrape(meter).value("hirewire_delivery_seconds_sum", connection="greenhouse") == 0


def test_labels_do_not_grow_without_end(meter: PrometheusMeter) -> None:
    for n in range(500):
        meter.accepted(f"made.up_{n}", 1, 0)
        meter.attempt(f"connector_{n}", f"connection_{n}", f"outcome_{n}", 0.1, {})
        meter.delivered(f"connection_{n}", 0.1)
        meter.rule(f"rule_{n}", f"verdict_{n}")
        meter.note(f"note_{n}")
    meter.lanes([lane(f"connection_{n}") for n in range(500)], NOW)
    seen = Scrape(meter)
    first = {f"connection_{n}" for n in range(5)} | {"other"}
    assert seen.labels("hirewire_events_accepted_total", "type") == {"other"}
    assert seen.labels("hirewire_attempts_total", "connection") == first
    assert seen.labels("hirewire_attempts_total", "outcome") == {"other"}
    assert seen.labels("hirewire_lane_oldest_due_age_seconds", "connection") == first
    assert len(seen.labels("hirewire_rule_evaluations_total", "rule")) == 6
    assert seen.labels("hirewire_rule_evaluations_total", "verdict") == {"other"}
    assert seen.value("hirewire_notes_total", event="other") == 495
    assert seen.value("hirewire_lane_deliveries", connection="other", state="ready") == 495
    assert len(seen.samples) < 600


def test_a_bounded_label_keeps_the_names_it_knows() -> None:
    bounded = Bounded(2)
    assert [bounded(name) for name in ("a", "b", "c", "a", "b")] == ["a", "b", "other", "a", "b"]


def lane(name: str, **changes: object) -> LaneStats:
    values: dict[str, object] = {
        "connection": ConnectionId(1),
        "name": name,
        "state": ConnectionState.ACTIVE,
        "ready": 1,
        "leased": 2,
        "waiting": 3,
        "held": 4,
        "oldest_due": None,
        "held_until": None,
    }
    return LaneStats(**(values | changes))  # type: ignore[arg-type]


def test_lanes_show_counts_age_hold_and_state(meter: PrometheusMeter) -> None:
    meter.lanes(
        [
            lane("mail", oldest_due=NOW - timedelta(seconds=90), held_until=NOW + timedelta(minutes=2)),
            lane("checkr", state=ConnectionState.PAUSED, oldest_due=NOW + timedelta(hours=1), held_until=NOW),
        ],
        NOW,
    )
    seen = Scrape(meter)
    shown = {state: seen.value("hirewire_lane_deliveries", connection="mail", state=state) for state in COUNTS}
    assert shown == COUNTS
    assert seen.value("hirewire_lane_oldest_due_age_seconds", connection="mail") == 90
    assert seen.value("hirewire_lane_hold_seconds", connection="mail") == 120
    assert seen.value("hirewire_lane_oldest_due_age_seconds", connection="checkr") == 0
    assert seen.value("hirewire_lane_hold_seconds", connection="checkr") == 0
    assert seen.value("hirewire_lane_state", connection="checkr", state="paused") == 1
    assert seen.value("hirewire_lane_state", connection="checkr", state="active") == 0
    assert seen.value("hirewire_lane_state", connection="mail", state="active") == 1


COUNTS = {"ready": 1.0, "leased": 2.0, "waiting": 3.0, "held": 4.0}


def test_a_lane_that_went_away_is_not_shown_any_more(meter: PrometheusMeter) -> None:
    meter.lanes([lane("mail"), lane("checkr")], NOW)
    meter.lanes([lane("mail")], NOW)
    assert Scrape(meter).labels("hirewire_lane_deliveries", "connection") == {"mail"}


def test_lanes_of_one_name_are_added_up(meter: PrometheusMeter) -> None:
    """Two tenants may both have a connection `mail`."""
    meter.lanes([lane("mail", oldest_due=NOW - timedelta(seconds=5)), lane("mail", oldest_due=NOW)], NOW)
    seen = Scrape(meter)
    assert seen.value("hirewire_lane_deliveries", connection="mail", state="held") == 8
    assert seen.value("hirewire_lane_oldest_due_age_seconds", connection="mail") == 5
    assert seen.value("hirewire_lane_state", connection="mail", state="active") == 2


def test_the_store_and_the_build_are_shown(meter: PrometheusMeter) -> None:
    meter.store(StoreHealth(True, ""), StoreVitals({"main": 4096, "wal": 0}, None, 1, 20))
    seen = Scrape(meter)
    assert (seen.value("hirewire_store_up"), seen.value("hirewire_store_schema_current")) == (1, 1)
    assert seen.value("hirewire_store_size_bytes", part="main") == 4096
    assert (seen.value("hirewire_store_connections"), seen.value("hirewire_store_connections_limit")) == (1, 20)
    meter.store(StoreHealth(False, "the schema is behind"))
    seen = Scrape(meter)
    assert (seen.value("hirewire_store_up"), seen.value("hirewire_store_schema_current")) == (1, 0)
    meter.store(StoreHealth(False, "away", reachable=False))
    assert Scrape(meter).value("hirewire_store_up") == 0
    assert Scrape(meter).labels("hirewire_build_info", "version") == {"1.2.3"}


def test_an_attempt_is_also_one_line(meter: PrometheusMeter, log: io.StringIO) -> None:
    meter.attempt("greenhouse", "gh-main", "try_later", 0.0124, {"delivery": "dlv_1", "status": 503, "outcome": "lies"})
    line = json.loads(log.getvalue())
    assert (line["msg"], line["connector"], line["connection"]) == ("delivery.attempted", "greenhouse", "gh-main")
    assert (line["outcome"], line["took_ms"], line["status"], line["delivery"]) == ("try_later", 12.4, 503, "dlv_1")


def test_a_note_is_also_one_line(meter: PrometheusMeter, log: io.StringIO) -> None:
    meter.note("leases.expired", count=0)
    meter.note("completion.stale", delivery="dlv_9", count=True)
    first, second = (json.loads(line) for line in log.getvalue().splitlines())
    assert (first["msg"], first["count"], second["delivery"]) == ("leases.expired", 0, "dlv_9")
    assert Scrape(meter).value("hirewire_notes_total", event="completion.stale") == 1
    assert Scrape(meter).value("hirewire_notes_total", event="leases.expired") == 0


@pytest.mark.parametrize(
    ("error", "status", "wanted"),
    [
        ("http_422", 422, "http_4xx"), ("http_503", 503, "http_5xx"),
        ("auth:http_401", 401, "credentials"), (None, 403, "credentials"),
        ("timeout", None, "timeout"), ("connect_failed", None, "unreachable"), ("host_refused", None, "blocked"),
        ("mapping report: missing at x", None, "configuration"), ("internal:KeyError", None, "internal"),
        ("林悦 is on leave", None, "other"), ("whatever the vendor says", 404, "http_4xx"),
        (None, None, "other"), ("", 200, "other"),
    ],
)  # fmt: skip
def test_dead_letters_are_counted_by_a_class_of_cause(
    meter: PrometheusMeter, error: str | None, status: int | None, wanted: str
) -> None:
    meter.attempt("greenhouse", "gh", "refused", 0.1, {"next": "dead", "error": error, "status": status})
    meter.attempt("greenhouse", "gh", "refused", 0.1, {"next": "again", "error": error, "status": status})
    seen = Scrape(meter)
    assert seen.labels("hirewire_dead_letters_total", "cause") == {wanted}
    assert seen.value("hirewire_dead_letters_total", connection="gh", cause=wanted) == 1


@pytest.mark.parametrize(
    ("opens", "held_s", "wanted"), [(0, None, "closed"), (0, 30, "closed"), (2, 30, "open"), (2, -1, "half_open")]
)
def test_a_breaker_is_in_one_state(meter: PrometheusMeter, opens: int, held_s: int | None, wanted: str) -> None:
    until = None if held_s is None else NOW + timedelta(seconds=held_s)
    meter.lanes([lane("gh", opens=opens, held_until=until)], NOW)
    seen = Scrape(meter)
    told = {s: seen.value("hirewire_lane_breaker", connection="gh", state=s) for s in ("closed", "open", "half_open")}
    assert told == {**dict.fromkeys(told, 0), wanted: 1}


def test_a_task_is_due_when_it_last_went_well(meter: PrometheusMeter) -> None:
    def due() -> float | None:
        return Scrape(meter).value("hirewire_task_due_timestamp_seconds", task="sweep")

    meter.task("sweep", "planned", NOW, False)
    assert due() == NOW.timestamp()
    meter.task("sweep", "failed", NOW + timedelta(hours=1), True)
    assert due() == NOW.timestamp()
    assert Scrape(meter).value("hirewire_task_leader", task="sweep") == 1
    meter.task("sweep", "ok", NOW + timedelta(hours=2), False)
    assert due() == (NOW + timedelta(hours=2)).timestamp()
    assert Scrape(meter).value("hirewire_task_leader", task="sweep") == 0
    runs = {
        o: Scrape(meter).value("hirewire_task_runs_total", task="sweep", outcome=o) for o in ("ok", "failed", "planned")
    }
    assert runs == {"ok": 1, "failed": 1, "planned": None}


def test_calls_are_counted_by_class_of_status(meter: PrometheusMeter) -> None:
    meter.request("acceptEvents", 202, 0.2)
    meter.request("acceptEvents", 422, 0.1)
    seen = Scrape(meter)
    assert seen.labels("hirewire_http_requests_total", "status") == {"2xx", "4xx"}
    assert seen.value("hirewire_http_request_seconds_count", operation="acceptEvents") == 2


def test_strange_labels_do_not_break_the_format(meter: PrometheusMeter) -> None:
    strange = 'a"b\\c\nhirewire_forged_total 1\u2028林悦'
    use_all(meter, strange)
    seen = Scrape(meter)
    assert seen.value("hirewire_delivery_seconds_count", connection=strange) == 1
    assert not any(sample.name == "hirewire_forged_total" for sample in seen.samples)


def test_fields_never_become_labels(meter: PrometheusMeter) -> None:
    meter.attempt("greenhouse", "gh", "refused", 0.1, {"error": "canary-33", "subject": "canary-33"})
    meter.note("thing.noted", why="canary-33")
    assert b"canary" not in meter.render()


def test_two_meters_share_nothing(meter: PrometheusMeter) -> None:
    other = PrometheusMeter((), Lines(logging.Logger("other")), version="1")
    use_all(other)
    assert Scrape(meter).value("hirewire_events_accepted_total", type="interview.report.completed") is None
    assert Scrape(other).value("hirewire_events_accepted_total", type="other") == 3


def test_runs_are_counted_by_rule_and_shown_by_what_they_wait_for(meter: PrometheusMeter) -> None:
    meter.run_started("offer")
    assert Scrape(meter).value("hirewire_runs_ended_total", rule="offer", outcome="failed") == 0
    meter.run_ended("offer", "failed")
    meter.run_ended("offer", "waiting")  # none of the ends
    meter.runs(RunStats({"gate": 2, "event": 1}, {"gate": NOW - timedelta(days=2)}, gates_overdue=1, stuck=3), NOW)
    seen = Scrape(meter)
    assert seen.value("hirewire_runs_started_total", rule="offer") == 1
    assert seen.value("hirewire_runs_ended_total", rule="offer", outcome="failed") == 1
    assert seen.labels("hirewire_runs_ended_total", "outcome") == {"failed", "other"}
    assert {kind: seen.value("hirewire_runs_waiting", kind=kind) for kind in ("gate", "event", "held")} == {
        "gate": 2, "event": 1, "held": 0
    }  # fmt: skip
    assert seen.value("hirewire_runs_oldest_wait_seconds", kind="gate") == 2 * 86400
    assert seen.value("hirewire_runs_oldest_wait_seconds", kind="event") == 0
    assert (seen.value("hirewire_gates_overdue"), seen.value("hirewire_runs_stuck")) == (1, 3)
