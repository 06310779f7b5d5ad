"""What recordings cost: sealing to disk, ranges, 1,000 uploads at once into a real server; plain files in the same run.

Run: `python -m bench.media [--gib 1] [--uploads 1000] [--part 2000000] [--folder /dev/shm]`.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from hub.adapters.clock import SystemClock, SystemIds
from hub.adapters.media import Directory
from hub.adapters.memory import MemoryStore
from hub.adapters.vault import EnvKeyring, FieldVault, StreamVault
from hub.app.media.media import MAX_PART, Media
from hub.domain.ids import DEFAULT_TENANT
from hub.ports.meter import Meter

BLOCK = os.urandom(1 << 20)
SHARED = BLOCK * 16


class Silent:
    def __getattr__(self, name: str) -> object:
        return lambda *_, **__: None


async def blocks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield BLOCK


def plain_file(path: Path, mib: int) -> float:
    """The floor: the same bytes hashed, in a plain file, in parts of the same size, each synced."""
    started = time.perf_counter()
    for number in range(mib * (1 << 20) // MAX_PART):
        with (path / f"plain-{number}").open("wb") as file:
            digest = hashlib.sha256()
            for _ in range(MAX_PART >> 20):
                digest.update(BLOCK)
                file.write(BLOCK)
            file.flush()
            os.fsync(file.fileno())
    return time.perf_counter() - started


async def disk(gib: float, where: str) -> None:
    mib = int(gib * 1024) // 16 * 16
    with tempfile.TemporaryDirectory(dir=where) as folder:
        root = Path(folder)
        clock = SystemClock()
        vault = FieldVault(EnvKeyring("11" * 32, production=False), MemoryStore(clock), clock)
        meter: Meter = Silent()  # type: ignore[assignment]
        media = Media(Directory(root / "media"), vault, StreamVault(vault), clock, SystemIds(clock), meter)
        floor = await asyncio.to_thread(plain_file, root, mib)
        id = await media.begin(DEFAULT_TENANT, "cand_1", "video/webm")
        started, cpu = time.perf_counter(), time.process_time()
        for number in range(1, mib // 16 + 1):
            await media.put_part(DEFAULT_TENANT, id, number, blocks(16))
        took, spent = time.perf_counter() - started, time.process_time() - cpu
        medium = await media.complete(DEFAULT_TENANT, id, mib // 16)
        print("| to disk | MB/s | CPU s |")
        print("|---|---|---|")
        print(f"| plain file, SHA-256, fsync | {medium.size / floor / 1e6:.0f} | |")
        print(f"| sealed, SHA-256, fsync | {medium.size / took / 1e6:.0f} | {spent:.2f} |")
        started = time.perf_counter()
        read = 0
        async for piece in media.play(medium, 0, medium.size):
            read += len(piece)
        print(f"| played whole | {read / (time.perf_counter() - started) / 1e6:.0f} | |")
        times = []
        for _ in range(200):
            at = int.from_bytes(os.urandom(6), "big") % (medium.size - 1000)
            started = time.perf_counter()
            again = await media.medium(DEFAULT_TENANT, id)  # as every request does
            _ = [piece async for piece in media.play(again, at, 1000)]
            times.append(time.perf_counter() - started)
        times.sort()
        print(f"\nrange of 1,000 bytes: p50 {times[100] * 1e3:.2f} ms, p99 {times[198] * 1e3:.2f} ms\n")


def start(home: Path) -> tuple[subprocess.Popen[bytes], str, dict[str, str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {k: v for k, v in os.environ.items() if not k.startswith("HIREWIRE_")}
    env |= {"HIREWIRE_HOME": str(home), "HIREWIRE_LISTEN": f"127.0.0.1:{port}", "HIREWIRE_LOOPS": "none"}
    words = [sys.executable, "-P", "-m", "hub"]
    subprocess.run([*words, "migrate"], env=env, check=True, capture_output=True)
    made = subprocess.run([*words, "token", "make", "b", "--all", "--quiet"], env=env, check=True, capture_output=True)
    server = subprocess.Popen(
        [*words, "serve", "--no-migrate"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return server, f"http://127.0.0.1:{port}", {"authorization": f"Bearer {made.stdout.decode().strip()}"}


class Sender:
    """One interview room: it sends again what was cut off, as the room does."""

    def __init__(self, client: aiohttp.ClientSession, url: str, number: int, size: int) -> None:
        self.client, self.url, self.head = client, url, number.to_bytes(64, "big")
        self.body, self.again = memoryview(SHARED)[: size - 64], 0

    async def pieces(self) -> AsyncIterator[bytes]:
        yield self.head
        for at in range(0, len(self.body), 1 << 16):
            yield bytes(self.body[at : at + (1 << 16)])

    async def ask(self, method: str, path: str, **what: Any) -> dict[str, Any]:
        while True:
            try:
                data = self.pieces() if method == "PUT" else json.dumps(what)
                async with self.client.request(method, self.url + path, data=data) as answer:
                    assert answer.status in (200, 201), await answer.text()
                    return await answer.json()
            except aiohttp.ClientError:
                self.again += 1
                await asyncio.sleep(0.2)

    async def send(self) -> tuple[str, str]:
        """The recording's id and digest."""
        subject = f"cand_{int.from_bytes(self.head, 'big')}"
        id = (await self.ask("POST", "/v1/media", content_type="video/webm", subject=subject))["id"]
        await self.ask("PUT", f"/v1/media/{id}/parts/1")
        await self.ask("POST", f"/v1/media/{id}/complete", parts=1)
        return id, hashlib.sha256(self.head + bytes(self.body)).hexdigest()


