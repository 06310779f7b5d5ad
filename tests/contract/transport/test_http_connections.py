"""What networks do to an HTTP client: connections that are cut, stale, pooled, cancelled, refused or lead elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hub.adapters.http.guard import Guard
from hub.adapters.http.pool import Limits
from hub.ports.transport import Blocked, HttpRequest, NotSent, Unknown
from tests.contract.transport.calls import HEAD, call


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
