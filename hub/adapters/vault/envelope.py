"""The field envelope, format 1: 48 bytes around a sealed value, bound to the one place it lives in.

| offset | bytes | meaning |
|---|---|---|
| 0 | 2 | `HF` |
| 2 | 1 | format version, 1 |
| 3 | 1 | algorithm, 1 = AES-256-GCM |
| 4 | 16 | id of the data key |
| 20 | 12 | random nonce |
| 32 | n + 16 | ciphertext and tag |
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.domain.errors import Conflict
from hub.ports.vault import Place

MAGIC, VERSION, AES_256_GCM = b"HF", 1, 1
PREFIX = MAGIC + bytes((VERSION, AES_256_GCM))
KEY_ID, NONCE, TAG = 16, 12, 16
HEADER = len(PREFIX) + KEY_ID
OVERHEAD = HEADER + NONCE + TAG


def listed(*parts: bytes) -> bytes:
    """The parts, each behind its length (4 bytes, big endian), so that no two lists give the same bytes."""
    return b"".join([piece for part in parts for piece in (len(part).to_bytes(4, "big"), part)])


def text(value: str) -> bytes:
    """UTF-8 of any Python string; lone surrogates, which JSON can carry, keep their own bytes."""
    return value.encode("utf-8", "surrogatepass")


def context(header: bytes, place: Place) -> bytes:
    """What the tag vouches for besides the value: format, key and place."""
    before, after = _around(header, place.tenant, place.table, place.column, place.version)
    return before + listed(text(place.row)) + after


@lru_cache(maxsize=4096)
def _around(header: bytes, tenant: int, table: str, column: str, version: int) -> tuple[bytes, bytes]:
    """What all rows of one column have in common."""
    return listed(header, b"%d" % tenant, text(table)), listed(text(column), b"%d" % version)


def key_id(envelope: bytes) -> bytes:
    """Which key sealed it. Raises Conflict (code `unknown_envelope`) where the format is not one of ours."""
    if envelope[: len(PREFIX)] != PREFIX or len(envelope) < OVERHEAD:
        raise Conflict("not a field envelope of format 1 with AES-256-GCM", code="unknown_envelope")
    return envelope[len(PREFIX) : HEADER]


def seal(cipher: AESGCM, header: bytes, nonce: bytes, plain: bytes, bound: bytes) -> bytes:
    """The envelope. The nonce must be new for this key: the caller draws it at random."""
    return header + nonce + cipher.encrypt(nonce, plain, bound)


def open_sealed(cipher: AESGCM, envelope: bytes, bound: bytes) -> bytes:
    """The plain bytes. Raises Conflict (code `sealed_elsewhere`)."""
    try:
        return cipher.decrypt(envelope[HEADER : HEADER + NONCE], envelope[HEADER + NONCE :], bound)
    except InvalidTag as error:
        raise Conflict(
            "the sealed value was changed, or does not belong in this place", code="sealed_elsewhere"
        ) from error
