"""TLS of our own listeners: the files are looked at before a port is opened, so that a fault has a name."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

from hub.domain.errors import Invalid

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def server_context(
    certificate: Path, key: Path, minimum: str, client_ca: Path | None, client_crl: Path | None
) -> ssl.SSLContext:
    """A listener's side of TLS. Raises Invalid (`bad_certificate`) with the setting that is wrong in `at`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[minimum]
    _private(key)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise _bad(
            "the certificate and its key cannot be read or do not belong together", "HIREWIRE_TLS_CERT"
        ) from error
    if client_ca is not None:
        _load(context, client_ca, "HIREWIRE_TLS_CLIENT_CA")
        context.verify_mode = ssl.CERT_REQUIRED
    if client_crl is not None:
        _load(context, client_crl, "HIREWIRE_TLS_CLIENT_CRL")
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
    return context


def _load(context: ssl.SSLContext, path: Path, setting: str) -> None:
    try:
        context.load_verify_locations(path)
    except (OSError, ssl.SSLError) as error:
        raise _bad(f"{setting} cannot be read", setting) from error


def _private(key: Path) -> None:
    try:
        mode = key.stat().st_mode
    except OSError as error:
        raise _bad("the key cannot be read", "HIREWIRE_TLS_KEY") from error
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise _bad("others may read the key: take their rights away (chmod 600)", "HIREWIRE_TLS_KEY")


def _bad(text: str, at: str) -> Invalid:
    return Invalid(text, code="bad_certificate", at=at)
