"""The safe side: cells that read one file after another, several of them beside each other, each held to its time."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, TypeVar

from ai_engine.records import Extraction, ResumeText
from ai_engine.resumes.sandbox import wire
from ai_engine.resumes.sandbox.limits import Limits
from ai_engine.resumes.unreadable import MAX_BYTES, MAX_CHARACTERS, Unreadable
from hub.domain.errors import Unavailable
from mappings.documents import Document

_COMMAND = (sys.executable, "-I", "-m", "ai_engine.resumes.sandbox.cell")
_START_S = 60.0
_TEXTS = {
    "empty": "the document has no text",
    "too_large": "the document is larger than a resume can be",
    "too_costly": "reading the document takes more time or memory than a resume may",
    "encrypted": "the document is protected by a password",
    "damaged": "the document is damaged",
    "not_a_document": "neither PDF, DOCX nor readable text",
    "needs_ocr": "a page is only a picture",
}
_TOO_COSTLY = (-signal.SIGXCPU, -signal.SIGKILL)
T = TypeVar("T")


@dataclass
class Cell:
    """One process from which readers are born, and the talk with it; one file at a time.

    `demand`: without the kernel's list of system calls nothing is read (where the kernel has one). `command` starts it.
    """

    limits: Limits = field(default_factory=Limits)
    demand: bool = sys.platform == "linux"
    command: tuple[str, ...] = _COMMAND
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _control: int = field(default=-1, repr=False)
    _told: bytes = field(default=b"", repr=False)

    def read(self, data: bytes) -> ResumeText:
        """As `ai_engine.resumes.read`. Raises Unreadable (`too_costly` besides), Unavailable."""
        reply = self._ask({}, data)
        if reply.text is None:
            raise _refusal("damaged")
        return _own(reply.text, data)

    def extract(self, data: bytes, *, id: str, today: date) -> Extraction:
        """Read, then `ai_engine.resumes.extract`. Raises Unreadable, Unavailable."""
        reply = self._ask({"id": id, "today": today.isoformat()}, data)
        if reply.found is None:
            raise _refusal("damaged")
        found = reply.found.extraction()
        found = replace(found, text=_own(found.text, data))
        resume = found.candidate.get("resume")
        kept: Document = {
            **(resume if isinstance(resume, dict) else {}),
            "sha256": found.text.sha256,
            "bytes": found.text.size,
        }
        return replace(found, candidate={**found.candidate, "id": id, "resume": kept})

    def close(self) -> None:
        """End the process and whatever reader is at work."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        os.close(self._control)

    def _ask(self, header: dict[str, Any], data: bytes) -> wire.Reply:
        if len(data) > MAX_BYTES:
            raise _refusal("too_large")
        process = self._started()
        end = time.monotonic() + self.limits.wall_s
        try:
            got = self._exchange(process, wire.request({**header, "kept": self.demand}, data), end)
            ended = self._line(max(end, time.monotonic() + 1.0))
        except (TimeoutError, ValueError) as error:  # the reader stands still, or never stops talking
            self.close()
            raise _refusal("too_costly") from error
        except OSError as error:
            self.close()
            raise _refusal("damaged") from error
        if ended.get("ended") != 0:
            raise _refusal("too_costly" if ended.get("ended") in _TOO_COSTLY else "damaged")
        try:
            reply = wire.reply_of(got)
        except ValueError as error:
            raise _refusal("damaged") from error
        if reply.unreadable:
            raise _refusal(reply.unreadable, reply.at)
        return reply

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        self._control, theirs = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*self.command, str(theirs), json.dumps(self.limits.document())],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0,
                pass_fds=(theirs,), env={"LANG": "C.UTF-8"}, cwd="/", start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(theirs)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        self._told = b""
        try:
            ready = self._line(time.monotonic() + _START_S)
        except (TimeoutError, OSError, ValueError) as error:
            self.close()
            raise Unavailable("the readers of resumes do not start", code="sandbox_missing") from error
        if self.demand and not ready.get("kept"):
            self.close()
            raise Unavailable(
                "the kernel keeps no list of system calls (seccomp): no resume is read", code="sandbox_missing"
            )
        return self._process

    def _exchange(self, process: subprocess.Popen[bytes], asked: bytes, end: float) -> bytes:
        """Write and read at once, so that neither side waits for the other. An answer that breaks off is returned as it is."""
        assert process.stdin is not None
        assert process.stdout is not None
        left, got = memoryview(asked), b""
        with selectors.DefaultSelector() as both:
            both.register(process.stdin, selectors.EVENT_WRITE)
            both.register(process.stdout, selectors.EVENT_READ)
            both.register(self._control, selectors.EVENT_READ)
            while not wire.whole(got, self.limits.answer):
                ready = both.select(_left(end))
                for key, _ in ready:
                    if key.fileobj is process.stdin:
                        with contextlib.suppress(BlockingIOError):
                            left = left[os.write(process.stdin.fileno(), left[:65536]) :]
                        if not left:
                            both.unregister(process.stdin)
                    elif key.fileobj is process.stdout:
                        got += _some(process.stdout.fileno())
                    elif not any(one.fileobj is process.stdout for one, _ in ready):
                        if left:  # it died before it had the whole file: the rest must not meet the next one
                            raise OSError("the reader ended early")
                        return got
        return got

    def _line(self, end: float) -> dict[str, Any]:
        """What the cell says next. Raises TimeoutError, OSError (it is gone), ValueError."""
        while b"\n" not in self._told:
            with selectors.DefaultSelector() as one:
                one.register(self._control, selectors.EVENT_READ)
                if not one.select(_left(end)):
                    raise TimeoutError
            part = os.read(self._control, 4096)
            if not part:
                raise OSError("the cell is gone")
            self._told += part
        line, _, self._told = self._told.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        return said


