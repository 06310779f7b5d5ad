"""The listener as it is: TLS 1.3, client certificates, slow and large heads, and the headers of every answer."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from hub.adapters.db import migrate
from hub.adapters.tls import server_context
from hub.domain.errors import Invalid
from hub.settings import Settings
from hub.web.bounds import HEADERS
from tests.contract.transport.certificates import Authority
from tests.edges.served import Served, request, served

STRANGE = ssl.SSLError, ConnectionError, OSError


class Certificates:
    """Two authorities: the company's, and a stranger's."""

    def __init__(self, folder: Path) -> None:
        self.ours, self.strange = folder / "ours", folder / "strange"
        for one in (self.ours, self.strange):
            one.mkdir()
        self.authority, self.stranger = Authority(self.ours), Authority(self.strange)
        for authority in (self.authority, self.stranger):
            for name in ("api", "client"):
                authority.server(name)
                (authority.folder / f"{name}.pem").chmod(0o600)

    def client(self, folder: Path | None = None, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """A caller that trusts the company, with the client certificate of this folder."""
        context = ssl.create_default_context(cafile=self.authority.path)
        context.verify_flags &= (
            ~ssl.VerifyFlags.VERIFY_X509_STRICT if hasattr(ssl.VerifyFlags, "VERIFY_X509_STRICT") else -1
        )
        if folder is not None:
            context.load_cert_chain(folder / "client.pem")
        if newest is not None:
            context.maximum_version = newest
        return context

    def settings(self, mutual: bool) -> dict[str, str]:
        """Of a listener."""
        pem = str(self.ours / "api.pem")
        told = {"HIREWIRE_TLS_CERT": pem, "HIREWIRE_TLS_KEY": pem}
        return told | ({"HIREWIRE_TLS_CLIENT_CA": str(self.authority.path)} if mutual else {})


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def secure(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """TLS for everybody; heads have a second and a half."""
    yield from _running(tmp_path_factory.mktemp("secure"), certificates.client(), HIREWIRE_HEADER_TIMEOUT="1.5",
                        **certificates.settings(mutual=False))  # fmt: skip


@pytest.fixture(scope="module")
def mutual(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A second listener, for vendors only, who need a certificate."""
    yield from _running(tmp_path_factory.mktemp("mutual"), certificates.client(certificates.ours), HIREWIRE_SERVES="vendors",
                        **certificates.settings(mutual=True))  # fmt: skip


def _running(home: Path, context: ssl.SSLContext, **more: str) -> Iterator[Served]:
    database = f"sqlite:///{home}/hirewire.db"
    migrate(database)
    with served(home, database, context, **more) as made:
        made.start()
        yield made


def dial(hub: Served, context: ssl.SSLContext) -> tuple[str | None, int]:
    """The TLS version that was agreed on, and the status of a call."""
    plain = socket.create_connection(("127.0.0.1", hub.port), 10)
    with contextlib.closing(plain), context.wrap_socket(plain, server_hostname="api.example") as line:
        line.sendall(request("GET", "/health/live", {}))
        return line.version(), hub.speak(line).status


def test_it_speaks_tls_1_3(secure: Served, certificates: Certificates) -> None:
    assert dial(secure, certificates.client()) == ("TLSv1.3", 200)


def test_older_tls_and_plain_http_are_refused(secure: Served, certificates: Certificates) -> None:
    with pytest.raises(STRANGE):
        dial(secure, certificates.client(newest=ssl.TLSVersion.TLSv1_2))
    with contextlib.closing(socket.create_connection(("127.0.0.1", secure.port), 10)) as plain:
        plain.sendall(request("GET", "/health/live", {}))
        assert secure.speak(plain).status == 0


def test_a_planted_older_minimum_is_seen(certificates: Certificates) -> None:
    """The check above can fail: a listener with 1.2 as its minimum agrees on 1.2."""
    pem = certificates.ours / "api.pem"
    old = server_context(pem, pem, "1.2", None, None)
    assert old.minimum_version < server_context(pem, pem, "1.3", None, None).minimum_version


def test_who_has_no_certificate_of_ours_cannot_connect(mutual: Served, certificates: Certificates) -> None:
    assert dial(mutual, certificates.client(certificates.ours)) == ("TLSv1.3", 200)
    for folder in (None, certificates.strange):
        with contextlib.suppress(*STRANGE):
            assert dial(mutual, certificates.client(folder))[1] == 0


def test_the_listener_for_vendors_serves_nothing_else(mutual: Served) -> None:
    assert mutual.ask("GET", "/v1/events").status == 404
    assert mutual.ask("GET", "/schema/openapi.json").status == 404
    assert mutual.send(request("POST", f"/v1/hooks/{mutual.handles['hooks']}", {}, b"{}")).status == 401


@pytest.mark.parametrize(
    "path", ["/v1/events", "/v1/rules", "/health/live", "/nobody", "/schema/openapi.json", "/v1/hooks/x"]
)
def test_every_answer_has_the_headers(secure: Served, path: str) -> None:
    for answer in (secure.ask("GET", path), secure.send(request("GET", path, {}))):
        for name, value in HEADERS.items():
            assert answer.headers.get(name.lower()) == value, (path, answer.status, name)
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")


