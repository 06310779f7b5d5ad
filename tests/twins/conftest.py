"""Twins at full speed, a client, and a small stand-in for the hub that takes webhooks and partner calls."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from hub.adapters.twins import Twin, load, run_twin

CONNECTORS = Path(__file__).parents[2] / "connectors"
WHSEC = "whsec_" + base64.b64encode(bytes(range(32))).decode()
SECRETS: dict[str, dict[str, Any]] = {
    "checkr": {"api_key": "key-of-the-account"},
    "greenhouse": {
        "client_id": "id:with colon",
        "client_secret": "s+e/c%r:t",
        "acting_user_id": "4001",
        "webhook_secret": "hook-secret",
        "partner_key": "partner-key",
    },
    "referral": {"api_token": "token-1", "webhook_secret": "ref-secret"},
    "webhook": {"signing_secret": WHSEC, "webhook_secret": WHSEC},
    "email": {},
}
Start = Callable[..., Any]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """`await start(name, **options)` runs a twin until the test ends."""
    async with AsyncExitStack() as stack:

        async def starter(name: str, **options: Any) -> Twin:
            options = {"state_dir": tmp_path, "secrets": SECRETS[name], "speed": 1000.0, **options}
            return await stack.enter_async_context(run_twin(load(CONNECTORS / name), **options))

        yield starter


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class FakeHub:
    """Takes hooks (`hooks`, a queue of headers and raw body; `answers` scripts statuses) and plays the partner."""

    def __init__(self) -> None:
        self.url = ""
        self.hooks: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()
        self.answers: list[int] = []
        self.calls: list[tuple[str, str, dict[str, str], Any, str]] = []
        self.order_answers: list[Any] = []
        self.called: asyncio.Queue[str] = asyncio.Queue()

    async def hook(self, request: web.Request) -> web.Response:
        raw = await request.read()
        await self.hooks.put(({k.lower(): v for k, v in request.headers.items()}, raw))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    async def partner(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        body = await request.json() if request.can_read_body else None
        self.calls.append((request.method, name, dict(request.query), body, request.headers["authorization"]))
        answer: Any = {
            "list_tests": [{"partner_test_id": "ai-interview", "partner_test_name": "AI interview"}],
            "send_test": {"partner_interview_id": "ord_1"},
            "test_status": {
                "partner_status": "complete",
                "partner_profile_url": "https://hub.example/r/1",
                "partner_score": 86,
                "metadata": {"communication": 78},
            },
            "request_errors": {},
        }[name]
        if name == "send_test" and self.order_answers:
            answer = self.order_answers.pop(0)
        await self.called.put(name)
        return web.json_response(answer)


@pytest.fixture
async def fake_hub() -> AsyncIterator[FakeHub]:
    fake = FakeHub()
    app = web.Application()
    app.router.add_post("/hook", fake.hook)
    app.router.add_route("*", "/partner/{name}", fake.partner)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield fake
    await runner.cleanup()


def basic(user: str, password: str = "") -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def checkr_auth() -> dict[str, str]:
    return basic(SECRETS["checkr"]["api_key"])


@pytest.fixture
def bearer(http: aiohttp.ClientSession) -> Callable[[Twin], Any]:
    """A fresh Greenhouse token as headers."""

    async def get(twin: Twin) -> dict[str, str]:
        headers = basic("id%3Awith+colon", "s%2Be%2Fc%25r%3At")
        data = {"grant_type": "client_credentials", "sub": "4001"}
        async with http.post(f"{twin.url}/token", headers=headers, data=data) as answer:
            assert answer.status == 200
            return {"authorization": f"Bearer {(await answer.json())['access_token']}"}

    return get


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


@pytest.fixture
def settings_of() -> Callable[[str], dict[str, Any]]:
    """The settings that a twin and a connection to it share."""
    return lambda name: dict(SECRETS[name])
