"""Recordings published on a disk whose power is cut."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from hub.adapters.media import Directory
from hub.adapters.objects import files
from tests.chaos.power import Disk

FILES = 80


async def published(disk: Disk) -> tuple[int, int]:
    """(lost, other content) of 80 blobs whose publishing was acknowledged before the cut."""
    blobs = Directory(disk.at / "media")
    wanted = {f"1/med_{number}/part-00001": os.urandom(20_000) for number in range(FILES)}
    for name, content in wanted.items():
        async with blobs.begin(name) as sink:
            await sink.write(content)
            assert await sink.publish()
    disk.cut()
    disk.back()
    lost = other = 0
    for name, content in wanted.items():
        path = disk.at / "media" / name
        if not path.exists():
            lost += 1
        elif path.read_bytes() != content:
            other += 1
    return lost, other


@contextmanager
def without_sync_of(kind: str) -> Iterator[None]:
    """The planted faults: `file` or `directory` is not synced."""

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) == (kind == "directory"):
            return
        os.fsync(descriptor)

    shim = SimpleNamespace(**{name: getattr(os, name) for name in dir(os)})
    shim.fsync = fsync
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "os", shim)
        yield
