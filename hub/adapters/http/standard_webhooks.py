"""Standard Webhooks 1.0.0 (standardwebhooks.com): the symmetric signature `v1`, both ways."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence

TOLERANCE_S = 300.0
_TIMESTAMP = re.compile(r"[0-9]{1,11}", re.ASCII)
_LEAST_BYTES = 24  # the specification asks for 24 to 64
_MOST_SIGNATURES = 16


class BadSecret(ValueError):
    """A secret that is not base64 of at least 24 bytes; the text is never repeated."""


def keys(secret: str) -> list[bytes]:
    """The keys of a secret: one, or several separated by white space while one replaces another. Raises BadSecret."""
    found: list[bytes] = []
    for one in secret.split():
        try:
            key = base64.b64decode(one.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadSecret("a signing secret is not base64") from error
        if len(key) < _LEAST_BYTES:
            raise BadSecret(f"a signing secret is shorter than {_LEAST_BYTES} bytes")
        found.append(key)
    if not found:
        raise BadSecret("there is no signing secret")
    return found


def sign(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`: one `v1,` signature for each key, separated by spaces. Raises BadSecret."""
    return signature(keys(secret), id, timestamp, body)


def signature(keys: Sequence[bytes], id: str, timestamp: int, body: bytes) -> str:
    """The same with the keys of a secret."""
    return " ".join(["v1," + base64.b64encode(_mac(key, id, str(timestamp), body)).decode() for key in keys])


class Signing:
    """`sign` for a body that comes in pieces: all keys in one pass."""

    def __init__(self, secret: str, id: str, timestamp: int) -> None:
        begin = f"{id}.{timestamp}.".encode()
        self._macs = [hmac.new(key, begin, hashlib.sha256) for key in keys(secret)]

    def update(self, piece: bytes) -> None:
        """The next piece."""
        for mac in self._macs:
            mac.update(piece)

    def header(self) -> str:
        """As `sign` gives it."""
        return " ".join("v1," + base64.b64encode(mac.digest()).decode() for mac in self._macs)


def verify(
    secret: str, id: str, timestamp: str, signature: str, body: bytes, *, now: float, tolerance: float
) -> str | None:
    """Why these headers do not prove the body, None where they do. `now` in seconds since 1970. Raises BadSecret."""
    if not id or len(id) > 256 or "." in id:
        return "webhook-id is missing or not an id"
    if not fresh(timestamp, now, tolerance):
        return "webhook-timestamp is not within the tolerance"
    candidates = _candidates(signature)
    if candidates is None:
        return "webhook-signature holds too many signatures"
    expected = [_mac(key, id, timestamp, body) for key in keys(secret)]
    if not any(hmac.compare_digest(one, other) for one in expected for other in candidates):
        return "no signature matches"
    return None


def fresh(timestamp: str, now: float, tolerance: float) -> bool:
    """Whether the text is whole seconds since 1970, at most `tolerance` seconds from `now`, either way."""
    return _TIMESTAMP.fullmatch(timestamp) is not None and abs(now - int(timestamp)) <= tolerance


def _candidates(header: str) -> Sequence[bytes] | None:
    parts = header.split()
    if len(parts) > _MOST_SIGNATURES:
        return None
    found: list[bytes] = []
    for part in parts:
        version, _, text = part.partition(",")
        if version != "v1":  # v1a is Ed25519: an HMAC secret proves nothing about it
            continue
        try:
            found.append(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            continue
    return found


def _mac(key: bytes, id: str, timestamp: str, body: bytes) -> bytes:
    return hmac.digest(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256)
