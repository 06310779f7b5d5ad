"""Files sealed to a key that is not here: whoever makes a backup cannot read it again. Format `HWBK`, version 1.

| offset | bytes | meaning |
|---|---|---|
| 0 | 4 | `HWBK` |
| 4 | 1 | format version, 1 |
| 5 | 1 | suite, 1 = HPKE (RFC 9180) base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM |
| 6 | 2 | number of recipients n, big endian |
| 8 | 88 n | each: 8 bytes of SHA-256 over its public key, then the file key under HPKE with info `hirewire backup 1` |
| 8+88n | 7 | nonce prefix |
| 15+88n | 4 | bytes of a chunk, big endian, 65,536 |
| 19+88n | 32 | commitment: HKDF-SHA256 of the file key, info `hirewire backup 1 commitment` and all bytes before |
| 51+88n | (65,536+16) m | chunks: AES-256-GCM; see below |

Chunks are under HKDF-SHA256 of the file key, info `hirewire backup 1 content`. The nonce of a chunk is the prefix, its
number (4 bytes, big endian) and 1 for the last chunk or 0 for the others. Each chunk vouches besides for SHA-256 of all
bytes before the first chunk.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.domain.errors import Conflict, Invalid

MAGIC, VERSION, SUITE = b"HWBK", 1, 1
CHUNK, TAG, STANZA, MOST = 65_536, 16, 88, 16
INFO = b"hirewire backup 1"
PUBLIC, SECRET = "hirewire-backup-1:", "hirewire-backup-secret-1:"
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def generate() -> tuple[str, str]:
    """(public, secret) as people keep them."""
    key = X25519PrivateKey.generate()
    return PUBLIC + key.public_key().public_bytes_raw().hex(), SECRET + key.private_bytes_raw().hex()


def read_public(text: str) -> X25519PublicKey:
    """Raises Invalid (`bad_recipient`)."""
    return X25519PublicKey.from_public_bytes(_raw(text.strip(), PUBLIC))


def read_secret(text: str) -> X25519PrivateKey:
    """Raises Invalid (`bad_recipient`)."""
    return X25519PrivateKey.from_private_bytes(_raw(text.strip(), SECRET))


def _raw(text: str, prefix: str) -> bytes:
    digits = text.removeprefix(prefix)
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        raw = b""
    if digits == text or len(raw) != 32:
        raise Invalid(f"a key of backups is {prefix} and 64 hex digits", code="bad_recipient")
    return raw


class Sealing:
    """Seals one stream; `file_key` opens it again and must not outlive the process that checks what it made."""

    def __init__(self, recipients: Iterable[X25519PublicKey]) -> None:
        to = list(recipients)
        if not 0 < len(to) <= MOST:
            raise Invalid(f"a backup is sealed to 1 to {MOST} keys", code="bad_recipient")
        self.file_key = os.urandom(32)
        stanzas = b"".join(_name(one) + _SUITE.encrypt(self.file_key, one, INFO) for one in to)
        start = MAGIC + bytes((VERSION, SUITE)) + len(to).to_bytes(2, "big") + stanzas
        self._prefix = os.urandom(7)
        start += self._prefix + CHUNK.to_bytes(4, "big")
        self.header = start + _derived(self.file_key, b" commitment" + start)
        self._cipher = AESGCM(_derived(self.file_key, b" content"))
        self._bound = hashlib.sha256(self.header).digest()
        self._number, self._rest = 0, b""

    def update(self, plain: bytes) -> bytes:
        """Sealed bytes of all that is certainly not the last chunk."""
        self._rest += plain
        out = []
        while len(self._rest) > CHUNK:
            out.append(self._chunk(self._rest[:CHUNK], last=False))
            self._rest = self._rest[CHUNK:]
        return b"".join(out)

    def finish(self) -> bytes:
        """The last chunk, which may be empty and is always there."""
        return self._chunk(self._rest, last=True)

    def _chunk(self, plain: bytes, *, last: bool) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._prefix, self._number, last), plain, self._bound)
        self._number += 1
        return sealed


class Unsealing:
    """Opens one stream. Nothing of a chunk is given before it was checked; only `finish` says that nothing is missing.

    Raises Conflict: `not_a_backup`, `other_recipient`, `backup_damaged`.
    """

    def __init__(self, *, secret: X25519PrivateKey | None = None, file_key: bytes | None = None) -> None:
        self._secret, self._key = secret, file_key
        self._rest = bytearray()
        self._cipher: AESGCM | None = None
        self._prefix = self._bound = b""
        self._number = 0

    def update(self, sealed: bytes) -> bytes:
        """Plain bytes of all that is certainly not the last chunk."""
        self._rest += sealed
        if self._cipher is None and not self._begin():
            return b""
        out, at = [], 0
        while len(self._rest) - at > CHUNK + TAG:
            out.append(self._chunk(bytes(self._rest[at : at + CHUNK + TAG]), last=False))
            at += CHUNK + TAG
        del self._rest[:at]
        return b"".join(out)

    def finish(self) -> bytes:
        """The last chunk."""
        if self._cipher is None:
            raise Conflict("the head of the backup is cut off", code="backup_damaged")
        return self._chunk(bytes(self._rest), last=True)

    def _begin(self) -> bool:
        start = bytes(self._rest[:8])
        if len(start) < 8:
            return False
        count = int.from_bytes(start[6:8], "big")
        if start[:6] != MAGIC + bytes((VERSION, SUITE)) or not 0 < count <= MOST:
            raise Conflict("not a sealed backup of a version that this program knows", code="not_a_backup")
        end = 8 + STANZA * count
        if len(self._rest) < end + 43:
            return False
        header = bytes(self._rest[: end + 43])
        del self._rest[: end + 43]
        if int.from_bytes(header[end + 7 : end + 11], "big") != CHUNK:
            raise Conflict("the head of the backup is damaged", code="backup_damaged")
        stanzas = [header[8 + STANZA * i : 8 + STANZA * (i + 1)] for i in range(count)]
        key = self._key if self._key is not None else _file_key(stanzas, self._secret)
        if not hmac.compare_digest(_derived(key, b" commitment" + header[:-32]), header[-32:]):
            raise Conflict("this key does not open the backup, or its head is damaged", code="other_recipient")
        self._prefix, self._bound = header[end : end + 7], hashlib.sha256(header).digest()
        self._cipher = AESGCM(_derived(key, b" content"))
        return True

    def _chunk(self, sealed: bytes, *, last: bool) -> bytes:
        assert self._cipher is not None
        try:
            plain = self._cipher.decrypt(_nonce(self._prefix, self._number, last), sealed, self._bound)
        except (InvalidTag, ValueError) as error:
            raise Conflict(
                f"the backup is damaged or cut off at chunk {self._number}", code="backup_damaged"
            ) from error
        self._number += 1
        return plain


def _file_key(stanzas: list[bytes], secret: X25519PrivateKey | None) -> bytes:
    if secret is not None:
        mine = _name(secret.public_key())
        for stanza in stanzas:
            if stanza[:8] == mine:
                try:
                    return _SUITE.decrypt(stanza[8:], secret, INFO)
                except InvalidTag as error:
                    raise Conflict("the head of the backup is damaged", code="backup_damaged") from error
    raise Conflict("the backup is not sealed to this key", code="other_recipient")


def _name(public: X25519PublicKey) -> bytes:
    return hashlib.sha256(public.public_bytes_raw()).digest()[:8]


def _derived(key: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=INFO + info).derive(key)


def _nonce(prefix: bytes, number: int, last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes((last,))
