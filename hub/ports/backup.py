"""Backups: how a database is copied while it works, and how a copy is sealed, opened and compared."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hub.ports.signing import Signer
from hub.ports.store import Store
from hub.ports.vault import Vault


@dataclass(frozen=True, slots=True)
class Digest:
    """A table's content: how many rows, and a sum over their hashes that the order of rows does not change."""

    rows: int
    sum: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed file. The file key opens it once more in this process, to check it; it is never kept."""

    path: Path
    size: int
    sha256: str
    file_key: bytes


@dataclass(frozen=True, slots=True)
class Copied:
    """A consistent copy: the database without its key rows, and the key rows apart, both sealed."""

    database: Sealed
    keys: Sealed
    tables: Mapping[str, Digest]
    schema: str


class Opener(Protocol):
    """Opens sealed files: with the file key of this process, or with the secret that lies elsewhere."""

    def __call__(self, sealed: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Raises Conflict: `not_a_backup`, `other_recipient`, `backup_damaged`."""


class Copier(Protocol):
    """Copies one kind of database."""

    kind: str  # sqlite | postgres

    async def copy(self, folder: Path) -> Copied:
        """Seal a consistent copy into files in `folder`, while the database works on. Raises Unavailable."""

    def scratch(self) -> AbstractAsyncContextManager[str]:
        """The address of an empty database that is gone afterwards."""

    async def empty(self, address: str) -> bool:
        """Whether there is nothing at this address that a restore would write over."""

    async def restore(self, address: str, database: AsyncIterator[bytes], keys: AsyncIterator[bytes]) -> None:
        """Fill the empty database at `address`. Raises Conflict, Unavailable."""

    async def digests(self, address: str) -> dict[str, Digest]:
        """What is there, by table."""

    def open(self, address: str) -> tuple[Store, Vault, Signer]:
        """The store there, and vault and signer with the keys in it, under this installation's root keys."""
