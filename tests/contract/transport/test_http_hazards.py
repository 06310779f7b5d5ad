"""What vendors and mischief say to an HTTP client: every answer, and what only looks like one."""

from __future__ import annotations

import asyncio
import gzip
import zlib

import pytest

from hub.adapters.http.pool import Limits
from hub.ports.transport import Blocked, HttpRequest, Unknown
from tests.contract.transport.calls import HEAD, QUICK, call


@pytest.mark.parametrize("status", [200, 201, 204, 301, 302, 303, 307, 308, 400, 401, 404, 410, 429, 500, 503, 600])
async def test_every_status_is_an_answer(transport, open_vendor, channel, status):
    async def script(line):
        await line.request()
        line.answer(
            status, b"" if status == 204 else b'{"ok": 1}', location="http://127.0.0.1:1/elsewhere", retry_after="7"
        )

    vendor = await open_vendor(script)
    answer = await call(transport, channel(), HttpRequest("POST", vendor.url("/a"), json={"x": 1}))
    assert (answer.status, answer.headers["retry-after"]) == (status, "7")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize(
    "where", ["http://127.0.0.1:{port}/b", "http://169.254.169.254/latest", "file:///etc/passwd", "//x"]
)
async def test_redirects_are_returned_not_followed(transport, open_vendor, vendor, channel, status, where):
    async def script(line):
        await line.request()
        line.answer(status, location=where.format(port=vendor.port))

    door = await open_vendor(script)
    assert (await call(transport, channel(), HttpRequest("GET", door.url()))).status == status
    assert vendor.lines == 0
    assert len(door.seen) == 1


async def test_bodies_queries_and_headers_arrive_as_given(transport, vendor, channel):
    request = HttpRequest(
        "POST", vendor.url("/候选人?a=1"), query={"邮箱": "lin+yue@example.com"}, json={"name": "林悦"}
    )
    await call(transport, channel(), request)
    await call(
        transport, channel(), HttpRequest("POST", vendor.url(), form={"a": "1 & 2", "b": "林"}, headers={"x-a": "b"})
    )
    await call(
        transport, channel(), HttpRequest("PUT", vendor.url(), body=b"\x00\xff", headers={"content-type": "x/y"})
    )
    first, second, third = vendor.seen
    assert first.target == "/%E5%80%99%E9%80%89%E4%BA%BA?a=1&%E9%82%AE%E7%AE%B1=lin%2Byue@example.com"
    assert first.body.decode() == '{"name":"林悦"}'
    assert first.headers["content-type"] == "application/json"
    assert (second.body, second.headers["x-a"]) == (b"a=1+%26+2&b=%E6%9E%97", "b")
    assert (third.body, third.headers["content-type"]) == (b"\x00\xff", "x/y")
    assert first.headers["accept-encoding"] == "identity"


async def test_an_endless_body_is_cut_at_the_cap_and_its_connection_closed(build, open_vendor, channel):
    async def script(line):
        await line.request()
        line.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while await line.push(b"1000\r\n" + b"x" * 4096 + b"\r\n"):
            pass

    vendor = await open_vendor(script)
    answer = await call(build(limits=Limits(body=10_000)), channel(), HttpRequest("GET", vendor.url()))
    assert answer.body == b"x" * 10_000
    await vendor.settled()


@pytest.mark.parametrize("squeeze", [gzip.compress, zlib.compress], ids=["gzip", "deflate"])
async def test_a_compressed_bomb_is_not_expanded_beyond_the_cap(transport, open_vendor, channel, squeeze):
    bomb = squeeze(bytes(20_000_000))

    async def script(line):
        await line.request()
        line.answer(200, bomb, content_encoding="gzip" if squeeze is gzip.compress else "deflate")

    vendor = await open_vendor(script)
    assert (await call(transport, channel(), HttpRequest("GET", vendor.url()))).body == bytes(65536)


async def test_a_small_body_compressed_unasked_is_read(transport, open_vendor, channel):
    async def script(line):
        while await line.request():
            line.answer(
                200, gzip.compress(b'{"a": 1}') if len(vendor.seen) == 1 else b"no gzip", content_encoding="gzip"
            )

    vendor = await open_vendor(script)
    assert (await call(transport, channel(), HttpRequest("GET", vendor.url()))).json() == {"a": 1}
    assert (await call(transport, channel(), HttpRequest("GET", vendor.url()))).body == b"no gzip"


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 200 OK\r\nx-slow: ", HEAD, HEAD + b"half"], ids=["silence", "headers", "no body", "body"]
)
async def test_a_vendor_that_stops_half_way_ends_at_the_time_out(transport, open_vendor, channel, start):
    async def script(line):
        await line.request()
        line.say(start)
        await line.gone()

    vendor = await open_vendor(script)
    with pytest.raises(Unknown) as caught:
        await call(transport, channel(timeout=QUICK), HttpRequest("POST", vendor.url(), json=1))
    assert caught.value.code == "timeout"
    await vendor.settled()


@pytest.mark.parametrize(
    "drip", [b"1\r\nx\r\n", b"x-h: y\r\n", b"HTTP/1.1 103 Early\r\n\r\n"], ids=["body", "headers", "1xx"]
)
async def test_a_dripping_answer_ends_at_the_time_out(transport, open_vendor, channel, drip):
    async def script(line):
        await line.request()
        if drip[:1] == b"1":
            line.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        elif drip[:1] == b"x":
            line.say(b"HTTP/1.1 200 OK\r\n")
        while await line.push(drip):
            await asyncio.sleep(0.02)

    vendor = await open_vendor(script)
    with pytest.raises(Unknown):
        await call(transport, channel(timeout=QUICK), HttpRequest("POST", vendor.url(), json=1))
    await vendor.settled()


