"""The HTTP half of the Transport port on aiohttp: one connection pool per lane, everything bounded, every error named."""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Protocol

import aiohttp

from hub.adapters.http.auth import OAUTH, sign_in, way
from hub.adapters.http.guard import Guard
from hub.adapters.http.message import Outgoing, compose
from hub.adapters.http.resolver import GuardedResolver, Lookup, RefusedAddress, system_lookup
from hub.adapters.http.wire import allowed_hosts, total_timeout
from hub.adapters.oauth.coordinator import Post
from hub.domain.ids import ConnectionId
from hub.ports.clock import Clock
from hub.ports.transport import Blocked, Channel, HttpRequest, HttpResponse, NotSent, Unknown
from mappings.documents import Document


class Tokens(Protocol):
    """Gives access tokens; `post` sends its token call through the guard."""

    async def token(self, channel: Channel, spec: Document, post: Post, refused: str | None = None) -> str: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one exchange. `body` is the cap of a body in bytes as we keep it, `*_s` are seconds.

    `resend_within_s`: a pooled connection that fails this soon without an answer was closed by the vendor before our request.
    """

    connect_s: float = 5.0
    body: int = 65536
    headers: int = 128
    header_bytes: int = 8190
    idle_s: float = 30.0
    names_s: float = 60.0
    resend_within_s: float = 1.0


class HttpTransport:
    """Sends HTTP requests. Certificates are always verified; redirects, proxies, cookies and netrc are never followed."""

    def __init__(
        self,
        guard: Guard,
        clock: Clock,
        tokens: Tokens,
        tls: ssl.SSLContext,
        *,
        limits: Limits = Limits(),
        lookup: Lookup = system_lookup,
    ) -> None:
        self._guard, self._clock, self._tokens, self._tls, self._limits = guard, clock, tokens, tls, limits
        self._resolver = GuardedResolver(guard, lookup)
        self._checked = lru_cache(maxsize=4096)(guard.url)  # refusals are not kept
        self._lanes: dict[ConnectionId, _Lane] = {}
        self._closed = False

    async def send(self, channel: Channel, request: HttpRequest) -> HttpResponse:
        """The answer, whatever its status. Raises NotSent, Unknown, Blocked, NeedsReauth.

        The channel's time-out covers everything: token call, connect, send and the whole body.
        """
        if self._closed:
            raise NotSent("the transport is closed", code="closed")
        lane, trial = self._lane(channel), _Trial()
        try:
            async with asyncio.timeout(lane.timeout_s):
                return await self._exchange(lane, request, trial)
        except TimeoutError as error:
            if trial.sent:
                raise Unknown("no complete answer in time", code="timeout") from error
            raise NotSent("no connection or token in time", code="connect_timeout") from error

    async def close(self) -> None:
        """Close all connections; what is under way ends as Unknown."""
        self._closed = True
        lanes, self._lanes = list(self._lanes.values()), {}
        for lane in lanes:
            await lane.pool.close()

    async def _exchange(self, lane: _Lane, request: HttpRequest, trial: _Trial) -> HttpResponse:
        channel, pool = lane.channel, lane.pool
        out = compose(request, self._checked(request.url, lane.hosts))
        spec = way(channel, request.auth)

        async def post(call: HttpRequest) -> HttpResponse:
            return await self._deliver(pool, compose(call, self._checked(call.url, lane.hosts)), _Trial())

        def signed(token: str | None) -> Outgoing:
            return sign_in(out, spec, channel, key=request.key, token=token, clock=self._clock)

        if spec.get("mode") != OAUTH:
            return await self._deliver(pool, signed(None), trial)
        token = await self._tokens.token(channel, spec, post)
        answer = await self._deliver(pool, signed(token), trial)
        if answer.status != 401:
            return answer
        trial.sent = False  # refused at the door: nothing has happened there yet
        token = await self._tokens.token(channel, spec, post, refused=token)
        return await self._deliver(pool, signed(token), trial)

    async def _deliver(self, pool: _Pool, out: Outgoing, trial: _Trial) -> HttpResponse:
        """Send; a request that met a pooled connection as the vendor closed it goes once more over a fresh one.

        What must not be sent twice never uses a pooled connection, so that it cannot meet this race.
        """
        if not out.again:
            return await self._once(pool.fresh, out, trial)
        try:
            return await self._once(pool.kept, out, trial)
        except _Stale:  # two lines, where a retry library costs 18 us on every good request
            return await self._once(pool.fresh, out, trial)

    async def _once(self, session: aiohttp.ClientSession, out: Outgoing, trial: _Trial) -> HttpResponse:
        trial.sent = trial.reused = False
        began = self._clock.monotonic()
        answered = False
        try:
            async with session.request(
                out.method, out.url, headers=out.headers, data=out.body, allow_redirects=False, trace_request_ctx=trial
            ) as response:
                answered = True
                body = await _read(response, self._limits.body)
                return HttpResponse(response.status, _headers(response), body)
        except _Cut as error:
            soon = self._clock.monotonic() - began < self._limits.resend_within_s
            if trial.reused and out.again and soon:
                raise _Stale from error
            raise Unknown("the connection was cut before an answer", code="cut") from error
        except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError) as error:
            raise Unknown("the connection was cut within the answer", code="cut") from error
        except aiohttp.ClientConnectorError as error:
            raise _unconnected(error) from error
        # These three print the whole URL, and with it keys in the query and names in the path: they go no further.
        except aiohttp.ConnectionTimeoutError:
            raise NotSent("no connection in time", code="connect_timeout") from None
        except aiohttp.InvalidURL:
            raise Blocked("the address is not a URL", code="bad_url") from None
        except aiohttp.ClientResponseError:
            raise Unknown("the answer is not HTTP", code="bad_answer") from None
        except aiohttp.ClientError as error:
            if answered or trial.sent:
                raise Unknown("the exchange broke off", code="cut") from error
            raise NotSent("the request could not be sent", code="connect_failed") from error

    def _lane(self, channel: Channel) -> _Lane:
        """The lane of this channel; read anew where a setting or secret changed, with its connections kept."""
        id = channel.connection.id
        lane = self._lanes.get(id)
        if lane is None or lane.channel != channel:
            pool = _Pool(self._session(keep=True), self._session(keep=False)) if lane is None else lane.pool
            lane = _Lane(channel, allowed_hosts(channel, self._guard), total_timeout(channel), pool)
            self._lanes[id] = lane
        return lane

    def _session(self, *, keep: bool) -> aiohttp.ClientSession:
        limits = self._limits
        connector = aiohttp.TCPConnector(
            ssl=self._tls,
            resolver=self._resolver,
            ttl_dns_cache=int(limits.names_s),
            socket_factory=self._resolver.make_socket,
            limit=0,  # the lane bounds what is under way
            force_close=not keep,
            keepalive_timeout=limits.idle_s if keep else None,
        )
        return aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_s),
            max_line_size=limits.header_bytes,
            max_field_size=limits.header_bytes,
            max_headers=limits.headers,
            trace_configs=[_tracing()],
            middlewares=(_no_silent_resend,),
        )


@dataclass(frozen=True, slots=True)
class _Pool:
    """The connections of one lane: those kept alive, and those used once."""

    kept: aiohttp.ClientSession
    fresh: aiohttp.ClientSession

    async def close(self) -> None:
        await self.kept.close()
        await self.fresh.close()


@dataclass(frozen=True, slots=True)
class _Lane:
    """What a channel says, read once: the next request of the same connection finds it here."""

    channel: Channel
    hosts: tuple[str, ...]
    timeout_s: float
    pool: _Pool


@dataclass(slots=True)
class _Trial:
    """How far a request came: `sent` from the moment it has a connection, `reused` if that one was pooled."""

    sent: bool = False
    reused: bool = False


class _Cut(Exception):
    """The connection ended before an answer."""


class _Stale(Exception):
    """A pooled connection ended at once, before an answer: the vendor had closed it."""


async def _no_silent_resend(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Hide cut connections from aiohttp, which would send GET, PUT and DELETE again by a rule of its own."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Cut from error


def _tracing() -> aiohttp.TraceConfig:
    async def connected(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
        context.trace_request_ctx.sent = True

    async def reused(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
        context.trace_request_ctx.sent = context.trace_request_ctx.reused = True

    config = aiohttp.TraceConfig()
    config.on_connection_create_end.append(connected)
    config.on_connection_reuseconn.append(reused)
    return config


def _unconnected(error: aiohttp.ClientConnectorError) -> NotSent | Blocked:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return NotSent("the host name could not be resolved", code="dns_failed")
        case aiohttp.ClientSSLError():
            return NotSent("the vendor's TLS certificate or handshake was refused", code="tls_failed")
    if isinstance(error.os_error, RefusedAddress):
        return Blocked(str(error.os_error), code="address_refused")
    return NotSent("the vendor accepts no connection", code="connect_failed")


async def _read(response: aiohttp.ClientResponse, cap: int) -> bytes:
    """The body up to the cap. A longer one is left unread and its connection closed."""
    chunks: list[bytes] = []
    size = 0
    while size < cap and (chunk := await response.content.readany()):
        chunks.append(chunk)
        size += len(chunk)
    if size >= cap:
        response.close()
    return _expanded(b"".join(chunks)[:cap], response.headers.get("content-encoding", ""), cap)


def _expanded(body: bytes, encoding: str, cap: int) -> bytes:
    """A body that was compressed although we asked for none, expanded up to the cap; unreadable ones as they are."""
    if encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, cap)
    except zlib.error:
        return body


def _headers(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    """Lower-case names; repeated ones joined as RFC 9110 section 5.3 allows; cookies are not for us."""
    found: dict[str, str] = {}
    for name, value in response.headers.items():
        lower = name.lower()
        if lower != "set-cookie":
            found[lower] = f"{found[lower]}, {value}" if lower in found else value
    return found
