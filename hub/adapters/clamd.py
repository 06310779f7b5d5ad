"""The protocol of clamd, as far as it is needed: INSTREAM over TCP or a Unix socket (docs.clamav.net, clamd.8)."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from hub.domain.errors import Unavailable
from hub.ports.scanner import Verdict

CHUNK = 1 << 18
_FOUND = re.compile(rb"stream: (\S{1,200}) FOUND")
LONGEST_ANSWER = 4096


@dataclass(frozen=True, slots=True)
class Clamd:
    """`address`: `tcp://host:3310` or `unix:///run/clamav/clamd.ctl`. `timeout_s` bounds each step, not the whole file."""

    address: str
    timeout_s: float = 60.0

    async def scan(self, pieces: AsyncIterator[bytes]) -> Verdict:
        """See Scanner."""
        try:
            async with asyncio.timeout(self.timeout_s):
                reader, writer = await self._connect()
        except (OSError, TimeoutError) as error:
            raise Unavailable("the malware scanner cannot be reached", code="scanner_away", after=30.0) from error
        try:
            said = await self._exchange(reader, writer, pieces)
        except (OSError, EOFError, TimeoutError) as error:
            raise Unavailable("the malware scanner fell silent", code="scanner_away", after=30.0) from error
        finally:
            writer.close()
        if said == b"stream: OK":
            return Verdict()
        found = _FOUND.fullmatch(said)
        if found is None:  # its size limit, a broken database: nothing is known of the file
            raise Unavailable("the malware scanner gives no verdict", code="scanner_refuses", after=300.0)
        return Verdict(found[1].decode("ascii", "replace"))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self.address)
        if parts.scheme == "unix":
            return await asyncio.open_unix_connection(parts.path)
        return await asyncio.open_connection(parts.hostname, parts.port or 3310)

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pieces: AsyncIterator[bytes]
    ) -> bytes:
        with contextlib.suppress(ConnectionError):  # it may answer (too large) and close before it has read all
            await self._send(writer, b"zINSTREAM\0")
            async for piece in pieces:
                for at in range(0, len(piece), CHUNK):
                    part = piece[at : at + CHUNK]
                    await self._send(writer, len(part).to_bytes(4, "big") + part)
            await self._send(writer, bytes(4))
        async with asyncio.timeout(self.timeout_s):
            said = await reader.read(LONGEST_ANSWER)
        if not said:
            raise EOFError
        return said.rstrip(b"\0\n")

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if writer.is_closing():  # it hung up; uvloop raises RuntimeError at a write then
            raise ConnectionResetError
        writer.write(data)
        async with asyncio.timeout(self.timeout_s):
            await writer.drain()
