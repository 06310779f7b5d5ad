"""Faults of libraries that others met: our versions are newer, and what can be tried is tried on ourselves."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import hashes
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from litestar.testing import AsyncTestClient
from packaging.version import Version

from hub.adapters.clock import ManualClock
from hub.adapters.db import migrate
from hub.domain.limits import Limit, Rate
from hub.web.app import create_app
from requirements.audit import normal
from requirements.locks import HERE, locked
from tests.edges.served import ROOT, Served, request, served
from tests.support.hubs import START, TENANT, bench
from tests.support.one_app import no_metrics

READ: list[dict[str, Any]] = yaml.safe_load((HERE / "advisories_read.yaml").read_text("utf-8"))["advisories"]
CPU_S = 1.0


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("advisories")
    migrate(f"sqlite:///{home}/hirewire.db")
    with served(home, f"sqlite:///{home}/hirewire.db") as made:
        made.start()
        yield made


@pytest.mark.parametrize("one", READ, ids=lambda one: str(one["id"]))
def test_the_locked_version_has_the_fix(one: dict[str, Any]) -> None:
    versions = {normal(p.name): Version(p.version) for lock in ("run", "dev") for p in locked(lock)}
    assert versions[one["package"]] >= Version(str(one["fixed"]))


def test_cve_2026_42544_a_websocket_header_does_not_end_the_server(hub: Served) -> None:
    head = (
        b"GET /v1/events HTTP/1.1\r\nhost: h\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-version: 13\r\nsec-websocket-protocol: \x80\xff\r\n\r\n"
    )
    worker = hub.worker().pid
    line = hub.connect()
    line.sendall(head)
    line.settimeout(2)
    try:
        assert line.recv(12) in (b"", b"HTTP/1.1 400", b"HTTP/1.1 401")
    finally:
        line.close()
    assert hub.send(request("GET", "/health/live", {})).status == 200
    assert hub.worker().pid == worker


@pytest.mark.parametrize(
    "media",
    [
        'multipart/form-data; boundary="' + "\\a" * 4000,
        "multipart/form-data" + '; a="\\' * 4000,
        "multipart/form-data; " + "=;" * 4000,
        "application/json" + "; " * 8000,
    ],
)
def test_cve_2026_28356_and_2023_25578_no_form_is_parsed(hub: Served, media: str) -> None:
    worker = hub.worker()
    before = worker.cpu_times()
    part = b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n'
    answer = hub.ask("POST", "/v1/events", part * 20_000, content_type=media)
    assert answer.status in (400, 415)
    after = worker.cpu_times()
    assert after.user + after.system - before.user - before.system < CPU_S


@pytest.mark.parametrize(
    "path", ["/static/../../etc/passwd", "/schema/..%2f..%2fetc/passwd", "/..%5c..%5cetc/passwd", "//etc/passwd"]
)
def test_cve_2024_32982_no_file_is_served(hub: Served, path: str) -> None:
    answer = hub.ask("GET", path)
    assert answer.status in (400, 404)
    assert b"root:" not in answer.body


def test_crlf_in_what_is_asked_forges_no_line_of_the_log(hub: Served) -> None:
    for place in ("/v1/events/%0d%0aforged: line", "/v1/rules/x%0aforged: line", "/%0d%0aforged: line"):
        hub.ask("GET", place.replace(" ", "%20"))
    hub.ask("GET", "/v1/events", x_trace="a\tforged: line", traceparent="00-\tforged: line")
    assert not any(line.startswith("forged") for line in hub.log().splitlines())


async def test_cve_2025_59152_a_forged_address_evades_no_limit() -> None:
    b = bench(clock=ManualClock(START))
    await b.hub.vault.prepare(TENANT)
    b.hub.limits.rates[Limit.STRANGER] = Rate(3, 60.0)  # type: ignore[index]
    async with AsyncTestClient(create_app(b.hub, no_metrics, "0")) as client:
        found = [
            (
                await client.get(
                    "/v1/rules", headers={"x-forwarded-for": f"198.51.100.{n}", "forwarded": f"for=198.51.100.{n}"}
                )
            )
            for n in range(6)
        ]
    assert [one.status_code for one in found] == [401, 401, 401, 429, 429, 429]


@pytest.mark.parametrize("host", ["evil.example", "hub.example:99999", "hubXexample", "[::1", "a b", "evil.example#"])
def test_cve_2026_25479_and_48061_no_name_of_a_host_is_believed(hub: Served, host: str) -> None:
    head = f"GET /schema/openapi.json HTTP/1.1\r\nhost: {host}\r\nx-forwarded-host: evil.example\r\nconnection: close\r\n\r\n"
    answer = hub.send(head.encode())
    assert answer.status in (0, 200, 400)
    assert b"evil" not in answer.body
    assert not any("evil" in value for value in answer.headers.values())


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://hub.example.evil.example"])
def test_no_other_origin_is_let_in(hub: Served, origin: str) -> None:
    for method in ("GET", "OPTIONS"):
        answer = hub.send(request(method, "/v1/events", {"origin": origin, "access-control-request-method": "POST"}))
        assert not [name for name in answer.headers if name.startswith("access-control")]


def test_no_session_is_taken_from_or_given_to_anybody(hub: Served) -> None:
    for path in ("/v1/events", "/health/live", "/nobody", "/schema/openapi.json"):
        answer = hub.send(request("GET", path, {"cookie": "session=attacker-chosen-id; csrftoken=x"}))
        assert "set-cookie" not in answer.headers
    assert hub.send(request("GET", "/v1/events", {"cookie": f"session={hub.token}"})).status == 401


def test_parts_of_the_framework_that_fell_short_are_not_used() -> None:
    told = "\n".join(path.read_text("utf-8") for package in ("hub", "admin") for path in (ROOT / package).rglob("*.py"))
    for name in ("AllowedHostsConfig", "CSRFConfig", "JWTAuth", "JWTCookieAuth", "ServerSideSessionConfig", "CookieBackendConfig",
                 "RateLimitConfig", "FileStore", "CORSConfig", "create_static_files_router", "UploadFile"):  # fmt: skip
        assert name not in told, name


def test_jose_takes_no_algorithm_key_or_crit_from_a_token() -> None:
    """CVE-2024-37568, 2025-59420, 2025-61920, 2026-28802, 2026-27962, on the library that our OAuth rests on."""
    key = OctKey.import_key("k" * 32)

    def token(header: dict[str, Any], signature: bytes = b"") -> str:
        parts = (json.dumps(header).encode(), json.dumps({"sub": "admin"}).encode(), signature)
        return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)

    good = jwt.encode({"alg": "HS256"}, {"sub": "a"}, key)
    assert jwt.decode(good, key, algorithms=["HS256"]).claims["sub"] == "a"
    body, signature = good.rsplit(".", 1)
    own = {"alg": "HS256", "jwk": {"kty": "oct", "k": base64.urlsafe_b64encode(b"a" * 32).decode()}}
    attacker = jwt.encode(own, {"sub": "admin"}, OctKey.import_key("a" * 32))
    for bad in (
        token({"alg": "none"}),
        token({"alg": "HS256", "crit": ["x"], "x": 1}, b"s"),
        token({"alg": "HS256", "kid": "../../dev/null"}, b""),
        jwt.encode({"alg": "HS512"}, {"sub": "a"}, OctKey.import_key("k" * 64), algorithms=["HS512"]),
        attacker,
        f"{body}.{signature[::-1]}",
    ):
        with pytest.raises((JoseError, ValueError)):
            jwt.decode(bad, key, algorithms=["HS256"])


def test_cve_2026_39892_a_buffer_with_holes_is_read_with_its_holes_or_refused() -> None:
    holes = memoryview(bytearray(range(64)))[::2]
    told = hashes.Hash(hashes.SHA256())
    whole = hashes.Hash(hashes.SHA256())
    whole.update(bytes(holes))
    try:
        told.update(holes)
    except (BufferError, ValueError, TypeError):
        return
    assert told.finalize() == whole.finalize()


def test_the_files_of_the_framework_are_not_in_reach(hub: Served) -> None:
    assert not (Path(hub.home) / "static").exists()
    assert hub.ask("GET", "/static/x").status == 404
