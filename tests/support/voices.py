"""Fakes with a voice: a vendor that answers what it is told to, a meter that remembers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hub.domain.errors import Unauthorized
from hub.ports.transport import Channel, HttpRequest, HttpResponse, MailReply, MailRequest, Request, Response

Answer = Response | Exception | Callable[[Request], Response]


@dataclass(repr=False)
class ScriptedVendor:
    """`vendor.answers(503).then(200, {"id": 7})`; when the script is over the last answer stays."""

    script: list[Answer] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)

    def answers(self, status: int, body: bytes = b"{}", headers: Mapping[str, str] | None = None) -> ScriptedVendor:
        self.script.append(HttpResponse(status, headers or {}, body))
        return self

    then = answers

    def fails(self, error: Exception) -> ScriptedVendor:
        self.script.append(error)
        return self

    def does(self, act: Callable[[Request], Response]) -> ScriptedVendor:
        self.script.append(act)
        return self

    async def send(self, channel: Channel, request: Request) -> Response:
        self.channels.append(channel)
        self.asked.append(request)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    async def close(self) -> None:
        return None

    @property
    def posts(self) -> list[HttpRequest]:
        return [r for r in self.asked if isinstance(r, HttpRequest) and r.method == "POST"]

    @property
    def mails(self) -> list[MailRequest]:
        return [r for r in self.asked if isinstance(r, MailRequest)]


def mail_ok(request: Request) -> Response:
    """What a mail server says when it took the mail."""
    assert isinstance(request, MailRequest)
    return MailReply(250, "queued")


@dataclass
class SharedSecretSignatures:
    """Takes whatever carries `x-test-signature: good`."""

    def verify(self, channel: Channel, headers: Mapping[str, str], body: bytes) -> None:
        if headers.get("x-test-signature") != "good":
            raise Unauthorized("the signature does not hold", code="bad_signature")

    def authenticate(self, channel: Channel, headers: Mapping[str, str]) -> None:
        self.verify(channel, headers, b"")


@dataclass(repr=False)
class RememberingMeter:
    """Keeps what it is told."""

    attempts: list[dict[str, object]] = field(default_factory=list)
    notes: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    events: dict[str, int] = field(default_factory=dict)
    verdicts: list[tuple[str, str]] = field(default_factory=list)
    requests: list[tuple[str, int]] = field(default_factory=list)
    run_counts: list[tuple[str, str]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    sweeps: dict[str, tuple[int, datetime | None, bool]] = field(default_factory=dict)

    def accepted(self, type: str, count: int, duplicates: int) -> None:
        self.events[type] = self.events.get(type, 0) + count

    def commit(self, size: int, seconds: float) -> None:
        return None

    def request(self, operation: str, status: int, seconds: float) -> None:
        self.requests.append((operation, status))

    def claim(self, seconds: float) -> None:
        return None

    def record(self, size: int, seconds: float) -> None:
        return None

    def backup_media(self, blobs: int, copied: int, compared: int) -> None:
        return None

    def backup(self, step: str, at: datetime | None) -> None:
        return None

    def scanned(self, verdict: str) -> None:
        self.notes.append(("scanned", {"verdict": verdict}))

    def gave_up(self, connection: str, error: str, delivery: str) -> None:
        self.notes.append(("delivery.gave_up", {"connection": connection, "error": error, "delivery": delivery}))

    def task(self, name: str, outcome: str, due: datetime, leads: bool | None = None) -> None:
        return None

    def attempt(
        self, connector: str, connection: str, outcome: str, seconds: float, fields: Mapping[str, object]
    ) -> None:
        self.attempts.append({"connector": connector, "connection": connection, "outcome": outcome, **fields})

    def delivered(self, connection: str, seconds: float) -> None:
        return None

    def rule(self, rule: str, verdict: str, count: int = 1) -> None:
        self.verdicts.append((rule, verdict))

    def run_started(self, rule: str) -> None:
        self.run_counts.append((rule, "started"))

    def run_ended(self, rule: str, outcome: str) -> None:
        self.run_counts.append((rule, outcome))

    def refused(self, reason: str) -> None:
        self.refusals.append(reason)

    def limited(self, limit: str) -> None:
        self.limits.append(str(limit))

    def pressure(self, ratio: float) -> None:
        return None

    def swept(self, kind: str, rows: int, oldest: datetime | None, behind: bool, at: datetime) -> None:
        self.sweeps[kind] = (rows, oldest, behind)

    def note(self, event: str, **fields: object) -> None:
        self.notes.append((event, fields))
