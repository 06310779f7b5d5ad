"""What vendors, networks and mischief do to an HTTP client, one connection at a time."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable

import pytest

from hub.adapters.http.guard import Guard
from hub.adapters.http.pool import Limits
from hub.adapters.http.router import Router
from hub.ports.transport import Blocked, Channel, HttpRequest, HttpResponse, NotSent, Unknown

QUICK = 0.15  # seconds; the time-out under test where a vendor never ends


async def call(transport: Router, channel: Channel, request: HttpRequest) -> HttpResponse:
    answer = await transport.send(channel, request)
    assert isinstance(answer, HttpResponse)
    return answer


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


HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n"


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


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_a_cut_before_the_answer_is_unknown_and_not_repeated(transport, open_vendor, channel, method):
    async def script(line):
        await line.request()
        line.cut()

    vendor = await open_vendor(script)
    with pytest.raises(Unknown) as caught:
        await call(transport, channel(), HttpRequest(method, vendor.url(), key="k"))
    assert caught.value.code == "cut"
    assert len(vendor.seen) == 1


@pytest.mark.parametrize("head", [HEAD + b"ha", b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"])
async def test_a_cut_within_the_answer_is_unknown(transport, open_vendor, channel, head):
    async def script(line):
        await line.request()
        await line.push(head)

    vendor = await open_vendor(script)
    with pytest.raises(Unknown) as caught:
        await call(transport, channel(), HttpRequest("POST", vendor.url(), json={}))
    assert caught.value.code == "cut"
    assert len(vendor.seen) == 1


def stale(vendor_lines: Callable[[], int], answers_after: int) -> Callable[..., Awaitable[None]]:
    """Answer once on the first connection and cut it at the second request; later connections from `answers_after` on answer."""

    async def script(line):
        number = vendor_lines()
        await line.request()
        if number == 1:
            line.answer()
            await line.request()
        elif number >= answers_after:
            line.answer()
            await line.gone()
        line.cut()

    return script


@pytest.mark.parametrize(
    "request_of",
    [
        lambda url: HttpRequest("GET", url),
        lambda url: HttpRequest("PUT", url, json={}),
        lambda url: HttpRequest("POST", url, json={}, key="k1", headers={"idempotency-key": "k1"}),
    ],
    ids=["get", "put", "post with key"],
)
async def test_the_stale_keep_alive_race_is_answered_by_one_resend(transport, open_vendor, channel, request_of):
    vendor = await open_vendor()
    vendor.script = stale(lambda: vendor.lines, 2)
    assert (await call(transport, channel(), request_of(vendor.url()))).status == 200
    assert (await call(transport, channel(), request_of(vendor.url()))).status == 200
    assert (vendor.lines, len(vendor.seen)) == (2, 3)


async def test_a_resend_is_not_resent(transport, open_vendor, channel):
    vendor = await open_vendor()
    vendor.script = stale(lambda: vendor.lines, 99)
    await call(transport, channel(), HttpRequest("GET", vendor.url()))
    with pytest.raises(Unknown):
        await call(transport, channel(), HttpRequest("GET", vendor.url()))
    assert (vendor.lines, len(vendor.seen)) == (2, 3)


async def test_a_late_failure_of_a_pooled_connection_is_not_resent(transport, open_vendor, channel, clock):
    async def script(line):
        await line.request()
        line.answer()
        await line.request()
        clock.advance(1.0)
        line.cut()

    vendor = await open_vendor(script)
    await call(transport, channel(), HttpRequest("GET", vendor.url()))
    with pytest.raises(Unknown):
        await call(transport, channel(), HttpRequest("GET", vendor.url()))
    assert len(vendor.seen) == 2


async def test_what_must_not_be_sent_twice_never_meets_a_pooled_connection(transport, vendor, channel):
    for _ in range(3):
        await call(transport, channel(), HttpRequest("POST", vendor.url(), json={}, key="k1"))
    assert vendor.lines == 3
    for _ in range(3):
        await call(transport, channel(), HttpRequest("GET", vendor.url()))
    assert vendor.lines == 4


async def test_every_connection_has_its_own_pool(transport, vendor, channel):
    for id in (1, 2, 1, 2):
        await call(transport, channel(id=id), HttpRequest("GET", vendor.url()))
    assert vendor.lines == 2


async def test_proxies_and_netrc_of_the_environment_are_ignored(build, vendor, channel, monkeypatch, tmp_path):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert (await call(build(), channel(), HttpRequest("GET", vendor.url()))).status == 200
    assert "authorization" not in vendor.seen[0].headers


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


async def test_a_refused_connection_and_an_unknown_name_are_not_sent(build, open_vendor, channel):
    async def nowhere(_host):
        raise OSError("no such name")

    vendor = await open_vendor()
    for request, code in (
        (HttpRequest("GET", "http://127.0.0.1:1/"), "connect_failed"),
        (HttpRequest("GET", f"https://api.example:{vendor.port}/"), "dns_failed"),
    ):
        router = build(Guard(allow_loopback=True, allow_http=True, ports=frozenset({vendor.port})), lookup=nowhere)
        with pytest.raises(NotSent) as caught:
            await call(router, channel(), request)
        assert caught.value.code == code


@pytest.mark.parametrize(
    "answer", [["127.0.0.1", "10.0.0.1"], ["8.8.8.8", "::1"], ["169.254.169.254"], ["::ffff:8.8.8.8"]]
)
async def test_one_bad_address_spoils_the_whole_answer(build, vendor, channel, answer):
    async def lookup(_host):
        return answer

    closed = answer[0] != "127.0.0.1"
    guard = Guard(allow_loopback=not closed, allow_http=True, ports=frozenset({vendor.port}))
    with pytest.raises(Blocked) as caught:
        await call(build(guard, lookup=lookup), channel(), HttpRequest("GET", vendor.url(host="api.example")))
    assert caught.value.code == "address_refused"
    assert vendor.lines == 0


async def test_the_checked_address_is_the_one_connected_to(build, vendor, channel):
    asked: list[str] = []

    async def flips(host):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    guard = Guard(allow_loopback=True, allow_http=True, ports=frozenset({vendor.port}))
    router = build(guard, lookup=flips, limits=Limits(names_s=0))
    request = HttpRequest("POST", vendor.url(host="api.example"), json={})
    assert (await call(router, channel(), request)).status == 200
    assert vendor.seen[0].headers["host"] == f"api.example:{vendor.port}"
    with pytest.raises(Blocked):
        await call(router, channel(), request)
    assert (len(asked), vendor.lines) == (2, 1)


async def test_names_are_kept_between_connections(build, vendor, channel):
    asked: list[str] = []

    async def lookup(host):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    guard = Guard(allow_loopback=True, allow_http=True, ports=frozenset({vendor.port}))
    router = build(guard, lookup=lookup)
    for _ in range(2):
        await call(router, channel(), HttpRequest("POST", vendor.url(host="api.example"), json={}))
    assert (len(asked), vendor.lines) == (1, 2)


async def test_cancelling_closes_the_socket(transport, open_vendor, channel):
    arrived = asyncio.Event()

    async def script(line):
        await line.request()
        arrived.set()
        await line.gone()

    vendor = await open_vendor(script)
    sending = asyncio.create_task(transport.send(channel(), HttpRequest("POST", vendor.url(), json={})))
    await arrived.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await vendor.settled()


async def test_closing_ends_what_is_under_way_and_refuses_more(transport, open_vendor, channel):
    arrived = asyncio.Event()

    async def script(line):
        await line.request()
        arrived.set()
        await line.gone()

    vendor = await open_vendor(script)
    sending = asyncio.create_task(transport.send(channel(), HttpRequest("GET", vendor.url())))
    await arrived.wait()
    await transport.close()
    with pytest.raises(Unknown):
        await sending
    with pytest.raises(NotSent):
        await transport.send(channel(), HttpRequest("GET", vendor.url()))


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


async def test_words_on_an_idle_connection_are_never_an_answer(transport, open_vendor, channel, request):
    if "aiohttp" in request.node.callspec.id:
        pytest.xfail("aiohttp takes them for the next answer")
    first, said = asyncio.Event(), asyncio.Event()

    async def script(line):
        await line.request()
        line.answer()
        if vendor.lines == 1:
            await first.wait()
            await line.push(b"HTTP/1.1 408 Too slow\r\ncontent-length: 0\r\n\r\n")
            said.set()
        await line.gone()

    vendor = await open_vendor(script)
    assert (await call(transport, channel(), HttpRequest("GET", vendor.url()))).status == 200
    first.set()
    await said.wait()
    await asyncio.sleep(0.02)  # until it has been read here, of which nothing tells
    assert (await call(transport, channel(), HttpRequest("GET", vendor.url()))).status == 200
    assert vendor.lines == 2


async def test_a_hundred_at_once_share_no_answers(transport, open_vendor, channel):
    async def script(line):
        while seen := await line.request():
            line.answer(200, seen.body)

    vendor = await open_vendor(script)
    said = await asyncio.gather(
        *(call(transport, channel(), HttpRequest("PUT", vendor.url(), json={"n": n})) for n in range(100))
    )
    assert [answer.json() for answer in said] == [{"n": n} for n in range(100)]
