"""A client certificate that was really revoked is refused, another of the same authority is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from hub.adapters.db import migrate
from tests.contract.transport.certificates import NOW
from tests.edges.served import Served, served
from tests.edges.test_listener import STRANGE, Certificates, dial


def revocations(certificates: Certificates, until: timedelta, *revoked: Path) -> Path:
    """The authority's list."""
    authority = certificates.authority
    listed = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.name)
        .last_update(NOW - timedelta(days=2))
        .next_update(NOW + until)
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    for pem in revoked:
        serial = x509.load_pem_x509_certificate(pem.read_bytes()).serial_number
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - timedelta(days=1)).build()
        listed = listed.add_revoked_certificate(entry)
    path = certificates.ours / "crl.pem"
    path.write_bytes(listed.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(scope="module", params=[1, -1], ids=["a list of today", "a list that is over"])
def mutual(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, Certificates]]:
    """A listener that knows of one revoked certificate: `client`. `other` is good."""
    certificates, home = Certificates(tmp_path_factory.mktemp("certificates")), tmp_path_factory.mktemp("mutual")
    certificates.authority.server("other")
    crl = revocations(certificates, timedelta(days=request.param), certificates.ours / "client.pem")
    good = certificates.client()
    good.load_cert_chain(certificates.ours / "other.pem")
    migrate(f"sqlite:///{home}/hirewire.db")
    given = certificates.settings(mutual=True) | {"HIREWIRE_TLS_CLIENT_CRL": str(crl)}
    with served(home, f"sqlite:///{home}/hirewire.db", good, **given) as made:
        made.start()
        yield made, certificates


def test_a_revoked_client_is_refused_and_another_is_not(mutual: tuple[Served, Certificates]) -> None:
    hub, certificates = mutual
    assert hub.context is not None
    assert dial(hub, hub.context) == ("TLSv1.3", 200)
    try:
        status = dial(hub, certificates.client(certificates.ours))[1]
    except STRANGE:
        return
    assert status == 0
