"""Decides by content what a file is, and reads it within bounds."""

from __future__ import annotations

import hashlib

from ai_engine.records import ResumeText
from ai_engine.resumes import docx_text, pdf_text, plain_text
from ai_engine.resumes.normal import lines_of
from ai_engine.resumes.unreadable import MAX_BYTES, MAX_CHARACTERS, Unreadable

__all__ = ["Unreadable", "read"]

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")


def read(data: bytes) -> ResumeText:
    """The text of a PDF, DOCX or text file. The file's name plays no part. Raises Unreadable."""
    if len(data) > MAX_BYTES:
        raise Unreadable(f"the file is larger than {MAX_BYTES // 1024 // 1024} MB", code="too_large")
    if not data.strip():
        raise Unreadable("the file is empty", code="empty")
    digest = hashlib.sha256(data).hexdigest()
    hidden: list[str] = []
    pages = 1
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"%PDF-"):
        media = "pdf"
        text, pages, hidden = pdf_text.read_pdf(data)
    elif data.startswith(b"PK\x03\x04"):
        media = "docx"
        text, hidden = docx_text.read_docx(data)
    elif data.startswith(_OLE):
        if _ENCRYPTED_PACKAGE in data:
            raise Unreadable("the document is protected by a password", code="encrypted")
        raise Unreadable("an old Office file: save it as DOCX or PDF", code="not_a_document")
    elif b"%PDF-" in data[:1024] or b"PK\x03\x04" in data[:1024]:
        # Readers that look for the mark anywhere would see another document than we do.
        raise Unreadable("several kinds of file in one", code="not_a_document")
    else:
        media = "txt"
        text, hidden = plain_text.read_plain(data)
    if len(text) > MAX_CHARACTERS:
        raise Unreadable(f"the text is longer than {MAX_CHARACTERS} characters", code="too_large")
    lines = lines_of(text)
    if not lines:
        raise Unreadable("the document has no text", code="empty")
    return ResumeText(
        lines=tuple(lines),
        media="pdf" if media == "pdf" else "docx" if media == "docx" else "txt",
        pages=pages,
        sha256=digest,
        size=len(data),
        hidden=tuple(line for line in lines_of("\n".join(hidden))),
    )
