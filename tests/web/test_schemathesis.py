"""The running API against its own OpenAPI document: what it declares is what it does, whatever is thrown at it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

CONFIG = """
hirewire: 1
connections:
  referrals: {connector: referral, config: {base_url: "https://ref.example"}, secrets: {api_token: {env: REFERRAL_TOKEN}}}
rules:
  high-score:
    rule:
      schema: 1
      trigger: {event: interview.report.completed}
      when: {kind: clause, id: c1, field: report.overall.score, op: gt, value: 85}
      then: [{kind: action, id: a1, connection: referrals, operation: referral.create}]
"""
EXCLUDED = (
    "allow_header_conformance,positive_data_acceptance"  # the framework's OPTIONS; generated events are no reports
)


def hirewire(*words: str, env: dict[str, str]) -> str:
    words = (sys.executable, "-P", "-m", "hub", *words)
    return subprocess.run(words, env=env, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Address and token of a hub that serves and does not deliver."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {k: v for k, v in os.environ.items() if not k.startswith("HIREWIRE_")}
    env |= {
        "HIREWIRE_HOME": str(tmp_path / "home"),
        "HIREWIRE_LISTEN": f"127.0.0.1:{port}",
        "HIREWIRE_LOOPS": "none",
        "HIREWIRE_LOG_LEVEL": "error",
        "REFERRAL_TOKEN": "test",
    }
    (tmp_path / "hub.yaml").write_text(CONFIG, "utf-8")
    hirewire("migrate", env=env)
    hirewire("apply", str(tmp_path / "hub.yaml"), "--yes", env=env)
    token = hirewire("token", "make", "test", "--all", "--quiet", env=env).strip()
    server = subprocess.Popen(
        [sys.executable, "-P", "-m", "hub", "serve", "--no-migrate"], env=env, stdout=subprocess.DEVNULL
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/health/ready", server)
        yield f"http://127.0.0.1:{port}", token
    finally:
        server.terminate()
        server.wait(30)


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                assert answer.status == 200
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    pytest.fail("the server did not become ready")


METHODS = ("get", "post", "put", "patch", "delete")


@pytest.mark.timeout(360)
def test_the_api_keeps_to_its_document(served: tuple[str, str], tmp_path: Path) -> None:
    url, token = served
    words = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/schema/openapi.json"),
        *("-H", f"Authorization: Bearer {token}", "--max-examples", "15", "--seed", "1", "--no-color"),
        *("--exclude-checks", EXCLUDED, "--generation-database", "none"),
    ]
    told = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=350, check=False)
    assert told.returncode == 0, told.stdout.partition(" FAILURES ")[2][:6000] or told.stdout + told.stderr
    assert f"Tested: {operations(url)}" in told.stdout, told.stdout[-2000:]


def operations(url: str) -> int:
    """How many operations the document names."""
    with urllib.request.urlopen(f"{url}/schema/openapi.json", timeout=5) as answer:
        paths = json.load(answer)["paths"]
    return sum(method in METHODS for path in paths.values() for method in path)
