"""Mails and invitations: the reader's language, one meeting at every try, nothing smuggled into a header."""

from datetime import UTC, datetime

import pytest
from icalendar import Calendar

from hub.adapters.catalog import FolderCatalog
from hub.domain.deliveries import Delivered, Refused
from hub.ports.transport import MailReply
from hub.sdk import Job
from hub.sdk.mail import choose

EMAIL = FolderCatalog().get("email")
CONFIG = {"host": "smtp.example.com", "sender": "hr@example.com", "sender_name": "示例人事"}
DOC = {
    "to": "lin.yue@example.com",
    "name": "林悦",
    "language": "zh-CN",
    "job_title": "销售经理",
    "start": "2026-03-04T10:00:00+08:00",
    "end": "2026-03-04T10:45:00+08:00",
}
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def sent(operation="invitation.send", config=CONFIG, **doc):
    exchange = EMAIL.run(Job(operation, {**DOC, **doc}, config, "ab" * 16, now=NOW))
    return next(exchange), exchange


def refused(operation="invitation.send", **doc):
    with pytest.raises(StopIteration) as done:
        sent(operation, **doc)
    return done.value.value


def event_of(mail):
    (attachment,) = mail.attachments
    calendar = Calendar.from_ical(attachment.content)
    (event,) = calendar.walk("VEVENT")
    return calendar, event


def test_an_invitation_carries_a_request_that_calendars_understand():
    mail, exchange = sent()
    assert (mail.to, mail.subject) == (("lin.yue@example.com",), "面试邀请：销售经理")
    assert mail.message_id == f"<{'ab' * 16}@example.com>"
    assert (mail.attachments[0].content_type, mail.attachments[0].method) == ("text/calendar", "REQUEST")
    calendar, event = event_of(mail)
    assert calendar["METHOD"] == "REQUEST"
    assert event["UID"] == f"{'ab' * 16}@example.com"
    assert event["DTSTART"].dt == datetime(2026, 3, 4, 2, 0, tzinfo=UTC)
    assert event["DTEND"].dt == datetime(2026, 3, 4, 2, 45, tzinfo=UTC)
    assert str(event["ORGANIZER"]) == "mailto:hr@example.com"
    assert event["ATTENDEE"].params["RSVP"] == "TRUE"
    assert event["ATTENDEE"].params["CN"] == "林悦"
    with pytest.raises(StopIteration) as done:
        exchange.send(MailReply(250))
    assert done.value.value == Delivered(mail.message_id)


def test_every_try_is_the_same_mail():
    assert sent()[0] == sent()[0]


def test_lines_end_as_the_standard_wants_and_stay_short():
    content = sent(job_title="很长的职位名称" * 20)[0].attachments[0].content
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert max(len(line) for line in content.split(b"\r\n")) <= 75


def test_optional_lines_are_left_out_and_others_stay():
    text = sent()[0].text
    assert "地点" not in text
    assert "示例人事" in text
    assert "地点：三号会议室" in sent(location="三号会议室")[0].text


@pytest.mark.parametrize(
    ("language", "word"),
    [
        ("zh-CN", "面试邀请"),
        ("zh-Hans-CN", "面试邀请"),
        ("en", "invitation"),
        ("en-GB", "invitation"),
        ("fr", "invitation"),
    ],
)
def test_the_readers_language(language, word):
    assert word in sent(language=language)[0].subject


def test_kin_of_a_language_before_english():
    texts = {"en": {"n": 1}, "zh-CN": {"n": 2}}
    assert choose(texts, "zh-TW") == {"n": 2}
    assert choose(texts, "de") == {"n": 1}


def test_a_line_break_in_a_name_stays_out_of_the_subject():
    assert (
        sent(job_title="Sales\r\nBcc: everyone@example.com")[0].subject == "面试邀请：Sales Bcc: everyone@example.com"
    )


@pytest.mark.parametrize(
    "to", ["nobody", "a@b\r\nBcc: c@d", "a b@example.com", "<a@example.com>", "a@example.com,b@example.com", "@", ""]
)
def test_only_one_plain_address(to):
    assert refused(to=to) == Refused("bad_value:to", retry=True)


@pytest.mark.parametrize(
    ("times", "at"),
    [
        ({"start": "tomorrow"}, "doc.start"),
        ({"start": "2026-03-04T10:00:00"}, "doc.start"),
        ({"end": "2026-03-04T10:00:00+08:00"}, "calendar.end"),
    ],
)
def test_times_carry_their_zone_and_end_after_they_begin(times, at):
    assert refused(**times) == Refused(f"bad_value:{at}", retry=True)


def slot(after, **config):
    exchange = EMAIL.run(
        Job(
            "invitation.send",
            {k: v for k, v in DOC.items() if k not in ("start", "end")} | {"after": after},
            {**CONFIG, **config},
            "k" * 32,
            now=NOW,
        )
    )
    _, event = event_of(next(exchange))
    return event["DTSTART"].dt.isoformat(), event["DTEND"].dt.isoformat()


def test_without_a_time_it_is_working_days_later_at_the_usual_hour():
    assert slot("2026-03-02T08:59:00+00:00") == ("2026-03-04T02:00:00+00:00", "2026-03-04T02:45:00+00:00")
    assert (
        slot("2026-03-05T08:59:00+00:00")[0] == "2026-03-09T02:00:00+00:00"
    )  # Thursday: Friday, then over the weekend
    assert slot("2026-03-06T20:00:00+00:00", interview_days=1)[0] == "2026-03-09T02:00:00+00:00"
    assert slot(
        "2026-03-02T08:59:00+00:00", interview_time="15:30", interview_minutes=60, time_zone="America/New_York"
    ) == (
        "2026-03-04T20:30:00+00:00",
        "2026-03-04T21:30:00+00:00",
    )


def test_a_zone_that_is_not_there_is_named():
    doc = {k: v for k, v in DOC.items() if k not in ("start", "end")}
    exchange = EMAIL.run(Job("invitation.send", doc, {**CONFIG, "time_zone": "Mars/Base"}, "k" * 32, now=NOW))
    with pytest.raises(StopIteration) as done:
        next(exchange)
    assert done.value.value == Refused("bad_value:config.time_zone", retry=True)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(250, "Delivered"), (421, "TryLater"), (452, "TryLater"), (550, "Refused"), (535, "NeedsHuman"), (554, "Refused")],
)
def test_what_the_mail_server_says(code, kind):
    _, exchange = sent()
    with pytest.raises(StopIteration) as done:
        exchange.send(MailReply(code))
    assert type(done.value.value).__name__ == kind
