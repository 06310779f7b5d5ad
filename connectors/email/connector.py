"""When a rule names no time: the invitation is for a working day after the interview, at the connection's usual hour."""

from dataclasses import replace
from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hub.sdk import Declarative, Document, Exchange, Invalid, Job

_SATURDAY = 5


class Email(Declarative):
    """The generic connector, with the one decision that a manifest cannot express."""

    def run(self, job: Job) -> Exchange:
        """`doc.start` and `doc.end` as given; else computed, the same at every try of one delivery."""
        if job.operation == "invitation.send" and "start" not in job.doc:
            try:
                job = replace(job, doc={**job.doc, **slot(job)})
            except Invalid:
                pass  # the manifest's own placeholders name what is missing
        return super().run(job)


def connector(base: Declarative) -> Declarative:
    """The e-mail connector."""
    return Email(base.manifest, base.mappings, base.templates)


def slot(job: Job) -> Document:
    """Start and end of the meeting: `interview_days` working days after `doc.after`. Raises Invalid (`missing`, `bad_value`)."""
    after = job.doc.get("after")
    base = datetime.fromisoformat(after) if isinstance(after, str) else job.now
    if base is None:
        raise Invalid("there is no time to count from", code="missing", at="doc.after")
    zone = _zone(str(job.config.get("time_zone", "Asia/Shanghai")))
    day = base.astimezone(zone).date()
    for _ in range(_number(job, "interview_days", 2)):
        day += timedelta(days=1)
        while day.weekday() >= _SATURDAY:
            day += timedelta(days=1)
    start = datetime.combine(day, time.fromisoformat(str(job.config.get("interview_time", "10:00"))), zone)
    end = start + timedelta(minutes=_number(job, "interview_minutes", 45))
    return {"start": start.isoformat(), "end": end.isoformat()}


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Invalid("there is no such time zone", code="bad_value", at="config.time_zone") from error


def _number(job: Job, name: str, otherwise: int) -> int:
    value = job.config.get(name, otherwise)
    return value if isinstance(value, int) else otherwise