@dataclass
class Readers:
    """Several cells, started when they are first needed. Safe to use from several threads."""

    count: int = 2
    limits: Limits = field(default_factory=Limits)
    _cells: queue.SimpleQueue[Cell] = field(default_factory=queue.SimpleQueue, repr=False)

    def __post_init__(self) -> None:
        """All of them are free."""
        for _ in range(self.count):
            self._cells.put(Cell(self.limits))

    def read(self, data: bytes) -> ResumeText:
        """As `Cell.read`, by the next cell that is free."""
        with self._free() as cell:
            return cell.read(data)

    def extract(self, data: bytes, *, id: str, today: date) -> Extraction:
        """As `Cell.extract`, by the next cell that is free."""
        with self._free() as cell:
            return cell.extract(data, id=id, today=today)

    def each(self, act: Callable[[T], Extraction], items: Iterable[T]) -> Iterator[Extraction | Unreadable]:
        """Do it for all, as many at once as there are cells; in order, a file that cannot be read as its error."""

        def tried(item: T) -> Extraction | Unreadable:
            try:
                return act(item)
            except Unreadable as error:
                return error

        with ThreadPoolExecutor(self.count, thread_name_prefix="resumes") as threads:
            yield from threads.map(tried, items)

    def close(self) -> None:
        """End all processes. Nobody may be reading any more."""
        for _ in range(self.count):
            cell = self._cells.get()
            cell.close()
            self._cells.put(cell)

    def __enter__(self) -> Readers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _free(self) -> Iterator[Cell]:
        cell = self._cells.get()
        try:
            yield cell
        finally:
            self._cells.put(cell)


def _own(text: ResumeText, data: bytes) -> ResumeText:
    """What we know ourselves is not taken from the reader."""
    if sum(len(line) for line in text.lines) > MAX_CHARACTERS or not text.lines:
        raise _refusal("damaged")
    return replace(text, sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def _refusal(code: str, at: str = "") -> Unreadable:
    known = code if code in _TEXTS else "damaged"
    page = at if at.startswith("page ") and at[5:].isdigit() and len(at) < 12 else None
    return Unreadable(_TEXTS[known], code=known, at=page)


def _some(fd: int) -> bytes:
    with contextlib.suppress(BlockingIOError):
        part = os.read(fd, 1 << 20)
        if not part:
            raise OSError("the cell is gone")
        return part
    return b""


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
