"""Point in time for SQLite: a copy of the file, and after it every committed frame of its write-ahead log, shipped as it grows.

SQLite begins its log anew when everything in it has been moved into the database and nobody reads from it. So we read from it
all the time, which holds that back, and let it begin anew only ourselves, when all that is in it has been shipped. Every log
has two salts, and the first grows by one each time: a log that began behind our back is noticed, and a new copy is made.
Neither the database nor its index of the log is ever opened as a file here: closing it would drop this process's locks on it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

HEADER, FRAME_HEADER = 32, 24
_MARK = "INSERT INTO setting (name, value) VALUES ('wal_mark', 1) ON CONFLICT (name) DO UPDATE SET value = setting.value + 1"


class Gap(Exception):
    """The log began anew, and frames may have gone unseen."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames of one log, whole transactions only; the first segment of a log begins with its header."""

    log: int  # 0, 1, 2 ...: which log since the copy
    offset: int
    frames: bytes


class WalReader:
    """Holds the log of one database and reads what was committed. Use it from one thread at a time."""

    def __init__(self, database: Path) -> None:
        self._wal = database.with_name(database.name + "-wal")
        self._held = _connect(database)
        self._own = _connect(database)
        self._log, self._offset = 0, 0
        self._salts: tuple[int, int] | None = None
        self._hold()

    def close(self) -> None:
        """Let the log go."""
        self._held.close()
        self._own.close()

    def read(self) -> Segment | None:
        """What was committed since the last time; None if nothing. Raises Gap."""
        frames = self._committed("PASSIVE")
        return None if frames is None else self._upto(frames)

    def turn(self) -> list[Segment]:
        """Let the log begin anew. What was committed in it up to that very moment is returned. Raises Gap."""
        found = [one for one in (self.read(),) if one is not None]
        before = self._salts
        self._held.rollback()
        frames = self._committed("RESTART")
        if frames is not None:
            last = self._upto(frames, turned=True)  # the old ones lie behind those that may be written over them by now
            found += [last] if last is not None else []
        self._hold()
        if frames is not None and before is not None:
            salts, _ = self._head()
            if salts[0] != (before[0] + 1) % 2**32:
                raise Gap
            self._log, self._offset, self._salts = self._log + 1, 0, None
        return found

    def size(self) -> int:
        """Bytes of the log."""
        return self._wal.stat().st_size

    def _hold(self) -> None:
        """Read from the log from now on. A log that is wholly in the database could begin anew in spite of a reader: a mark
        that is not yet there keeps it.
        """
        self._own.execute("BEGIN IMMEDIATE")
        self._own.execute(_MARK)
        self._own.commit()
        self._held.execute("BEGIN")
        self._held.execute("SELECT value FROM setting WHERE name = 'wal_mark'").fetchone()

    def _committed(self, mode: str) -> int | None:
        """How many frames of the log are whole transactions; None if somebody else is in the way just now."""
        busy, frames, _ = self._own.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        return None if busy or frames < 0 else int(frames)

    def _head(self) -> tuple[tuple[int, int], int]:
        with self._wal.open("rb") as file:
            head = file.read(HEADER)
        if len(head) < HEADER:
            raise Gap
        return (int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")), int.from_bytes(
            head[8:12], "big"
        )

    def _upto(self, frames: int, *, turned: bool = False) -> Segment | None:
        salts, page = self._head()
        if self._salts is None:
            self._salts, self._page = salts, page
        if salts != self._salts and not turned:
            raise Gap
        step = FRAME_HEADER + self._page
        start, end = self._offset, HEADER + frames * step
        if end <= max(start, HEADER):
            return None
        with self._wal.open("rb") as file:
            file.seek(start)
            content = file.read(end - start)
        first = HEADER if start == 0 else 0
        wanted = self._salts[0].to_bytes(4, "big") + self._salts[1].to_bytes(4, "big")
        heads = range(first, len(content), step)
        if len(content) != end - start or any(content[at + 8 : at + 16] != wanted for at in heads):
            raise Gap
        self._offset = end
        return Segment(self._log, start, content)


def replay(database: Path, frames: bytes, page: int | None = None) -> None:
    """Put a whole log into a copy. Raises Gap where SQLite finds fewer whole frames in it than there should be."""
    wal = database.with_name(database.name + "-wal")
    wal.write_bytes(frames)
    step = FRAME_HEADER + (page or int.from_bytes(frames[8:12], "big"))
    with closing(_connect(database)) as link:
        link.execute("SELECT count(*) FROM sqlite_master").fetchone()
        _, found, _ = link.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if HEADER + found * step != len(frames):
            raise Gap
        link.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def base(database: Path, to: Path) -> None:
    """A copy as it is, page by page, key rows too: what the frames of the log are to be laid upon."""
    to.touch(mode=0o600)
    with closing(_connect(database)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)


def _connect(database: Path) -> sqlite3.Connection:
    link = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    link.execute("PRAGMA busy_timeout = 500")
    return link
