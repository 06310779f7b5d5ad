"""Bodies of events and webhooks while they are held: all of them together have a bound, because each may have megabytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.types import Scope

from hub.domain.errors import Unavailable

HELD = 128 * 1024 * 1024  # bytes


@dataclass(slots=True)
class Inflow:
    """What this process holds now. `refused` hears of each body that finds no room."""

    refused: Callable[[], None]
    limit: int = HELD
    held: int = 0

    @asynccontextmanager
    async def body(self, request: Request[Any, Any, Any]) -> AsyncIterator[bytes]:
        """The body, counted as it comes until the block is left. Raises Unavailable (`overloaded`) where there is no room."""
        mine, pieces = 0, list[bytes]()
        try:
            async for piece in request.stream():
                mine += len(piece)
                self.held += len(piece)
                if self.held > self.limit:
                    self.refused()
                    raise Unavailable("too much is being read at once", code="overloaded", after=1.0)
                pieces.append(piece)
            yield b"".join(pieces)
        finally:
            self.held -= mine


def inflow_of(scope: Scope) -> Inflow:
    """The one of this process."""
    found = scope["litestar_app"].state["inflow"]
    assert isinstance(found, Inflow)
    return found
