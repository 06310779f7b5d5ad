"""What goes between the parent and a reader: lengths first, JSON for what is structured, nothing without a bound."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

import msgspec

from ai_engine.records import Extraction, Flag, Language, ResumeText, SkillFound, Span

_HEADER_MOST = 4096
_LENGTHS = struct.Struct(">II")
_LENGTH = struct.Struct(">I")


class Found(msgspec.Struct, forbid_unknown_fields=True):
    """An Extraction on the wire: the same fields, the candidate as any document (its own schema is checked later)."""

    candidate: dict[str, Any]
    provenance: dict[str, Span]
    text: ResumeText
    language: Language
    skills: tuple[SkillFound, ...]
    work_text: tuple[tuple[int, str], ...]
    work_months: int
    job_months: tuple[tuple[int, int, bool], ...]
    highest_level: str | None
    gaps: tuple[tuple[str, str], ...]
    flags: tuple[Flag, ...]

    def extraction(self) -> Extraction:
        """As the engine knows it."""
        return Extraction(**{name: getattr(self, name) for name in self.__struct_fields__})


class Reply(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """What a reader may say: the text, the candidate, or why there is neither."""

    text: ResumeText | None = None
    found: Found | None = None
    unreadable: str = ""
    at: str = ""


def written(*, text: ResumeText | None = None, found: Extraction | None = None) -> bytes:
    """What was read, as bytes."""
    if found is not None:
        fields = {name: getattr(found, name) for name in Found.__struct_fields__}
        return msgspec.json.encode(Reply(found=Found(**{**fields, "provenance": dict(found.provenance)})))
    return msgspec.json.encode(Reply(text=text))


def refused(code: str, at: str = "") -> bytes:
    """Why nothing was read, as bytes."""
    return msgspec.json.encode(Reply(unreadable=code, at=at))


def request(header: dict[str, Any], data: bytes) -> bytes:
    """A request as bytes."""
    told = json.dumps(header).encode()
    return _LENGTHS.pack(len(told), len(data)) + told + data


def asked(fd: int, most: int) -> tuple[dict[str, Any], bytes] | None:
    """The request that comes next; None where there is none any more. Never reads beyond it."""
    lengths = _exactly(fd, _LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    told, data = _LENGTHS.unpack(lengths)
    if told > _HEADER_MOST or data > most:
        return None
    header: dict[str, Any] = json.loads(_exactly(fd, told))
    return header, _exactly(fd, data)


def answer(fd: int, reply: bytes) -> None:
    """Say it."""
    _all(fd, _LENGTH.pack(len(reply)) + reply)


def tell(fd: int, what: dict[str, Any]) -> None:
    """One line on the control pipe."""
    _all(fd, json.dumps(what).encode() + b"\n")


def whole(got: bytes, most: int) -> bool:
    """Whether this is a whole answer. Raises ValueError where it would be longer than `most`."""
    if len(got) < _LENGTH.size:
        return False
    length = int(_LENGTH.unpack_from(got)[0])
    if length > most:
        raise ValueError("the answer is too long")
    return len(got) >= _LENGTH.size + length


def reply_of(got: bytes) -> Reply:
    """The answer, its shape checked. Raises ValueError."""
    return msgspec.json.decode(got[_LENGTH.size :], type=Reply)


def _exactly(fd: int, count: int) -> bytes:
    parts: list[bytes] = []
    while count > 0 and (part := os.read(fd, min(count, 1 << 20))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
