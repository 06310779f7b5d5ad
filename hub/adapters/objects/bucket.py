"""A bucket of an S3-compatible object store; the credentials may be such that they can add and never change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from hub.domain.errors import HubError, Invalid, NotFound, Unavailable

PIECE = 1 << 20
Told = Callable[[str, Exception], HubError]  # what is said of a thing that could not be reached


class Bucket:
    """`hub.ports.objects.Objects` in `s3://bucket/prefix`, and what blobs want besides.

    Credentials come from where AWS tools look for them. `endpoint`: another service than AWS; `patience`: how long one
    request, and all its retries, may take; `told`: other words for what cannot be reached. Raises Invalid (`bad_place`).
    """

    def __init__(
        self, place: str, *, endpoint: str | None = None, patience: timedelta | None = None, told: Told | None = None
    ) -> None:
        parts = urlsplit(place)
        if parts.scheme != "s3" or not parts.netloc:
            raise Invalid("a bucket is written s3://bucket/prefix", code="bad_place")
        more: dict[str, Any] = {}
        if endpoint is not None:
            more |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
        if patience is not None:
            client: dict[str, Any] = {"timeout": patience}
            if endpoint is not None:
                client["allow_http"] = endpoint.startswith("http://")
            more |= {"client_options": client, "retry_config": {"max_retries": 3, "retry_timeout": patience}}
        self._place, self._told = place, told or self._in_words
        self._store = S3Store(parts.netloc, prefix=parts.path.strip("/") or None, **more)

    async def put(self, name: str, content: bytes | Path) -> None:
        """See the port. Large files go in parts; the thing appears when all are there."""
        with self._translated(name):
            await obstore.put_async(self._store, name, content)

    async def put_at_once(self, name: str, content: bytes, *, replace: bool) -> bool:
        """In one request; False where something is there already and is not to be replaced."""
        mode: Any = "overwrite" if replace else "create"
        with self._translated(name):
            try:
                await obstore.put_async(self._store, name, content, mode=mode, use_multipart=False)
            except AlreadyExistsError:
                return False
        return True

    async def get(self, name: str) -> AsyncIterator[bytes]:
        """See the port."""
        with self._translated(name):
            found = await obstore.get_async(self._store, name)
            async for piece in found.stream(min_chunk_size=PIECE):
                yield bytes(piece)

    async def span(self, name: str, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start`."""
        with self._translated(name):
            return bytes(await obstore.get_range_async(self._store, name, start=start, length=length))

    async def size(self, name: str) -> int:
        """In bytes."""
        with self._translated(name):
            return int((await obstore.head_async(self._store, name))["size"])

    async def below(self, folder: str) -> AsyncIterator[str]:
        """The names in a folder and those in it, in no order."""
        with self._translated(folder):
            async for page in obstore.list(self._store, prefix=folder or None):
                for one in page:
                    yield one["path"]

    async def list(self, prefix: str) -> list[str]:
        """See the port. The store itself lists by folders, so the rest of the prefix is compared here."""
        return sorted([name async for name in self.below(prefix.rpartition("/")[0]) if name.startswith(prefix)])

    async def drop(self, name: str) -> None:
        """See the port."""
        with self._translated(name):
            try:
                await obstore.delete_async(self._store, name)
            except FileNotFoundError:
                return

    def where(self) -> str:
        """See the port."""
        return self._place

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            raise self._told(name, error) from error

    def _in_words(self, name: str, error: Exception) -> HubError:
        """The service's own words are not passed on: they may hold signed addresses."""
        if isinstance(error, FileNotFoundError):
            return NotFound(f"{name} is not in {self._place}")
        away = f"{self._place} cannot be used ({type(error).__name__})"
        return Unavailable(away, code="objects_unavailable", after=60.0)
