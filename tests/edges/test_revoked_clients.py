"""A client certificate that was really revoked is refused, another of the same authority is not."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from hub.adapters.db import migrate
from mappings.documents import Document
from tests.contract.transport.certificates import NOW, Authority
from tests.edges.served import Served, served
from tests.edges.test_listener import STRANGE, Certificates, dial
from tests.support.hubs import TENANT


def revocations(
    certificates: Certificates, until: timedelta, *revoked: Path, by: Authority | None = None, aged: float = 2
) -> Path:
    """The authority's list, put in its place in one step. `aged`: days since it was signed."""
    authority = by or certificates.authority
    listed = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.name)
        .last_update(NOW - timedelta(days=aged))
        .next_update(NOW + until)
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    for pem in revoked:
        serial = x509.load_pem_x509_certificate(pem.read_bytes()).serial_number
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOW - timedelta(days=1)).build()
        listed = listed.add_revoked_certificate(entry)
    pem = listed.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return put(certificates, pem)


def put(certificates: Certificates, content: bytes) -> Path:
    path = certificates.ours / "crl.pem"
    draft = path.with_suffix(".new")
    draft.write_bytes(content)
    return draft.rename(path)


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
    assert not let_in(hub, certificates.client(certificates.ours))


def let_in(hub: Served, context: ssl.SSLContext) -> bool:
    """Whether a handshake and a call succeed."""
    try:
        return dial(hub, context)[1] == 200
    except STRANGE:
        return False


@contextmanager
def listening(folder: Path, until: timedelta) -> Iterator[tuple[Served, Certificates, ssl.SSLContext, ssl.SSLContext]]:
    """A listener with a list that names nobody; the clients `client` and `other`."""
    certificates, home = Certificates(folder), folder / "home"
    home.mkdir()
    certificates.authority.server("other")
    crl = revocations(certificates, until)
    other = certificates.client()
    other.load_cert_chain(certificates.ours / "other.pem")
    migrate(f"sqlite:///{home}/hirewire.db")
    given = certificates.settings(mutual=True) | {"HIREWIRE_TLS_CLIENT_CRL": str(crl)}
    with served(home, f"sqlite:///{home}/hirewire.db", other, **given) as hub:
        yield hub, certificates, certificates.client(certificates.ours), other


def until_true(what: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.2)


def acts(hub: Served, action: str) -> list[Document]:
    async def read(use: Any) -> list[Document]:
        async with use.store.look() as look:
            return [one.act.detail for one in await look.acts(TENANT, 100) if one.act.action == action]

    return list(hub.act(read))


def metric(hub: Served, name: str) -> float:
    text = hub.ask("GET", "/metrics").body.decode()
    return float(next(line for line in text.splitlines() if line.startswith(name + "{")).rpartition(" ")[2])


@pytest.mark.timeout(180)
def test_a_new_list_is_in_force_without_a_restart_and_ends_open_connections(tmp_path: Path) -> None:
    with listening(tmp_path, timedelta(days=1)) as (hub, certificates, client, other):
        hub.start()
        assert hub.process is not None
        served_by = hub.process.pid
        assert let_in(hub, client)
        assert let_in(hub, other)
        plain = socket.create_connection(("127.0.0.1", hub.port), 10)
        with closing(plain), client.wrap_socket(plain, server_hostname="api.example") as line:
            revocations(certificates, timedelta(days=2), certificates.ours / "client.pem", aged=1)
            until_true(lambda: not let_in(hub, client))
            line.settimeout(20)
            with suppress(*STRANGE):
                assert line.recv(1) == b""
        assert let_in(hub, other)
        assert (hub.process.pid, hub.process.poll()) == (served_by, None)
        assert [one["revoked"] for one in acts(hub, "tls.revocations_taken")] == [1]
        until_true(lambda: metric(hub, "hirewire_revocations_left_seconds") > 86_400)


@pytest.mark.timeout(180)
def test_a_list_that_cannot_be_believed_changes_nothing_even_across_a_restart(tmp_path: Path) -> None:
    with listening(tmp_path, timedelta(days=1)) as (hub, certificates, client, other):
        good = revocations(certificates, timedelta(days=2), certificates.ours / "client.pem", aged=1).read_bytes()
        hub.start()
        bad: tuple[tuple[str, Callable[[], Path]], ...] = (
            ("an older one", lambda: revocations(certificates, timedelta(days=9), aged=2)),
            ("a stranger's", lambda: revocations(certificates, timedelta(days=9), by=certificates.stranger, aged=0)),
            ("half of one", lambda: put(certificates, good[:300])),
            ("two", lambda: put(certificates, good * 2)),
        )
        for number, (what, lay) in enumerate(bad, 1):
            lay()
            until_true(lambda wanted=number: len(acts(hub, "tls.revocations_refused")) == wanted)  # type: ignore[misc]
            assert not let_in(hub, client), what
            assert let_in(hub, other), what
        until_true(lambda: metric(hub, "hirewire_revocations_refused") == 1)
        hub.stop()
        hub.start()
        assert not let_in(hub, client)
        assert let_in(hub, other)


@pytest.mark.timeout(180)
def test_a_list_that_is_over_for_longer_than_the_grace_lets_nobody_in_until_a_new_one_comes(tmp_path: Path) -> None:
    with listening(tmp_path, timedelta(days=-1)) as (hub, certificates, _client, other):
        hub.environment["HIREWIRE_TLS_CRL_GRACE"] = "23"
        with pytest.raises(AssertionError, match="not ready"):
            hub.start(patience=8)
        assert hub.ask("GET", "/v1/events").code == "revocations_over"
        assert dial(hub, other)[1] == 200  # /health/live
        assert metric(hub, "hirewire_revocations_left_seconds") < 0
        assert acts(hub, "tls.shut")
        revocations(certificates, timedelta(days=1), aged=0.5)
        until_true(lambda: hub.ask("GET", "/v1/events").status == 200)
