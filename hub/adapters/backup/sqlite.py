"""Copies of an SQLite database: by its own backup API, while others write."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from tempfile import TemporaryDirectory

from hub.adapters.backup.boxes import new_file, read_file, seal_stream
from hub.domain.errors import Conflict, Unavailable
from hub.ports.backup import Copied, Digest
from hub.ports.signing import Signer
from hub.ports.store import Store
from hub.ports.vault import Vault

KEY_TABLES = ("data_key", "owner_key")  # those of them that are there
Open = Callable[[str], tuple[Store, Vault, Signer]]


class SqliteCopier:
    """`hub.ports.backup.Copier`. Plain copies lie for a moment in `scratch`, which is as private as the database is."""

    kind = "sqlite"

    def __init__(self, database: Path, scratch: Path, recipients: Sequence[str], open_: Open) -> None:
        self._database, self._scratch = database, scratch
        self._recipients, self._open = recipients, open_

    async def copy(self, folder: Path) -> Copied:
        """See the port."""
        with self._folder() as held:
            plain, keys = held / "database", held / "keys"
            schema = await _translated(_copy, self._database, plain)
            tables = await digests_of(plain)
            await _translated(_split, plain, keys)
            return Copied(
                database=await seal_stream(read_file(plain), folder / "database.hwbk", self._recipients),
                keys=await seal_stream(read_file(keys), folder / "keys.hwbk", self._recipients),
                tables=tables,
                schema=schema,
            )

    @asynccontextmanager
    async def scratch(self) -> AsyncIterator[str]:
        """See the port."""
        with self._folder() as held:
            yield f"sqlite:///{held / 'scratch.db'}"

    async def empty(self, address: str) -> bool:
        """See the port."""
        path = path_of(address)
        return not any(path.with_name(path.name + end).exists() for end in ("", "-wal", "-shm"))

    async def restore(self, address: str, database: AsyncIterator[bytes], keys: AsyncIterator[bytes]) -> None:
        """See the port. The file appears when it is whole."""
        path = path_of(address)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".restore-", dir=path.parent) as name:
            held = Path(name)
            await write_file(held / "database", database)
            await write_file(held / "keys", keys)
            await _translated(_join, held / "database", held / "keys")
            (held / "database").replace(path)
            sync_folder(path.parent)

    async def digests(self, address: str) -> dict[str, Digest]:
        """See the port."""
        return await digests_of(path_of(address))

    def open(self, address: str) -> tuple[Store, Vault, Signer]:
        """See the port."""
        return self._open(address)

    def _folder(self) -> TemporaryHeld:
        self._scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        return TemporaryHeld(self._scratch)


class TemporaryHeld(TemporaryDirectory[str]):
    """A folder with mode 0700 that is gone with its block."""

    def __init__(self, parent: Path) -> None:
        super().__init__(prefix="backup-", dir=parent)

    def __enter__(self) -> Path:  # type: ignore[override]
        return Path(super().__enter__())


def path_of(address: str) -> Path:
    """The file of `sqlite:///path`."""
    return Path(address.removeprefix("sqlite:///"))


async def digests_of(path: Path) -> dict[str, Digest]:
    """Rows and sums, by a process of its own."""
    program = (sys.executable, "-P", "-m", "hub.adapters.backup.digests", str(path))
    made = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    told, _ = await made.communicate()
    if made.returncode != 0:
        raise Unavailable("the copy could not be read", code="backup_failed")
    return {table: Digest(rows, sum_) for table, (rows, sum_) in json.loads(told).items()}


async def write_file(path: Path, content: AsyncIterator[bytes]) -> None:
    """Write it all and force it to disk."""
    with await asyncio.to_thread(new_file, path) as file:
        async for piece in content:
            await asyncio.to_thread(file.write, piece)
        file.flush()
        await asyncio.to_thread(os.fsync, file.fileno())


def sync_folder(folder: Path) -> None:
    """Force what was moved there to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _translated(act: Callable[..., str], *arguments: Path) -> str:
    try:
        return await asyncio.to_thread(act, *arguments)
    except sqlite3.DatabaseError as error:
        raise Conflict(f"the copy is no whole database ({error})", code="backup_damaged") from error
    except OSError as error:
        raise Unavailable(f"no room or no right to copy ({error.strerror})", code="backup_failed") from error


def _copy(database: Path, to: Path) -> str:
    """One consistent picture: the whole copy is made under one read lock, which in WAL mode holds up nobody."""
    to.touch(mode=0o600)
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        return str(copy.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def _split(database: Path, keys: Path) -> str:
    """Move the key rows into a file of their own; no trace of them stays in free pages."""
    keys.touch(mode=0o600)
    with closing(sqlite3.connect(database)) as link:
        link.execute("PRAGMA secure_delete = ON")
        link.execute("ATTACH ? AS apart", (str(keys),))
        for table in _key_tables(link):
            link.execute(f'CREATE TABLE apart."{table}" AS SELECT * FROM main."{table}"')  # noqa: S608
            link.execute(f'DELETE FROM main."{table}"')  # noqa: S608
        link.commit()
    return ""


def _join(database: Path, keys: Path) -> str:
    with closing(sqlite3.connect(database)) as link:
        link.execute("ATTACH ? AS apart", (str(keys),))
        for table in _key_tables(link):
            link.execute(f'INSERT INTO main."{table}" SELECT * FROM apart."{table}"')  # noqa: S608
        link.commit()
        found = link.execute("PRAGMA main.integrity_check").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(str(found)[:200])
        link.execute("DETACH apart")
        link.execute("PRAGMA journal_mode = WAL")
    return ""


def _key_tables(link: sqlite3.Connection) -> list[str]:
    there = {name for (name,) in link.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")}
    return [name for name in KEY_TABLES if name in there]
