"""Certificates that must not be believed, and the one that may."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hub.adapters.http.guard import Guard
from hub.ports.transport import HttpRequest, NotSent

NOW = datetime.now(UTC)


class Authority:
    """A certificate authority made for one test session."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        self.path = folder / "ca.pem"
        self.path.write_bytes(self.sign(self.name, self.key, ca=True).public_bytes(serialization.Encoding.PEM))

    def sign(self, subject, key, *, names=("api.example",), days=(-1, 1), ca=False, issuer=None):
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW + timedelta(days=days[0]))
            .not_valid_after(NOW + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.KeyUsage(True, False, False, False, False, ca, ca, False, False), critical=True)
        )
        if not ca:
            alt = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(alt, critical=False)
        return builder.sign(key if issuer else self.key, hashes.SHA256())

    def server(self, label: str, *, own: bool = False, **options: object) -> ssl.SSLContext:
        """A server's TLS with a certificate of this authority, or one that the server signed itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, label)])
        signed = self.sign(subject, key, issuer=subject if own else None, **options)
        path = self.folder / f"{label}.pem"
        plain = serialization.NoEncryption()
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        path.write_bytes(signed.public_bytes(serialization.Encoding.PEM) + pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


def guard(vendor) -> Guard:
    return Guard(allow_loopback=True, ports=frozenset({vendor.port}))


async def here(_host):
    return ["127.0.0.1"]


async def test_a_company_s_own_authority_is_believed_when_it_is_set(open_vendor, build, channel, authority):
    vendor = await open_vendor(tls=authority.server("good"))
    router = build(guard(vendor), lookup=here, ca_bundle=authority.path)
    for _ in range(2):
        answer = await router.send(channel(), HttpRequest("GET", vendor.url(host="api.example")))
        assert answer.status == 200
    assert vendor.lines == 1


@pytest.mark.parametrize(
    ("label", "options", "trusted"),
    [
        ("expired", {"days": (-3, -1)}, True),
        ("not-yet", {"days": (1, 3)}, True),
        ("wrong-name", {"names": ["other.example"]}, True),
        ("self-signed", {"own": True}, True),
        ("stranger", {}, False),
    ],
)
async def test_a_bad_certificate_is_refused_before_anything_is_sent(
    open_vendor, build, channel, authority, label, options, trusted
):
    vendor = await open_vendor(tls=authority.server(label, **options))
    router = build(guard(vendor), lookup=here, ca_bundle=authority.path if trusted else None)
    with pytest.raises(NotSent) as caught:
        await router.send(channel(), HttpRequest("POST", vendor.url(host="api.example"), json={}))
    assert caught.value.code == "tls_failed"
    assert vendor.seen == []


@pytest.mark.filterwarnings("ignore:.*TLSv1_1 is deprecated")
async def test_old_tls_is_refused(open_vendor, build, channel, authority):
    context = authority.server("old")
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    vendor = await open_vendor(tls=context)
    router = build(guard(vendor), lookup=here, ca_bundle=authority.path)
    with pytest.raises(NotSent):
        await router.send(channel(), HttpRequest("GET", vendor.url(host="api.example")))
    assert vendor.seen == []


async def test_tls_to_a_server_that_speaks_plain_http_is_not_sent(open_vendor, build, channel):
    async def script(line):
        line.answer(400)
        await line.gone()

    vendor = await open_vendor(script)
    with pytest.raises(NotSent) as caught:
        await build().send(channel(), HttpRequest("GET", vendor.url().replace("http://", "https://")))
    assert caught.value.code == "tls_failed"
