"""What the machine does to the product: clocks that jump, full disks, failing syncs, locks, no file handles, rotten bytes."""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import shutil
import socket
import sqlite3
import struct
import subprocess
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from hub.adapters.db.schema import current, newest
from tests.chaos.books import ALL, Skipped, Told, books, configure, posted, put, tries
from tests.chaos.cuts import accepting_on
from tests.chaos.stand import CALM, LONG, REPLICAS, Stand, migrated
from tests.chaos.vendor import run_vendor
from tests.support.hubs import TENANT
from tests.support.postgres import OPTIONS, Cluster
from tests.support.processes import IN_FLIGHT, Producer, Product, producer, product

ANCHOR_S = 60.0  # how often a process takes the time from the database


@dataclass(frozen=True)
class Wall:
    """A wall clock that can be set under running processes (`environment` is theirs)."""

    seconds: mmap.mmap
    environment: dict[str, str]

    def set(self, seconds: int) -> None:
        """From now on it is wrong by so much."""
        self.seconds[:] = struct.pack("q", seconds)


def wall_clock(folder: Path) -> Wall:
    """Raises Skipped where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise Skipped("there is no C compiler to make a wrong wall clock with")
    library, file = folder / "wall_clock.so", folder / "wall_clock"
    source = Path(__file__).with_name("wall_clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(source)], check=True)
    file.write_bytes(bytes(8))
    with file.open("r+b") as opened:
        seconds = mmap.mmap(opened.fileno(), 8)
    return Wall(seconds, {"LD_PRELOAD": str(library), "WALL_CLOCK": str(file)})


async def clock_forward(stand: Stand) -> Told:
    """Claim 21 and security fault 22: the wall clock jumps an hour ahead under running processes."""
    return await _jump(stand, 3600)


async def clock_back(stand: Stand) -> Told:
    """Claim 21 and security fault 22: the wall clock jumps an hour back under running processes."""
    return await _jump(stand, -3600)


async def _jump(stand: Stand, seconds: int) -> Told:
    """`serve` and three workers run through the jump and through the moment at which they ask the database for the time."""
    told = 0
    async with run_vendor(failing=0.2) as vendor, product(stand.room, stand.database, **CALM) as made:
        await configure(made, [vendor.url], ordering="key")
        wall = wall_clock(made.home)
        serve = await made.start("serve", **wall.environment)
        workers = [await made.start("work", **wall.environment) for _ in range(REPLICAS)]
        loop = asyncio.get_running_loop()
        async with producer(made) as client:
            while not vendor.came:  # the workers have begun
                await client.insist(posted(told), LONG)
                told += 1
                await asyncio.sleep(0.1)
            began = loop.time()
            while (passed := loop.time() - began) < ANCHOR_S * 1.2:
                if passed > 5:
                    wall.set(seconds)
                await client.insist(posted(told), LONG)
                told += 1
                await asyncio.sleep(0.1)
        await vendor.until(told, 60.0)
        await made.drained(60.0)
        assert all(one.returncode is None for one in (serve, *workers)), made.logs()
        told = await _begun_anew(made, workers, serve, wall, told)
        await vendor.until(told, 60.0)
        await made.drained(60.0)
        storm = len(vendor.came) / told
        assert storm < 2, storm
        found = await books(made, vendor, told)
        found.check()
        return Told(
            f"{seconds:+} s under {REPLICAS} workers and through the next look at the database's clock, then all begun anew",
            found,
        )


async def _begun_anew(made: Product, workers: list[Process], serve: Process, wall: Wall, told: int) -> int:
    """No worker is there while `serve` accepts by the clock that it has; all that start then know only the new one."""
    for worker in workers:
        await made.kill(worker)
    async with producer(made) as client:
        for number in range(told, told + 20):
            await client.insist(posted(number), LONG)
    await made.stop(serve)
    for _ in range(2):
        await made.start("work", **wall.environment)
    return told + 20


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of that size in memory."""
    if os.geteuid() != 0:
        raise Skipped("only root may mount a small disk")
    at = folder / "small"
    at.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(at)], capture_output=True, text=True
    )
    if done.returncode:
        raise Skipped(f"mount: {done.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=False)


@asynccontextmanager
async def cramped(stand: Stand, at: Path) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """A database on the small disk; what brings it back after the trouble (a server may have given up)."""
    if stand.store == "sqlite":
        url = f"sqlite:///{at}/hirewire.db"
        await migrated(url)
        yield url, lambda: None
        return
    with Cluster(str(at), options={**OPTIONS, "min_wal_size": "32MB", "max_wal_size": "48MB"}) as cluster:
        await migrated(cluster.dsn)

        def back() -> None:
            with contextlib.suppress(asyncpg.PostgresError, OSError):
                if not cluster.answers():
                    cluster.restart("immediate")

        yield cluster.dsn, back


async def disk_full(stand: Stand) -> Told:
    """Claim 22 and security fault 29: the disk of the database fills up while events come in, then has room again.

    The bound that refuses before a disk is full (HIREWIRE_FREE_DISK) is off: what happens without it is the claim.
    """
    with small_disk(stand.folder, 16 if stand.store == "sqlite" else 200) as at:
        async with (
            cramped(stand, at) as (database, back),
            run_vendor() as vendor,
            product(stand.room, database, HIREWIRE_FREE_DISK="0") as made,
        ):
            await configure(made, [vendor.url])
            serve, worker = await made.start("serve"), await made.start("work")
            async with producer(made) as client:
                for number in range(20):
                    await client.insist(posted(number))
                ballast = at / "ballast"
                told, refused = await _fill(client, ballast, 20)
                assert refused, "the disk never filled"
                ballast.unlink()
                await asyncio.to_thread(back)
                for number in range(told):  # what was refused is sent again, and the rest is the same as before
                    await client.insist(posted(number), LONG)
                for number in range(told, told + 20):
                    await client.insist(posted(number), LONG)
            await vendor.until(told + 20, LONG)
            await made.drained(LONG)
            assert serve.returncode is None, made.logs()
            assert worker.returncode is None, made.logs()
            found = await books(made, vendor, told + 20)
            bound = 2 * IN_FLIGHT
            found.check(bound)
            return Told(f"{refused} events refused with 503 while it was full; all came through later", found, bound)


async def _fill(client: Producer, ballast: Path, start: int) -> tuple[int, int]:
    """Take all room, then send until a few have been refused: (the next number, how many were refused)."""
    with ballast.open("wb") as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
            file.flush()
    refused, number = 0, start
    while refused < 5 and number < start + 3000:
        status, body = await client.post(posted(number))
        assert status in (202, 503), (status, body)
        refused += status == 503
        number += 1
    return number, refused


async def locked(stand: Stand) -> Told:
    """Security fault 26: somebody holds a lock on the tables; what comes waits for a bounded time, then 503, then all goes on."""
    async with run_vendor() as vendor, product(stand.room, stand.database) as made:
        await configure(made, [vendor.url])
        await made.start("serve")
        await made.start("work")
        async with producer(made) as client:
            await client.insist(posted(0))
            await vendor.until(1)
            began = asyncio.get_running_loop().time()
            async with _lock(stand):
                answers = await asyncio.gather(*(client.post(posted(n)) for n in range(1, 9)))
                took = asyncio.get_running_loop().time() - began
            assert {status for status, _ in answers} == {503}, answers
            assert took < 25, took  # two groups wait for the lock one after the other, ten seconds each at most
            for number in range(1, 30):
                await client.insist(posted(number), LONG)
        await vendor.until(30, LONG)
        await made.drained(LONG)
        found = await books(made, vendor, 30)
        found.check(IN_FLIGHT)  # what was under way could not be recorded, and its lease ran out
        return Told(f"503 after {took:.1f} s at the lock, all accepted after it", found, IN_FLIGHT)


@asynccontextmanager
async def _lock(stand: Stand) -> AsyncIterator[None]:
    if stand.store == "sqlite":
        connection = sqlite3.connect(stand.database.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
            connection.close()
        return
    held = await asyncpg.connect(stand.database)
    try:
        async with held.transaction():
            await held.execute("LOCK TABLE event IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await held.close()


async def failing_syncs(stand: Stand) -> Told:
    """Security fault 30: one in ten syncs of the disk fails; what was acknowledged is there all the same."""
    if shutil.which("fiu-run") is None:
        raise Skipped("fiu-run is not installed")
    url = f"sqlite:///{stand.folder}/failing.db"
    await migrated(url)
    failing = "enable_random name=posix/io/sync/*,probability=0.1"
    cut = await accepting_on(url, 3000, ("fiu-run", "-x", "-c", failing))
    assert (cut.lost, cut.owing, cut.sound) == (0, 0, True), cut
    assert cut.refused > 0, "no sync failed"
    return Told(f"one sync in ten fails: {cut.refused} events refused; {cut}")


async def no_handles(stand: Stand) -> Told:
    """Security fault 31: more connections than file handles; the API sheds load and is well again when they are gone."""
    if shutil.which("prlimit") is None:
        raise Skipped("prlimit is not installed")
    async with run_vendor() as vendor, product(stand.room, stand.database) as made:
        await configure(made, [vendor.url])
        serve = await made.start("serve", under=("prlimit", "--nofile=96:96"))
        await made.start("work")
        lines = []
        for _ in range(150):
            line = socket.socket()
            line.settimeout(1)
            with contextlib.suppress(OSError):
                line.connect(("127.0.0.1", made.port))
            lines.append(line)
        async with producer(made) as client:
            shed = 0
            for number in range(10):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        shed += not await client.send(posted(number))
                        continue
                shed += 1
        for line in lines:
            line.close()
        async with producer(made) as client:
            for number in range(40):
                await client.insist(posted(number), LONG)
        await vendor.until(40, LONG)
        await made.drained(LONG)
        assert serve.returncode is None, made.logs()
        found = await books(made, vendor, 40)
        found.check()
        return Told(f"96 handles, 150 idle connections: {shed} of 10 events shed, all accepted after it", found)


async def rotten_row(stand: Stand) -> Told:
    """Security fault 35, for what is owed: a flipped bit in a stored event is found; it is not sent, its neighbours are."""
    events = 30
    async with run_vendor() as vendor, product(stand.room, stand.database, **CALM) as made:
        await configure(made, [vendor.url])
        await put(made, 0, events, candidates=events)
        async with made.opened.hub.store.look() as look:
            rotten = next(one for one in await look.events(TENANT, ALL) if one.key == "r-7")
        body = bytearray(rotten.body)
        body[len(body) // 2] ^= 1
        await _write(stand, rotten.id[4:], bytes(body))
        await made.start("work")
        await vendor.until(events - 1)
        await made.drained(LONG)
        assert 7 not in vendor.at
        errors = {one[2] for rows in (await tries(made)).values() for one in rows} - {None}
        assert len(errors) == 1, errors
        found = await books(made, vendor, events)
        found.check()
        assert found.dead == 1, found
        return Told(f"one flipped bit: refused as {errors.pop()}, the others delivered", found)


async def _write(stand: Stand, event: str, body: bytes) -> None:
    if stand.store == "sqlite":
        with contextlib.closing(sqlite3.connect(stand.database.removeprefix("sqlite:///"))) as connection, connection:
            assert connection.execute("UPDATE event_body SET body = ? WHERE event_id = ?", (body, event)).rowcount == 1
        return
    held = await asyncpg.connect(stand.database)
    done = await held.execute("UPDATE event_body SET body = $1 WHERE event_id = $2::uuid", body, event)
    await held.close()
    assert done == "UPDATE 1", done


async def wrong_key(stand: Stand) -> Told:
    """Security fault 34: without its root key, or with another, a worker refuses to start and touches nothing."""
    events = 10
    async with run_vendor() as vendor, product(stand.room, stand.database, **CALM) as made:
        await configure(made, [vendor.url])
        await put(made, 0, events, candidates=events)
        other = made.home / "other"
        codes = []
        for keyring in (other / "missing.json", await _other_keyring(other / "made")):
            worker = await made.start("work", HIREWIRE_KEYRING=str(keyring))
            async with asyncio.timeout(30):
                codes.append(await worker.wait())
        assert 0 not in codes, codes
        assert not vendor.came
        assert await made.left() == events
        await made.start("work")
        await vendor.until(events)
        await made.drained(LONG)
        found = await books(made, vendor, events)
        found.check()
        return Told(f"exit codes {codes}, nothing sent; with the right key all arrives", found)


async def _other_keyring(folder: Path) -> Path:
    """A keyring of another installation."""
    url = f"sqlite:///{folder}/hirewire.db"
    folder.mkdir(parents=True, mode=0o700)
    await migrated(url)
    async with product(folder, url) as elsewhere:
        await elsewhere.opened.hub.vault.prepare(TENANT)
    return folder / "keyring.json"


async def migration_killed(stand: Stand) -> Told:
    """Security fault 38: kill -9 of `hirewire migrate` a little later each time; the next run ends it, and the product works."""
    if stand.store == "sqlite":
        url = f"sqlite:///{stand.folder}/fresh.db"
    else:
        admin = await asyncpg.connect(stand.database)
        await admin.execute("CREATE DATABASE fresh")
        await admin.close()
        url = stand.database.replace("/postgres?", "/fresh?")
    async with run_vendor() as vendor, product(stand.room, url, **CALM) as made:
        killed = 0
        turns = 12
        for turn in range(turns):
            one = await made.start("migrate")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.3 * (turn + 1 + stand.chance.random())):
                    await one.wait()
            if one.returncode is None:
                await made.kill(one)
                killed += 1
        last = await made.start("migrate")
        async with asyncio.timeout(60):
            assert await last.wait() == 0, made.logs()
        assert await asyncio.to_thread(current, url) == newest()
        await made.opened.hub.vault.prepare(TENANT)
        await configure(made, [vendor.url])
        await put(made, 0, 5, candidates=5)
        await made.start("work")
        await vendor.until(5)
        await made.drained(LONG)
        found = await books(made, vendor, 5)
        found.check()
        return Told(f"killed {killed} times of {turns}, then whole", found)
