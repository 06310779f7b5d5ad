"""A bucket of an S3-compatible object store; the credentials may be such that they can add and never change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from hub.domain.errors import Invalid, NotFound, Unavailable

PIECE = 1 << 20


class Bucket:
    """`hub.ports.objects.Objects` in `s3://bucket/prefix`."""

    def __init__(self, place: str) -> None:
        parts = urlsplit(place)
        if parts.scheme != "s3" or not parts.netloc:
            raise Invalid("a bucket is written s3://bucket/prefix", code="bad_place")
        self._place = place
        self._store = S3Store(parts.netloc, prefix=parts.path.strip("/") or None)

    async def put(self, name: str, content: bytes | Path) -> None:
        """See the port. Large files go in parts; the thing appears when all are there."""
        with self._translated(name):
            await obstore.put_async(self._store, name, content)

    async def get(self, name: str) -> AsyncIterator[bytes]:
        """See the port."""
        with self._translated(name):
            found = await obstore.get_async(self._store, name)
            async for piece in found.stream(min_chunk_size=PIECE):
                yield bytes(piece)

    async def list(self, prefix: str) -> list[str]:
        """See the port. The store itself lists by folders, so the rest of the prefix is compared here."""
        folder = prefix.rpartition("/")[0]
        names: list[str] = []
        with self._translated(prefix):
            async for some in obstore.list(self._store, prefix=folder or None):
                names += [one["path"] for one in some]
        return sorted(name for name in names if name.startswith(prefix))

    async def drop(self, name: str) -> None:
        """See the port."""
        with self._translated(name):
            await obstore.delete_async(self._store, name)

    def where(self) -> str:
        """See the port."""
        return self._place

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise NotFound(f"{name} is not in {self._place}") from error
        except (BaseError, OSError) as error:  # the text may hold signed addresses
            raise Unavailable(
                f"{self._place} cannot be used ({type(error).__name__})", code="objects_unavailable", after=60.0
            ) from error
