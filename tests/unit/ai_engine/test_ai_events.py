"""The engine's events are CloudEvents whose data is canonical."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ai_engine import events
from ai_engine.report import build
from hub.domain.errors import Invalid
from mappings.canonical import validate

NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)


@pytest.fixture
def story(people, job, pile, ranked, interviewed):
    stem = "Maya_Hollis_Resume"
    report = build(
        interviewed(people[stem], pile.answers[stem]),
        ranked[stem],
        job,
        id="rep-1",
        interview_id="int-1",
        application_id="app-1",
        completed_at=NOW,
    )
    common = {
        "candidate": people[stem].candidate,
        "application": {"id": "app-1", "job_id": job.id},
        "job": job.document,
    }
    interview = {"id": "int-1", "kind": "ai_chat", "status": "completed", "language": "en"}
    return [
        events.application_received(id="e1", time=NOW, **common),
        events.application_screened(id="e2", time=NOW, match=ranked[stem].document(), **common),
        events.interview_completed(id="e3", time=NOW, interview=interview, **common),
        events.report_completed(id="e4", time=NOW, interview=interview, report=report.document, **common),
    ]


def test_events_are_cloudevents_with_canonical_data(story):
    for event in story:
        assert (event["specversion"], event["source"], event["datacontenttype"]) == (
            "1.0",
            "/ai-engine",
            "application/json",
        )
        assert event["dataschema"] == f"urn:hirewire:event:{event['type']}:1"
        assert event["subject"] == event["data"]["candidate"]["id"]
        assert datetime.fromisoformat(event["time"]) == NOW
        validate(event["type"], 1, event["data"])
        assert json.loads(json.dumps(event)) == event


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: events.event("moon.risen", id="e", time=NOW), "unknown_event"),
        (lambda: events.event("application.received", id="e", time=NOW, candidate={"id": "c"}), "bad_event_data"),
        (
            lambda: events.application_received(
                id="e", time=datetime(2026, 1, 1), candidate={"id": "c"}, application={}, job={}
            ),
            "naive_time",
        ),
    ],
)
def test_bad_events_have_a_name(call, code):
    with pytest.raises(Invalid) as caught:
        call()
    assert caught.value.code == code
