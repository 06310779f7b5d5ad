"""A folder: each thing is written beside its place, forced to disk, moved there, and the move is forced to disk."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath

from hub.domain.errors import NotFound, Unavailable

PIECE = 1 << 20
_DRAFT = ".draft-"


class Folder:
    """`hub.ports.objects.Objects` below one folder, which is made with mode 0700."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, name: str, content: bytes | Path) -> None:
        """See the port. What is there already under the name is replaced in one step."""
        path = self._path(name)
        try:
            await asyncio.to_thread(_publish, path, content)
        except OSError as error:
            raise _away(self._root, error) from error

    async def get(self, name: str) -> AsyncIterator[bytes]:
        """See the port."""
        try:
            file = await asyncio.to_thread(self._path(name).open, "rb")
        except FileNotFoundError as error:
            raise NotFound(f"{name} is not in {self._root}") from error
        except OSError as error:
            raise _away(self._root, error) from error
        try:
            while piece := await asyncio.to_thread(file.read, PIECE):
                yield piece
        finally:
            file.close()

    async def list(self, prefix: str) -> list[str]:
        """See the port."""
        try:
            return await asyncio.to_thread(_names, self._root, prefix)
        except OSError as error:
            raise _away(self._root, error) from error

    async def drop(self, name: str) -> None:
        """See the port."""
        try:
            await asyncio.to_thread(self._path(name).unlink, missing_ok=True)
        except OSError as error:
            raise _away(self._root, error) from error

    def where(self) -> str:
        """See the port."""
        return str(self._root)

    def _path(self, name: str) -> Path:
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or any(part.startswith(_DRAFT) for part in parts):
            raise NotFound(f"{name!r} is not a name of a thing")
        return self._root.joinpath(*parts)


def _publish(path: Path, content: bytes | Path) -> None:
    made = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    for folder in reversed(made):  # `parents=True` would make them readable by all
        folder.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_name(f"{_DRAFT}{secrets.token_hex(8)}")
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                with content.open("rb") as source:
                    shutil.copyfileobj(source, file, PIECE)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    for folder in (path.parent, *(folder.parent for folder in made)):
        _sync(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EROFS):  # some network mounts have nothing to sync
            raise
    finally:
        os.close(descriptor)


def _names(root: Path, prefix: str) -> list[str]:
    start = root.joinpath(*PurePosixPath(prefix).parts[:-1]) if "/" in prefix.rstrip("/") else root
    start = root.joinpath(*PurePosixPath(prefix).parts) if prefix.endswith("/") else start
    found = []
    for folder, _, files in os.walk(start):
        for file in files:
            name = (Path(folder) / file).relative_to(root).as_posix()
            if name.startswith(prefix) and not file.startswith(_DRAFT):
                found.append(name)
    return sorted(found)


def _away(root: Path, error: OSError) -> Unavailable:
    return Unavailable(f"{root} cannot be used ({error.strerror})", code="objects_unavailable", after=60.0)
