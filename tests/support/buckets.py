"""An S3-compatible object store for tests: moto's server in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
PROGRAM = """
import sys, threading
from werkzeug.serving import make_server
from moto.server import DomainDispatcherApplication, create_backend_app
made = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=True)
print(made.port, flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), made.shutdown()), daemon=True).start()
made.serve_forever()
"""


@contextmanager
def bucket_server() -> Iterator[str]:
    """Its address. It ends with the block, or when this process dies."""
    pipe = subprocess.PIPE
    # no proxy of the surroundings may stand between a test and this machine
    environ = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=environ
    ) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        assert port, "moto's server did not start"
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def bucket_address() -> Iterator[str]:
    """The address of a running object store."""
    with bucket_server() as address:
        yield address


@pytest.fixture
def bucket(bucket_address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """`s3://bucket/prefix` of an empty bucket, with the variables that lead there."""
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": bucket_address, "AWS_ALLOW_HTTP": "true"}.items():
        monkeypatch.setenv(name, value)
    for name in list(os.environ):
        if "proxy" in name.lower():
            monkeypatch.delenv(name)
    name = f"hw-{os.urandom(4).hex()}"
    request = urllib.request.Request(f"{bucket_address}/{name}", method="PUT")
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()
    return f"s3://{name}/some/where"
