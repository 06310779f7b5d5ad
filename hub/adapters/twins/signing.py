"""Signatures by the twin's own hand: those it puts on its webhooks and those it wants on what it receives."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping

from mappings.documents import Document, Json

TOLERANCE_S = 300.0


def setting(template: Json, config: Mapping[str, Json]) -> str:
    """A manifest value such as `{config.api_key}` with the connection's settings filled in; filters are left out."""
    text = template if isinstance(template, str) else ""
    return re.sub(r"\{config\.([A-Za-z0-9_]+)[^}]*\}", lambda hole: str(config.get(hole[1]) or ""), text)


def sign(verify: Document, config: Mapping[str, Json], body: bytes, event_id: str, now_s: int) -> dict[str, str]:
    """Headers that sign `body` as the manifest's `webhooks.verify` wants it. Raises ValueError for a scheme unknown here."""
    key = setting(verify.get("key"), config)
    match verify.get("scheme"):
        case "standard_webhooks":
            signature = base64.b64encode(_standard(_secret(key), event_id, str(now_s), body)).decode()
            return {
                "webhook-id": event_id,
                "webhook-timestamp": str(now_s),
                "webhook-signature": f"v1,{signature}",
            }
        case "hmac":
            mac = hmac.new(key.encode(), _signed(verify, body, now_s), str(verify.get("hash", "sha256")))
            value = str(verify.get("format", "{hex}"))
            value = value.replace("{timestamp}", str(now_s)).replace("{hex}", mac.hexdigest())
            value = value.replace("{base64}", base64.b64encode(mac.digest()).decode())
            headers = {str(verify["header"]): value}
            if isinstance(stamp := verify.get("timestamp_header"), str):
                headers[stamp] = str(now_s)
            return headers
        case scheme:
            raise ValueError(f"no way to sign by {scheme}")


def _signed(verify: Document, body: bytes, now_s: int) -> bytes:
    wanted = str(verify.get("signed", "raw_body"))
    if wanted == "raw_body":
        return body
    before, _, after = wanted.replace("{timestamp}", str(now_s)).partition("{raw_body}")
    return before.encode() + body + after.encode()


def standard_holds(key: str, headers: Mapping[str, str], body: bytes, now_s: float) -> bool:
    """Whether the Standard Webhooks headers sign `body` with `key`, not more than five minutes ago or ahead."""
    try:
        secret = _secret(key)
    except binascii.Error:
        return False
    id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not id or re.fullmatch(r"[0-9]{1,12}", stamp) is None or abs(now_s - int(stamp)) > TOLERANCE_S:
        return False
    wanted = _standard(secret, id, stamp, body)
    for part in headers.get("webhook-signature", "").split(" "):
        version, _, text = part.partition(",")
        try:
            given = base64.b64decode(text, validate=True)
        except binascii.Error:
            continue
        if version == "v1" and hmac.compare_digest(given, wanted):
            return True
    return False


def _secret(key: str) -> bytes:
    """https://www.standardwebhooks.com: the key is base64 behind `whsec_`."""
    return base64.b64decode(key.removeprefix("whsec_"), validate=True)


def _standard(secret: bytes, id: str, stamp: str, body: bytes) -> bytes:
    """HMAC-SHA256 over `id.timestamp.body`."""
    return hmac.new(secret, f"{id}.{stamp}.".encode() + body, hashlib.sha256).digest()
