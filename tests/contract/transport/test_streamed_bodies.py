"""Bodies too large to hold: sent as they are read, signed without being held, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from hub.adapters.http import standard_webhooks
from hub.adapters.http.pool import Limits
from hub.domain.errors import Invalid, Unavailable
from hub.ports.transport import HttpRequest, HttpResponse, Joined, NotSent, Unknown
from hub.sdk.multipart import FilePart, multipart

PIECE = bytes(range(256)) * 256
SECRET = "whsec_" + "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"


@dataclass
class Source:
    """So many pieces; `says`: the size that it announces, `breaks`: after so many pieces it cannot be read."""

    pieces: int
    says: int | None = None
    breaks: int | None = None
    reads: int = 0
    given: int = 0
    stuck: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def size(self) -> int:
        return self.pieces * len(PIECE) if self.says is None else self.says

    async def chunks(self) -> AsyncIterator[bytes]:
        self.reads += 1
        for number in range(self.pieces):
            if number == self.breaks:
                raise Unavailable("the store is away", code="store_unavailable")
            self.given += 1
            yield PIECE


async def call(transport, channel, request: HttpRequest) -> HttpResponse:
    answer = await transport.send(channel, request)
    assert isinstance(answer, HttpResponse)
    return answer


async def test_a_body_arrives_whole_and_with_its_length(transport, vendor, channel):
    request = HttpRequest("POST", vendor.url(), body=Source(20), headers={"content-type": "video/mp4"})
    assert (await call(transport, channel(), request)).status == 200
    assert (await call(transport, channel(), HttpRequest("GET", vendor.url()))).status == 200  # the connection lives on
    [seen, _] = vendor.seen
    assert seen.body == PIECE * 20
    assert seen.headers["content-length"] == str(20 * len(PIECE))
    assert "transfer-encoding" not in seen.headers
    assert seen.headers["content-type"] == "video/mp4"
    await call(transport, channel(), HttpRequest("PUT", vendor.url(), body=Source(0)))
    assert vendor.seen[-1].headers["content-length"] == "0"


async def test_no_more_is_read_than_the_vendor_takes_and_nothing_is_held(transport, open_vendor, channel):
    go_on, source = asyncio.Event(), Source(1000)

    async def script(line):
        await line.heard(b"\r\n\r\n")
        await go_on.wait()
        left = source.size
        while left:
            left -= len(await line._reader.read(1 << 20))
        line.answer(201)

    vendor = await open_vendor(script)
    tracemalloc.start()
    sending = asyncio.create_task(call(transport, channel(timeout=30), HttpRequest("POST", vendor.url(), body=source)))
    before = -1
    while source.given != before:  # until it stands still
        before = source.given
        await asyncio.sleep(0.1)
    assert 0 < source.given < 500
    go_on.set()
    assert (await sending).status == 201
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert source.given == 1000
    assert peak < 10_000_000  # of 65 million bytes


async def test_a_vendor_that_answers_early_is_heard_and_gets_no_more(transport, open_vendor, channel):
    async def script(line):
        await line.heard(b"\r\n\r\n")
        line.answer(413, b"too large")
        await line.gone()

    vendor, source = await open_vendor(script), Source(5000)
    answer = await call(transport, channel(), HttpRequest("POST", vendor.url(), body=source))
    assert (answer.status, answer.body) == (413, b"too large")
    assert source.given < 5000
    await vendor.settled()


@pytest.mark.parametrize(
    "source", [Source(3, says=3 * 65536 + 1), Source(3, says=100), Source(3, breaks=2)], ids=["short", "long", "away"]
)
async def test_a_body_that_is_not_what_was_announced_never_becomes_a_whole_request(
    transport, open_vendor, vendor, channel, source
):
    heard = []

    async def script(line):
        await line.heard(b"\r\n\r\n")
        try:
            heard.append(await line._reader.readexactly(source.size))
        except (asyncio.IncompleteReadError, ConnectionError):
            heard.append(None)

    door = await open_vendor(script)
    with pytest.raises(Unknown) as caught:
        await call(transport, channel(), HttpRequest("POST", door.url(), body=replace(source)))
    assert caught.value.code == "cut"
    await door.settled()
    assert heard == [None]
    assert (await call(transport, channel(), HttpRequest("GET", vendor.url()))).status == 200


async def test_a_cut_while_sending_is_unknown(transport, open_vendor, channel):
    async def script(line):
        await line.heard(b"\r\n\r\n")
        line.cut()

    vendor = await open_vendor(script)
    with pytest.raises(Unknown) as caught:
        await call(transport, channel(), HttpRequest("POST", vendor.url(), body=Source(2000)))
    assert caught.value.code == "cut"


async def test_a_vendor_that_stops_reading_ends_at_the_time_out(build, open_vendor, channel):
    async def script(line):
        await line.heard(b"\r\n\r\n")
        await asyncio.sleep(60)

    vendor = await open_vendor(script)
    source = Source(300)
    with pytest.raises(Unknown) as caught:
        await call(
            build(limits=Limits(slowest=1e9)), channel(timeout=0.1), HttpRequest("POST", vendor.url(), body=source)
        )
    assert caught.value.code == "timeout"


async def test_a_resend_begins_at_the_beginning(transport, open_vendor, channel):
    async def script(line):
        if vendor.lines == 1:
            await line.request()
            line.answer()
            await line.heard(b"\r\n\r\n")
            line.cut()
            return
        while await line.request():
            line.answer()

    vendor = await open_vendor(script)
    source = Source(3)
    await call(transport, channel(), HttpRequest("GET", vendor.url()))
    assert (await call(transport, channel(), HttpRequest("PUT", vendor.url(), body=source))).status == 200
    assert source.reads == 2
    assert vendor.seen[-1].body == PIECE * 3


async def test_a_streamed_webhook_is_signed_as_one_that_is_held(transport, vendor, channel):
    auth = {"mode": "standard_webhooks", "secret": "{config.key}"}
    signed = channel(wire={"auth": auth}, secrets={"key": SECRET})
    source = Source(4)
    await call(transport, signed, HttpRequest("POST", vendor.url(), body=source, key="k"))
    [seen] = vendor.seen
    headers = seen.headers
    fault = standard_webhooks.verify(
        SECRET, headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"], seen.body,
        now=float(headers["webhook-timestamp"]), tolerance=1,
    )  # fmt: skip
    assert fault is None
    assert source.reads == 2
    with pytest.raises(NotSent):
        await call(transport, signed, HttpRequest("POST", vendor.url(), body=Source(3, breaks=1), key="k"))
    assert len(vendor.seen) == 1


async def test_a_form_with_a_file_is_one_body_and_the_same_each_time(transport, vendor, channel):
    files = [
        FilePart("resume", 'a"b.pdf', "application/pdf", Source(2)),
        FilePart("note", "n.txt", "text/plain", b"hi"),
    ]
    for _ in range(2):
        body, kind = multipart({"candidate": "林悦"}, files, "key-1")
        await call(transport, channel(), HttpRequest("POST", vendor.url(), body=body, headers={"content-type": kind}))
    one, two = vendor.seen
    assert one.body == two.body
    boundary = kind.partition("boundary=")[2].encode()
    text, resume, note, end = one.body.split(b"--" + boundary)[1:]
    assert text == '\r\nContent-Disposition: form-data; name="candidate"\r\n\r\n林悦\r\n'.encode()
    assert resume.startswith(b'\r\nContent-Disposition: form-data; name="resume"; filename="a%22b.pdf"\r\n')
    assert resume.partition(b"\r\n\r\n")[2] == PIECE * 2 + b"\r\n"
    assert note.endswith(b"\r\n\r\nhi\r\n")
    assert end == b"--\r\n"
    assert isinstance(body, Joined)
    assert body.size == len(one.body)
    with pytest.raises(Invalid):
        multipart({"a\r\nb": "x"}, [], "k")
