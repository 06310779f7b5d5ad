"""Text files: UTF-8, UTF-16 with a byte order mark, GB18030, tried in that order."""

from __future__ import annotations

from ai_engine.resumes.normal import invisible_message
from ai_engine.resumes.unreadable import Unreadable

_NOT_TEXT = (b"{\\rtf", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")


def read_plain(data: bytes) -> tuple[str, list[str]]:
    """The text and what it spells invisibly. Raises Unreadable (`not_a_document`)."""
    text = None if data.startswith(_NOT_TEXT) else _decode(data)
    if text is None or _control_share(text) > 0.01:
        raise Unreadable("neither PDF, DOCX nor readable text", code="not_a_document")
    message = invisible_message(text)
    return text, [message] if message else []


def _decode(data: bytes) -> str | None:
    codecs = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for codec in codecs:
        try:
            return data.decode(codec)
        except UnicodeDecodeError:
            continue
    return None


def _control_share(text: str) -> float:
    odd = sum(1 for c in text if (c < " " and c not in "\r\n\t\f") or "\ue000" <= c <= "\uf8ff" or c == "\ufffd")
    return odd / max(1, len(text))
