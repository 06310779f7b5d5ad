"""A lane's connections on plain asyncio and llhttp (by httptools): HTTP/1.1 and nothing else.

Connections are ours, so what a retry needs is known and not guessed: whether one was pooled, whether anything was sent,
whether a byte of the answer came; and every one is made to an address that the guard has just checked.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict, deque
from collections.abc import Sequence
from contextlib import aclosing
from typing import cast

import httptools

from hub.adapters.http.message import Outgoing, length, pieces
from hub.adapters.http.pool import Cut, Limits, Trial, expanded, joined
from hub.adapters.http.resolver import GuardedResolver
from hub.ports.transport import ByteSource, HttpResponse, NotSent, Unknown

Origin = tuple[str, str, int]  # scheme, host, port
_CLOSE_S = 1.0  # how long a closed connection may take to be gone


class HttptoolsPool:
    """See Pool."""

    def __init__(self, resolver: GuardedResolver, tls: ssl.SSLContext, limits: Limits) -> None:
        self._resolver, self._tls, self._limits = resolver, tls, limits
        self._loop = asyncio.get_running_loop()
        self._idle: defaultdict[Origin, deque[Line]] = defaultdict(deque)
        self._open: set[Line] = set()
        self._names: dict[str, tuple[Sequence[str], float]] = {}
        self._sweeping: asyncio.TimerHandle | None = None

    async def once(self, out: Outgoing, trial: Trial, *, fresh: bool) -> HttpResponse:
        url = out.url
        origin = (url.scheme, url.raw_host or "", url.port or 0)
        line = None if fresh else self._pooled(origin)
        trial.reused = line is not None
        if line is None:
            line = await self._connect(origin)
        trial.sent = True
        try:
            answer = await line.ask(out.method, head(out, keep=not fresh), out.body)
        except BaseException:  # a cancelled exchange too: what its connection says next belongs to nobody
            line.abort()
            raise
        if fresh or not line.keeps:
            line.abort()
        else:
            self._keep(origin, line)
        return answer

    async def close(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        ended = list(self._open)
        for line in ended:
            line.abort()
        if ended:
            await asyncio.wait([line.gone for line in ended], timeout=_CLOSE_S)

    def _pooled(self, origin: Origin) -> Line | None:
        """The connection that was used last, if the vendor has not closed it."""
        idle = self._idle.get(origin)
        while idle:
            line = idle.pop()
            if line.usable and self._loop.time() - line.since < self._limits.idle_s:
                return line
            line.abort()
        return None

    def _keep(self, origin: Origin, line: Line) -> None:
        line.since = self._loop.time()
        self._idle[origin].append(line)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(self._limits.idle_s, self._sweep)

    def _sweep(self) -> None:
        """Close what was idle for too long; look again as long as anything is kept."""
        oldest = self._loop.time() - self._limits.idle_s
        for origin, idle in list(self._idle.items()):
            while idle and (idle[0].since <= oldest or not idle[0].usable):
                idle.popleft().abort()
            if not idle:
                del self._idle[origin]
        self._sweeping = self._loop.call_later(self._limits.idle_s, self._sweep) if self._idle else None

    async def _connect(self, origin: Origin) -> Line:
        scheme, host, port = origin
        addresses = await self._addresses(host)
        failure: NotSent | None = None
        for address in addresses:
            try:
                async with asyncio.timeout(self._limits.connect_s):
                    return await self._line(scheme, host, address, port)
            except TimeoutError:
                failure = NotSent("no connection in time", code="connect_timeout")
            except ssl.SSLError as error:
                raise NotSent("the vendor's TLS certificate or handshake was refused", code="tls_failed") from error
            except OSError:
                failure = NotSent("the vendor accepts no connection", code="connect_failed")
        self._names.pop(host, None)
        raise failure or NotSent("the host name has no address", code="dns_failed")

    async def _line(self, scheme: str, host: str, address: str, port: int) -> Line:
        sock = self._resolver.socket_for(address)
        try:
            await self._loop.sock_connect(sock, (address, port))
            secure = self._tls if scheme == "https" else None
            _, line = await self._loop.create_connection(
                lambda: Line(self._loop, self._limits, self._open),
                sock=sock,
                ssl=secure,
                server_hostname=host if secure else None,
            )
        except BaseException:
            sock.close()
            raise
        return line

    async def _addresses(self, host: str) -> Sequence[str]:
        """The checked addresses of the host, kept for a while. Raises Blocked, NotSent."""
        known = self._names.get(host)
        if known is not None and self._loop.time() < known[1]:
            return known[0]
        try:
            found = await self._resolver.addresses(host)
        except OSError as error:
            raise NotSent("the host name could not be resolved", code="dns_failed") from error
        self._names[host] = (found, self._loop.time() + self._limits.names_s)
        return found


class Line(asyncio.Protocol):
    """One connection: a request, its answer, and again. llhttp calls the `on_` methods as it reads."""

    def __init__(self, loop: asyncio.AbstractEventLoop, limits: Limits, open: set[Line]) -> None:
        self._loop, self._limits, self._open = loop, limits, open
        self.gone: asyncio.Future[None] = loop.create_future()
        self.keeps = False  # whether the answer left the connection fit for another request
        self.since = 0.0
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[HttpResponse] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._method = ""
        self._flow: asyncio.Future[None] = loop.create_future()
        self._flow.set_result(None)
        self._begin()

    def _begin(self) -> None:
        self._headers: list[tuple[str, str]] = []
        self._chunks: list[bytes] = []
        self._size = 0
        self._head_left = self._limits.headers * 512  # bytes that the head of an answer may have
        self._in_body = False
        self._heard = False
        self._begun = False  # a streamed body that was not sent to its end

    @property
    def usable(self) -> bool:
        """Whether a request may be written: the vendor has neither closed nor spoken unasked."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, method: str, head: bytes, body: bytes | ByteSource | None) -> HttpResponse:
        """The answer to this request. Raises Cut before its first byte, Unknown after it."""
        if self._transport is None:
            raise Cut
        self._method, self.keeps = method, False
        self._begin()
        self._answer = self._loop.create_future()
        if body is None or isinstance(body, bytes):
            self._transport.write(head + body if body else head)
            return await self._answer
        self._transport.write(head)
        return await self._stream(body, self._answer)

    async def _stream(self, body: ByteSource, answer: asyncio.Future[HttpResponse]) -> HttpResponse:
        """Send piece by piece, no faster than the vendor reads; who answers before the end gets no more of it."""
        async with aclosing(pieces(body)) as left:
            async for piece in left:
                await asyncio.wait((self._room(), answer), return_when=asyncio.FIRST_COMPLETED)
                if answer.done() or self._transport is None or self._transport.is_closing():
                    self._begun = True
                    break
                self._transport.write(piece)
        whole = not self._begun
        found = await answer
        self.keeps = self.keeps and whole
        return found

    def pause_writing(self) -> None:
        self._flow = self._loop.create_future()

    def resume_writing(self) -> None:
        if not self._flow.done():
            self._flow.set_result(None)

    def _room(self) -> asyncio.Future[None]:
        """Done while the vendor reads as fast as we write."""
        return self._flow

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass of it
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.resume_writing()
        self._open.discard(self)
        if not self.gone.done():
            self.gone.set_result(None)
        if self._in_body and exc is None and self._until_close():
            self._finish(keep=False)
        elif self._heard:
            self._fail(Unknown("the connection was cut within the answer", code="cut"))
        else:
            self._fail(Cut())

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.abort()  # words that nobody asked for
            return
        self._heard = True
        if not self._in_body:
            self._head_left -= len(data)
        try:
            self._parser.feed_data(data)
            refused = not self._in_body and self._head_left < 0
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            refused = True
        if refused:
            self._fail(Unknown("the answer is not HTTP", code="bad_answer"))
            self.abort()

    def on_message_begin(self) -> None:
        if self._answer is None or self._answer.done():
            self.abort()  # a second answer behind the first

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self._headers) >= self._limits.headers or len(name) + len(value) > self._limits.header_bytes:
            raise ValueError("too much of a head")
        self._headers.append((name.decode("latin-1"), value.decode("utf-8", "surrogateescape")))

    def on_headers_complete(self) -> None:
        if self._parser.get_status_code() >= 200:
            self._in_body = True
            if self._method == "HEAD":  # llhttp would wait for the body that it announces
                self._finish(keep=False)

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)
        self._size += len(body)
        if self._size >= self._limits.body:
            self._finish(keep=False)
            self.abort()

    def on_message_complete(self) -> None:
        if self._in_body:
            self._finish(keep=self._parser.should_keep_alive())
        else:
            self._headers.clear()  # 1xx: the answer is still to come

    def _until_close(self) -> bool:
        """Whether the body is all that comes until the vendor closes (RFC 9112, 6.3)."""
        return not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in self._headers)

    def _finish(self, *, keep: bool) -> None:
        if self._answer is None or self._answer.done():
            return
        self.keeps = keep
        headers, cap = joined(self._headers), self._limits.body
        body = b"".join(self._chunks)[:cap]
        if "content-encoding" in headers:
            body = expanded(body, headers["content-encoding"], cap)
        self._answer.set_result(HttpResponse(self._parser.get_status_code(), headers, body))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


def head(out: Outgoing, *, keep: bool) -> bytes:
    """The request line and the headers. What could begin another line was refused as the request was composed."""
    url = out.url
    lines = [f"{out.method} {url.raw_path_qs} HTTP/1.1", f"host: {url.host_port_subcomponent}"]
    lines += [f"{name}: {value}" for name, value in out.headers.items()]
    if out.body is not None or out.method in ("POST", "PUT", "PATCH"):
        lines.append(f"content-length: {length(out.body)}")
    if not keep:
        lines.append("connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
