"""Who a twin lets in: keys, tokens and signatures, decoded as strictly as the vendor does."""

from __future__ import annotations

import base64
import json
from typing import Any

import aiohttp
import pytest
from standardwebhooks import Webhook

from hub.adapters.clock import ManualClock, SystemClock

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def basic_header(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic_header("wrong:"),
        basic_header("key-of-the-account:with-password"),
        basic_header("key-of-the-account"),  # no colon
        {"authorization": "Bearer key-of-the-account"},
        {"authorization": "Basic a2V5*LW9m"},
    ],
)
async def test_a_wrong_key_is_refused_in_the_vendors_words(
    start: Any, http: aiohttp.ClientSession, headers: dict[str, str]
) -> None:
    twin = await start("checkr")
    async with http.get(f"{twin.url}/v1/packages", headers=headers) as answer:
        assert answer.status == 401
        assert list(await answer.json()) == ["error"]
    assert twin.effects() == []


async def test_the_right_key_is_let_in(start: Any, http: aiohttp.ClientSession, checkr_auth: dict[str, str]) -> None:
    twin = await start("checkr")
    async with http.get(f"{twin.url}/v1/packages", headers=checkr_auth) as answer:
        assert answer.status == 200
        body = await answer.json()
        assert (body["object"], body["count"]) == ("list", 3)
        assert answer.headers["x-ratelimit-limit"] == "1200"


async def token(http: aiohttp.ClientSession, url: str, auth: str, **data: str) -> tuple[int, Any]:
    form = {"grant_type": "client_credentials", "sub": "4001", **data}
    async with http.post(f"{url}/token", headers=basic_header(auth), data=form) as answer:
        return answer.status, await answer.json()


async def test_a_token_wants_form_encoded_credentials(start: Any, http: aiohttp.ClientSession) -> None:
    """RFC 6749 section 2.3.1: a client that joins the raw values is refused."""
    twin = await start("greenhouse")
    raw = await token(http, twin.url, "id:with colon:s+e/c%r:t")
    assert raw == (401, {"error": "invalid_client"})
    status, given = await token(http, twin.url, "id%3Awith+colon:s%2Be%2Fc%25r%3At")
    assert status == 200
    assert given["token_type"] == "Bearer"
    assert given["expires_in"] == 3600


async def test_a_token_is_refused_by_the_rules_of_the_grant(start: Any, http: aiohttp.ClientSession) -> None:
    twin = await start("greenhouse")
    good = "id%3Awith+colon:s%2Be%2Fc%25r%3At"
    assert await token(http, twin.url, good, grant_type="password") == (400, {"error": "unsupported_grant_type"})
    assert await token(http, twin.url, good, sub="9") == (400, {"error": "invalid_grant"})
    assert (await token(http, twin.url, "id%3Awith+colon:wrong"))[0] == 401
    async with http.post(f"{twin.url}/token", headers=basic_header(good), json={}) as answer:
        assert (answer.status, await answer.json()) == (400, {"error": "invalid_request"})


async def test_a_token_expires_and_can_be_revoked(start: Any, http: aiohttp.ClientSession, bearer: Any) -> None:
    clock = ManualClock()
    twin = await start("greenhouse", clock=clock)
    headers = await bearer(twin)

    async def status() -> int:
        async with http.get(f"{twin.url}/v3/users", headers=headers) as answer:
            return answer.status

    assert await status() == 200
    clock.advance(3599)
    assert await status() == 200
    clock.advance(2)
    assert await status() == 401
    headers = await bearer(twin)
    assert await status() == 200
    twin.vendor.gate.revoke()
    assert await status() == 401


async def post_event(http: aiohttp.ClientSession, url: str, id: str, body: bytes, signature: str, stamp: int) -> int:
    headers = {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": signature,
    }
    async with http.post(url, data=body, headers=headers) as answer:
        return answer.status


async def test_the_receiver_takes_what_the_official_library_signed(start: Any, http: aiohttp.ClientSession) -> None:
    twin = await start("webhook")
    url, now = twin.config["url"], SystemClock().now()
    body = json.dumps({"type": "interview.completed", "timestamp": now.isoformat(), "data": {"名": "林悦"}}).encode()
    signature = Webhook(SECRET).sign("msg_1", now, body.decode())
    stamp = int(now.timestamp())
    assert await post_event(http, url, "msg_1", body, signature, stamp) == 204
    assert await post_event(http, url, "msg_1", body, f"v1,AAAA v2,xx {signature}", stamp) == 204
    assert await post_event(http, url, "msg_2", body, signature, stamp) == 401
    assert await post_event(http, url, "msg_1", body + b" ", signature, stamp) == 401
    assert await post_event(http, url, "msg_1", body, signature.replace("v1,", "v1a,"), stamp) == 401
    old = Webhook(SECRET).sign("msg_3", now.fromtimestamp(stamp - 301, now.tzinfo), body.decode())
    assert await post_event(http, url, "msg_3", body, old, stamp - 301) == 401
    assert [(e["key"], e["replayed"], e["type"]) for e in twin.effects()] == [
        ("msg_1", False, "interview.completed"),
        ("msg_1", True, "interview.completed"),
    ]


async def test_control_is_closed_to_web_pages(start: Any, http: aiohttp.ClientSession) -> None:
    twin = await start("checkr")
    for options in ({"headers": {"origin": "https://evil.example"}},):
        async with http.get(f"{twin.url}/_twin/effects", **options) as answer:
            assert answer.status == 403
    async with http.post(f"{twin.url}/_twin/reset", data=b"{}", headers={"content-type": "text/plain"}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "bad_body")
