"""What a twin saw, line by line on disk, with a signal for those who wait."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from mappings.documents import Document, Json


def read_lines(path: Path) -> list[Document]:
    """The JSON lines of a file; a torn last line (the process died while writing it) is left out."""
    if not path.exists():
        return []
    lines: list[Document] = []
    for raw in path.read_bytes().split(b"\n")[:-1]:
        value = json.loads(raw)
        if isinstance(value, dict):
            lines.append(value)
    return lines


class Journal:
    """A file of JSON lines that is only ever appended to; each line is flushed to the system."""

    def __init__(self, path: Path) -> None:
        self.lines = read_lines(path)
        whole = b"".join(_line(line) for line in self.lines)
        if path.exists() and path.stat().st_size != len(whole):
            path.write_bytes(whole)
        self._file = path.open("ab", buffering=0)
        self._bell = asyncio.Event()

    def append(self, line: Document) -> None:
        """Write a line and wake those who wait."""
        self._file.write(_line(line))
        self.lines.append(line)
        self._bell.set()
        self._bell = asyncio.Event()

    def matching(self, match: Mapping[str, Json]) -> list[Document]:
        """Lines whose fields equal all of `match`."""
        return [line for line in self.lines if all(line.get(k) == v for k, v in match.items())]

    async def wait(self, match: Mapping[str, Json], count: int, timeout: float) -> list[Document]:
        """The matching lines as soon as there are `count`. Raises TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            while len(found := self.matching(match)) < count:
                await self._bell.wait()
        return found

    def close(self) -> None:
        """Close the file; the lines stay readable."""
        self._file.close()


def applied_twice(effects: Iterable[Document]) -> list[tuple[str, str]]:
    """(kind, key) of every effect that happened more than once; a repeat that was recognised is none."""
    counts = Counter((str(e["kind"]), str(e["key"])) for e in effects if e["key"] and not e["replayed"])
    return [what for what, count in counts.items() if count > 1]


def _line(line: Document) -> bytes:
    # a lone surrogate (a raw byte of a header) becomes \\udcXX, which is how JSON writes it
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"
