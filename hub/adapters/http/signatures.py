"""Verifies what vendors send us, by the manifest, fail-closed: whatever is missing, unknown or doubtful is refused."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping

from hub.adapters.http import auth, standard_webhooks
from hub.adapters.http.wire import needed, part, seconds
from hub.domain.errors import Unauthorized
from hub.ports.clock import Clock
from hub.ports.transport import Blocked, Channel, NeedsReauth
from mappings.documents import Document

_HASHES = frozenset({"sha1", "sha256", "sha512"})
_LEAST_SECRET = 8
_MOST_ITEMS = 32
_PLACES = {
    "hex": r"(?P<hex>[0-9A-Fa-f]+)",
    "base64": r"(?P<base64>[A-Za-z0-9+/]+={0,2})",
    "timestamp": r"(?P<timestamp>[0-9]{1,11})",
}
_SIGNED_PLACES = re.compile(r"\{(raw_body|body|timestamp|id)\}")


class VendorSignatures:
    """The Signatures port. Times are compared with the clock, texts in constant time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def verify(self, channel: Channel, headers: Mapping[str, str], body: bytes) -> None:
        """Check a webhook's raw bytes by `webhooks.verify`. Raises Unauthorized (`bad_signature`)."""
        spec = part(channel.wire, "webhooks", "verify")
        self._checked(spec, channel, headers, body)

    def authenticate(self, channel: Channel, headers: Mapping[str, str]) -> None:
        """Check a partner call by `provides.auth`: who calls, not what is said. Raises Unauthorized."""
        spec = part(channel.wire, "provides", "auth")
        if spec.get("scheme") not in ("basic", "bearer", "static_token"):
            raise _refusal("the connector serves no partner calls")
        self._checked(spec, channel, headers, b"")

    def _checked(self, spec: Document, channel: Channel, headers: Mapping[str, str], body: bytes) -> None:
        try:
            match spec.get("scheme"):
                case "hmac":
                    self._hmac(spec, channel, headers, body)
                case "standard_webhooks":
                    self._standard(spec, channel, headers, body)
                case "static_token":
                    header = needed(spec, "header", channel).lower()
                    _same(headers.get(header), _secret(spec, "token", channel), "token")
                case "bearer":
                    _same(headers.get("authorization"), f"Bearer {_secret(spec, 'token', channel)}", "authorization")
                case "basic":
                    _same(headers.get("authorization"), _basic(spec, channel), "authorization")
                case _:
                    raise _refusal("the manifest names no scheme that is known")
        except (NeedsReauth, Blocked, standard_webhooks.BadSecret) as error:
            # A connection or manifest that lacks what is needed proves nothing.
            raise _refusal("the connection cannot verify: a secret or a setting is missing") from error

    def _standard(self, spec: Document, channel: Channel, headers: Mapping[str, str], body: bytes) -> None:
        why = standard_webhooks.verify(
            needed(spec, "key", channel),
            headers.get("webhook-id", ""),
            headers.get("webhook-timestamp", ""),
            headers.get("webhook-signature", ""),
            body,
            now=self._clock.now().timestamp(),
            tolerance=_tolerance(spec),
        )
        if why is not None:
            raise _refusal(why)

    def _hmac(self, spec: Document, channel: Channel, headers: Mapping[str, str], body: bytes) -> None:
        algorithm = spec.get("hash", "sha256")
        if algorithm not in _HASHES:
            raise _refusal("the hash is unknown")
        given = headers.get(needed(spec, "header", channel).lower())
        if not given:
            raise _refusal("the signature header is missing")
        macs, timestamp = _read(given, str(spec.get("format", "{hex}")))
        signed = str(spec.get("signed", "raw_body"))
        if isinstance(stamp := spec.get("timestamp_header"), str):
            timestamp = headers.get(stamp.lower())
        if "{timestamp}" in signed and (
            timestamp is None or not standard_webhooks.fresh(timestamp, self._clock.now().timestamp(), _tolerance(spec))
        ):
            raise _refusal("the timestamp is missing or not within the tolerance")
        text = _material(
            signed, {"timestamp": timestamp, "id": headers.get(str(spec.get("id_header", "")).lower())}, body
        )
        expected = hmac.digest(_secret(spec, "key", channel).encode(), text, str(algorithm))
        if not any(hmac.compare_digest(expected, mac) for mac in macs):
            raise _refusal("no signature matches")


