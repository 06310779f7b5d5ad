"""A real OpenID provider for tests: panva's oidc-provider on node, installed once per machine, started per test."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

VERSION = "9.13.3"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hirewire-tests" / f"oidc-provider-{VERSION}"
SCRIPT = """
import Provider from 'oidc-provider';
const {port, client, redirect} = JSON.parse(process.argv[2]);
const people = {
  ada: {name: 'Ada Sample', email: 'ada@hr.example', email_verified: true, groups: ['HR Managers', 'Staff']},
  eve: {name: 'Eve Sample', email: 'eve@hr.example', email_verified: true, groups: []},
};
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{client_id: client, client_secret: 'provider-test-client', redirect_uris: [redirect],
             grant_types: ['authorization_code'], response_types: ['code']}],
  claims: {openid: ['sub'], profile: ['name', 'preferred_username', 'groups'], email: ['email', 'email_verified']},
  pkce: {required: () => true},
  conformIdTokenClaims: false,
  features: {devInteractions: {enabled: true}},
  cookies: {keys: ['test']},
  findAccount: (_, id) => ({accountId: id, claims: () => ({sub: id, preferred_username: id, ...people[id]})}),
});
provider.listen(port, '127.0.0.1', () => console.log('ready'));
"""


def installed() -> Path:
    """The folder with the provider in it. Skips, by name, where there is no node or no package."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("oidc-provider: there is no node here")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (CACHE / "node_modules" / "oidc-provider").exists():
            words = ["npm", "install", "--no-audit", "--no-fund", "--silent", f"oidc-provider@{VERSION}"]
            done = subprocess.run(words, cwd=CACHE, capture_output=True, timeout=100, check=False)
            if done.returncode != 0:
                pytest.skip("oidc-provider: the package cannot be installed here")
        (CACHE / "provider.mjs").write_text(SCRIPT, "utf-8")
    return CACHE


@contextmanager
def provider(client: str, redirect: str) -> Iterator[str]:
    """The issuer of a provider with one client."""
    folder = installed()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    about = json.dumps({"port": port, "client": client, "redirect": redirect})
    started = subprocess.Popen(
        ["node", "provider.mjs", about], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert started.stdout is not None
        end = time.monotonic() + 60
        while time.monotonic() < end and b"ready" not in (line := started.stdout.readline()):
            assert line, "the provider ended"
        yield f"http://127.0.0.1:{port}"
    finally:
        started.terminate()
        started.wait(20)
        if started.stdout is not None:
            started.stdout.close()


def walk(url: str, login: str) -> dict[str, str]:
    """What a browser and its person do at the provider: sign in, agree, come back. The query of the way back."""
    with httpx.Client(follow_redirects=False, timeout=30) as browser:
        answer = browser.get(url)
        for _ in range(12):
            where = answer.headers.get("location")
            if where is not None:
                if where.startswith("https://hub.example/"):
                    return dict(httpx.URL(where).params)
                answer = browser.get(httpx.URL(url).join(where))
                continue
            form = "login" if 'name="login"' in answer.text else "consent"
            data = {"prompt": form} | ({"login": login, "password": "x"} if form == "login" else {})
            answer = browser.post(answer.url, data=data)
    raise AssertionError("the provider never came back")