def test_slow_heads_are_cut_off_while_others_are_served(secure: Served) -> None:
    lines = [secure.connect() for _ in range(60)]
    try:
        for line in lines:
            line.sendall(b"GET /health/live HTTP/1.1\r\nhost: h\r\nx-slow:")
        assert secure.ask("GET", "/health/live").status == 200
        end = time.monotonic() + 10
        for line in lines:
            line.settimeout(max(0.1, end - time.monotonic()))
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                assert line.recv(100)[:12] in (b"", b"HTTP/1.1 408")
    finally:
        for line in lines:
            line.close()


def test_a_drip_of_a_head_does_not_live_on(secure: Served) -> None:
    """A byte now and then does not begin the time anew."""
    with contextlib.closing(secure.connect()) as line:
        line.settimeout(0.4)
        line.sendall(b"GET /health/live HTTP/1.1\r\nhost: h\r\n")
        end = time.monotonic() + 8
        while time.monotonic() < end:
            try:
                line.sendall(b"x")
                if line.recv(100)[:12] in (b"", b"HTTP/1.1 408"):
                    return
            except TimeoutError:
                continue
            except (ConnectionError, ssl.SSLError):
                return
    raise AssertionError("it lives")


@pytest.mark.parametrize(
    "head",
    [
        "".join(f"x-{n}: 1\r\n" for n in range(5000)),
        "x: " + "y" * 1_000_000 + "\r\n",
        "".join(f"x-{n}: {'y' * 8000}\r\n" for n in range(90)),
    ],
    ids=["many", "long", "much"],
)
def test_heads_without_measure_are_refused(secure: Served, head: str) -> None:
    answer = secure.send(b"GET /health/live HTTP/1.1\r\nhost: h\r\nconnection: close\r\n" + head.encode() + b"\r\n")
    assert answer.status in (0, 400, 431)
    assert secure.ask("GET", "/health/live").status == 200


def test_a_path_without_measure_is_refused(secure: Served) -> None:
    assert secure.ask("GET", "/v1/events/" + "x" * 100_000).status in (0, 400, 404, 414, 431)


def settings(**more: str) -> Settings:
    return Settings.read({f"HIREWIRE_{name}": value for name, value in more.items()})


@pytest.mark.parametrize(
    ("given", "at"),
    [
        ({"TLS_CERT": "a.pem"}, "HIREWIRE_TLS_KEY"),
        ({"TLS_KEY": "a.pem"}, "HIREWIRE_TLS_CERT"),
        ({"TLS_CLIENT_CA": "a.pem"}, "HIREWIRE_TLS_CERT"),
        ({"TLS_CERT": "a", "TLS_KEY": "a", "TLS_CLIENT_CRL": "a"}, "HIREWIRE_TLS_CLIENT_CRL"),
        ({"TLS_CERT": "a", "TLS_KEY": "a", "TLS_MINIMUM": "1.1"}, "HIREWIRE_TLS_MINIMUM"),
        ({"PRODUCTION": "1", "LISTEN": "0.0.0.0:80"}, "HIREWIRE_TLS_CERT"),
    ],
)
def test_settings_that_do_not_hang_together_are_refused(given: dict[str, str], at: str) -> None:
    with pytest.raises(Invalid) as caught:
        settings(**given)
    assert caught.value.at == at


def test_production_is_served_over_tls_or_behind_a_proxy() -> None:
    assert settings(PRODUCTION="1", LISTEN="0.0.0.0:80", PUBLIC_URL="https://hub.example").https
    assert settings(PRODUCTION="1", LISTEN="0.0.0.0:80", TLS_CERT="a", TLS_KEY="a").public_url == "https://0.0.0.0:80"


def test_files_that_are_none_have_a_name(certificates: Certificates, tmp_path: Path) -> None:
    pem, ca = certificates.ours / "api.pem", certificates.authority.path
    loose, rubbish = tmp_path / "loose.pem", tmp_path / "rubbish.pem"
    loose.write_bytes(pem.read_bytes())
    loose.chmod(0o644)
    rubbish.write_text("none")
    rubbish.chmod(0o600)
    other = certificates.strange / "api.pem"
    for given, at in (
        ((pem, loose, "1.3", None, None), "HIREWIRE_TLS_KEY"),
        ((pem, tmp_path / "none", "1.3", None, None), "HIREWIRE_TLS_KEY"),
        ((rubbish, pem, "1.3", None, None), "HIREWIRE_TLS_CERT"),
        ((pem, other, "1.3", None, None), "HIREWIRE_TLS_CERT"),
        ((pem, pem, "1.3", rubbish, None), "HIREWIRE_TLS_CLIENT_CA"),
        ((pem, pem, "1.3", ca, rubbish), "HIREWIRE_TLS_CLIENT_CRL"),
    ):
        with pytest.raises(Invalid) as caught:
            server_context(*given)
        assert (caught.value.code, caught.value.at) == ("bad_certificate", at)


def test_no_private_key_in_what_is_told(certificates: Certificates) -> None:
    key = (certificates.ours / "api.pem").read_bytes()
    assert b"PRIVATE" in key
    assert serialization.load_pem_private_key(key, None)
    shown = json.dumps(repr(settings(TLS_CERT="a", TLS_KEY="b")))
    assert "PRIVATE" not in shown
