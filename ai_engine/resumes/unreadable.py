"""The one error of the resume reader, and the bounds it keeps."""

from __future__ import annotations

from hub.domain.errors import Rejected

MAX_BYTES = 20 * 1024 * 1024
MAX_PAGES = 50
MAX_CHARACTERS = 500_000


class Unreadable(Rejected):
    """A file that cannot be read as a resume.

    Codes: `empty`, `too_large` (bytes, pages, text or unpacked size), `encrypted`, `damaged`, `not_a_document`,
    `needs_ocr` (a page that is only a picture; its number is in `at`).
    """

    code = "unreadable"
