"""A list of revoked certificates (RFC 5280): read, and believed only where one of the authorities signed it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from hub.domain.errors import Invalid

LARGEST = 32 * 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class RevokedList:
    """What matters of it. `over_at`: when the authority promised the next one."""

    pem: bytes
    issuer: str
    issued_at: datetime
    over_at: datetime
    count: int

    @property
    def digest(self) -> str:
        """Names exactly this list."""
        return hashlib.sha256(self.pem).hexdigest()


def read_list(path: Path, authorities: Path) -> RevokedList:
    """Raises Invalid (`bad_certificate`): no such file, no list, several, no end, or signed by nobody who is trusted."""
    try:
        if path.stat().st_size > LARGEST:
            raise _bad(f"is larger than {LARGEST} bytes")
        pem = path.read_bytes()
        trusted = x509.load_pem_x509_certificates(authorities.read_bytes())
        found = x509.load_pem_x509_crl(pem)
    except (OSError, ValueError) as error:
        raise _bad("cannot be read") from error
    if pem.count(b"-----BEGIN X509 CRL-----") != 1:
        raise _bad("holds several lists; one is read")
    if not any(_signed(found, one) for one in trusted):
        raise _bad("is signed by none of the authorities")
    if found.next_update_utc is None:
        raise _bad("does not say when the next one comes")
    return RevokedList(pem, found.issuer.rfc4514_string(), found.last_update_utc, found.next_update_utc, len(found))


def _signed(found: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    if found.issuer != authority.subject:
        return False
    try:
        return found.is_signature_valid(authority.public_key())  # type: ignore[arg-type]
    except (TypeError, ValueError):  # a kind of key that signs no lists
        return False


def _bad(what: str) -> Invalid:
    return Invalid(f"the list of revoked certificates {what}", code="bad_certificate", at="HIREWIRE_TLS_CLIENT_CRL")
