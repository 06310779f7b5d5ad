"""Copies of a PostgreSQL database by its own tools, in one snapshot with the sums that a restore is held against."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hub.adapters.backup.boxes import seal_stream
from hub.adapters.backup.sqlite import KEY_TABLES
from hub.adapters.db import engines
from hub.adapters.db.faults import translated
from hub.adapters.db.urls import for_tools, parse, sibling
from hub.domain.errors import Conflict, Unavailable
from hub.ports.backup import Copied, Digest
from hub.ports.signing import Signer
from hub.ports.store import Store
from hub.ports.vault import Vault

PIECE = 1 << 20
_TABLES = (
    "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition "
    "AND relnamespace = 'public'::regnamespace ORDER BY 1"
)
_HASH = "('x' || left(md5(t::text), 16))::bit(64)::bigint::numeric"
Open = Callable[[str], tuple[Store, Vault, Signer]]


class PostgresCopier:
    """`hub.ports.backup.Copier` with `pg_dump` and `pg_restore`, whose bytes never touch a disk unsealed."""

    kind = "postgres"

    def __init__(self, database: str, scratch: str | None, recipients: Sequence[str], open_: Open) -> None:
        self._database, self._scratch_at = database, scratch or database
        self._recipients, self._open = recipients, open_

    async def copy(self, folder: Path) -> Copied:
        """See the port. Sums, data and keys are of one snapshot, which this transaction holds open."""
        link = await _connect(self._database)
        try:
            with translated():
                await link.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                await link.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
                snapshot = await link.fetchval("SELECT pg_export_snapshot()")
                schema = await link.fetchval("SELECT version_num FROM alembic_version")
                tables = await _digests(link)
            keys = [name for name in KEY_TABLES if name in tables]
            dump = ("pg_dump", "-Fc", "-Z1", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
            without = tuple(f"--exclude-table-data=public.{name}" for name in keys)
            alone = ("--data-only", *(f"--table=public.{name}" for name in keys))
            return Copied(
                database=await seal_stream(
                    _output((*dump, *without), self._database), folder / "database.hwbk", self._recipients
                ),
                keys=await seal_stream(
                    _output((*dump, *alone), self._database), folder / "keys.hwbk", self._recipients
                ),
                tables=tables,
                schema=schema,
            )
        finally:
            await link.close()

    @asynccontextmanager
    async def scratch(self) -> AsyncIterator[str]:
        """See the port. Needs a role that may create databases, at HIREWIRE_BACKUP_SCRATCH or at the database itself."""
        name = f"hirewire_scratch_{secrets.token_hex(6)}"
        await _alone(self._scratch_at, f'CREATE DATABASE "{name}" TEMPLATE template0')
        try:
            yield sibling(self._scratch_at, name)
        finally:
            await _alone(self._scratch_at, f'DROP DATABASE "{name}" WITH (FORCE)')

    async def empty(self, address: str) -> bool:
        """See the port."""
        link = await _connect(address)
        try:
            with translated():
                return not await link.fetch(_TABLES)
        finally:
            await link.close()

    async def restore(self, address: str, database: AsyncIterator[bytes], keys: AsyncIterator[bytes]) -> None:
        """See the port."""
        command = ("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error")
        await _input(command, address, database)
        await _input((*command, "--data-only"), address, keys)

    async def digests(self, address: str) -> dict[str, Digest]:
        """See the port."""
        link = await _connect(address)
        try:
            with translated():
                return await _digests(link)
        finally:
            await link.close()

    def open(self, address: str) -> tuple[Store, Vault, Signer]:
        """See the port."""
        return self._open(address)


async def _connect(address: str) -> Any:
    with translated():
        return await engines.connect(parse(address), patience_s=None)


async def _alone(address: str, statement: str) -> None:
    link = await _connect(address)
    try:
        with translated():
            await link.execute(statement)
    finally:
        await link.close()


async def _digests(link: Any) -> dict[str, Digest]:
    """The server hashes: nothing but counts and sums leaves it."""
    found = {}
    for (name,) in await link.fetch(_TABLES):
        sql = f'SELECT count(*), coalesce(sum({_HASH}), 0)::text FROM "{name}" t'  # noqa: S608
        rows, sum_ = await link.fetchrow(sql)
        found[name] = Digest(rows, sum_)
    return found


async def _tool(command: Sequence[str], address: str, **pipes: Any) -> asyncio.subprocess.Process:
    """One of PostgreSQL's own programs on this database; the password goes by the environment, not the process list."""
    program, (shown, password) = shutil.which(command[0]), for_tools(address)
    if program is None:
        raise Unavailable(f"{command[0]} is not installed here", code="pg_tools_missing")
    secret = {} if password is None else {"PGPASSWORD": password}
    return await asyncio.create_subprocess_exec(
        program,
        *command[1:],
        f"--dbname={shown}",
        env={**os.environ, **secret},  # noqa: TID251 - what the tools read of theirs is theirs
        **pipes,
    )


async def _output(command: Sequence[str], address: str) -> AsyncIterator[bytes]:
    pipe = asyncio.subprocess.PIPE
    made = await _tool(command, address, stdout=pipe, stderr=pipe, limit=PIECE)
    assert made.stdout is not None
    assert made.stderr is not None
    trouble = asyncio.create_task(made.stderr.read())
    try:
        while piece := await made.stdout.read(PIECE):
            yield piece
        _must_have_ended_well(command[0], await made.wait(), await trouble)
    finally:
        trouble.cancel()
        if made.returncode is None:
            made.kill()
            await made.wait()


async def _input(command: Sequence[str], address: str, content: AsyncIterator[bytes]) -> None:
    pipe = asyncio.subprocess.PIPE
    made = await _tool(command, address, stdin=pipe, stderr=pipe)
    assert made.stdin is not None
    assert made.stderr is not None
    trouble = asyncio.create_task(made.stderr.read())
    try:
        try:
            async for piece in content:
                made.stdin.write(piece)
                await made.stdin.drain()
            made.stdin.close()
        except (BrokenPipeError, ConnectionResetError):
            pass  # it ended early: its code and words say why
        code = await made.wait()
    finally:
        if made.returncode is None:
            made.kill()
            await made.wait()
    _must_have_ended_well(command[0], code, await trouble)


def _must_have_ended_well(program: str, code: int, words: bytes) -> None:
    if code != 0:
        line = words.decode("utf-8", "replace").strip().splitlines()
        told = next((one for one in line if "error" in one.lower()), "")[:200]
        kind = Conflict if program == "pg_restore" else Unavailable
        raise kind(f"{program} ended with {code}: {told}", code="backup_failed")