async def right(client: aiohttp.ClientSession, url: str, id: str, wanted: str) -> bool:
    async with client.post(f"{url}/v1/media/{id}/links", headers={"x-purpose": "quality_review"}) as answer:
        assert answer.status == 201, await answer.text()
        link = (await answer.json())["url"]
    digest = hashlib.sha256()
    async with client.get(url + link) as answer:
        async for piece in answer.content.iter_any():
            digest.update(piece)
    return digest.hexdigest() == wanted


async def uploads(count: int, size: int) -> tuple[int, int]:
    """How many came back right, and the server's memory at most, in bytes."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        server, url, auth = await asyncio.to_thread(start, Path(folder))
        try:
            process = psutil.Process(server.pid)
            timeout = aiohttp.ClientTimeout(total=600)
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(headers=auth, connector=connector, timeout=timeout) as client:
                while True:
                    try:
                        async with client.get(f"{url}/health/live") as answer:
                            if answer.status == 200:
                                break
                    except aiohttp.ClientError:
                        await asyncio.sleep(0.05)
                started = time.perf_counter()
                senders = [Sender(client, url, n, size) for n in range(count)]
                sending = asyncio.gather(*(one.send() for one in senders))
                peak = 0
                while not sending.done():
                    rss = sum(p.memory_info().rss for p in [process, *process.children(recursive=True)])
                    peak = max(peak, rss)
                    await asyncio.sleep(0.1)
                sent = await sending
                took = time.perf_counter() - started
            # by other connections: the server has closed idle ones meanwhile
            async with aiohttp.ClientSession(
                headers=auth, connector=aiohttp.TCPConnector(limit=16), timeout=timeout
            ) as client:
                good = sum(await asyncio.gather(*(right(client, url, id, digest) for id, digest in sent)))
            print("| uploads at once | bytes each | right | sent again | MB/s | server's memory at most, MB |")
            print("|---|---|---|---|---|---|")
            again = sum(one.again for one in senders)
            print(f"| {count:,} | {size:,} | {good:,} | {again} | {count * size / took / 1e6:.0f} | {peak / 1e6:.0f} |")
            return good, peak
        finally:
            server.terminate()
            server.wait(30)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=0.5)
    parser.add_argument(
        "--folder", default=".", help="where recordings are sealed to; a file system in memory leaves the disk out"
    )
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument("--part", type=int, default=2_000_000)
    args = parser.parse_args()
    asyncio.run(disk(args.gib, args.folder))
    size = args.part // 64 * 64
    return 0 if asyncio.run(uploads(args.uploads, size))[0] == args.uploads else 1


if __name__ == "__main__":
    sys.exit(main())
