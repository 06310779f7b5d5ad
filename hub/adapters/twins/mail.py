"""The mail twin: an SMTP server that keeps every mail as a file, and reads invitations as a calendar program would."""

# ruff: noqa: ARG002 - the library decides what its handlers are given
from __future__ import annotations

import asyncio
import email.policy
import hmac
import re
from collections.abc import Mapping
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import getaddresses
from pathlib import Path
from typing import cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from hub.adapters.twins.faults import Faults
from hub.adapters.twins.ledger import Journal
from hub.adapters.twins.state import State
from hub.ports.clock import Clock
from mappings.documents import Document, Json

LARGEST_MAIL = 32 * 1024 * 1024
_MESSAGE_ID = re.compile(r"<[^<>@\s]+@[^<>@\s]+>")


class MailSink:
    """Takes mail as a strict server would; a Message-ID that came before is noted as replayed."""

    def __init__(
        self, folder: Path, config: Mapping[str, Json], state: State, faults: Faults, requests: Journal, clock: Clock
    ) -> None:
        self.folder = folder / "mails"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._config, self._state, self._faults, self._requests, self._clock = config, state, faults, requests, clock
        self._server: asyncio.Server | None = None
        self._open: set[SMTP] = set()

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.get_running_loop().create_server(self._protocol, host, port)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening and end what is open."""
        if self._server is not None:
            self._server.close()
            for protocol in list(self._open):
                if protocol.transport is not None:
                    cast("asyncio.Transport", protocol.transport).abort()
            await self._server.wait_closed()

    def _protocol(self) -> SMTP:
        protocol = SMTP(
            self,
            data_size_limit=LARGEST_MAIL,
            enable_SMTPUTF8=True,
            hostname="mail.example",
            auth_require_tls=False,
            authenticator=self._login,
        )
        self._open.add(protocol)
        return protocol

    def _login(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        user, password = str(self._config.get("username") or ""), str(self._config.get("password") or "")
        right = hmac.compare_digest(data.login, user.encode()) & hmac.compare_digest(data.password, password.encode())
        return AuthResult(success=bool(right), handled=False)

    async def handle_MAIL(  # noqa: N802 - the library's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        mail_options: list[str],
    ) -> str:
        """RFC 4954 section 6: whoever has a password must give it first (the twin speaks no TLS)."""
        if self._config.get("username") and not session.authenticated:
            self._note("MAIL", 530, None)
            return "530 5.7.0 authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(mail_options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - the library's name
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],
    ) -> str:
        """RFC 5321 section 3.3; a domain that is named `invalid` (RFC 2606) has no mailboxes."""
        fault = self._faults.take("RCPT", address)
        if fault is not None and fault.status is not None:
            self._note("RCPT", fault.status, fault.name)
            return f"{fault.status} scripted"
        if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", address) or address.lower().endswith(".invalid"):
            self._note("RCPT", 550, None)
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """RFC 5321 section 4.1.1.4: when 250 is said the mail is kept."""
        fault = self._faults.take("DATA", envelope.mail_from or "")
        if fault is not None:
            await self._clock.sleep(fault.delay_ms / 1000)
            if fault.status is not None:
                self._note("DATA", fault.status, fault.name)
                return f"{fault.status} scripted"
            if fault.refuse:
                return self._cut(server, fault.name)
        raw = envelope.content if isinstance(envelope.content, bytes) else b""
        message = BytesParser(policy=email.policy.SMTP.clone(raise_on_defect=False)).parsebytes(raw)
        why = _unfit(message)
        if why is not None:
            self._note("DATA", 554, None)
            return f"554 5.6.0 {why}"
        self._keep(envelope, message, raw)
        if fault is not None and (fault.drop or (fault.hold and not await self._faults.held(fault.timeout_s))):
            return self._cut(server, fault.name)
        self._note("DATA", 250, None if fault is None else fault.name)
        return "250 2.0.0 kept"

    def _keep(self, envelope: Envelope, message: EmailMessage, raw: bytes) -> None:
        number = len(self._state.effects.lines) + 1
        file = self.folder / f"{number:06d}.eml"
        file.write_bytes(raw)
        key = str(message["message-id"]).strip()
        recipients: list[Json] = [str(to) for to in envelope.rcpt_tos]
        seen = any(line["key"] == key for line in self._state.effects.lines)
        self._state.effect(
            {
                "at": self._clock.now().isoformat(timespec="milliseconds"),
                "kind": "mail",
                "id": file.name,
                "key": key,
                "idempotency_key": None,
                "replayed": seen,
                "email": recipients[0],
                "to": recipients,
                "subject": str(message["subject"] or ""),
                "invite": _invite(message),
            }
        )
        self._state.commit()

    def _cut(self, server: SMTP, why: str) -> str:
        self._note("DATA", None, why)
        if server.transport is not None:
            cast("asyncio.Transport", server.transport).abort()
        return "421 cut"

    def _note(self, verb: str, status: int | None, fault: str | None) -> None:
        self._requests.append(
            {
                "at": self._clock.now().isoformat(timespec="milliseconds"),
                "n": len(self._requests.lines) + 1,
                "method": verb,
                "path": "smtp",
                "status": status,
                "fault": fault,
            }
        )


def _unfit(message: EmailMessage) -> str | None:
    """Why a careful server bounces it: RFC 5322 section 3.6, and RFC 6047 for an invitation."""
    for name in ("from", "date", "message-id", "to"):
        if len(message.get_all(name, [])) != 1:
            return f"needs exactly one {name} header"
    if not _MESSAGE_ID.fullmatch(str(message["message-id"]).strip()):
        return "message-id is malformed"
    if not all("@" in address for _, address in getaddresses([str(message["from"]), str(message["to"])])):
        return "an address is malformed"
    if message.defects or any(part.defects for part in message.walk()):
        return "the MIME structure is broken"
    for part in message.walk():
        if part.get_content_type() == "text/calendar":
            try:
                invite = read_calendar(part)
            except ValueError as error:
                return f"calendar part: {error}"
            if str(part.get_param("method") or "").upper() != invite.get("METHOD"):
                return "calendar part: the method parameter is not the METHOD"
    return None


def _invite(message: EmailMessage) -> Document | None:
    for part in message.walk():
        if part.get_content_type() == "text/calendar":
            found = read_calendar(part)
            return {
                "method": found.get("METHOD"),
                "uid": found.get("UID"),
                "start": found.get("DTSTART"),
                "end": found.get("DTEND"),
                "summary": found.get("SUMMARY"),
            }
    return None


def read_calendar(part: object) -> Document:
    """The properties of the calendar and its one event (RFC 5545). Raises ValueError for what a calendar would refuse."""
    raw = part.get_payload(decode=True) if isinstance(part, EmailMessage) else part
    if not isinstance(raw, bytes):
        raise ValueError("there is no content")
    text = raw.decode("utf-8")
    if "\n" in text.replace("\r\n", ""):
        raise ValueError("a line does not end in CRLF")
    if any(len(line.encode()) > 75 for line in text.split("\r\n")):
        raise ValueError("a line is longer than 75 octets")
    found: Document = {}
    open_parts: list[str] = []
    for line in text.replace("\r\n ", "").replace("\r\n\t", "").rstrip("\r\n").split("\r\n"):
        named = re.match(
            r'([A-Za-z0-9-]+)((?:;[A-Za-z0-9-]+=(?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)*):(.*)', line
        )
        if named is None:
            raise ValueError("a line is no property")
        name, value = named[1].upper(), named[3]
        if name == "BEGIN":
            open_parts.append(value.upper())
        elif name == "END":
            if not open_parts or open_parts.pop() != value.upper():
                raise ValueError("BEGIN and END do not match")
        elif open_parts in (["VCALENDAR"], ["VCALENDAR", "VEVENT"]):
            found[name] = value
    missing = [n for n in ("VERSION", "PRODID", "METHOD", "UID", "DTSTAMP", "DTSTART") if n not in found]
    if open_parts or missing:
        raise ValueError(f"lacks {', '.join(missing) or 'an END'}")
    return found
