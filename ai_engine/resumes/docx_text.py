"""DOCX: headers, paragraphs, tables and text boxes in reading order; text that no reader can see is set apart."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import docx
from docx.oxml.ns import qn
from docx.table import Table
from docx.text.hyperlink import Hyperlink
from docx.text.paragraph import Paragraph

from ai_engine.resumes.normal import invisible_message
from ai_engine.resumes.unreadable import MAX_CHARACTERS, Unreadable

_MAX_UNPACKED = 100 * 1024 * 1024
_MAX_PARTS = 2000
_MAX_RATIO = 200
_MAX_DEPTH = 6
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_PAPER = ("auto", "ffffff", "")


def read_docx(data: bytes) -> tuple[str, list[str]]:
    """The text and its hidden parts. Raises Unreadable."""
    _check_package(data)
    reader = _Reader()
    try:
        document = docx.Document(io.BytesIO(data))
        for section in document.sections:
            if not section.header.is_linked_to_previous:
                reader.blocks(section.header, 0)
        reader.blocks(document, 0)
    except Unreadable:
        raise
    except (
        Exception
    ) as error:  # on damaged packages the library lets through whatever zlib, lxml and its own code raise
        raise Unreadable("the DOCX package is damaged", code="damaged") from error
    return "\n".join(reader.lines), reader.hidden


def _check_package(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            parts = package.infolist()
    except zipfile.BadZipFile as error:
        raise Unreadable("the DOCX package is damaged", code="damaged") from error
    if "word/document.xml" not in {part.filename for part in parts}:
        raise Unreadable("a package, but not a DOCX", code="not_a_document")
    if any(part.flag_bits & 1 for part in parts):
        raise Unreadable("the document is protected by a password", code="encrypted")
    unpacked = sum(part.file_size for part in parts)
    swollen = any(
        part.file_size > 1_000_000 and part.file_size > _MAX_RATIO * max(1, part.compress_size) for part in parts
    )
    if len(parts) > _MAX_PARTS or unpacked > _MAX_UNPACKED or swollen:
        raise Unreadable("the DOCX package unpacks to more than a resume can hold", code="too_large")


class _Reader:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.hidden: list[str] = []
        self.room = MAX_CHARACTERS

    def blocks(self, container: Any, depth: int) -> None:
        for block in container.iter_inner_content():
            if isinstance(block, Table):
                self._table(block, depth)
            else:
                self._emit(self._paragraph(block))

    def _emit(self, text: str) -> None:
        self.room -= len(text)
        if self.room < 0:
            raise Unreadable(f"the text is longer than {MAX_CHARACTERS} characters", code="too_large")
        if text.strip():
            self.lines.append(text)

    def _table(self, table: Any, depth: int) -> None:
        if depth >= _MAX_DEPTH:
            return
        seen: set[Any] = set()
        for row in table.rows:
            cells = []
            for cell in row.cells:  # a merged cell stands once for each grid column and row it covers
                if cell._tc not in seen:
                    seen.add(cell._tc)
                    inner = _Reader()
                    inner.room = self.room
                    inner.blocks(cell, depth + 1)
                    self.hidden += inner.hidden
                    cells.append([line for line in "\n".join(inner.lines).split("\n") if line.strip()])
            filled = [lines for lines in cells if lines]
            if filled and all(len(lines) == 1 for lines in filled):
                self._emit("  |  ".join(lines[0].strip() for lines in filled))
            else:
                for lines in filled:
                    for line in lines:
                        self._emit(line)

    def _paragraph(self, paragraph: Paragraph) -> str:
        shown = []
        for run in _runs(paragraph):
            message = invisible_message(run.text)
            if message:
                self.hidden.append(message)
            if run.text.strip() and _unseen(run):
                self.hidden.append(run.text)
            else:
                shown.append(run.text)
        for box in paragraph._p.iter(qn("w:txbxContent")):
            if not any(parent.tag == _FALLBACK for parent in box.iterancestors()):
                for inner in box.iter(qn("w:p")):
                    shown.append("\n" + "".join(t.text or "" for t in inner.iter(qn("w:t"))))
        return "".join(shown)


def _runs(paragraph: Paragraph) -> Iterator[Any]:
    for inner in paragraph.iter_inner_content():
        if isinstance(inner, Hyperlink):
            yield from inner.runs
        else:
            yield inner


def _unseen(run: Any) -> bool:
    """Marked hidden, under 3 points, or white on nothing darker."""
    font = run.font
    if font.hidden or (font.size is not None and font.size.pt < 3):
        return True
    rgb = font.color.rgb if font.color is not None and font.color.type is not None else None
    if rgb is None or min(rgb) < 0xF0:
        return False
    return font.highlight_color is None and not _on_dark(run._r)


def _on_dark(element: Any) -> bool:
    for node in (element, *element.iterancestors()):
        for properties in ("w:rPr", "w:pPr", "w:tcPr", "w:tblPr"):
            shade = node.find(f"{qn(properties)}/{qn('w:shd')}")
            if shade is not None and (shade.get(qn("w:fill")) or "").lower() not in _PAPER:
                return True
    return False
