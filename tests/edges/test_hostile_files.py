"""Hostile files have a name, cost little, and leave nothing; a reader that were taken over could do nothing."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psutil
import pytest

from ai_engine.resumes import Unreadable, extract, read
from ai_engine.resumes.sandbox import Cell, Limits, Readers
from hub.domain.errors import Unavailable
from tests.edges.hostile import DOCX, FILES, MIB, PDF, TEXT

DAY = date(2026, 11, 1)
SHORT = Limits(cpu_s=1, wall_s=30.0)
READS = """
import ctypes, errno, json, os, socket, sys
from ai_engine.resumes.sandbox import cell, confine, wire
libc = ctypes.CDLL(None, use_errno=True)
def work(header, data):
    {body}
{planted}
cell.main(work)
"""
ESCAPES = """
    did = []
    def attempt(name, act):
        try:
            if act():
                did.append(name)
        except (OSError, RuntimeError, ValueError):
            pass
    attempt("open", lambda: open("/etc/hostname").read())
    attempt("libc.open", lambda: libc.open(b"/etc/hostname", 0) >= 0)
    attempt("write", lambda: open("/tmp/escaped", "w"))
    attempt("socket", lambda: socket.socket())
    attempt("libc.socket", lambda: libc.socket(2, 1, 0) >= 0)
    attempt("libc.fork", lambda: (lambda child: os._exit(0) if child == 0 else child > 0)(libc.fork()))
    attempt("libc.execve", lambda: libc.execve(b"/nobody", None, None) != -1 or ctypes.get_errno() != errno.EPERM)
    attempt("libc.kill", lambda: libc.kill(os.getppid(), 0) == 0)
    attempt("libc.ptrace", lambda: libc.ptrace(0x4206, os.getppid(), 0, 0) == 0)
    attempt("libc.rename", lambda: libc.rename(b"/tmp/a", b"/tmp/b") != -1 or ctypes.get_errno() != errno.EPERM)
    attempt("control", lambda: os.write(int(sys.argv[1]), b"x"))
    attempt("secrets", lambda: [name for name in os.environ if name not in ("LANG", "LC_CTYPE")])
    try:
        bytes(2 * 1024 * 1024 * 1024)
        did.append("memory")
    except MemoryError:
        pass
    return wire.refused(json.dumps(did))
