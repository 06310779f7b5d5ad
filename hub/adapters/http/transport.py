"""The HTTP half of the Transport port: one pool of connections per lane, everything bounded, every error named."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Protocol

from hub.adapters.http.auth import OAUTH, WEBHOOK, Sign, sign_streamed, signer, way
from hub.adapters.http.guard import Guard
from hub.adapters.http.message import Outgoing, compose
from hub.adapters.http.pool import Cut, Limits, Pool, Trial
from hub.adapters.http.resolver import GuardedResolver, Lookup, system_lookup
from hub.adapters.http.wire import allowed_hosts, total_timeout
from hub.adapters.oauth.coordinator import Post
from hub.domain.ids import ConnectionId
from hub.ports.clock import Clock
from hub.ports.transport import Channel, HttpRequest, HttpResponse, NotSent, Unknown
from mappings.documents import Document

MakePool = Callable[[GuardedResolver, ssl.SSLContext, Limits], Pool]


class Tokens(Protocol):
    """Gives access tokens; `post` sends its token call through the guard."""

    async def token(self, channel: Channel, spec: Document, post: Post, refused: str | None = None) -> str: ...


class HttpTransport:
    """Sends HTTP requests. Certificates are always verified; redirects, proxies, cookies and netrc are never followed."""

    def __init__(
        self,
        guard: Guard,
        clock: Clock,
        tokens: Tokens,
        tls: ssl.SSLContext,
        make_pool: MakePool,
        *,
        limits: Limits = Limits(),
        lookup: Lookup = system_lookup,
    ) -> None:
        self._guard, self._clock, self._tokens, self._limits = guard, clock, tokens, limits
        self._new_pool = partial(make_pool, GuardedResolver(guard, lookup), tls, limits)
        self._checked = lru_cache(maxsize=4096)(guard.url)  # refusals are not kept
        self._lanes: dict[ConnectionId, _Lane] = {}
        self._closed = False

    async def send(self, channel: Channel, request: HttpRequest) -> HttpResponse:
        """The answer, whatever its status. Raises NotSent, Unknown, Blocked, NeedsReauth.

        The channel's time-out covers everything: token call, connect, send and the whole body; one that is streamed has a second
        more for each megabyte.
        """
        if self._closed:
            raise NotSent("the transport is closed", code="closed")
        lane, trial = self._lane(channel), Trial()
        streamed = 0 if request.body is None or isinstance(request.body, bytes) else request.body.size
        try:
            async with asyncio.timeout(lane.timeout_s + streamed / self._limits.slowest):
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

    async def _exchange(self, lane: _Lane, request: HttpRequest, trial: Trial) -> HttpResponse:
        out = compose(request, self._checked(request.url, lane.hosts))
        chosen = lane.ways.get(request.auth) or lane.open_way(request.auth, self._clock)
        if chosen.spec.get("mode") == OAUTH:
            return await self._with_token(lane, request, out, chosen, trial)
        if out.body is None or isinstance(out.body, bytes) or chosen.spec.get("mode") != WEBHOOK:
            return await self._deliver(lane.pool, chosen.sign(out, request.key, None), trial)
        signed = await sign_streamed(out, chosen.spec, lane.channel, request.key, self._clock)
        return await self._deliver(lane.pool, signed, trial)

    async def _with_token(
        self, lane: _Lane, request: HttpRequest, out: Outgoing, chosen: _Way, trial: Trial
    ) -> HttpResponse:
        async def post(call: HttpRequest) -> HttpResponse:
            return await self._deliver(lane.pool, compose(call, self._checked(call.url, lane.hosts)), Trial())

        token = await self._tokens.token(lane.channel, chosen.spec, post)
        answer = await self._deliver(lane.pool, chosen.sign(out, request.key, token), trial)
        if answer.status != 401:
            return answer
        trial.sent = False  # refused at the door: nothing has happened there yet
        token = await self._tokens.token(lane.channel, chosen.spec, post, refused=token)
        return await self._deliver(lane.pool, chosen.sign(out, request.key, token), trial)

    async def _deliver(self, pool: Pool, out: Outgoing, trial: Trial) -> HttpResponse:
        """Send; a request that met a pooled connection as the vendor closed it goes once more over a fresh one.

        What must not be sent twice never uses a pooled connection, so that it cannot meet this race.
        """
        began = self._clock.monotonic()
        for fresh in (not out.again, True):
            trial.sent = trial.reused = False
            try:
                return await pool.once(out, trial, fresh=fresh)
            except Cut as error:  # a retry library would cost 18 us on every good request
                soon = self._clock.monotonic() - began < self._limits.resend_within_s
                if self._closed or not (trial.reused and out.again and soon):
                    raise Unknown("the connection was cut before an answer", code="cut") from error
        raise AssertionError("a fresh connection is not a reused one")

    def _lane(self, channel: Channel) -> _Lane:
        """The lane of this channel; read anew where a setting or secret changed, with its connections kept."""
        id = channel.connection.id
        lane = self._lanes.get(id)
        if lane is None or lane.channel != channel:
            pool = self._new_pool() if lane is None else lane.pool
            lane = _Lane(channel, allowed_hosts(channel, self._guard), total_timeout(channel), pool)
            self._lanes[id] = lane
        return lane


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to sign in."""

    spec: Document
    sign: Sign


@dataclass(frozen=True, slots=True)
class _Lane:
    """What a channel says, read once: the next request of the same connection finds it here."""

    channel: Channel
    hosts: tuple[str, ...]
    timeout_s: float
    pool: Pool
    ways: dict[str, _Way] = field(default_factory=dict)

    def open_way(self, name: str, clock: Clock) -> _Way:
        """The way that `auth: name` of a request means, from now on in `ways`. Raises Blocked, NeedsReauth."""
        spec = way(self.channel, name)
        return self.ways.setdefault(name, _Way(spec, signer(spec, self.channel, clock)))
