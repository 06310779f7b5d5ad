"""Mails from text templates in the reader's language, with an invitation attached where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from hub.domain.errors import Invalid
from hub.ports.transport import Attachment, MailRequest
from hub.sdk.calendar import Invitation, request
from hub.sdk.manifest import MailCall
from hub.sdk.placeholders import Omit, Scope, Template, fill
from mappings.documents import Document, Json

Templates = Mapping[str, Mapping[str, Document]]  # name -> language -> {subject, text}

DEFAULT_LANGUAGE = "en"


def mail(call: MailCall, templates: Templates, scope: Scope, now: datetime | None) -> MailRequest:
    """The mail of one operation. Raises Invalid (`missing`, `bad_value`, `no_template`)."""
    words = _words(templates, _text(call.template, scope, "template"), _text(call.language, scope, "language"))
    to = call.to.fill(scope)
    subject = " ".join(_filled(words, "subject", scope).split())  # a line break would be another header
    text = _filled(words, "text", scope)
    attachments: tuple[Attachment, ...] = ()
    if call.calendar is not None:
        details = call.calendar.fill(scope)
        invitation = _invitation(details if isinstance(details, dict) else {}, subject, text, now)
        attachments = (Attachment("invitation.ics", "text/calendar", request(invitation), method="REQUEST"),)
    return MailRequest(
        to=tuple(_address(one) for one in to) if isinstance(to, list) else (),
        subject=subject,
        text=text,
        message_id=_text(call.message_id, scope, "message_id"),
        attachments=attachments,
    )


def choose(languages: Mapping[str, Document], wanted: str) -> Document:
    """The texts in the wanted language, else in another form of it (`zh-Hans` -> `zh-CN`), else in English."""
    if wanted in languages:
        return languages[wanted]
    primary = wanted.partition("-")[0].lower()
    kin = next((texts for name, texts in languages.items() if name.partition("-")[0].lower() == primary), None)
    return kin if kin is not None else languages[DEFAULT_LANGUAGE]


def _words(templates: Templates, name: str, language: str) -> Document:
    if name not in templates:
        raise Invalid("there is no such text template", code="no_template", at="template")
    return choose(templates[name], language)


def _invitation(details: Document, summary: str, text: str, now: datetime | None) -> Invitation:
    start, end = _time(details, "start"), _time(details, "end")
    if end <= start:
        raise Invalid("the end is not after the start", code="bad_value", at="calendar.end")

    def word(name: str) -> str | None:
        value = details.get(name)
        return str(value) if isinstance(value, str) and value else None

    return Invitation(
        uid=str(details["uid"]),
        start=start,
        end=end,
        stamp=now if now is not None else start,
        summary=summary,
        description=text,
        organizer=_address(details.get("organizer")),
        attendee=_address(details.get("attendee")),
        organizer_name=word("organizer_name"),
        attendee_name=word("attendee_name"),
        location=word("location"),
        url=word("url"),
    )


def _time(details: Document, name: str) -> datetime:
    try:
        at = datetime.fromisoformat(str(details.get(name)))
    except ValueError as error:
        raise Invalid("not a date and time", code="bad_value", at=f"calendar.{name}") from error
    if at.tzinfo is None:
        raise Invalid("a time without its zone is not a time", code="bad_value", at=f"calendar.{name}")
    return at


def _address(value: Json) -> str:
    text = value if isinstance(value, str) else ""
    local, _, domain = text.rpartition("@")
    if not local or not domain or any(c.isspace() or ord(c) < 33 or c in '<>,;:"' for c in text):
        raise Invalid("not an e-mail address", code="bad_value", at="to")
    return text


def _text(template: Template, scope: Scope, at: str) -> str:
    value = template.fill(scope)
    if isinstance(value, Omit) or not isinstance(value, str):
        raise Invalid(f"{at} is needed and not there", code="missing", at=at)
    return value


def _filled(words: Document, name: str, scope: Scope) -> str:
    """Each line of a text stands or falls alone: a line whose optional placeholder is empty is left out."""
    lines = [fill(line, scope) for line in str(words[name]).split("\n")]
    return "\n".join(str(line) for line in lines if line is not None)
