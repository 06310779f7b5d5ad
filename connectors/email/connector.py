"""When a rule names no time: the invitation is for a working day after the interview, at the connection's usual hour."""

from dataclasses import replace
from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hub.sdk import Declarative, Document, Exchange, Invalid, Job, Refused

_SATURDAY = 5


class Email(Declarative):
    """The generic connector, with the one decision that a manifest cannot express."""

    def run(self, job: Job) -> Exchange:
        """`doc.start` and `doc.end` as given; else computed, the same at every try of one delivery."""
        if job.operation == "invitation.send" and "start" not in job.doc:
            try:
                job = replace(job, doc={**job.doc, **slot(job)})
            except Invalid as error:
                return Refused(f"{error.code}:{error.at}", retry=True)
        return (yield from super().run(job))


def connector(base: Declarative) -> Declarative:
    """The e-mail connector."""
    return Email(base.manifest, base.mappings, base.templates)


def slot(job: Job) -> Document:
    """Start and end of the meeting: `interview_days` working days after `doc.after`. Raises Invalid (`missing`, `bad_value`)."""
    base = _base(job)
    zone = _zone(str(job.config.get("time_zone", "Asia/Shanghai")))
    day = base.astimezone(zone).date()
    for _ in range(_number(job, "interview_days", 2)):
        day += timedelta(days=1)
        while day.weekday() >= _SATURDAY:
            day += timedelta(days=1)
    start = datetime.combine(day, _hour(str(job.config.get("interview_time", "10:00"))), zone)
    end = start + timedelta(minutes=_number(job, "interview_minutes", 45))
    return {"start": start.isoformat(), "end": end.isoformat()}


def _base(job: Job) -> datetime:
    after = job.doc.get("after")
    try:
        base = datetime.fromisoformat(after) if isinstance(after, str) else job.now
    except ValueError as error:
        raise Invalid("not a date and time", code="bad_value", at="doc.after") from error
    if base is None or base.tzinfo is None:
        raise Invalid("there is no time to count from", code="missing", at="doc.after")
    return base


def _hour(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise Invalid("not an hour such as 10:00", code="bad_value", at="config.interview_time") from error


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Invalid("there is no such time zone", code="bad_value", at="config.time_zone") from error


def _number(job: Job, name: str, otherwise: int) -> int:
    value = job.config.get(name, otherwise)
    return value if isinstance(value, int) else otherwise
