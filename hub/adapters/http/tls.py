"""TLS towards vendors: certificates are always verified; there is no switch."""

from __future__ import annotations

import ssl
from pathlib import Path


def client_context(ca_bundle: Path | None = None) -> ssl.SSLContext:
    """The system's trust roots, plus those of `ca_bundle` (PEM) where a company runs its own authority; TLS 1.2 at least."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_bundle is not None:
        context.load_verify_locations(cafile=str(ca_bundle))
    return context
