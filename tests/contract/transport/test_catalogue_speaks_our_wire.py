"""Every connector that ships: its credentials, hosts and checks are ones that the transport understands."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from yarl import URL

import connectors
from hub.adapters.http.auth import OAUTH, signer, way
from hub.adapters.http.guard import Guard
from hub.adapters.http.message import compose
from hub.adapters.http.signatures import VendorSignatures
from hub.adapters.http.wire import allowed_hosts, part, total_timeout
from hub.adapters.oauth.token_call import token_request
from hub.adapters.smtp.sender import SmtpSender
from hub.domain.errors import Unauthorized
from hub.ports.transport import HttpRequest

FOLDERS = sorted(path.parent for path in Path(connectors.__path__[0]).glob("*/manifest.yaml"))
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def connection(request, channel):
    """A connection of the connector with every setting filled in."""
    manifest = yaml.safe_load((request.param / "manifest.yaml").read_text("utf-8"))
    config: dict[str, object] = {}
    secrets: dict[str, str] = {}
    for name, setting in part(manifest, "config", "properties").items():
        if setting.get("x-secret"):
            secrets[name] = SECRET
        elif setting.get("format") == "uri":
            config[name] = "https://own.example/v1"
        elif setting.get("format") == "email":
            config[name] = "hr@own.example"
        else:
            config[name] = setting.get(
                "default", 7 if setting["type"] == "integer" else (setting.get("enum") or ["mail.example"])[0]
            )
    return channel(manifest, config, secrets)


def ways(connection) -> list[str]:
    return ["default", *part(connection.wire, "auth", "named")]


def test_its_ways_to_sign_in_are_understood(connection, clock):
    out = compose(HttpRequest("POST", "", json={}, key="k"), URL("https://own.example/"))
    for name in ways(connection):
        spec = way(connection, name)
        if spec["mode"] == "smtp":
            assert SmtpSender(Guard(), clock, None, None)._server(connection).host == "mail.example"  # type: ignore[arg-type]
            continue
        if spec["mode"] == OAUTH:
            assert token_request(spec, connection, datetime.now(UTC)).method == "POST"
        signed = signer(spec, connection, clock)(out, "k", "t")
        assert set(signed.headers) - set(out.headers)


def test_its_hosts_and_time_out_are_read(connection):
    assert allowed_hosts(connection, Guard())
    assert 0 < total_timeout(connection) <= 60


def test_what_it_is_sent_without_a_proof_is_refused(connection, clock):
    signatures = VendorSignatures(clock)
    for check in (lambda: signatures.verify(connection, {}, b"{}"), lambda: signatures.authenticate(connection, {})):
        with pytest.raises(Unauthorized):
            check()
