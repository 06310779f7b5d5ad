"""What the engine tells the world: CloudEvents 1.0 (JSON format), time and id passed in.

The data of every event is what mappings/canonical/events asks for.
"""

from __future__ import annotations

from datetime import datetime

from hub.domain.errors import Invalid
from mappings.documents import Document

SOURCE = "/ai-engine"
TYPES = {
    "application.received": ("candidate", "application", "job"),
    "application.screened": ("candidate", "application", "job", "match"),
    "interview.completed": ("candidate", "application", "job", "interview"),
    "interview.report.completed": ("candidate", "application", "job", "interview", "report"),
}
VERSION = 1


def event(type: str, *, id: str, time: datetime, **data: Document) -> Document:
    """One event; `subject` is the candidate's id. `data` names the documents that TYPES lists for `type`.

    Raises Invalid (`unknown_event`, `bad_event_data`, `naive_time`).
    """
    if type not in TYPES:
        raise Invalid(f"the engine knows no event of this type; it knows {', '.join(TYPES)}", code="unknown_event")
    if set(data) != set(TYPES[type]):
        raise Invalid(f"{type} needs exactly {', '.join(TYPES[type])}", code="bad_event_data")
    if time.tzinfo is None:
        raise Invalid("an event's time needs a zone", code="naive_time")
    return {
        "specversion": "1.0",
        "id": id,
        "source": SOURCE,
        "type": type,
        "subject": str(data["candidate"]["id"]),
        "time": time.isoformat(),
        "datacontenttype": "application/json",
        "dataschema": f"urn:hirewire:event:{type}:{VERSION}",
        "data": {name: data[name] for name in TYPES[type]},
    }


def application_received(
    *, id: str, time: datetime, candidate: Document, application: Document, job: Document
) -> Document:
    """Somebody applied."""
    return event("application.received", id=id, time=time, candidate=candidate, application=application, job=job)


def application_screened(
    *, id: str, time: datetime, candidate: Document, application: Document, job: Document, match: Document
) -> Document:
    """A resume was read and matched."""
    return event(
        "application.screened", id=id, time=time, candidate=candidate, application=application, job=job, match=match
    )


def interview_completed(
    *, id: str, time: datetime, candidate: Document, application: Document, job: Document, interview: Document
) -> Document:
    """An interview ended."""
    return event(
        "interview.completed",
        id=id,
        time=time,
        candidate=candidate,
        application=application,
        job=job,
        interview=interview,
    )


def report_completed(
    *,
    id: str,
    time: datetime,
    candidate: Document,
    application: Document,
    job: Document,
    interview: Document,
    report: Document,
) -> Document:
    """A report is ready: the event that starts everything in the hub."""
    return event(
        "interview.report.completed",
        id=id,
        time=time,
        candidate=candidate,
        application=application,
        job=job,
        interview=interview,
        report=report,
    )
