"""Files that were made to harm who reads them, each built here from a few lines."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable

from ai_engine.resumes.sandbox.samples import SAMPLES

TEXT, _, DOCX, PDF = SAMPLES
MIB = 1024 * 1024
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def zeros(count: int, byte: bytes = b"0") -> bytes:
    """A zlib stream of so many equal bytes, written without compressing them all."""
    block = zlib.compressobj(9, zlib.DEFLATED, -15)
    one = block.compress(byte * MIB) + block.flush(zlib.Z_FULL_FLUSH)
    return b"\x78\xda" + one * (count // MIB) + b"\x03\x00" + struct.pack(">I", 1)


def pdf(
    content: bytes, filters: str = "", more: Iterable[bytes] = (), pages: bytes = b"", catalog: bytes = b""
) -> bytes:
    """One page with this content stream and further objects, numbered from 6."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R" + catalog + b">>",
        pages or b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>/XObject<</X 6 0 R>>>>>>",
        b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), filters.encode(), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        *more,
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        size, table, size, len(out),
    )  # fmt: skip


def docx(document: bytes = b"", more: dict[str, bytes] | None = None, drop: str = "") -> bytes:
    """The sample with another document part, and with further parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(DOCX)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name != drop and name not in (more or {}):
                new.writestr(name, document if document and name == "word/document.xml" else old.read(name))
        for name, body in (more or {}).items():
            new.writestr(name, body)
    return out.getvalue()


def word(body: str, before: str = "") -> bytes:
    """A document part."""
    return f'<?xml version="1.0"?>{before}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'.encode()


def paragraph(text: str) -> str:
    """One paragraph."""
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


def laughs() -> str:
    """Entities of entities: 10^9 words."""
    lines = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{n} "{"".join(f"&a{n - 1};" for _ in range(10))}">' for n in range(1, 10)
    )
    return f"<!DOCTYPE x [{lines}]>"


def overlapping() -> bytes:
    """A central directory that names one compressed part a thousand times."""
    data = zlib.compress(b" " * 900_000, 9)[2:-4]
    crc = zlib.crc32(b" " * 900_000)
    local = (
        struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 0, crc, len(data), 900_000, 17, 0)
        + b"word/document.xml"
        + data
    )
    entries = b""
    for number in range(1000):
        name = b"word/document.xml" if number == 0 else b"word/media/%06d" % number
        entries += (
            struct.pack(
                "<IHHHHHHIIIHHHHHII",
                0x02014B50,
                20,
                20,
                0,
                8,
                0,
                0,
                crc,
                len(data),
                900_000,
                len(name),
                0,
                0,
                0,
                0,
                0,
                0,
            )
            + name
        )
    return local + entries + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1000, 1000, len(entries), len(local), 0)


def encrypted_zip() -> bytes:
    """The sample whose parts say that they are encrypted."""
    raw = bytearray(DOCX)
    at = -1
    while (at := raw.find(b"PK\x01\x02", at + 1)) >= 0:
        raw[at + 8] |= 1
    return bytes(raw)


SCRIPTED = pdf(
    b"BT /F1 12 Tf 72 700 Td (Ada Moss, analyst) Tj ET",
    more=(
        b"<</Type/Action/S/JavaScript/JS(app.alert\\(1\\))>>",
        b"<</Type/Action/S/Launch/F(/bin/sh)>>",
        b"<</Type/Filespec/F(http://169.254.169.254/latest)/EF<</F 4 0 R>>>>",
    ),
    catalog=b"/OpenAction 6 0 R/AA<</O 7 0 R>>/Names<</EmbeddedFiles<</Names[(x) 8 0 R]>>>>",
)
IMAGE = b"<</Type/XObject/Subtype/Image/Width 60000/Height 60000/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/FlateDecode/Length %d>>stream\n%s\nendstream"
HUGE = zeros(16 * MIB)
RELS = (
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r9" '
    b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/attachedTemplate" '
    b'Target="http://169.254.169.254/t.dotm" TargetMode="External"/></Relationships>'
)
READ = "read"
# number of the study, what, bytes, what may come of it
FILES: tuple[tuple[int, str, bytes, frozenset[str]], ...] = tuple(
    (number, what, data, frozenset(ends.split()))
    for number, what, data, ends in (
        (52, "flate twice to 1 GiB", pdf(zlib.compress(zeros(1024 * MIB)), "/Filter[/FlateDecode/FlateDecode]"),
         "too_costly too_large damaged empty"),
        (53, "2 million operators", pdf(zlib.compress(b"BT /F1 9 Tf 1 0 0 1 9 9 Tm (x) Tj ET\n" * 400_000, 1), "/Filter/FlateDecode"),
         "too_costly too_large"),
        (53, "2 million paths", pdf(zlib.compress(b"0 0 m 9 9 l S q Q\n" * 500_000, 1), "/Filter/FlateDecode"),
         "too_costly too_large empty damaged"),
        (54, "a page that is its own parent", pdf(b"", pages=b"<</Type/Pages/Kids[2 0 R]/Count 1>>"), "damaged empty"),
        (54, "a tree of pages that never ends", pdf(b"", pages=b"<</Type/Pages/Kids[2 0 R 2 0 R 2 0 R]/Count 9999999>>"),
         "damaged empty too_large"),
        (54, "forms inside themselves", pdf(b"/X Do", more=(
            b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 6 0 R>>>>/Length 5>>stream\n/X Do\nendstream",)),
         "empty damaged"),
        (54, "arrays 60,000 deep", pdf(b"[" * 60_000 + b"]" * 60_000), "empty damaged too_costly"),
        (55, "900 MB of blanks", docx(b" " * (8 * MIB)), "too_large"),
        (55, "elements by the million", docx(word("<w:p><w:r/></w:p>" * 700_000 + paragraph("x"))), "too_large too_costly read"),
        (55, "tables in tables", docx(word("<w:tbl><w:tr><w:tc>" * 300 + paragraph("x") + "</w:tc></w:tr></w:tbl>" * 300)),
         "damaged empty read"),
        (55, "elements 100,000 deep", docx(word("<w:sdt>" * 100_000 + "</w:sdt>" * 100_000)), "damaged too_large"),
        (56, "an external entity", docx(word(paragraph("Ada &x;"), '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>')),
         "damaged read"),
        (57, "a billion laughs", docx(word(paragraph("&a9;"), laughs())), "damaged too_large"),
        (57, "quadratic growth", docx(word(paragraph("&q;" * 20_000), '<!DOCTYPE x [<!ENTITY q "' + "q" * 50_000 + '">]>')),
         "damaged too_large"),
        (58, "names that climb", docx(more={"../../../../tmp/slipped": b"x", "/tmp/slipped": b"x"}), "read damaged"),
        (58, "4,000 parts", docx(more={f"word/media/{n}": b"" for n in range(4000)}), "too_large"),
        (58, "one part a thousand times", overlapping(), "too_large damaged"),
        (58, "encrypted parts", encrypted_zip(), "encrypted"),
        (58, "a directory that lies", DOCX[:-22] + DOCX[-22:-6] + b"\xff\xff\xff\xff" + DOCX[-2:], "damaged"),
        (59, "HTML, then PDF", b"<html><script>alert(1)</script></html>\n" + PDF, "not_a_document"),
        (59, "text, then a package", b"Ada Moss\n" + DOCX, "not_a_document"),
        (59, "PDF, then a package", PDF + DOCX, "read damaged"),
        (60, "scripts, launches, files", SCRIPTED, "read"),
        (61, "macros", docx(more={"word/vbaProject.bin": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)}), "read damaged"),
        (61, "a remote template", docx(more={"word/_rels/document.xml.rels": RELS}), "read"),
        (61, "OLE", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4000), "not_a_document"),
        (62, "a picture of 60,000 x 60,000", b"\x89PNG\r\n\x1a\n" + bytes(400), "not_a_document"),
        (62, "such a picture in a PDF", pdf(b"BT /F1 1 Tf 72 700 Td (hidden and tiny) Tj ET q 600 0 0 700 0 0 cm /X Do Q",
         more=(IMAGE % (len(HUGE), HUGE),)), "needs_ocr empty too_costly too_large damaged"),
        (62, "SVG with a script", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "read not_a_document"),
        (62, "an animation", b"GIF89a" + bytes(1000), "not_a_document"),
        (63, "EXIF", b"\xff\xd8\xff\xe1" + b"Exif\0\0<script>alert(1)</script>" + bytes(400), "not_a_document"),
    )
)  # fmt: skip
