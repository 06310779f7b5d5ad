"""A mail request as an RFC 5322 message in bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

from hub.ports.transport import Attachment, MailRequest

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LOCAL = re.compile(r"[^\x00-\x20\x7f-\x9f()<>\[\]:;@\\,\"\s]{1,64}")
_DOMAIN = re.compile(
    r"(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*", re.IGNORECASE
)
_NAMED = re.compile(r"([^<>]*)<([^<>]+)>")
_MESSAGE_ID = re.compile(r"<?([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,128}@[A-Za-z0-9.-]{1,128})>?")
_TYPE = re.compile(r"([a-z0-9][a-z0-9!#$&^_.+-]*)/([a-z0-9][a-z0-9!#$&^_.+-]*)")
_METHOD = re.compile(r"[A-Z-]{1,32}")


class BadMail(ValueError):
    """A mail that cannot be written; the message names the part, never its content."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address. `domain` is in ASCII (IDNA), `local` may need SMTPUTF8 (RFC 6531)."""

    name: str
    local: str
    domain: str

    @property
    def address(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def wide(self) -> bool:
        """Whether only a server with SMTPUTF8 can take it."""
        return not self.local.isascii()


def mailbox(text: str, name: str | None = None) -> Mailbox:
    """The address in `Lin Yue <lin.yue@example.com>` or `lin.yue@example.com`. Raises BadMail for anything doubtful."""
    if _CONTROL.search(text):
        raise BadMail("an address holds a control character")
    named = _NAMED.fullmatch(text)
    told, plain = (named[1].strip().strip('"'), named[2]) if named else ("", text.strip())
    local, at, domain = plain.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or local[0] == "." or local[-1] == "." or ".." in local:
        raise BadMail("an address is not of the form name@domain")
    try:
        ascii_domain = domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError as error:
        raise BadMail("an address has a domain that is none") from error
    if not _DOMAIN.fullmatch(ascii_domain):
        raise BadMail("an address has a domain that is none")
    return Mailbox(one_line(told if name is None else name), local, ascii_domain)


def one_line(text: str) -> str:
    """The text with runs of control characters as one space: a new line in a header would begin another header."""
    return _CONTROL.sub(" ", text).strip()


def message(request: MailRequest, sender: Mailbox, to: tuple[Mailbox, ...], now: datetime) -> bytes:
    """The message with CRLF line ends. Equal requests at one time give equal bytes but for MIME boundaries. Raises BadMail."""
    wide = sender.wide or any(one.wide for one in to)
    mail = EmailMessage(SMTPUTF8 if wide else SMTP)
    mail["From"] = _header(sender)
    mail["To"] = [_header(one) for one in to]
    mail["Subject"] = one_line(request.subject)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message_id(request.message_id)
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    mail.set_content(request.text)
    if request.html is not None:
        mail.add_alternative(request.html, subtype="html")
    for attachment in request.attachments:
        _attach(mail, attachment)
    return mail.as_bytes()


def message_id(text: str) -> str:
    """The id in angle brackets. Raises BadMail."""
    found = _MESSAGE_ID.fullmatch(text)
    if found is None:
        raise BadMail("the message id is none")
    return f"<{found[1]}>"


def _header(one: Mailbox) -> Address:
    return Address(display_name=one.name, username=one.local, domain=one.domain)


def _attach(mail: EmailMessage, attachment: Attachment) -> None:
    kind = _TYPE.fullmatch(attachment.content_type.partition(";")[0].strip().lower())
    if kind is None or kind[1] in ("multipart", "message"):
        raise BadMail("an attachment has no content type that can be attached")
    params: dict[str, str] = {}
    if attachment.method is not None:
        if not _METHOD.fullmatch(attachment.method):
            raise BadMail("an attachment's method is none of iTIP's")
        params["method"] = attachment.method  # RFC 6047, 2.4: it repeats the calendar's METHOD
    if kind[1] == "text":
        params["charset"] = "utf-8"
    name = one_line(attachment.filename).replace("/", "_").replace("\\", "_")[:200] or "attachment"
    mail.add_attachment(attachment.content, maintype=kind[1], subtype=kind[2], filename=name, params=params)