"""


def cell_that(body: str, planted: str = "", limits: Limits = SHORT, before: tuple[str, ...] = ()) -> Cell:
    """A cell whose readers do this instead of reading."""
    return Cell(limits, command=(*before, sys.executable, "-I", "-c", READS.format(body=body, planted=planted)))


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    with Readers(1, SHORT) as made:
        made.read(TEXT)
        yield made


def outcome(readers: Readers, data: bytes) -> str:
    try:
        return "read" if readers.read(data).lines else "nothing"
    except Unreadable as error:
        return error.code


@pytest.mark.parametrize(
    ("number", "what", "data", "ends"), FILES, ids=[f"{n}-{w.replace(' ', '-')}" for n, w, _, _ in FILES]
)
def test_a_hostile_file_has_a_name_and_the_reader_lives(
    readers: Readers, number: int, what: str, data: bytes, ends: frozenset[str]
) -> None:
    me = psutil.Process()
    before = me.memory_info().rss
    assert outcome(readers, data) in ends
    assert me.memory_info().rss - before < 50 * MIB
    assert readers.read(DOCX).lines[0].startswith("Sam Sample")
    assert not Path("/tmp/slipped").exists()


def test_what_an_external_entity_names_is_not_read(readers: Readers) -> None:
    for number, _, data, _ in FILES:
        if number in (56, 60, 61):
            try:
                said = readers.read(data)
            except Unreadable:
                continue
            assert not any("root:" in line for line in (*said.lines, *said.hidden))


@pytest.mark.parametrize("data", [TEXT, DOCX, PDF], ids=["text", "docx", "pdf"])
def test_inside_it_reads_as_outside(readers: Readers, data: bytes) -> None:
    assert readers.read(data) == read(data)
    assert readers.extract(data, id="cand_1", today=DAY) == extract(read(data), id="cand_1", today=DAY)


def test_many_in_order_with_the_bad_among_them(readers: Readers) -> None:
    files = [TEXT, b"", PDF, b"\x89PNG\r\n\x1a\n", DOCX]
    found = list(readers.each(lambda data: readers.extract(data, id="x", today=DAY), files))
    assert [one.code if isinstance(one, Unreadable) else one.text.media for one in found] == [
        "txt", "empty", "pdf", "not_a_document", "docx",
    ]  # fmt: skip


def test_direction_overrides_and_invisible_characters_do_not_survive(readers: Readers) -> None:
    text = readers.read("Ada \u202eSSOM\u202c, an\u200balyst\u2066x\u2069\ufeff".encode())
    assert not set("".join(text.lines)) & set("\u202e\u202c\u200b\u2066\u2069\ufeff")


def test_the_reader_takes_no_name_of_a_file() -> None:
    assert list(inspect.signature(Readers.read).parameters) == ["self", "data"]
    assert list(inspect.signature(Readers.extract).parameters) == ["self", "data", "id", "today"]


def said_by(cell: Cell) -> str:
    try:
        with pytest.raises(Unreadable) as caught:
            cell.read(b"x")
        return caught.value.code
    finally:
        cell.close()


@pytest.mark.parametrize(
    "body", ["for _ in iter(int, 1): pass", "[0] * 10**9", "return b'x' * 10**8", "os._exit(0)", "os.abort()"]
)
def test_whatever_a_reader_does_it_ends_and_the_next_one_reads(body: str) -> None:
    cell = cell_that(
        f"if data == b'x':\n        {body}\n    return cell.work(header, data)", limits=Limits(cpu_s=1, wall_s=10.0)
    )
    try:
        with pytest.raises(Unreadable) as caught:
            cell.read(b"x")
        assert caught.value.code in ("too_costly", "damaged")
        assert cell.read(TEXT).media == "txt"
    finally:
        cell.close()


def test_a_reader_that_only_waits_is_ended() -> None:
    """It waits for what never comes; the cell is ended with it."""
    cell = cell_that("os.read(0, 1)", limits=Limits(cpu_s=1, wall_s=2.0))
    assert said_by(cell) == "too_costly"


def escapes(planted: str = "", before: tuple[str, ...] = ()) -> set[str]:
    """What a reader that was taken over can do."""
    import json

    from ai_engine.resumes.sandbox import pool

    kept = pool._refusal
    pool._refusal = lambda code, at="": Unreadable("", code=code)  # type: ignore[assignment]
    try:
        return set(json.loads(said_by(cell_that(ESCAPES.strip(), planted, before=before))))
    finally:
        pool._refusal = kept


def test_a_reader_that_was_taken_over_can_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIREWIRE_ROOT_KEY", "11" * 32)
    assert escapes() == set()


@pytest.mark.parametrize(
    ("planted", "before", "seen"),
    [
        ("confine._only_listed_calls = lambda: True", (), "libc.fork"),
        ("confine.resource.setrlimit = lambda *a: None", (), "memory"),
        ("", ("/usr/bin/env", "HIREWIRE_ROOT_KEY=1"), "secrets"),
    ],
    ids=["without the list of calls", "without limits", "with the parent's environment"],
)
def test_a_planted_fault_is_seen(planted: str, before: tuple[str, ...], seen: str) -> None:
    assert seen in escapes(planted, before)


def test_without_the_kernel_s_list_nothing_is_read() -> None:
    cell = cell_that("return cell.work(header, data)", "confine._only_listed_calls = lambda: False")
    with pytest.raises(Unavailable):
        cell.read(TEXT)
    cell.close()
    cell.demand = False
    assert cell.read(TEXT).media == "txt"
    cell.close()
