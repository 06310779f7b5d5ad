"""Blobs in a bucket that speaks S3, through obstore. Credentials come from where AWS tools look for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from hub.adapters.media.directory import checked
from hub.domain.errors import Invalid, NotFound, Unavailable


class Bucket:
    """`hub.ports.media.Blobs` below a prefix of a bucket. A blob is put in one request, so it is there whole or not."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    @classmethod
    def at(cls, place: str, endpoint: str | None = None) -> Bucket:
        """`s3://bucket/prefix`. Raises Invalid."""
        parts = urlsplit(place)
        if not parts.netloc:
            raise Invalid("a bucket is s3://name/prefix", code="bad_setting", at="HIREWIRE_MEDIA")
        more: dict[str, Any] = {}
        if endpoint is not None:
            more = {"endpoint": endpoint, "virtual_hosted_style_request": False}
        client: Any = {"allow_http": (endpoint or "").startswith("http://"), "timeout": timedelta(seconds=30)}
        retry: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
        prefix = parts.path.strip("/") or None
        return cls(S3Store(parts.netloc, prefix=prefix, client_options=client, retry_config=retry, **more))

    @asynccontextmanager
    async def begin(self, name: str, *, replace: bool = False) -> AsyncIterator[_Object]:
        yield _Object(self._store, checked(name), replace=replace)

    async def read(self, name: str, start: int, length: int) -> bytes:
        try:
            found = await obstore.get_range_async(self._store, checked(name), start=start, length=length)
        except (FileNotFoundError, BaseError) as error:
            raise _translated(error) from error
        return bytes(found)

    async def size(self, name: str) -> int:
        try:
            return int((await obstore.head_async(self._store, checked(name)))["size"])
        except (FileNotFoundError, BaseError) as error:
            raise _translated(error) from error

    async def names(self, prefix: str) -> AsyncIterator[str]:
        try:
            async for page in obstore.list(self._store, prefix=prefix or None):
                for one in page:
                    yield one["path"]
        except BaseError as error:
            raise _translated(error) from error

    async def delete(self, name: str) -> None:
        try:
            await obstore.delete_async(self._store, checked(name))
        except FileNotFoundError:
            return
        except BaseError as error:
            raise _translated(error) from error


class _Object:
    """One object on its way in: kept in memory, bounded by the size of a part."""

    def __init__(self, store: S3Store, name: str, *, replace: bool) -> None:
        self._store, self._name, self._replace, self._data = store, name, replace, bytearray()

    async def write(self, data: bytes) -> None:
        self._data += data

    async def publish(self) -> bool:
        mode: Any = "overwrite" if self._replace else "create"
        try:
            await obstore.put_async(self._store, self._name, bytes(self._data), mode=mode, use_multipart=False)
        except AlreadyExistsError:
            return False
        except BaseError as error:
            raise _translated(error) from error
        return True


def _translated(error: Exception) -> NotFound | Unavailable:
    """The service's words are not passed on: they may hold names and addresses."""
    if isinstance(error, FileNotFoundError):
        return NotFound("there is no such recording", code="no_media")
    return Unavailable(f"the bucket cannot be used now ({type(error).__name__})", code="media_unavailable", after=5.0)