def _read(header: str, form: str) -> tuple[list[bytes], str | None]:
    """The signatures and the one timestamp in a header of this form, such as `t={timestamp},v1={hex}`."""
    patterns = [re.compile(_pattern(item.strip())) for item in form.split(",")]
    items = header.split(",")
    if len(items) > _MOST_ITEMS:
        raise _refusal("the signature header holds too many items")
    macs: list[bytes] = []
    times: list[str] = []
    for item in items:
        for pattern in patterns:
            if (found := pattern.fullmatch(item.strip())) is not None:
                groups = found.groupdict()
                times += [groups["timestamp"]] if groups.get("timestamp") else []
                macs += _decoded(groups)
    if not macs or len(times) > 1:
        raise _refusal("the signature header does not have the agreed form")
    return macs, times[0] if times else None


def _pattern(item: str) -> str:
    pieces = re.split(r"\{(\w+)\}", item)
    if any(name not in _PLACES for name in pieces[1::2]):
        raise _refusal("the manifest's signature format is unknown")
    return "".join(re.escape(piece) if at % 2 == 0 else _PLACES[piece] for at, piece in enumerate(pieces))


def _decoded(groups: Mapping[str, str | None]) -> list[bytes]:
    try:
        if text := groups.get("hex"):
            return [bytes.fromhex(text)]
        if text := groups.get("base64"):
            return [base64.b64decode(text, validate=True)]
    except (binascii.Error, ValueError):
        return []
    return []


def _material(signed: str, values: Mapping[str, str | None], body: bytes) -> bytes:
    """The bytes that were signed: `raw_body` alone or a template such as `{timestamp}.{raw_body}`."""
    if signed == "raw_body":
        return body
    pieces = _SIGNED_PLACES.split(signed)
    if not {"raw_body", "body"} & set(pieces[1::2]):
        raise _refusal("the manifest's signature does not cover the body")
    out: list[bytes] = []
    for at, piece in enumerate(pieces):
        if at % 2 == 0:
            out.append(piece.encode())
        elif piece in ("raw_body", "body"):
            out.append(body)
        else:
            value = values.get(piece)
            if not value:
                raise _refusal("a signed header is missing")
            out.append(value.encode(errors="surrogatepass"))
    return b"".join(out)


def _secret(spec: Document, name: str, channel: Channel) -> str:
    value = needed(spec, name, channel)
    if len(value) < _LEAST_SECRET:
        raise _refusal("the connection's secret is too short to prove anything")
    return value


def _basic(spec: Document, channel: Channel) -> str:
    """The header we want. One of the two parts must be a real secret, the other may be empty by the manifest."""
    username = "" if spec.get("username", "") == "" else needed(spec, "username", channel)
    password = "" if spec.get("password", "") == "" else needed(spec, "password", channel)
    if max(len(username), len(password)) < _LEAST_SECRET:
        raise _refusal("the connection's secret is too short to prove anything")
    return auth.basic(username, password)


def _same(given: str | None, wanted: str, what: str) -> None:
    if given is None:
        raise _refusal(f"the {what} header is missing")
    scheme, space, rest = given.partition(" ")
    if space and what == "authorization":  # RFC 9110, 11.1: the scheme's letters have no case
        given = f"{scheme.capitalize()} {rest.strip()}"
    if not hmac.compare_digest(given.encode(errors="surrogatepass"), wanted.encode(errors="surrogatepass")):
        raise _refusal(f"the {what} header does not match")


def _tolerance(spec: Document) -> float:
    given = spec.get("tolerance")
    return standard_webhooks.TOLERANCE_S if given is None else min(seconds(given), 3600.0)


def _refusal(why: str) -> Unauthorized:
    return Unauthorized(f"not accepted: {why}", code="bad_signature")
