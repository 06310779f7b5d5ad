"""The media envelope, format 1: STREAM over 64 KiB chunks, so that any range opens alone and the length is authenticated.

| offset | bytes | meaning |
|---|---|---|
| 0 | 4 | `HUBM` |
| 4 | 1 + 1 | format version 1, algorithm 1 = AES-256-GCM |
| 6 | 2 | length of the key reference, 16 |
| 8 | 16 | id of the data key |
| 24 | 32 | salt |
| 56 | 7 | nonce prefix |
| 63 | 32 | key commitment |
| 95 | 4 | chunk size, 65,536 |
| 99 | (65,536 + 16) x n | chunk i: nonce = prefix, i (4 bytes, big endian), 1 where it is the last; AAD = SHA-256 of the header |

The object key is HKDF-SHA512(data key, salt, `hub/media/v1` and SHA-256 of the place): a blob opens only in its place.
V. T. Hoang and others, "Online authenticated-encryption and its nonce-reuse misuse-resistance", 2015 (STREAM).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.domain.errors import Conflict

MAGIC, VERSION, AES_256_GCM = b"HUBM", 1, 1
CHUNK, TAG, KEY_ID = 65_536, 16, 16
SALT, PREFIX, COMMIT = 32, 7, 32
HEADER = 4 + 2 + 2 + KEY_ID + SALT + PREFIX + COMMIT + 4
STEP = CHUNK + TAG
LIMIT = 2**32  # chunks: the counter has four bytes
_START = MAGIC + bytes((VERSION, AES_256_GCM)) + KEY_ID.to_bytes(2, "big")


@dataclass(frozen=True, slots=True)
class Keys:
    """What one stream is sealed with."""

    header: bytes
    prefix: bytes
    cipher: AESGCM = field(repr=False)
    bound: bytes

    def seal(self, index: int, last: bool, plain: bytes) -> bytes:
        return self.cipher.encrypt(self._nonce(index, last), plain, self.bound)

    def open(self, index: int, last: bool, sealed: bytes) -> bytes:
        """Raises Conflict (`sealed_elsewhere`)."""
        try:
            return self.cipher.decrypt(self._nonce(index, last), sealed, self.bound)
        except InvalidTag as error:
            raise tampered() from error

    def _nonce(self, index: int, last: bool) -> bytes:
        return self.prefix + index.to_bytes(4, "big") + bytes((last,))


class Sealing:
    """One stream on its way in."""

    def __init__(self, keys: Keys) -> None:
        self._keys, self._rest, self._index, self._begun = keys, bytearray(), 0, False

    def update(self, data: bytes) -> bytes:
        """A chunk is sealed when something stands behind it: only then is it known not to be the last."""
        rest = self._rest
        rest += data
        out = [] if self._begun else [self._keys.header]
        self._begun = True
        at = 0
        while len(rest) - at > CHUNK:
            out.append(self._sealed(bytes(rest[at : at + CHUNK]), last=False))
            at += CHUNK
        del rest[:at]
        return b"".join(out)

    def finish(self) -> bytes:
        """The last chunk; an empty stream has one too."""
        head = b"" if self._begun else self._keys.header
        return head + self._sealed(bytes(self._rest), last=True)

    def _sealed(self, chunk: bytes, *, last: bool) -> bytes:
        if self._index >= LIMIT:
            raise Conflict("a stream is at most 256 TiB", code="stream_too_long")
        sealed = self._keys.seal(self._index, last, chunk)
        self._index += 1
        return sealed


class Opening:
    """A stream whose last chunk is verified, and so its length."""

    def __init__(self, keys: Keys, sealed: int, tail: bytes) -> None:
        start, length = last_chunk(keys.header, sealed)
        if len(tail) != length:
            raise tampered()
        self._keys, self._last = keys, (start - HEADER) // STEP
        plain = keys.open(self._last, True, tail)
        if self._last and not plain:  # never written: an empty last chunk stands alone
            raise tampered()
        self.sealed, self.size = sealed, self._last * CHUNK + len(plain)

    def span(self, start: int, length: int) -> tuple[int, int]:
        """See `OpenedStream`."""
        first, last = start // CHUNK, min(self._last, max(start, start + length - 1) // CHUNK)
        end = self.sealed if last == self._last else HEADER + (last + 1) * STEP
        return HEADER + first * STEP, end - (HEADER + first * STEP)

    def open(self, start: int, length: int, sealed: bytes) -> bytes:
        """See `OpenedStream`."""
        if start < 0 or length <= 0 or start + length > self.size:
            raise Conflict("no such bytes in the stream", code="bad_range")
        at, wanted = self.span(start, length)
        if len(sealed) != wanted:
            raise tampered()
        first = (at - HEADER) // STEP
        view, parts = memoryview(sealed), []
        for number, offset in enumerate(range(0, wanted, STEP), first):
            parts.append(self._keys.open(number, number == self._last, bytes(view[offset : offset + STEP])))
        skipped = start - first * CHUNK
        whole = parts[0] if len(parts) == 1 else b"".join(parts)
        return whole if skipped == 0 and length == len(whole) else whole[skipped : skipped + length]


def new_keys(key_id: bytes, material: bytes, place: bytes) -> Keys:
    """For a new stream in this place."""
    salt, prefix = os.urandom(SALT), os.urandom(PREFIX)
    return _keys(key_id, material, place, salt, prefix)


def keys_of(header: bytes, material: bytes, place: bytes) -> Keys:
    """Of a stream that is there. Raises Conflict (`sealed_elsewhere`): another key or place than it was sealed with."""
    salt, prefix = header[24 : 24 + SALT], header[56 : 56 + PREFIX]
    keys = _keys(key_of(header), material, place, salt, prefix)
    if not hmac.compare_digest(keys.header, header):
        raise tampered()
    return keys


def key_of(header: bytes) -> bytes:
    """The id of the data key. Raises Conflict (`unknown_envelope`)."""
    size = int.from_bytes(header[95:99], "big")
    if len(header) != HEADER or header[: len(_START)] != _START or size != CHUNK:
        raise Conflict("not a media envelope of format 1", code="unknown_envelope")
    return header[8 : 8 + KEY_ID]


def last_chunk(header: bytes, sealed: int) -> tuple[int, int]:
    """(first byte, bytes) of the last chunk in a blob of so many bytes."""
    key_of(header)
    body = sealed - HEADER
    if body < TAG:
        raise tampered()
    last = (body - 1) // STEP
    length = body - last * STEP
    if length < TAG:
        raise tampered()
    return HEADER + last * STEP, length


def tampered() -> Conflict:
    return Conflict("the recording was changed, or does not belong in this place", code="sealed_elsewhere")


def hkdf(material: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA512, one block of 64 bytes (RFC 5869)."""
    return hmac.digest(hmac.digest(salt or bytes(64), material, "sha512"), info + b"\x01", "sha512")


def _keys(key_id: bytes, material: bytes, place: bytes, salt: bytes, prefix: bytes) -> Keys:
    block = hkdf(material, salt, b"hub/media/v1" + hashlib.sha256(place).digest())  # 32 bytes of key, 32 of commitment
    header = _START + key_id + salt + prefix + block[32:] + CHUNK.to_bytes(4, "big")
    return Keys(header, prefix, AESGCM(block[:32]), hashlib.sha256(header).digest())
