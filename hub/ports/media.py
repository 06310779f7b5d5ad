"""Interview recordings and other large things: blobs that are sealed before they leave the process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from hub.ports.vault import Place


class Sink(Protocol):
    """One blob on its way in. Nothing of it is seen under its name before it is published."""

    async def write(self, data: bytes) -> None:
        """Raises Unavailable (`media_full`, `media_unavailable`)."""

    async def publish(self) -> bool:
        """Durable and there under its name when this returns; False where another blob was there first, which stays."""


class Blobs(Protocol):
    """Where sealed blobs are. Names are `a/b/c` of letters, digits, `_`, `-` and dots within. Raises Unavailable."""

    def begin(self, name: str, *, replace: bool = False) -> AbstractAsyncContextManager[Sink]:
        """A blob to write; left without `publish`, nothing remains. `replace`: publish in the place of what is there."""

    async def read(self, name: str, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start`. Raises NotFound."""

    async def size(self, name: str) -> int:
        """Raises NotFound."""

    def names(self, prefix: str) -> AsyncIterator[str]:
        """All names below `prefix/`, in no order."""

    async def delete(self, name: str) -> None:
        """It is not there any more; also where it was not."""


class SealedStream(Protocol):
    """Sealing of one stream, piece by piece."""

    def update(self, data: bytes) -> bytes:
        """What can be written by now."""

    def finish(self) -> bytes:
        """The rest."""


class OpenedStream(Protocol):
    """A sealed stream whose length is known to be true."""

    size: int  # of the plain text
    sealed: int  # of the blob

    def span(self, start: int, length: int) -> tuple[int, int]:
        """(first byte, bytes) of the blob that hold these bytes of the plain text."""

    def open(self, start: int, length: int, sealed: bytes) -> bytes:
        """The plain bytes from what `span` asked for. Raises Conflict (`sealed_elsewhere`)."""


class MediaVault(Protocol):
    """Seals streams. The keys of the place's owner were prepared for class media; those of a head by `prepare_head`."""

    def sealing_stream(self, place: Place) -> SealedStream: ...

    @property
    def head_size(self) -> int:
        """Bytes at the beginning of a blob that say how it is sealed."""

    async def prepare_head(self, place: Place, head: bytes) -> None:
        """Load the key that the head names. Raises Unavailable."""

    def tail(self, head: bytes, sealed: int) -> tuple[int, int]:
        """(first byte, bytes) of the last chunk of a stream of `sealed` bytes. Raises Conflict (`sealed_elsewhere`)."""

    def opening_stream(self, place: Place, head: bytes, sealed: int, tail: bytes) -> OpenedStream:
        """Verify the last chunk, and with it the length. Raises Conflict: `sealed_elsewhere`, `key_destroyed`,
        `unknown_envelope`.
        """


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a medium: plain size and SHA-256 in hex."""

    number: int  # from 1
    size: int
    sha256: str
