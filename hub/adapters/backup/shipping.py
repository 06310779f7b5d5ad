"""Ships SQLite's write-ahead log: a copy once a day, then what was committed every few seconds; and restores to a moment."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hub.adapters.backup.boxes import read_file, seal_stream, with_file_key
from hub.adapters.backup.sqlite import path_of, sync_folder, write_file
from hub.adapters.backup.wal import Gap, Segment, WalReader, base, replay
from hub.domain.backups import backup_id, time_of
from hub.domain.errors import Conflict, NotFound
from hub.ports.backup import Opener
from hub.ports.clock import Clock, Ids
from hub.ports.meter import Meter
from hub.ports.objects import Objects
from hub.ports.store import Page, Store

TURN_AT = 4 << 20  # bytes of log after which it begins anew: SQLite's own measure
TOO_LONG = 256 << 20  # rather a gap than a full disk
FRESH = timedelta(days=1)  # so long a copy is the ground of what follows
_TIME = "%Y%m%dT%H%M%S%fZ"


class WalShipping:
    """Use `tick` often: what it ships is what a restore can reach. One process of all ships; it says so by a lease."""

    def __init__(
        self, database: Path, scratch: Path, objects: Objects, recipients: Sequence[str], store: Store, clock: Clock,
        ids: Ids, meter: Meter, every: timedelta, keep: timedelta,
    ) -> None:  # fmt: skip
        self._database, self._scratch, self._objects, self._recipients = database, scratch, objects, recipients
        self._store, self._clock, self._ids, self._meter = store, clock, ids, meter
        self.every = every
        self._owner, self._lease, self._keep = ids.token(8), 3 * every + timedelta(seconds=30), keep
        self._reader: WalReader | None = None
        self._set = ""
        self._file_keys: dict[str, bytes] = {}  # of what lies in the set: it opens here once more, to be checked
        self._turn = asyncio.Lock()

    @property
    def leads(self) -> bool:
        """Whether it is this process that ships."""
        return self._reader is not None

    async def tick(self) -> int:
        """Ship what was committed since; bytes of log. Whoever does not lead lets the log go."""
        async with self._turn:
            return await self._tick()

    async def verify(self) -> Reached | None:
        """Ship, restore what lies there to that moment and hold it against what was known before; None: another ships.

        Raises Conflict (`backup_not_verified`); the next tick then makes a new copy.
        """
        known, now = await self._known(), self._clock.now()
        await self.tick()
        if not self.leads:
            return None
        set_, keys = self._set, dict(self._file_keys)
        with TemporaryDirectory(prefix="log-", dir=self._scratch) as folder:
            address = f"sqlite:///{Path(folder) / 'reached.db'}"
            try:
                reached = await _restore(
                    self._objects, lambda name: with_file_key(keys[name]), address, self._clock.now(), set_
                )
                faults = await asyncio.to_thread(_missing, path_of(address), known)
            except (Conflict, NotFound, KeyError) as error:
                reached, faults = Reached(set_, now, 0), [getattr(error, "code", "file_key_unknown")]
        if faults:
            self.close()
            self._meter.note("backup.not_verified", backup=f"log/{set_}", faults=len(faults))
            raise Conflict(f"log/{set_}: {'; '.join(faults)}", code="backup_not_verified")
        self._meter.backup("log", now)
        self._meter.note("backup.log_verified", set=set_, segments=reached.segments)
        return reached

    async def _known(self) -> list[tuple[int, int, bytes, str | None]]:
        """Of each tenant: number and hash of its last act, and its newest event."""
        found = []
        async with self._store.look() as look:
            for chain in await look.chains():
                newest = await look.events(chain.tenant, Page(1), bodies=False)
                found.append((int(chain.tenant), chain.seq, chain.hash, newest[0].id[4:] if newest else None))
        return found

    async def _tick(self) -> int:
        now = self._clock.now()
        if not await self._store.lead("wal_shipping", self._owner, now=now, until=now + self._lease):
            self.close()
            return 0
        try:
            return await self._ship(now)
        except (Gap, sqlite3.OperationalError) as error:
            self._meter.note("backup.log_gap", set=self._set, error=type(error).__name__)
            self.close()
            return 0
        except BaseException:
            if self._reader is not None and self._reader.size() > TOO_LONG:
                self.close()  # the place is away and the disk must not fill
            raise

    def close(self) -> None:
        """Let the log go; the next tick makes a new copy."""
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    async def _ship(self, now: datetime) -> int:
        if self._reader is None or now - time_of(self._set) > FRESH:
            self.close()
            await self._begin(now)
        reader = self._reader
        assert reader is not None
        turning = reader.size() > TURN_AT
        found = await asyncio.to_thread(reader.turn if turning else reader.read)
        segments = found if isinstance(found, list) else [found] if found is not None else []
        for segment in segments:
            name = f"{segment.log:06}-{segment.offset:012}-{now.astimezone(UTC).strftime(_TIME)}.hwbk"
            await self._put(name, _one(segment))
        return sum(len(segment.frames) for segment in segments)

    async def _begin(self, now: datetime) -> None:
        self._reader = await asyncio.to_thread(WalReader, self._database)  # before the copy: nothing between is lost
        self._set, self._file_keys = backup_id(now, self._ids.token(2)), {}
        self._scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="base-", dir=self._scratch) as folder:
            plain = Path(folder) / "plain"
            await asyncio.to_thread(base, self._database, plain)
            await self._put("base.hwbk", read_file(plain))
        await self._drop_old(now)

    async def _put(self, name: str, content: AsyncIterator[bytes]) -> None:
        with TemporaryDirectory(prefix="sealed-", dir=self._scratch) as folder:
            sealed = await seal_stream(content, Path(folder) / secrets.token_hex(4), self._recipients)
            await self._objects.put(f"log/{self._set}/{name}", sealed.path)
            self._file_keys[f"log/{self._set}/{name}"] = sealed.file_key

    async def _drop_old(self, now: datetime) -> None:
        for name in await self._objects.list("log/"):
            if time_of(name.split("/")[1]) < now - self._keep - FRESH:
                await self._objects.drop(name)


async def _one(segment: Segment) -> AsyncIterator[bytes]:
    yield segment.frames


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a restore came: the copy it began with, and when the last log it laid on it was shipped."""

    set: str
    until: datetime
    segments: int


