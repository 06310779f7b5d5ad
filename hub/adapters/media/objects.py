"""Blobs in a bucket that speaks S3."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from hub.adapters.media.directory import checked
from hub.adapters.objects.bucket import Bucket
from hub.domain.errors import HubError, Invalid, NotFound, Unavailable

PATIENCE = timedelta(seconds=30)  # somebody waits for the answer


class BucketBlobs:
    """`hub.ports.media.Blobs` below a prefix of a bucket. A blob is put in one request, so it is there whole or not."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    @classmethod
    def at(cls, place: str, endpoint: str | None = None) -> BucketBlobs:
        """`s3://bucket/prefix`. Raises Invalid."""
        try:
            return cls(Bucket(place, endpoint=endpoint, patience=PATIENCE, told=_told))
        except Invalid as error:
            raise Invalid(str(error), code="bad_setting", at="HIREWIRE_MEDIA") from error

    @asynccontextmanager
    async def begin(self, name: str, *, replace: bool = False) -> AsyncIterator[_Object]:
        yield _Object(self._bucket, checked(name), replace=replace)

    async def read(self, name: str, start: int, length: int) -> bytes:
        return await self._bucket.span(checked(name), start, length)

    async def size(self, name: str) -> int:
        return await self._bucket.size(checked(name))

    async def names(self, prefix: str) -> AsyncIterator[str]:
        async for name in self._bucket.below(prefix):
            yield name

    async def delete(self, name: str) -> None:
        await self._bucket.drop(checked(name))


class _Object:
    """One object on its way in: kept in memory, bounded by the size of a part."""

    def __init__(self, bucket: Bucket, name: str, *, replace: bool) -> None:
        self._bucket, self._name, self._replace, self._data = bucket, name, replace, bytearray()

    async def write(self, data: bytes) -> None:
        self._data += data

    async def publish(self) -> bool:
        return await self._bucket.put_at_once(self._name, bytes(self._data), replace=self._replace)


def _told(name: str, error: Exception) -> HubError:
    """Neither the service's words nor the name are passed on."""
    if isinstance(error, FileNotFoundError):
        return NotFound("there is no such recording", code="no_media")
    return Unavailable(f"the bucket cannot be used now ({type(error).__name__})", code="media_unavailable", after=5.0)
