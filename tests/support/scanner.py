"""A malware scanner to speak to: clamd's side of its protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hub.adapters.clamd import Clamd

# The EICAR test file (eicar.org), in two halves: written whole it would be found in this source.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}" + rb"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@dataclass
class Twin:
    """clamd's side of INSTREAM. `away`: it hangs up without a word."""

    away: bool = False
    says: bytes | None = None
    address: str = ""
    files: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.away:
                return
            assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
            got = b""
            while size := int.from_bytes(await reader.readexactly(4), "big"):
                got += await reader.readexactly(size)
            self.files.append(got)
            found = b"stream: Eicar-Test-Signature FOUND" if EICAR in got else b"stream: OK"
            writer.write((self.says or found) + b"\0")
            await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def twin() -> AsyncIterator[tuple[Twin, Clamd]]:
    made = Twin()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.address = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made, Clamd(made.address, timeout_s=20)
    finally:
        server.close()
