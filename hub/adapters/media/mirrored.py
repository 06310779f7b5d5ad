"""Two copies of every blob: written to both before it counts, read from the first that has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from hub.domain.errors import NotFound, Unavailable
from hub.ports.media import Blobs, Sink


class Mirrored:
    """`hub.ports.media.Blobs` over two of them; `copies` are what a scrub compares and repairs."""

    def __init__(self, first: Blobs, second: Blobs) -> None:
        self.copies = (first, second)

    @asynccontextmanager
    async def begin(self, name: str, *, replace: bool = False) -> AsyncIterator[_Both]:
        async with AsyncExitStack() as stack:
            sinks = [await stack.enter_async_context(copy.begin(name, replace=replace)) for copy in self.copies]
            yield _Both(sinks[0], sinks[1])

    async def read(self, name: str, start: int, length: int) -> bytes:
        try:
            return await self.copies[0].read(name, start, length)
        except (NotFound, Unavailable):
            return await self.copies[1].read(name, start, length)

    async def size(self, name: str) -> int:
        try:
            return await self.copies[0].size(name)
        except (NotFound, Unavailable):
            return await self.copies[1].size(name)

    async def names(self, prefix: str) -> AsyncIterator[str]:
        seen: set[str] = set()
        for copy in self.copies:
            async for name in copy.names(prefix):
                if name not in seen:
                    seen.add(name)
                    yield name

    async def delete(self, name: str) -> None:
        for copy in self.copies:
            await copy.delete(name)


@dataclass(frozen=True, slots=True)
class _Both:
    first: Sink
    second: Sink

    async def write(self, data: bytes) -> None:
        await self.first.write(data)
        await self.second.write(data)

    async def publish(self) -> bool:
        """The second copy first: what is seen in the first has a copy already, and of two that come at once one wins."""
        return await self.second.publish() and await self.first.publish()
