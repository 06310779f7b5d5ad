"""A lane's connections on aiohttp: a session that keeps them alive and one that uses each once."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator
from types import SimpleNamespace

import aiohttp

from hub.adapters.http.message import Outgoing, pieces
from hub.adapters.http.pool import Cut, Limits, Trial, expanded, joined
from hub.adapters.http.resolver import GuardedResolver, RefusedAddress
from hub.ports.transport import Blocked, HttpResponse, NotSent, Unknown


class AiohttpPool:
    """See Pool."""

    def __init__(self, resolver: GuardedResolver, tls: ssl.SSLContext, limits: Limits) -> None:
        self._resolver, self._tls, self._limits = resolver, tls, limits
        self._kept, self._fresh = self._session(keep=True), self._session(keep=False)

    async def once(self, out: Outgoing, trial: Trial, *, fresh: bool) -> HttpResponse:
        answered, headers = False, out.headers
        data: bytes | AsyncGenerator[bytes, None] | None
        if out.body is None or isinstance(out.body, bytes):
            data = out.body
        else:  # without its length it would go in chunks, which many vendors refuse
            data, headers = pieces(out.body), {**headers, "content-length": str(out.body.size)}
        session = self._fresh if fresh else self._kept
        try:
            async with session.request(
                out.method, out.url, headers=headers, data=data, allow_redirects=False, trace_request_ctx=trial
            ) as response:
                answered = True
                body = await _read(response, self._limits.body)
                return HttpResponse(response.status, joined(response.headers.items()), body)
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

    async def close(self) -> None:
        await self._kept.close()
        await self._fresh.close()

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


async def _no_silent_resend(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Hide cut connections from aiohttp, which would send GET, PUT and DELETE again by a rule of its own."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise Cut from error


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
    return expanded(b"".join(chunks)[:cap], response.headers.get("content-encoding", ""), cap)