async def restore_to(objects: Objects, opener: Opener, address: str, at: datetime) -> Reached:
    """Fill the place where no file is with the database as it was at that moment, or shortly before.

    Raises NotFound (`no_such_moment`), Conflict (`not_empty`, `backup_damaged`).
    """
    return await _restore(objects, lambda _: opener, address, at)


async def _restore(
    objects: Objects, opener: Callable[[str], Opener], address: str, at: datetime, only: str | None = None
) -> Reached:
    path = path_of(address)
    if path.exists():
        raise Conflict("there is a database at this address; nothing was touched", code="not_empty")
    names = await objects.list("log/")
    sets = [name.split("/")[1] for name in names if name.endswith("/base.hwbk") and time_of(name.split("/")[1]) <= at]
    if not sets:
        raise NotFound("no copy was made before that moment", code="no_such_moment")
    set_ = only or max(sets)
    logs: dict[int, list[str]] = {}
    until = time_of(set_)
    for name in names:
        if name.startswith(f"log/{set_}/") and not name.endswith("/base.hwbk") and _shipped(name) <= at:
            logs.setdefault(int(name.split("/")[-1][:6]), []).append(name)
            until = max(until, _shipped(name))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".restore-", dir=path.parent) as folder:
        copy = Path(folder) / "database"
        await write_file(copy, _opened(objects, opener, f"log/{set_}/base.hwbk"))
        for _, parts in sorted(logs.items()):
            await _lay(copy, objects, opener, parts)
        copy.replace(path)
        sync_folder(path.parent)
    return Reached(set_, until, sum(len(parts) for parts in logs.values()))


def _opened(objects: Objects, opener: Callable[[str], Opener], name: str) -> AsyncIterator[bytes]:
    return opener(name)(objects.get(name))


def _missing(path: Path, known: Sequence[tuple[int, int, bytes, str | None]]) -> list[str]:
    """What was known before and is not in the copy."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as link:
        if link.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
            return ["the file is not sound"]
        faults = []
        for tenant, seq, hash_, event in known:
            act = link.execute("SELECT hash FROM act WHERE tenant_id = ? AND seq = ?", (tenant, seq)).fetchone()
            if seq and (act is None or bytes(act[0]) != hash_):
                faults.append(f"act {seq} of tenant {tenant} is not there")
            if event is not None and link.execute("SELECT 1 FROM event WHERE id = ?", (event,)).fetchone() is None:
                faults.append(f"the newest event of tenant {tenant} is not there")
        return faults


async def _lay(copy: Path, objects: Objects, opener: Callable[[str], Opener], parts: Sequence[str]) -> None:
    frames = bytearray()
    for name in sorted(parts):
        if int(name.split("/")[-1].split("-")[1]) != len(frames):
            raise Conflict(f"the log has a gap before {name}", code="backup_damaged")
        async for piece in _opened(objects, opener, name):
            frames += piece
    try:
        await asyncio.to_thread(replay, copy, bytes(frames))
    except (Gap, sqlite3.DatabaseError) as error:
        raise Conflict("the log does not fit the copy", code="backup_damaged") from error


def _shipped(name: str) -> datetime:
    return datetime.strptime(name.split("-")[-1].removesuffix(".hwbk"), _TIME).replace(tzinfo=UTC)