async def test_cookies_are_neither_kept_nor_told(transport, open_vendor, channel):
    async def script(line):
        while await line.request():
            line.answer(200, set_cookie="session=1; Path=/")

    vendor = await open_vendor(script)
    answer = await call(transport, channel(), HttpRequest("GET", vendor.url()))
    await call(transport, channel(), HttpRequest("GET", vendor.url()))
    assert "set-cookie" not in answer.headers
    assert "cookie" not in vendor.seen[1].headers


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 99999 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["ssh", "status", "long header", "many headers", "negative length", "two lengths", "bad chunk"],
)
async def test_answers_that_are_not_http_are_unknown(transport, open_vendor, channel, raw):
    async def script(line):
        await line.request()
        await line.push(raw)

    vendor = await open_vendor(script)
    with pytest.raises(Unknown):
        await call(transport, channel(), HttpRequest("GET", vendor.url()))
    assert len(vendor.seen) == 1


async def test_headers_of_any_bytes_are_an_answer(transport, open_vendor, channel):
    async def script(line):
        await line.request()
        line.say(b"HTTP/1.1 200 OK\r\nX-Odd: \xff\xfe\r\nX-Odd: b\r\ncontent-length: 2\r\n\r\n\xff\xfe")

    vendor = await open_vendor(script)
    answer = await call(transport, channel(), HttpRequest("GET", vendor.url()))
    assert answer.body == b"\xff\xfe"
    assert answer.headers["x-odd"].endswith(", b")
    assert answer.json() is None


@pytest.mark.parametrize(
    "request_of",
    [
        lambda url: HttpRequest("GET", url, headers={"x-a": "b\r\nx-evil: 1"}),
        lambda url: HttpRequest("GET", url, headers={"x-a\r\nx-evil": "1"}),
        lambda url: HttpRequest("GET", url, headers={"x-a": "b\x00"}),
        lambda url: HttpRequest("GET", url, headers={"x-a": "\ud800"}),
        lambda url: HttpRequest("GET", url, headers={"host": "evil.example"}),
        lambda url: HttpRequest("POST", url, headers={"transfer-encoding": "chunked"}, body=b"x"),
        lambda url: HttpRequest("POST", url, headers={"content-length": "1"}, body=b"xyz"),
        lambda url: HttpRequest("GET /\r\n", url),
        lambda url: HttpRequest("CONNECT", url),
        lambda url: HttpRequest("GET", url + "\r\nx: y"),
    ],
)
async def test_nothing_smuggles_a_second_header_or_request(transport, vendor, channel, request_of):
    with pytest.raises(Blocked):
        await transport.send(channel(), request_of(vendor.url("/")))
    assert vendor.lines == 0


async def test_the_lane_or_the_manifest_sets_the_time_out_whichever_is_shorter(transport, open_vendor, channel):
    async def script(line):
        await line.request()
        await line.gone()

    vendor = await open_vendor(script)
    for short in (
        channel({"defaults": {"timeout": "PT0.05S"}}),
        channel({"defaults": {"timeout": "PT20S"}}, timeout=0.05),
    ):
        with pytest.raises(Unknown):
            await transport.send(short, HttpRequest("GET", vendor.url()))


async def test_a_body_without_a_length_ends_where_the_vendor_closes(transport, open_vendor, channel):
    async def script(line):
        await line.request()
        await line.push(b"HTTP/1.0 200 OK\r\n\r\nall of it")

    vendor = await open_vendor(script)
    assert (await call(transport, channel(), HttpRequest("GET", vendor.url()))).body == b"all of it"


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304), ("DELETE", 204)])
async def test_an_answer_without_a_body_is_whole_whatever_length_it_names(
    transport, open_vendor, channel, method, status
):
    async def script(line):
        while await line.request():
            line.say(f"HTTP/1.1 {status} X\r\ncontent-length: {0 if status == 204 else 99}\r\n\r\n".encode())

    vendor = await open_vendor(script)
    for _ in range(2):
        answer = await call(transport, channel(timeout=2), HttpRequest(method, vendor.url()))
        assert (answer.status, answer.body) == (status, b"")


async def test_provisional_answers_are_waited_through(transport, open_vendor, channel):
    async def script(line):
        while await line.request():
            line.say(b"HTTP/1.1 103 Early\r\nx-a: early\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
            line.answer(201, b"[]", x_b="final")

    vendor = await open_vendor(script)
    for _ in range(2):
        answer = await call(transport, channel(), HttpRequest("PUT", vendor.url(), json={}))
        assert (answer.status, answer.body, answer.headers["x-b"]) == (201, b"[]", "final")
        assert "x-a" not in answer.headers
    assert vendor.lines == 1


@pytest.mark.parametrize("extra", [b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", b"noise"])
async def test_words_behind_an_answer_are_never_the_next_answer(transport, open_vendor, channel, extra):
    async def script(line):
        while await line.request():
            line.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}" + extra)

    vendor = await open_vendor(script)
    statuses = []
    for _ in range(2):
        try:
            statuses.append((await call(transport, channel(), HttpRequest("GET", vendor.url()))).status)
        except Unknown:
            statuses.append(None)
    assert set(statuses) <= {200, None}
