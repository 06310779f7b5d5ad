"""A folder on this machine, or a share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath

from hub.adapters.objects.files import DRAFT, Draft, names_below
from hub.domain.errors import NotFound, Unavailable

PIECE = 1 << 20


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
        if not parts or name.startswith("/") or ".." in parts or any(part.startswith(DRAFT) for part in parts):
            raise NotFound(f"{name!r} is not a name of a thing")
        return self._root.joinpath(*parts)


def _publish(path: Path, content: bytes | Path) -> None:
    draft = Draft(path)
    try:
        if isinstance(content, bytes):
            draft.write(content)
        else:
            with content.open("rb") as source:
                while piece := source.read(PIECE):
                    draft.write(piece)
        draft.publish(replace=True)
    finally:
        draft.drop()


def _names(root: Path, prefix: str) -> list[str]:
    start = root.joinpath(*PurePosixPath(prefix).parts[:-1]) if "/" in prefix.rstrip("/") else root
    start = root.joinpath(*PurePosixPath(prefix).parts) if prefix.endswith("/") else start
    return sorted(name for name in names_below(root, start) if name.startswith(prefix))


def _away(root: Path, error: OSError) -> Unavailable:
    return Unavailable(f"{root} cannot be used ({error.strerror})", code="objects_unavailable", after=60.0)
