"""Keeps one access token per connection: whoever needs a new one waits for the one call that fetches it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeGuard

from hub.adapters.http.wire import optional, part
from hub.adapters.oauth.token_call import read_token, token_request
from hub.domain.ids import ConnectionId
from hub.ports.clock import Clock
from hub.ports.transport import Blocked, Channel, HttpRequest, HttpResponse, NeedsReauth, NotSent, Unknown
from mappings.documents import Document

Post = Callable[[HttpRequest], Awaitable[HttpResponse]]
_REFRESH_AT = 0.8


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. `mark` tells the credentials it was fetched with, so that changed ones never meet an old token."""

    value: str = field(repr=False)
    mark: str
    refresh_at: datetime
    expires_at: datetime


class Slot(Protocol):
    """The place of one connection's token, held by one caller at a time."""

    @property
    def token(self) -> Token | None:
        """As it is now that the place is held."""

    async def put(self, token: Token) -> None: ...


class TokenShelf(Protocol):
    """Where tokens are kept. A shelf over processes locks the connection's row while a slot is held."""

    async def peek(self, connection: ConnectionId) -> Token | None:
        """Without waiting for whoever holds the slot."""

    def hold(self, connection: ConnectionId) -> AbstractAsyncContextManager[Slot]:
        """The slot, for one caller at a time."""


class MemoryShelf:
    """Tokens of this process."""

    def __init__(self) -> None:
        self._tokens: dict[ConnectionId, Token] = {}
        self._locks: defaultdict[ConnectionId, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def peek(self, connection: ConnectionId) -> Token | None:
        return self._tokens.get(connection)

    @asynccontextmanager
    async def hold(self, connection: ConnectionId) -> AsyncIterator[Slot]:
        async with self._locks[connection]:
            yield _MemorySlot(self._tokens, connection)


class _MemorySlot:
    def __init__(self, tokens: dict[ConnectionId, Token], connection: ConnectionId) -> None:
        self._tokens, self._connection = tokens, connection

    @property
    def token(self) -> Token | None:
        return self._tokens.get(self._connection)

    async def put(self, token: Token) -> None:
        self._tokens[self._connection] = token


class TokenCoordinator:
    """Gives access tokens; the shelf makes sure that one connection is refreshed by one caller.

    A failed call counts for everyone who was waiting for it: an endpoint that is down or refuses us is asked once.
    """

    def __init__(self, clock: Clock, shelf: TokenShelf | None = None) -> None:
        self._clock = clock
        self._shelf = shelf or MemoryShelf()
        self._failures: dict[tuple[ConnectionId, str], tuple[int, NotSent | NeedsReauth | Blocked]] = {}

    async def token(self, channel: Channel, spec: Document, post: Post, refused: str | None = None) -> str:
        """An access token that lives, other than `refused` (one that the vendor answered 401 to).

        `post` sends the token call through the guard. Raises NeedsReauth, Blocked, NotSent.
        """
        connection = channel.connection.id
        mark = _mark(spec, channel)
        kept = await self._shelf.peek(connection)
        if self._good(kept, mark, refused):
            return kept.value
        place = (connection, mark)
        seen = self._failures[place][0] if place in self._failures else 0
        async with self._shelf.hold(connection) as slot:
            kept = slot.token
            if self._good(kept, mark, refused):
                return kept.value
            failed = self._failures.get(place)
            if failed is not None and failed[0] > seen:
                raise _same(failed[1])
            try:
                fresh = await self._fetch(channel, spec, post, mark)
            except (NotSent, NeedsReauth, Blocked) as error:
                if isinstance(error, NotSent) and self._lives(kept, mark, refused):
                    return kept.value  # it was only due for renewal
                self._failures[place] = (seen + 1, error)
                raise
            self._failures.pop(place, None)
            await slot.put(fresh)
            return fresh.value

    async def _fetch(self, channel: Channel, spec: Document, post: Post, mark: str) -> Token:
        asked = self._clock.now()  # before the call: a slow answer shortens the life we believe in
        try:
            answer = await post(token_request(spec, channel, asked))
        except (NotSent, Unknown) as error:
            raise NotSent("the token endpoint did not answer", code="token_unavailable") from error
        value, life = read_token(spec, answer)
        share = part(spec, "token").get("refresh_at", _REFRESH_AT)
        kept = share if isinstance(share, int | float) and 0 < share <= 1 else _REFRESH_AT
        return Token(value, mark, asked + timedelta(seconds=life.total_seconds() * kept), asked + life)

    def _good(self, token: Token | None, mark: str, refused: str | None) -> TypeGuard[Token]:
        return self._lives(token, mark, refused) and self._clock.now() < token.refresh_at

    def _lives(self, token: Token | None, mark: str, refused: str | None) -> TypeGuard[Token]:
        return (
            token is not None and token.mark == mark and token.value != refused and self._clock.now() < token.expires_at
        )


def _same(error: NotSent | NeedsReauth | Blocked) -> NotSent | NeedsReauth | Blocked:
    """The error anew: one exception object may not be raised in several tasks."""
    return type(error)(str(error), code=error.code, after=error.after)


def _mark(spec: Document, channel: Channel) -> str:
    token = part(spec, "token")
    names = ("url", "client_id", "client_secret", "private_key")
    return hashlib.sha256(repr([optional(token, name, channel) for name in names]).encode()).hexdigest()
