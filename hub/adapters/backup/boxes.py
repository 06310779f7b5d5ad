"""Sealing streams on their way to a file, and opening them on their way back, beside the event loop."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import BinaryIO

from hub.adapters.vault.sealed_box import Sealing, Unsealing, read_public, read_secret
from hub.ports.backup import Opener, Sealed

PIECE = 1 << 20


async def seal_stream(source: AsyncIterator[bytes], target: Path, recipients: Sequence[str]) -> Sealed:
    """Seal what comes into a new file with mode 0600."""
    sealing = Sealing([read_public(one) for one in recipients])
    digest, size = hashlib.sha256(), 0
    file = await asyncio.to_thread(new_file, target)
    try:

        def write(piece: bytes) -> None:
            nonlocal size
            digest.update(piece)
            size += len(piece)
            file.write(piece)

        write(sealing.header)
        async for plain in source:
            write(await asyncio.to_thread(sealing.update, plain))
        write(sealing.finish())
    finally:
        await asyncio.to_thread(file.close)
    return Sealed(target, size, digest.hexdigest(), sealing.file_key)


def new_file(path: Path) -> BinaryIO:
    """A file that was not there, mode 0600."""
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600), "wb")


async def read_file(path: Path) -> AsyncIterator[bytes]:
    """A file in pieces."""
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece


def with_file_key(file_key: bytes) -> Opener:
    """Opens what this process sealed itself."""
    return lambda sealed: _opened(sealed, file_key=file_key)


def with_secret(text: str) -> Opener:
    """Opens by the secret that lies elsewhere. Raises Invalid (`bad_recipient`)."""
    read_secret(text)
    return lambda sealed: _opened(sealed, secret=text)


async def _opened(
    sealed: AsyncIterator[bytes], *, file_key: bytes | None = None, secret: str | None = None
) -> AsyncIterator[bytes]:
    opening = Unsealing(secret=None if secret is None else read_secret(secret), file_key=file_key)
    async for piece in sealed:
        if plain := await asyncio.to_thread(opening.update, piece):
            yield plain
    yield opening.finish()
