"""What a vendor's answer means: the manifest's rules first, then one table by status (RFC 9110, RFC 6585, RFC 5321)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import assert_never

from hub.domain.deliveries import Gone, NeedsHuman, Outcome, Refused, TryLater
from hub.ports.transport import HttpResponse, MailReply, Response
from hub.sdk.manifest import Call, ErrorRule
from hub.sdk.placeholders import Scope

REAUTH = "reauth"  # the class of answers that say: these credentials are refused for good
HUMAN = "needs_human"  # the class of answers that only a person can settle
_AMBIGUOUS = frozenset({408, 500, 502, 503, 504})
_EPOCH = 1_000_000_000  # a larger number in a reset header is a time, a smaller one a wait in seconds


def outcome_of(response: Response, call: Call, scope: Scope, now: datetime | None) -> Outcome | None:
    """None where the vendor took it, else what became of it. The reasons are class names, never the vendor's words."""
    match response:
        case HttpResponse():
            return _http(response, call, scope, now)
        case MailReply(code=code):
            return _mail(code, call)
        case _:
            assert_never(response)


def _http(response: HttpResponse, call: Call, scope: Scope, now: datetime | None) -> Outcome | None:
    status = response.status
    body = response.json() if any(rule.body for rule in call.errors) or call.ok is not None else None
    for rule in call.errors:
        if status in rule.status and (rule.body is None or rule.body.holds(body, scope)):
            return _ruled(rule, f"http_{status}", call, waited(response.headers, rule.wait, now))
    if 200 <= status < 300:
        return Refused("not_ok:http_200", retry=True) if call.ok and not call.ok.holds(body, scope) else None
    return _by_status(status, call, response.headers, now)


def _ruled(rule: ErrorRule, code: str, call: Call, wait: float | None) -> Outcome | None:
    match rule.do:
        case "ok":
            return None
        case "gone":
            return Gone(code)
        case "retry":
            return TryLater(code, wait)
        case "retry_if_idempotent":
            return _unsure(code, call, wait)
        case "refresh_then_retry_once":  # the transport has done so already: these credentials do not work
            return Refused(f"auth:{code}", retry=True)
        case _:
            if rule.kind == REAUTH:
                return NeedsHuman("needs_reauth")
            if rule.kind == HUMAN:
                return NeedsHuman(code)
            return Refused(f"{rule.kind}:{code}", retry=True)


def _by_status(status: int, call: Call, headers: Mapping[str, str], now: datetime | None) -> Outcome:
    code = f"http_{status}"
    wait = waited(headers, ("retry-after",), now)
    if status == 410:
        return Gone(code)
    if status in (425, 429):
        return TryLater(code, wait)
    if status == 408 or status >= 500:
        return _unsure(code, call, wait)
    if status in (401, 403):
        return Refused(f"auth:{code}", retry=True)
    return Refused(code, retry=True)


def _unsure(code: str, call: Call, wait: float | None) -> Outcome:
    """The vendor failed and may have acted: only what may be repeated is repeated."""
    if call.promise.idempotency == "none_manual_review":
        return NeedsHuman("outcome_unknown")
    return TryLater(code, wait)


def _mail(code: int, call: Call) -> Outcome | None:
    for rule in call.errors:
        if code in rule.status:
            return _ruled(rule, f"smtp_{code}", call, None)
    if 200 <= code < 300:
        return None
    return TryLater(f"smtp_{code}") if 400 <= code < 500 else Refused(f"smtp_{code}")


def waited(headers: Mapping[str, str], names: Iterable[str], now: datetime | None) -> float | None:
    """The longest wait in seconds that these headers ask for, None where they ask for none.

    Read are seconds, seconds since 1970, HTTP dates (RFC 9110) and ISO 8601 times; dates need `now`.
    """
    waits = [wait for name in names if (wait := _wait(headers.get(name, "").strip(), now)) is not None]
    return max(waits, default=None)


def _wait(text: str, now: datetime | None) -> float | None:
    try:
        number = float(text)
    except ValueError:
        at = _time(text)
    else:
        if not math.isfinite(number) or number < 0:
            return None
        if number < _EPOCH:
            return number
        try:
            at = datetime.fromtimestamp(number, UTC)
        except (ValueError, OverflowError, OSError):
            return None
    return None if at is None or now is None else max(0.0, (at - now).total_seconds())


def _time(text: str) -> datetime | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            at = read(text)
        except (ValueError, TypeError, IndexError):
            continue
        return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return None
