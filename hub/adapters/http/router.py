"""The Transport port as a whole: web requests go by HTTP, mails by SMTP, through one guard."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import assert_never

from hub.adapters.http.aiohttp_pool import AiohttpPool
from hub.adapters.http.guard import Guard
from hub.adapters.http.httptools_pool import HttptoolsPool
from hub.adapters.http.pool import Limits
from hub.adapters.http.resolver import GuardedResolver, Lookup, system_lookup
from hub.adapters.http.tls import client_context
from hub.adapters.http.transport import HttpTransport, MakePool, Tokens
from hub.adapters.oauth.coordinator import TokenCoordinator
from hub.adapters.smtp.sender import SmtpSender
from hub.ports.clock import Clock
from hub.ports.transport import Channel, HttpRequest, MailRequest, Request, Response

CLIENTS: Mapping[str, MakePool] = {"aiohttp": AiohttpPool, "httptools": HttptoolsPool}


class Router:
    """Sends whatever a connector yields."""

    def __init__(self, http: HttpTransport, mail: SmtpSender) -> None:
        self._http, self._mail = http, mail

    @classmethod
    def build(
        cls,
        guard: Guard,
        clock: Clock,
        *,
        client: str = "httptools",
        ca_bundle: Path | None = None,
        tokens: Tokens | None = None,
        limits: Limits = Limits(),
        lookup: Lookup = system_lookup,
    ) -> Router:
        """Both halves over one guard, one resolver rule and one set of trust roots; `client` is one of CLIENTS.

        Needs no running loop.
        """
        tls = client_context(ca_bundle)
        http = HttpTransport(
            guard, clock, tokens or TokenCoordinator(clock), tls, CLIENTS[client], limits=limits, lookup=lookup
        )
        return cls(http, SmtpSender(guard, clock, GuardedResolver(guard, lookup), tls))

    async def send(self, channel: Channel, request: Request) -> Response:
        """The answer, whatever its status. Raises NotSent, Unknown, Blocked, NeedsReauth."""
        match request:
            case HttpRequest():
                return await self._http.send(channel, request)
            case MailRequest():
                return await self._mail.send(channel, request)
            case _:
                assert_never(request)

    async def close(self) -> None:
        await self._http.close()
