"""Blobs in memory; everything is gone when the process ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hub.domain.errors import NotFound


@dataclass(slots=True)
class MemoryBlobs:
    """`hub.ports.media.Blobs`."""

    blobs: dict[str, bytes] = field(default_factory=dict)

    @asynccontextmanager
    async def begin(self, name: str, *, replace: bool = False) -> AsyncIterator[_Blob]:
        yield _Blob(self.blobs, name, replace)

    async def read(self, name: str, start: int, length: int) -> bytes:
        return self._blob(name)[start : start + length]

    async def size(self, name: str) -> int:
        return len(self._blob(name))

    async def names(self, prefix: str) -> AsyncIterator[str]:
        for name in list(self.blobs):
            if not prefix or name.startswith(f"{prefix}/"):
                yield name

    async def delete(self, name: str) -> None:
        self.blobs.pop(name, None)

    def _blob(self, name: str) -> bytes:
        if name not in self.blobs:
            raise NotFound("there is no such recording", code="no_media")
        return self.blobs[name]


@dataclass(slots=True)
class _Blob:
    blobs: dict[str, bytes]
    name: str
    replace: bool
    data: bytearray = field(default_factory=bytearray)

    async def write(self, data: bytes) -> None:
        self.data += data

    async def publish(self) -> bool:
        if self.name in self.blobs and not self.replace:
            return False
        self.blobs[self.name] = bytes(self.data)
        return True
