"""A disk whose power can be cut: ext4 on a loop device, shut down without flushing its log, then mounted again.

What was not synced is gone after the cut, as after a real one. Needs root, a loop device and mkfs.ext4.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
SIZE_MB = 256


class NoDisk(RuntimeError):
    """Such a disk cannot be made here; says why."""


@dataclass
class Disk:
    """A mounted file system."""

    image: Path
    at: Path

    def cut(self) -> None:
        """From here on nothing reaches the disk, and everything that has not is lost."""
        folder = os.open(self.at, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(folder)

    def back(self) -> None:
        """Power again: the log is replayed. Whoever used the disk must be gone."""
        _run("umount", str(self.at))
        _run("mount", "-o", "loop", str(self.image), str(self.at))


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoDisk(f"{words[0]}: {done.stderr.strip()}")


@contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    """A disk while the block runs. Raises NoDisk."""
    if os.geteuid() != 0:
        raise NoDisk("only root may mount")
    if shutil.which("mkfs.ext4") is None or not Path("/dev/loop-control").exists():
        raise NoDisk("no mkfs.ext4 or no loop device")
    made = Disk(folder / "disk.img", folder / "disk")
    made.at.mkdir()
    with made.image.open("wb") as file:
        file.truncate(SIZE_MB * 1024 * 1024)
    _run("mkfs.ext4", "-q", str(made.image))
    _run("mount", "-o", "loop", str(made.image), str(made.at))
    try:
        yield made
    finally:
        _run("umount", str(made.at))
