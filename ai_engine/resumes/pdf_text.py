"""PDF: text in the page's own order. Text that leaves no mark on the rendered page is set apart.

PDFium is not thread-safe: run this in a worker process, one file at a time.
"""

from __future__ import annotations

import ctypes
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from ai_engine.resumes.normal import invisible_message
from ai_engine.resumes.unreadable import MAX_CHARACTERS, MAX_PAGES, Unreadable

_MIN_CHARACTERS = 10  # a page with fewer is a picture or a cover sheet
_PALE = 0xE8  # a fill this light may be invisible on paper
_TINY = 2.5  # points on the page
_CONTRAST = 40  # of 255, inside a text's box
_SCALE = 1.5


def read_pdf(data: bytes) -> tuple[str, int, list[str]]:
    """(text, number of pages, hidden texts). Raises Unreadable."""
    if b"%%EOF" not in data[-65536:]:
        raise Unreadable("the PDF is cut off", code="damaged")
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) == raw.FPDF_ERR_PASSWORD or "password" in str(error).lower():
            raise Unreadable("the PDF is protected by a password", code="encrypted") from error
        raise Unreadable("the PDF is damaged", code="damaged") from error
    try:
        return _pages(document)
    except pdfium.PdfiumError as error:
        raise Unreadable("a page of the PDF is damaged", code="damaged") from error
    finally:
        document.close()


def _pages(document: Any) -> tuple[str, int, list[str]]:
    count = len(document)
    if count == 0:
        raise Unreadable("the PDF has no pages", code="empty")
    if count > MAX_PAGES:
        raise Unreadable(f"the PDF has more than {MAX_PAGES} pages", code="too_large")
    texts: list[str] = []
    hidden: list[str] = []
    pictures: list[int] = []
    size = 0
    for number in range(count):
        page = document[number]
        hidden += _take_out_hidden(page)
        textpage = page.get_textpage()
        if textpage.count_chars() > MAX_CHARACTERS:
            raise Unreadable(f"the text is longer than {MAX_CHARACTERS} characters", code="too_large")
        text = textpage.get_text_range()
        size += len(text)
        if size > MAX_CHARACTERS:
            raise Unreadable(f"the text is longer than {MAX_CHARACTERS} characters", code="too_large")
        message = invisible_message(text)
        hidden += [message] if message else []
        has_picture = any(True for _ in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=2))
        if len("".join(text.split())) < _MIN_CHARACTERS and has_picture:
            pictures.append(number + 1)
        texts.append(text)
        textpage.close()
        page.close()
    if pictures:
        raise Unreadable("a page is only a picture", code="needs_ocr", at=f"page {pictures[0]}")
    return "\n".join(texts), count, hidden


def _take_out_hidden(page: Any) -> list[str]:
    suspects = [found for found in page.get_objects(filter=[raw.FPDF_PAGEOBJ_TEXT], max_depth=3) if _suspect(found)]
    if not suspects:
        return []
    textpage = page.get_textpage()
    texts = {id(found): _text(found, textpage) for found in suspects}
    textpage.close()
    bitmap = page.render(scale=_SCALE, rev_byteorder=False)
    shown = _Picture(bitmap, page.get_height())
    unseen = [
        found
        for found in suspects
        if texts[id(found)].strip() and (_tiny(found) or not shown.has_mark(found.get_bounds(), _invisible(found)))
    ]
    bitmap.close()
    for found in unseen:
        if found.level == 0:
            page.remove_obj(found)
    return [texts[id(found)] for found in unseen]


def _suspect(found: Any) -> bool:
    if _invisible(found) or _tiny(found):
        return True
    r, g, b, a = (ctypes.c_uint() for _ in range(4))
    if not raw.FPDFPageObj_GetFillColor(found.raw, r, g, b, a):
        return False
    return a.value < 0x20 or min(r.value, g.value, b.value) >= _PALE


def _invisible(found: Any) -> bool:
    return raw.FPDFTextObj_GetTextRenderMode(found.raw) in (
        raw.FPDF_TEXTRENDERMODE_INVISIBLE,
        raw.FPDF_TEXTRENDERMODE_CLIP,
    )


def _tiny(found: Any) -> bool:
    size = ctypes.c_float()
    if not raw.FPDFTextObj_GetFontSize(found.raw, size):
        return False
    matrix = found.get_matrix()
    return bool(size.value * (abs(matrix.d) + abs(matrix.c)) < _TINY)


def _text(found: Any, textpage: Any) -> str:
    length = raw.FPDFTextObj_GetText(found.raw, textpage.raw, None, 0)
    buffer = ctypes.create_string_buffer(length)
    raw.FPDFTextObj_GetText(found.raw, textpage.raw, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), length)
    return buffer.raw[:length].decode("utf-16-le", "ignore").rstrip("\0")


class _Picture:
    """A rendered page: is there any ink inside a box?"""

    def __init__(self, bitmap: Any, height: float) -> None:
        self.pixels = bytes(bitmap.buffer)
        self.width, self.height, self.stride = bitmap.width, bitmap.height, bitmap.stride
        self.depth = bitmap.n_channels
        self.page_height = height

    def has_mark(self, bounds: tuple[float, float, float, float], invisible: bool) -> bool:
        """Ink in the box; for a pale text also a dark ground, on which it would show if its font were at hand."""
        left, bottom, right, top = bounds
        x0, x1 = max(0, int(left * _SCALE)), min(self.width, int(right * _SCALE) + 1)
        y0, y1 = (
            max(0, int((self.page_height - top) * _SCALE)),
            min(self.height, int((self.page_height - bottom) * _SCALE) + 1),
        )
        lightest, darkest = 0, 255
        for y in range(y0, y1):
            row = self.pixels[y * self.stride + x0 * self.depth : y * self.stride + x1 * self.depth : self.depth]
            green = self.pixels[y * self.stride + x0 * self.depth + 1 : y * self.stride + x1 * self.depth : self.depth]
            if row:
                lightest, darkest = max(lightest, *row, *green), min(darkest, *row, *green)
        return lightest - darkest >= _CONTRAST or (not invisible and darkest < 0xC0)
