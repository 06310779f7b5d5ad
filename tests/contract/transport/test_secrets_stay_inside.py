"""Secrets reach the vendor and nobody else: no log line, no error, no repr on the way."""

from __future__ import annotations

import logging
import traceback

import pytest

from hub.ports.transport import HttpRequest, MailRequest, NeedsReauth, NotSent, Unknown

CANARY = "canary-5f2c-secret"
WAYS = [
    {"mode": "basic", "username": "{config.s}", "password": "{config.s}"},
    {"mode": "bearer", "token": "{config.s}"},
    {"mode": "api_key", "query": "key", "value": "{config.s}"},
]


def told(error: BaseException, caplog: pytest.LogCaptureFixture) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + caplog.text


@pytest.mark.parametrize("auth", WAYS, ids=lambda auth: auth["mode"])
async def test_http_errors_tell_no_secret(transport, open_vendor, channel, caplog, auth):
    caplog.set_level(logging.DEBUG)

    async def cuts(line):
        await line.request()
        line.cut()

    async def babbles(line):
        await line.request()
        await line.push(b"nonsense\r\n\r\n")

    for script in (cuts, babbles):
        vendor = await open_vendor(script)
        with pytest.raises(Unknown) as caught:
            await transport.send(channel({"auth": auth}, {}, {"s": CANARY}), HttpRequest("GET", vendor.url()))
        assert len(vendor.seen) == 1
        assert CANARY not in told(caught.value, caplog)
    with pytest.raises(NotSent) as refused:
        await transport.send(channel({"auth": auth}, {}, {"s": CANARY}), HttpRequest("GET", "http://127.0.0.1:1/"))
    assert CANARY not in told(refused.value, caplog)


async def test_a_refused_token_call_tells_no_secret(transport, open_vendor, channel, caplog):
    caplog.set_level(logging.DEBUG)

    async def refuses(line):
        await line.request()
        line.answer(401, b'{"error": "invalid_client", "error_description": "%s"}' % CANARY.encode())

    vendor = await open_vendor(refuses)
    token = {"url": vendor.url("/token"), "client_id": "c", "client_secret": "{config.s}", "client_auth": "post"}
    settings = channel({"auth": {"mode": "oauth2_client_credentials", "token": token}}, {}, {"s": CANARY})
    with pytest.raises(NeedsReauth) as caught:
        await transport.send(settings, HttpRequest("GET", vendor.url("/api")))
    assert CANARY not in told(caught.value, caplog)


async def test_a_refused_login_tells_no_secret(transport, open_vendor, channel, caplog):
    caplog.set_level(logging.DEBUG)

    async def refuses(line):
        await line.push(b"220 hi\r\n")
        while heard := await line.heard():
            await line.push(b"250-hi\r\n250 AUTH PLAIN\r\n" if heard.startswith(b"EHLO") else b"535 no\r\n")

    vendor = await open_vendor(refuses)
    auth = {
        "mode": "smtp",
        "host": "127.0.0.1",
        "port": str(vendor.port),
        "security": "none",
        "sender": "hr@example.com",
    }
    auth |= {"username": "hr", "password": "{config.s}"}
    settings = channel({"auth": auth, "allowed_hosts": ["127.0.0.1"]}, {}, {"s": CANARY})
    with pytest.raises(NeedsReauth) as caught:
        await transport.send(settings, MailRequest(("a@example.com",), "s", "t", "<k@example.com>"))
    assert CANARY not in told(caught.value, caplog)
