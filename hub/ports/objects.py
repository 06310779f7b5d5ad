"""Things kept whole under names, outside the database: a folder, or a bucket of an object store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol


class Objects(Protocol):
    """Names are relative paths with `/`. What was put is durable when `put` returns, and is never seen half."""

    async def put(self, name: str, content: bytes | Path) -> None:
        """Put bytes, or the content of a file. Raises Unavailable."""

    def get(self, name: str) -> AsyncIterator[bytes]:
        """The content in pieces. Raises NotFound, Unavailable."""

    async def list(self, prefix: str) -> list[str]:
        """The names that begin with the prefix, sorted. Raises Unavailable."""

    async def drop(self, name: str) -> None:
        """Remove it; what is not there is no error. Raises Unavailable."""

    def where(self) -> str:
        """The place in words, for people."""
