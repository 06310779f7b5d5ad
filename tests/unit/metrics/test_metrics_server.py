"""The small server of a process that only works: metrics and nothing else, whoever calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from hub.adapters.http.exporter import serve_metrics
from hub.adapters.metrics import CONTENT_TYPE
from hub.domain.errors import Unavailable


class Metrics:
    """What is rendered, and whether the store behind it answers."""

    def __init__(self) -> None:
        self.away = False

    async def __call__(self) -> tuple[bytes, str]:
        if self.away:
            raise Unavailable("the database is away")
        return b"hirewire_store_up 1.0\n", CONTENT_TYPE


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def port(metrics: Metrics) -> AsyncIterator[int]:
    async with serve_metrics(("127.0.0.1", 0), metrics) as port:
        yield port


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_metrics_are_answered_whole(port: int) -> None:
    head, _, body = (await ask(port, b"GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).partition(
        b"\r\n\r\n"
    )
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"Content-Type: {CONTENT_TYPE}".encode() in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert body == b"hirewire_store_up 1.0\n"


@pytest.mark.parametrize(("line", "status"), [(b"GET /", b"404"), (b"POST /metrics", b"405")])
async def test_anything_else_is_refused(port: int, line: bytes, status: bytes) -> None:
    request = line + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert (await ask(port, request)).startswith(b"HTTP/1.1 " + status)


async def test_head_gives_the_head_alone(port: int) -> None:
    answer = await ask(port, b"HEAD /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b"\r\n\r\n")


async def test_a_store_that_is_away_is_503(port: int, metrics: Metrics) -> None:
    metrics.away = True
    assert (await ask(port, b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).startswith(
        b"HTTP/1.1 503"
    )


async def test_an_address_that_is_taken_is_a_named_error(port: int, metrics: Metrics) -> None:
    with pytest.raises(Unavailable) as caught:
        async with serve_metrics(("127.0.0.1", port), metrics):
            pass
    assert caught.value.code == "cannot_listen"


async def test_it_is_gone_with_its_block(metrics: Metrics) -> None:
    async with serve_metrics(("127.0.0.1", 0), metrics) as port:
        pass
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
