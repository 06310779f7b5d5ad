"""RFC 6238: time-based one-time passwords over HMAC-SHA1, as every authenticator app computes them."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime
from urllib.parse import quote

STEP_S = 30
DIGITS = 6
DRIFT = 1  # steps that a clock may be off, to either side


def step_at(now: datetime) -> int:
    """The number of the 30-second step."""
    return int(now.timestamp()) // STEP_S


def code(secret: bytes, step: int, digits: int = DIGITS, algorithm: str = "sha1") -> str:
    """The password of a step (RFC 4226, 5.3)."""
    mac = hmac.digest(secret, step.to_bytes(8, "big"), algorithm)
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def accepted_step(secret: bytes, given: str, now: datetime, last: int) -> int | None:
    """The step whose password was given, None if none fits. A step up to `last` is never taken again (RFC 6238, 5.2)."""
    if len(given) != DIGITS or not (given.isascii() and given.isdigit()):
        return None
    middle, found = step_at(now), None
    for step in range(middle - DRIFT, middle + DRIFT + 1):
        if hmac.compare_digest(code(secret, step), given) and step > last:
            found = step
    return found


def address(secret: bytes, issuer: str, account: str) -> str:
    """The otpauth address that apps read from a QR code."""
    words = base64.b32encode(secret).decode().rstrip("=")
    name = f"{quote(issuer)}:{quote(account)}"
    return f"otpauth://totp/{name}?secret={words}&issuer={quote(issuer)}&digits={DIGITS}&period={STEP_S}"
