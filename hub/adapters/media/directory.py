"""Blobs in a directory."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from hub.adapters.objects.files import Draft, names_below, sync
from hub.domain.errors import Invalid, NotFound, Unavailable

T = TypeVar("T")
BUFFER = 1 << 20  # bytes kept before a thread is asked to write them
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}){0,7}")


class Directory:
    """`hub.ports.media.Blobs` below one directory, mode 0700."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @asynccontextmanager
    async def begin(self, name: str, *, replace: bool = False) -> AsyncIterator[_File]:
        draft = await _blocking(Draft, self._path(name))
        try:
            yield _File(draft, replace=replace)
        finally:
            await _blocking(draft.drop)

    async def read(self, name: str, start: int, length: int) -> bytes:
        return await _blocking(_read, self._path(name), start, length)

    async def size(self, name: str) -> int:
        return await _blocking(_size, self._path(name))

    async def names(self, prefix: str) -> AsyncIterator[str]:
        top = self._root if not prefix else self._path(prefix)
        for name in await _blocking(lambda: list(names_below(self._root, top))):
            yield name

    async def delete(self, name: str) -> None:
        await _blocking(_delete, self._path(name))

    def _path(self, name: str) -> Path:
        return self._root / checked(name)


class _File:
    """One file on its way in, written in large pieces."""

    def __init__(self, draft: Draft, *, replace: bool) -> None:
        self._draft, self._replace, self._buffer = draft, replace, bytearray()

    async def write(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= BUFFER:
            await _blocking(self._flush)

    async def publish(self) -> bool:
        return await _blocking(self._publish)

    def _flush(self) -> None:
        data = bytes(self._buffer)
        self._buffer.clear()
        self._draft.write(data)

    def _publish(self) -> bool:
        self._flush()
        return self._draft.publish(replace=self._replace)


def checked(name: str) -> str:
    """Raises Invalid (`bad_media_name`): a name never leads out of the place."""
    if not _NAME.fullmatch(name) or ".." in name:
        raise Invalid("not a name of a blob", code="bad_media_name")
    return name


async def _blocking(act: Callable[..., T], *given: object) -> T:
    try:
        return await asyncio.to_thread(act, *given)
    except FileNotFoundError as error:
        raise NotFound("there is no such recording", code="no_media") from error
    except OSError as error:
        code = "media_full" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else "media_unavailable"
        raise Unavailable(f"recordings cannot be reached ({error.strerror})", code=code, after=5.0) from error


def _read(path: Path, start: int, length: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        return os.pread(descriptor, length, start)
    finally:
        os.close(descriptor)


def _size(path: Path) -> int:
    return path.stat().st_size


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)
    if path.parent.exists():
        sync(path.parent)
